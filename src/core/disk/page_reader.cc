// Rows of PostgreSQL's tables and what those of the store hold, looked at without trust.
#include "mosaic/page_reader.h"

#include <cstdio>

namespace {

// The values of one row, walked from the first to the last.
class RowWalk {
 public:
  RowWalk(const void* row, uint32_t length, char* damage)
      : row_(static_cast<const uint8_t*>(row)), length_(length), damage_(damage) {}

  bool Header(const MosaicColumn* columns, int ncolumns);
  bool Column(int i, const MosaicColumn& column);
  bool End() const {
    return at_ == length_ || Damaged("its values end at byte %llu, the row at %llu", at_, length_);
  }

 private:
  bool Damaged(const char* format, uint64_t a, uint64_t b) const {
    std::snprintf(damage_, MOSAIC_DAMAGE_BYTES, format, static_cast<unsigned long long>(a),
                  static_cast<unsigned long long>(b));
    return false;
  }
  bool IsNull(int i) const {
    return has_nulls_ && (row_[MOSAIC_ROW_HEADER + i / 8] >> i % 8 & 1) == 0;
  }
  bool Take(int i, uint64_t bytes) {
    if (bytes > length_ - at_) {
      return Damaged("column %llu takes %llu bytes, more than the row has left",
                     static_cast<uint64_t>(i) + 1, bytes);
    }
    at_ += bytes;
    return true;
  }
  bool Varlena(int i, uint32_t align);
  bool External(int i);
  bool Compressed(int i, uint64_t size);

  const uint8_t* row_;
  uint64_t length_;
  uint64_t at_ = 0;
  int present_ = 0;
  bool has_nulls_ = false;
  char* damage_;
};

uint64_t AlignUp(uint64_t at, uint64_t align) { return (at + align - 1) / align * align; }

bool RowWalk::Header(const MosaicColumn* columns, int ncolumns) {
  if (length_ < MOSAIC_ROW_HEADER) return Damaged("it has only %llu bytes", length_, 0);
  present_ = mosaic_disk_u16(row_ + 18) & 0x07ff;
  has_nulls_ = (mosaic_disk_u16(row_ + 20) & 1) != 0;
  if (present_ > ncolumns) {
    return Damaged("its header says %llu columns, the table has %llu",
                   static_cast<uint64_t>(present_), static_cast<uint64_t>(ncolumns));
  }
  for (int i = present_; i < ncolumns; ++i) {
    if (columns[i].not_null && !columns[i].may_lack) {
      return Damaged("its header says %llu columns, the table has %llu",
                     static_cast<uint64_t>(present_), static_cast<uint64_t>(ncolumns));
    }
  }
  const uint64_t bitmap = has_nulls_ ? (static_cast<uint64_t>(present_) + 7) / 8 : 0;
  at_ = AlignUp(MOSAIC_ROW_HEADER + bitmap, 8);
  if (row_[22] != at_ || at_ > length_) {
    return Damaged("its header says that it ends at byte %llu, not %llu", row_[22], at_);
  }
  return true;
}

// A compressed value of "size" bytes at at_, headers included.
bool RowWalk::Compressed(int i, uint64_t size) {
  const uint64_t column = static_cast<uint64_t>(i) + 1;
  if (size < 8 || size > length_ - at_) {
    return Damaged("column %llu takes %llu bytes, more than the row has left", column, size);
  }
  const uint32_t info = mosaic_disk_u32(row_ + at_ + 4);
  if (info >> 30 > 1) {
    return Damaged("column %llu is compressed by method %llu, which is none", column, info >> 30);
  }
  if ((info & 0x3fffffff) > mosaic_most_decompressed(size - 8)) {
    return Damaged("column %llu claims to become %llu bytes, more than its own can", column,
                   info & 0x3fffffff);
  }
  return Take(i, size);
}

// A TOAST pointer at at_: tag, size in full, stored size and method, value, table.
bool RowWalk::External(int i) {
  const uint64_t column = static_cast<uint64_t>(i) + 1;
  constexpr uint64_t kOnDisk = 18;
  constexpr uint64_t kBytes = 18;
  if (length_ - at_ < kBytes) return Take(i, kBytes);
  if (row_[at_ + 1] != kOnDisk) {
    return Damaged("column %llu has an external value of kind %llu, which is none on disk", column,
                   row_[at_ + 1]);
  }
  const uint32_t raw = mosaic_disk_u32(row_ + at_ + 2);
  const uint32_t info = mosaic_disk_u32(row_ + at_ + 6);
  const uint64_t stored = info & 0x3fffffff;
  if (raw < 4 || raw > 0x3fffffff || stored > raw - 4) {
    return Damaged("column %llu claims %llu bytes out of line, more than its value has", column,
                   stored);
  }
  if (stored < raw - 4 && (info >> 30 > 1 || raw - 4 > mosaic_most_decompressed(stored))) {
    return Damaged("column %llu claims to become %llu bytes, more than its own can", column, raw);
  }
  return Take(i, kBytes);
}

bool RowWalk::Varlena(int i, uint32_t align) {
  const uint64_t column = static_cast<uint64_t>(i) + 1;
  // Short headers are not aligned; a zero is padding before one that is (att_align_pointer).
  if (at_ < length_ && row_[at_] == 0) at_ = AlignUp(at_, align);
  if (at_ >= length_) {
    at_ = length_;
    return Take(i, 1);
  }
  const uint8_t first = row_[at_];
  if (first == 1) return External(i);
  if ((first & 1) != 0) return Take(i, first >> 1);
  if (at_ % align != 0 || length_ - at_ < 4) {
    return Damaged("column %llu begins at byte %llu, where it cannot", column, at_);
  }
  const uint64_t size = mosaic_disk_u32(row_ + at_) >> 2;
  if ((first & 3) == 2) return Compressed(i, size);
  if (size < 4) return Damaged("column %llu takes %llu bytes, less than its header", column, size);
  return Take(i, size);
}

bool RowWalk::Column(int i, const MosaicColumn& column) {
  if (i >= present_) return true;
  if (IsNull(i)) {
    return !column.not_null ||
           Damaged("column %llu is NULL, which it cannot be", static_cast<uint64_t>(i) + 1, 0);
  }
  if (column.length < 0) return Varlena(i, column.align);
  at_ = AlignUp(at_, column.align);
  if (at_ > length_) at_ = length_;
  return Take(i, static_cast<uint64_t>(column.length));
}

}  // namespace

bool mosaic_row_is_sound(const void* row, uint32_t length, const MosaicColumn* columns,
                         int ncolumns, char damage[MOSAIC_DAMAGE_BYTES]) {
  RowWalk walk(row, length, damage);
  if (!walk.Header(columns, ncolumns)) return false;
  for (int i = 0; i < ncolumns; ++i) {
    if (!walk.Column(i, columns[i])) return false;
  }
  return walk.End();
}

MosaicMapState mosaic_map_parse(const void* map, size_t length, const void** ids, uint32_t* n,
                                char damage[MOSAIC_DAMAGE_BYTES]) {
  const char* bytes = static_cast<const char*>(map);
  *ids = nullptr;
  *n = 0;
  if (length < MOSAIC_MAP_HEADER) {
    std::snprintf(damage, MOSAIC_DAMAGE_BYTES, "a tensor's map has only %zu bytes", length);
    return MOSAIC_MAP_DAMAGED;
  }
  const uint32_t magic = mosaic_disk_u32(bytes);
  const unsigned version = mosaic_disk_u16(bytes + 4);
  const uint32_t count = mosaic_disk_u32(bytes + 8);
  if (magic != MOSAIC_MAP_MAGIC || length != MOSAIC_MAP_HEADER + size_t{count} * sizeof(int32_t)) {
    std::snprintf(damage, MOSAIC_DAMAGE_BYTES,
                  "not the map of a tensor (magic %08X, %zu bytes for %u blocks)", magic, length,
                  count);
    return MOSAIC_MAP_DAMAGED;
  }
  if (version != MOSAIC_MAP_VERSION) {
    std::snprintf(damage, MOSAIC_DAMAGE_BYTES,
                  "a tensor's map has version %u, this pg_mosaic reads version %d", version,
                  MOSAIC_MAP_VERSION);
    return MOSAIC_MAP_NEWER;
  }
  *ids = bytes + MOSAIC_MAP_HEADER;
  *n = count;
  return MOSAIC_MAP_SOUND;
}

const void* mosaic_array_parse(const void* array, size_t length, uint32_t element_type,
                               size_t element_bytes, uint32_t* n,
                               char damage[MOSAIC_DAMAGE_BYTES]) {
  // varlena header, ndim, dataoffset (0: no NULLs), element type; then for each dimension its
  // length, and its lower bound.
  constexpr size_t kHeader = 16;
  const char* bytes = static_cast<const char*>(array);
  *n = 0;
  if (length < kHeader) {
    std::snprintf(damage, MOSAIC_DAMAGE_BYTES, "an array has only %zu bytes", length);
    return nullptr;
  }
  const uint32_t ndim = mosaic_disk_u32(bytes + 4);
  const size_t data = kHeader + 8 * size_t{ndim > 1 ? 0 : ndim};
  const uint32_t count = ndim == 1 && length >= data ? mosaic_disk_u32(bytes + kHeader) : 0;
  if (ndim > 1 || mosaic_disk_u32(bytes + 8) != 0 || mosaic_disk_u32(bytes + 12) != element_type ||
      length < data || (length - data) / element_bytes != count ||
      (length - data) % element_bytes != 0) {
    std::snprintf(damage, MOSAIC_DAMAGE_BYTES,
                  "not an array as is expected (%u dimensions, %zu bytes for %u elements)", ndim,
                  length, count);
    return nullptr;
  }
  *n = count;
  return bytes + data;
}
