#include <cstring>

#include "core/kernel/delta_groups.h"

namespace mosaic {

namespace {

template <typename T>
int64_t Unpack(const DeltaGroups& groups, const T* base, int64_t begin, int64_t end, int64_t at,
               T* out) {
  for (int64_t i = begin; i < end && at <= groups.bit_end; ++i) {
    const int level = DeltaLevel(groups.levels, i / kDeltaGroup);
    uint64_t z = 0;
    if (level != 0) {
      const int c = DeltaClass(groups.max_exponent, DeltaExponent(base[i]));
      const int width = DeltaWidth(groups.widths[c], level, 8 * sizeof(T));
      std::memcpy(&z, groups.bits + (at >> 3), sizeof(z));
      z = z >> (at & 7) & ((uint64_t{1} << width) - 1);
      at += width;
    }
    out[i] = static_cast<T>(base[i] + ((z >> 1) ^ (0 - (z & 1))));
  }
  return at;
}

}  // namespace

int64_t UnpackDeltaReference(const DeltaGroups& groups, const uint32_t* base, int64_t begin,
                             int64_t end, int64_t at, uint32_t* out) {
  return Unpack(groups, base, begin, end, at, out);
}

int64_t UnpackDeltaReference(const DeltaGroups& groups, const uint16_t* base, int64_t begin,
                             int64_t end, int64_t at, uint16_t* out) {
  return Unpack(groups, base, begin, end, at, out);
}

}  // namespace mosaic
