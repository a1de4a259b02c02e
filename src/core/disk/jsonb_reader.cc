// Values of type jsonb, looked at without trust.
#include "mosaic/jsonb_reader.h"

#include <cstdio>
#include <cstring>

namespace {

constexpr uint32_t kCountMask = 0x0fffffff;  // of a container's header, and lengths of an entry
constexpr uint32_t kScalar = 0x10000000;
constexpr uint32_t kObject = 0x20000000;
constexpr uint32_t kArray = 0x40000000;
constexpr uint32_t kHasOffset = 0x80000000;  // of an entry: where it ends, not how long it is

enum class Kind : uint32_t { kString, kNumeric, kFalse, kTrue, kNull, kContainer };

Kind KindOf(uint32_t entry) { return static_cast<Kind>(entry >> 28 & 7); }

// A child of a container: what its entry says, and its bytes, padding in front of them included.
struct Child {
  Kind kind;
  size_t begin, end;  // of the whole value
};

class JsonbWalk {
 public:
  JsonbWalk(const void* bytes, size_t length, char* damage)
      : bytes_(static_cast<const uint8_t*>(bytes)), length_(length), damage_(damage) {}

  bool Container(size_t begin, size_t end, int depth);

 private:
  bool Damaged(const char* what, size_t at) const {
    std::snprintf(damage_, MOSAIC_DAMAGE_BYTES,
                  "not a jsonb as is expected (%s at byte %zu of %zu)", what, at, length_);
    return false;
  }
  uint32_t Entry(size_t begin, size_t i) const {
    return mosaic_disk_u32(bytes_ + begin + 4 + 4 * i);
  }
  bool Take(size_t begin, size_t i, size_t data, size_t end, Child* child) const;
  bool Key(const Child& key, const Child& before) const;
  bool Value(const Child& child, int depth);
  bool Numeric(size_t begin, size_t end) const;

  const uint8_t* bytes_;
  size_t length_;
  char* damage_;
};

size_t Align4(size_t at) { return (at + 3) / 4 * 4; }

// The child behind the one that is in *child.
bool JsonbWalk::Take(size_t begin, size_t i, size_t data, size_t end, Child* child) const {
  const uint32_t entry = Entry(begin, i);
  const size_t field = entry & kCountMask;
  const size_t child_end = (entry & kHasOffset) != 0 ? data + field : child->end + field;
  if (child_end < child->end || child_end > end)
    return Damaged("a value that ends outside", begin + 4 + 4 * i);
  *child = {KindOf(entry), child->end, child_end};
  return true;
}

// Ascending by length, then by bytes: found by halving.
bool JsonbWalk::Key(const Child& key, const Child& before) const {
  if (key.kind != Kind::kString) return Damaged("a key that is no string", key.begin);
  const size_t n = key.end - key.begin;
  const size_t n_before = before.end - before.begin;
  if (n > n_before) return true;
  if (n < n_before || std::memcmp(bytes_ + before.begin, bytes_ + key.begin, n) >= 0) {
    return Damaged("a key out of order", key.begin);
  }
  return true;
}

// A numeric is a varlena with a header of 4 bytes: sign, weight and scale, then digits to the base
// 10,000.
bool JsonbWalk::Numeric(size_t begin, size_t end) const {
  const size_t size = end - begin;
  if (begin > end || size < 6 || size % 2 != 0 || mosaic_disk_u32(bytes_ + begin) != size << 2) {
    return Damaged("a number of another length", begin);
  }
  const unsigned header = mosaic_disk_u16(bytes_ + begin + 4);
  if ((header & 0xc000) == 0xc000) return Damaged("a number that is none", begin);
  const size_t digits = begin + ((header & 0x8000) != 0 ? 6 : 8);
  if (digits > end) return Damaged("a number of another length", begin);
  for (size_t at = digits; at < end; at += 2) {
    if (mosaic_disk_u16(bytes_ + at) > 9999) return Damaged("a number's digit", at);
  }
  return true;
}

bool JsonbWalk::Value(const Child& child, int depth) {
  switch (child.kind) {
    case Kind::kString:
      return true;
    case Kind::kNumeric:
      return Numeric(Align4(child.begin), child.end);
    case Kind::kFalse:
    case Kind::kTrue:
    case Kind::kNull:
      return child.begin == child.end || Damaged("a constant with bytes", child.begin);
    case Kind::kContainer:
      return Container(Align4(child.begin), child.end, depth + 1);
  }
  return Damaged("a value of no kind", child.begin);
}

// The bytes from begin to end.
bool JsonbWalk::Container(size_t begin, size_t end, int depth) {
  if (depth > MOSAIC_JSONB_DEPTH) return Damaged("containers too deep", begin);
  if (begin > end || end - begin < 4) return Damaged("a container outside", begin);
  const uint32_t header = mosaic_disk_u32(bytes_ + begin);
  const uint32_t count = header & kCountMask;
  const bool object = (header & ~kCountMask) == kObject;
  const bool scalar = (header & ~kCountMask) == (kArray | kScalar);
  if (!object && (header & ~kCountMask) != kArray && !(scalar && depth == 0 && count == 1)) {
    return Damaged("a container of no kind", begin);
  }
  const size_t children = object ? size_t{2} * count : count;
  if (children > (end - begin - 4) / 4) return Damaged("a container of more than it holds", begin);
  const size_t data = begin + 4 + 4 * children;
  Child child{Kind::kNull, data, data};
  for (size_t i = 0; i < children; ++i) {
    const Child before = child;
    if (!Take(begin, i, data, end, &child)) return false;
    if (object && i < count) {
      if (i > 0 ? !Key(child, before)
                : child.kind != Kind::kString && !Damaged("a key that is no string", begin)) {
        return false;
      }
    } else if (scalar && child.kind == Kind::kContainer) {
      return Damaged("a container in place of a value", begin);
    } else if (!Value(child, depth)) {
      return false;
    }
  }
  return child.end == end || Damaged("bytes behind the last value", child.end);
}

}  // namespace

bool mosaic_jsonb_is_sound(const void* jsonb, size_t length, char damage[MOSAIC_DAMAGE_BYTES]) {
  return JsonbWalk(jsonb, length, damage).Container(length < 4 ? length : 4, length, 0);
}
