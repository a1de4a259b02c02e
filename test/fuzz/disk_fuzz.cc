// Any bytes as what the store's tables hold on disk: looking at them reads nothing outside, and
// what is called sound the server's own walk over rows and arrays, written here as the server does
// it, stays within.
//
// The first byte of an input says what the others are: a page with one row, a map, an array, a jsonb.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "mosaic/jsonb_reader.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

// The tables of the store: mosaic.block, block_meta, model, tensor, near_key; and a TOAST table.
const std::vector<std::vector<MosaicColumn>> kTables = [] {
  const MosaicColumn int2{2, 2, true, false};
  const MosaicColumn int4{4, 4, true, false};
  const MosaicColumn int8{8, 8, true, false};
  const MosaicColumn flag{1, 1, true, false};
  const MosaicColumn uuid{16, 1, true, false};
  const MosaicColumn any{-1, 4, true, false};
  const MosaicColumn any8{-1, 8, true, false};
  const MosaicColumn maybe{-1, 4, false, false};
  const MosaicColumn maybe4{4, 4, false, false};
  const MosaicColumn later{16, 1, false, true};
  return std::vector<std::vector<MosaicColumn>>{
      {int4, any},
      {int4, int4, int8, uuid, int4, maybe4, maybe4},
      {int8, any, int4, int4, any, int8, int8, int8, any, any, later},
      {int8, int4, any, int2, any8, int2, int2, flag, int8, int8, int4, int4, maybe, maybe, maybe},
      {int8, any8},
      {int4, int4, any}};
}();

size_t AlignUp(size_t at, size_t align) { return (at + align - 1) / align * align; }

// Bytes of the value whose header is at p, as VARSIZE_ANY of the server has it.
size_t SizeAny(const uint8_t* p) {
  if (p[0] == 1) {
    Check(p[1] == 18);  // else it would be an address in memory
    return 18;
  }
  return p[0] & 1 ? p[0] >> 1 : mosaic_disk_u32(p) >> 2;
}

// As heap_deform_tuple() goes through a row: each value must end within it.
void Deform(const uint8_t* row, size_t length, const std::vector<MosaicColumn>& columns) {
  const size_t present = mosaic_disk_u16(row + 18) & 0x07ff;
  const bool nulls = (mosaic_disk_u16(row + 20) & 1) != 0;
  size_t at = row[22];
  Check(present <= columns.size() && at <= length);
  for (size_t i = 0; i < present; ++i) {
    if (nulls && (row[23 + i / 8] >> i % 8 & 1) == 0) {
      Check(!columns[i].not_null);
      continue;
    }
    if (columns[i].length >= 0) {
      at = AlignUp(at, columns[i].align) + static_cast<size_t>(columns[i].length);
    } else {
      Check(at < length);
      if (row[at] == 0) at = AlignUp(at, columns[i].align);
      Check(at < length && (row[at] & 1 || at + 4 <= length) && (row[at] != 1 || at + 2 <= length));
      at += SizeAny(row + at);
    }
    Check(at <= length);
  }
}

// A line pointer, and the row that is put where it leads if that is on the page.
void TryPage(const uint8_t* data, size_t size) {
  if (size < 6) return;
  auto page =
      std::make_unique<uint8_t[]>(MOSAIC_PAGE_BYTES);  // sanitizers see what is read behind it
  const unsigned nlines = 1 + data[4] % 2;
  const auto lower = static_cast<uint16_t>(data[4] == 255 ? mosaic_disk_u16(data + 4)
                                                          : MOSAIC_PAGE_HEADER + 4 * nlines);
  std::memset(page.get(), data[5], MOSAIC_PAGE_BYTES);
  std::memcpy(page.get() + 12, &lower, sizeof lower);
  std::memcpy(page.get() + MOSAIC_PAGE_HEADER, data, 4);
  const size_t wanted = mosaic_disk_u32(data) & 0x7fff;
  const size_t n = size - 6;
  if (wanted >= MOSAIC_PAGE_HEADER + 4 && wanted + n <= MOSAIC_PAGE_BYTES) {
    std::memcpy(page.get() + wanted, data + 6, n);
  }
  Check(mosaic_page_lines(page.get()) <= MOSAIC_MAX_LINES);
  for (unsigned line = 0; line <= mosaic_page_lines(page.get()) + 1; ++line) {
    uint32_t offset;
    uint32_t length;
    int32_t id;
    if (mosaic_page_line(page.get(), line, &offset, &length) != MOSAIC_LINE_ROW) {
      Check(mosaic_page_payload(page.get(), line, &id, &length) == nullptr);
      continue;
    }
    Check(offset + length <= MOSAIC_PAGE_BYTES && length >= MOSAIC_ROW_HEADER);
    // The row by itself: what is read behind it is seen, too.
    std::vector<uint8_t> row(page.get() + offset, page.get() + offset + length);
    for (const std::vector<MosaicColumn>& columns : kTables) {
      char damage[MOSAIC_DAMAGE_BYTES];
      if (mosaic_row_is_sound(row.data(), length, columns.data(), static_cast<int>(columns.size()),
                              damage)) {
        Deform(row.data(), length, columns);
      } else {
        Check(std::strlen(damage) > 0);
      }
    }
    const auto* payload =
        static_cast<const uint8_t*>(mosaic_page_payload(page.get(), line, &id, &length));
    if (payload == nullptr) continue;
    Check(MOSAIC_PAYLOAD_LENGTH_IS_VALID(length) && payload >= page.get() &&
          payload + length <= page.get() + MOSAIC_PAGE_BYTES);
  }
}

void TryMap(const std::vector<uint8_t>& map) {
  char damage[MOSAIC_DAMAGE_BYTES];
  const void* ids;
  uint32_t n;
  if (mosaic_map_parse(map.data(), map.size(), &ids, &n, damage) != MOSAIC_MAP_SOUND) {
    Check(ids == nullptr && std::strlen(damage) > 0);
    return;
  }
  Check(static_cast<const uint8_t*>(ids) == map.data() + MOSAIC_MAP_HEADER &&
        MOSAIC_MAP_HEADER + size_t{4} * n == map.size());
}

void TryArray(const std::vector<uint8_t>& array) {
  for (size_t bytes : {1, 4, 8}) {
    char damage[MOSAIC_DAMAGE_BYTES];
    uint32_t n;
    const auto* elements = static_cast<const uint8_t*>(
        mosaic_array_parse(array.data(), array.size(), 20, bytes, &n, damage));
    if (elements == nullptr) {
      Check(n == 0 && std::strlen(damage) > 0);
      continue;
    }
    Check(elements + n * bytes == array.data() + array.size());
    // As deconstruct_array() has it: the product of the lengths of ndim dimensions.
    const uint32_t ndim = mosaic_disk_u32(array.data() + 4);
    Check(ndim <= 1 && (ndim == 0 ? 0 : mosaic_disk_u32(array.data() + 16)) == n);
  }
}

// As the server's iterator goes through a container: each child where getJsonbOffset() and getJsonbLength() find it,
// from the entries before it backwards.
void Iterate(const std::vector<uint8_t>& jsonb, size_t begin, size_t end) {
  const auto u32 = [&](size_t at) {
    Check(at + 4 <= jsonb.size());
    return mosaic_disk_u32(jsonb.data() + at);
  };
  const uint32_t header = u32(begin);
  const size_t n = (header & 0x0fffffff) * ((header & 0x20000000) != 0 ? size_t{2} : 1);
  const size_t data = begin + 4 + 4 * n;
  Check(data <= end);
  for (size_t i = 0; i < n; ++i) {
    size_t offset = 0;
    for (size_t before = i; before-- > 0;) {
      offset += u32(begin + 4 + 4 * before) & 0x0fffffff;
      if ((u32(begin + 4 + 4 * before) & 0x80000000) != 0) break;
    }
    const uint32_t entry = u32(begin + 4 + 4 * i);
    const size_t field = entry & 0x0fffffff;
    const size_t length = (entry & 0x80000000) != 0 ? field - offset : field;
    Check(data + offset + length <= end && length <= end);
    const size_t value = data + AlignUp(offset, 4);
    switch (entry >> 28 & 7) {
      case 1:
        Check(value + (u32(value) >> 2) == data + offset + length);
        break;
      case 5:
        Iterate(jsonb, value, data + offset + length);
        break;
      default:
        Check((entry >> 28 & 7) < 5);
    }
  }
}

void TryJsonb(const std::vector<uint8_t>& jsonb) {
  char damage[MOSAIC_DAMAGE_BYTES] = "";
  if (mosaic_jsonb_is_sound(jsonb.data(), jsonb.size(), damage)) {
    Iterate(jsonb, 4, jsonb.size());
  } else {
    Check(std::strlen(damage) > 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > MOSAIC_PAGE_BYTES) return 0;
  const std::vector<uint8_t> rest(data + 1, data + size);
  switch (data[0] % 4) {
    case 0:
      TryPage(rest.data(), rest.size());
      break;
    case 1:
      TryMap(rest);
      break;
    case 2:
      TryArray(rest);
      break;
    default:
      TryJsonb(rest);
  }
  return 0;
}
