#include "core/codec/delta.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/codec/low_bits.h"
#include "core/kernel/delta_groups.h"
#include "mosaic/page_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {

namespace {

constexpr int kMaxElements = MOSAIC_MAX_PAYLOAD / 2;
constexpr int kMaxGroups = kMaxElements / kDeltaGroup;

uint32_t Checksum(const uint8_t* delta, uint32_t bytes) {
  return static_cast<uint32_t>(XXH3_64bits(delta + 4, bytes - 4));
}

// ---- encoding ----

// Packs into a buffer that has room for 8 bytes more than all that is put.
class BitWriter {
 public:
  explicit BitWriter(uint8_t* begin) : at_(begin) {}
  void Put(uint64_t value, int width) {  // width <= 32
    word_ |= value << filled_;
    filled_ += width;
    if (filled_ < 32) return;
    std::memcpy(at_, &word_, 4);
    at_ += 4;
    filled_ -= 32;
    word_ >>= 32;
  }
  // The end of what was put.
  uint8_t* Finish() {
    std::memcpy(at_, &word_, 8);
    return at_ + (filled_ + 7) / 8;
  }

 private:
  uint8_t* at_;
  uint64_t word_ = 0;
  int filled_ = 0;
};

typedef int16_t Lanes __attribute__((vector_size(2 * kDeltaGroup)));

inline int Sum(const Lanes& x) {
  int sum = 0;
  for (int i = 0; i < kDeltaGroup; ++i) sum += x[i];
  return sum;
}

// The difference of two bit patterns, its sign moved to the lowest bit.
template <typename T>
T Difference(T block, T base) {
  const auto d = static_cast<T>(block - base);
  return static_cast<T>(static_cast<T>(d << 1) ^ static_cast<T>(0 - (d >> (8 * sizeof(T) - 1))));
}

inline int BitLength(uint32_t z) { return z == 0 ? 0 : 32 - __builtin_clz(z); }

template <typename T>
uint32_t Estimate(const void* block, const void* base, uint32_t bytes) {
  constexpr uint32_t kStep = 8;
  uint32_t bits = 0;
  for (uint32_t at = 0; at < bytes; at += kStep * sizeof(T)) {
    T x, b;
    std::memcpy(&x, static_cast<const uint8_t*>(block) + at, sizeof(T));
    std::memcpy(&b, static_cast<const uint8_t*>(base) + at, sizeof(T));
    bits += static_cast<uint32_t>(BitLength(Difference(x, b)));
  }
  return bits * kStep / 8;
}

template <typename T>
class Encoder {
 public:
  Encoder(const void* block, const void* base, uint32_t bytes) : bytes_(bytes) {
    std::memcpy(block_.data(), block, bytes);
    std::memcpy(base_.data(), base, bytes);
    n_ = static_cast<int>(bytes / sizeof(T));
    groups_ = (n_ + kDeltaGroup - 1) / kDeltaGroup;
    Measure();
    ChooseWidths();
    for (int g = 0; g < groups_; ++g) ChooseLevel(g);
  }

  uint32_t Write(int32_t base_id, uint32_t limit, uint8_t* out) {
    const size_t header = MOSAIC_DELTA_HEADER + static_cast<size_t>(classes_);
    const size_t before_bits = header + static_cast<size_t>(groups_ + 1) / 2 +
                               static_cast<size_t>(exceptions_) * (2 + sizeof(T));
    if (before_bits > limit) return 0;
    std::memset(out, 0, limit);
    const uint16_t whole = static_cast<uint16_t>(bytes_);
    const uint16_t exceptions = static_cast<uint16_t>(exceptions_);
    std::memcpy(out + 4, &base_id, 4);
    std::memcpy(out + 8, &whole, 2);
    out[10] = MOSAIC_DELTA_LOSSLESS;
    out[11] = sizeof(T);
    std::memcpy(out + 12, &exceptions, 2);
    out[14] = static_cast<uint8_t>(max_exponent_);
    out[15] = static_cast<uint8_t>(classes_);
    for (int c = 0; c < classes_; ++c) out[16 + c] = static_cast<uint8_t>(widths_[Index(c)]);
    WriteGroups(out + header);
    const uint32_t bit_bytes = WriteBits();
    if (before_bits + bit_bytes > limit) return 0;
    std::memcpy(out + before_bits, packed_.data(), bit_bytes);
    uint32_t length = static_cast<uint32_t>(before_bits) + bit_bytes;
    length = std::max<uint32_t>(MOSAIC_MIN_PAYLOAD, (length + 31) / 32 * 32);
    const uint32_t checksum = Checksum(out, length);
    std::memcpy(out, &checksum, 4);
    return length;
  }

 private:
  static constexpr int kBits = 8 * sizeof(T);
  static constexpr int kExceptionBits = 16 + kBits;
  static size_t Index(int i) { return static_cast<size_t>(i); }

  int GroupEnd(int g) const { return std::min(n_, (g + 1) * kDeltaGroup); }
  int WidthOf(int i, int level) const {
    return DeltaWidth(widths_[class_[Index(i)]], level, kBits);
  }

  void Measure() {
    for (int i = 0; i < n_; ++i) {
      max_exponent_ = std::max(max_exponent_, DeltaExponent(base_[Index(i)]));
    }
    for (int i = 0; i < n_; ++i) {
      z_[Index(i)] = Difference(block_[Index(i)], base_[Index(i)]);
      length_[Index(i)] = static_cast<uint8_t>(BitLength(z_[Index(i)]));
      class_[Index(i)] =
          static_cast<uint8_t>(DeltaClass(max_exponent_, DeltaExponent(base_[Index(i)])));
    }
  }

  // Of each class the width that is cheapest where all groups have the same level.
  void ChooseWidths() {
    int lengths[kDeltaClasses][kBits + 1] = {};
    for (int g = 0; g < groups_; ++g) {
      const int begin = g * kDeltaGroup, end = GroupEnd(g);
      bool equal = true;
      for (int i = begin; i < end; ++i) equal = equal && z_[Index(i)] == 0;
      levels_[Index(g)] = !equal;
      for (int i = begin; i < end && !equal; ++i) ++lengths[class_[Index(i)]][length_[Index(i)]];
    }
    for (int c = 0; c < kDeltaClasses; ++c) {
      int all = 0, longer = 0, best = 0;
      for (int w = 0; w <= kBits; ++w) all += lengths[c][w];
      if (all > 0) classes_ = c + 1;
      for (int w = kBits, least = all * kBits + 1; w >= 0 && all > 0; longer += lengths[c][w--]) {
        const int cost = all * w + longer * kExceptionBits;
        if (cost < least) least = cost, best = w;
      }
      widths_[Index(c)] = best;
    }
  }

  // The level that is cheapest, exceptions counted.
  void ChooseLevel(int g) {
    if (levels_[Index(g)] == 0) return;
    const Lanes zero = {}, most = zero + static_cast<int16_t>(kBits);
    Lanes width = zero - 100, length = zero;  // beyond the end nothing is packed
    int lowest = 15, highest = 1;             // levels that some element needs
    for (int i = g * kDeltaGroup; i < GroupEnd(g); ++i) {
      const int at_zero = widths_[class_[Index(i)]] - kDeltaLevelZero;
      width[i % kDeltaGroup] = static_cast<int16_t>(at_zero);
      length[i % kDeltaGroup] = length_[Index(i)];
      if (length_[Index(i)] == 0) continue;
      lowest = std::min(lowest, std::max(length_[Index(i)] - at_zero, 1));
      highest = std::max(highest, std::min(length_[Index(i)] - at_zero, 15));
    }
    int least = -1, exceptions = 0;
    for (int level = lowest; level <= highest; ++level) {
      Lanes w = width + static_cast<int16_t>(level);
      w = w < zero ? zero : w;
      w = w > most ? most : w;
      const Lanes longer = length > w;  // -1 where it is
      const int cost = Sum(w - longer * static_cast<int16_t>(kExceptionBits));
      if (least >= 0 && cost >= least) continue;
      least = cost;
      levels_[Index(g)] = static_cast<uint8_t>(level);
      exceptions = -Sum(longer);
    }
    exceptions_ += exceptions;
  }

  bool IsException(int i) const {
    const int level = levels_[Index(i / kDeltaGroup)];
    return level > 0 && length_[Index(i)] > WidthOf(i, level);
  }

  // Levels, then exceptions.
  void WriteGroups(uint8_t* out) const {
    for (int g = 0; g < groups_; ++g) {
      out[g / 2] |= static_cast<uint8_t>(levels_[Index(g)] << 4 * (g % 2));
    }
    out += (groups_ + 1) / 2;
    for (int i = 0; i < n_; ++i) {
      if (!IsException(i)) continue;
      const uint16_t index = static_cast<uint16_t>(i);
      std::memcpy(out, &index, 2);
      std::memcpy(out + 2, &block_[Index(i)], sizeof(T));
      out += 2 + sizeof(T);
    }
  }

  uint32_t WriteBits() {
    BitWriter bits(packed_.data());
    for (int i = 0; i < n_; ++i) {
      const int level = levels_[Index(i / kDeltaGroup)];
      if (level > 0) bits.Put(IsException(i) ? 0 : z_[Index(i)], WidthOf(i, level));
    }
    return static_cast<uint32_t>(bits.Finish() - packed_.data());
  }

  uint32_t bytes_;
  int n_ = 0, groups_ = 0, classes_ = 1, exceptions_ = 0;
  int max_exponent_ = 0;
  std::array<T, kMaxElements> block_, base_, z_;
  std::array<uint8_t, kMaxElements> length_, class_;
  std::array<int, kDeltaClasses> widths_;
  std::array<uint8_t, kMaxGroups> levels_;
  std::array<uint8_t, MOSAIC_MAX_PAYLOAD + 8> packed_;
};

// ---- decoding ----

// What a delta says of itself, with its packed bits where more can be read behind them.
struct Delta {
  DeltaGroups groups;
  int element_bytes;
  const uint8_t* exceptions;
  int exception_count;
  alignas(64) uint8_t bits[MOSAIC_MAX_PAYLOAD + kDeltaSlack];

  bool Parse(const uint8_t* delta, uint32_t delta_bytes, uint32_t bytes);
};

bool Delta::Parse(const uint8_t* delta, uint32_t delta_bytes, uint32_t bytes) {
  uint32_t checksum, whole = 0, count = 0;
  if (delta_bytes < MOSAIC_MIN_PAYLOAD || delta_bytes > MOSAIC_MAX_PAYLOAD) return false;
  std::memcpy(&checksum, delta, 4);
  std::memcpy(&whole, delta + 8, 2);
  std::memcpy(&count, delta + 12, 2);
  element_bytes = delta[11];
  const int classes = delta[15];
  if (whole != bytes || whole > MOSAIC_MAX_PAYLOAD || delta[10] != MOSAIC_DELTA_LOSSLESS ||
      (element_bytes != 2 && element_bytes != 4) ||
      whole % static_cast<uint32_t>(element_bytes) != 0 || classes < 1 || classes > kDeltaClasses ||
      checksum != Checksum(delta, delta_bytes)) {
    return false;
  }
  const uint32_t n = whole / static_cast<uint32_t>(element_bytes);
  const uint32_t levels_at = MOSAIC_DELTA_HEADER + static_cast<uint32_t>(classes);
  const uint32_t exceptions_at = levels_at + ((n + kDeltaGroup - 1) / kDeltaGroup + 1) / 2;
  const uint32_t bits_at = exceptions_at + count * (2 + static_cast<uint32_t>(element_bytes));
  if (bits_at > delta_bytes) return false;
  groups.count = static_cast<int>(n / kDeltaGroup);
  groups.max_exponent = delta[14];
  for (int c = 0; c < kDeltaClasses; ++c) {
    const int width = c < classes ? delta[16 + c] : 0;
    if (width > 8 * element_bytes) return false;
    groups.widths[c] = width;
  }
  groups.levels = delta + levels_at;
  exceptions = delta + exceptions_at;
  exception_count = static_cast<int>(count);
  groups.bits = bits;
  groups.bit_end = int64_t{8} * (delta_bytes - bits_at);
  std::memcpy(bits, delta + bits_at, delta_bytes - bits_at);
  std::memset(bits + (delta_bytes - bits_at), 0, kDeltaSlack);
  return true;
}

template <typename T>
bool Make(const Delta& d, const void* base_bytes, uint32_t bytes, bool reference, void* out_bytes) {
  const T* base = static_cast<const T*>(base_bytes);
  T* out = static_cast<T*>(out_bytes);
  const int64_t n = bytes / sizeof(T);
  const int64_t whole = reference ? 0 : int64_t{kDeltaGroup} * d.groups.count;
  int64_t at = reference ? 0 : UnpackDelta(d.groups, base, out);
  if (at <= d.groups.bit_end) at = UnpackDeltaReference(d.groups, base, whole, n, at, out);
  if (at > d.groups.bit_end) return false;
  int64_t last = -1;
  for (int i = 0; i < d.exception_count; ++i) {
    const uint8_t* e = d.exceptions + static_cast<size_t>(i) * (2 + sizeof(T));
    uint16_t index;
    std::memcpy(&index, e, 2);
    if (index <= last || index >= n) return false;
    last = index;
    std::memcpy(&out[index], e + 2, sizeof(T));
  }
  return true;
}

bool Decode(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
            bool reference, const void* ahead, void* out) {
  if (IsLowBits(delta, delta_bytes)) {
    return DecodeLowBits(delta, delta_bytes, base, bytes, reference, ahead, out);
  }
  Delta d;
  if (!d.Parse(static_cast<const uint8_t*>(delta), delta_bytes, bytes)) return false;
  d.groups.ahead = static_cast<const char*>(ahead != nullptr ? ahead : base);
  return d.element_bytes == 4 ? Make<uint32_t>(d, base, bytes, reference, out)
                              : Make<uint16_t>(d, base, bytes, reference, out);
}

}  // namespace

uint32_t EncodeDelta(const void* block, const void* base, uint32_t bytes, int element_bytes,
                     int32_t base_id, uint32_t limit, void* out) {
  if (limit < MOSAIC_MIN_PAYLOAD) return 0;
  uint8_t* to = static_cast<uint8_t*>(out);
  return element_bytes == 4 ? Encoder<uint32_t>(block, base, bytes).Write(base_id, limit, to)
                            : Encoder<uint16_t>(block, base, bytes).Write(base_id, limit, to);
}

uint32_t EstimateDelta(const void* block, const void* base, uint32_t bytes, int element_bytes) {
  return element_bytes == 4 ? Estimate<uint32_t>(block, base, bytes)
                            : Estimate<uint16_t>(block, base, bytes);
}

int32_t DeltaBase(const void* delta, uint32_t delta_bytes, uint32_t bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(delta);
  uint16_t whole;
  int32_t base;
  if (delta_bytes < MOSAIC_DELTA_HEADER) return 0;
  if (p[10] != MOSAIC_DELTA_LOSSLESS && p[10] != MOSAIC_DELTA_LOW_BITS) return 0;
  std::memcpy(&base, p + 4, 4);
  std::memcpy(&whole, p + 8, 2);
  return whole == bytes && base > 0 ? base : 0;
}

uint32_t DeltaWhole(const void* delta, uint32_t delta_bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(delta);
  uint32_t checksum, whole = 0;
  if (delta_bytes < MOSAIC_DELTA_HEADER) return 0;
  std::memcpy(&checksum, p, 4);
  std::memcpy(&whole, p + 8, 2);
  return checksum == Checksum(p, delta_bytes) && DeltaBase(delta, delta_bytes, whole) != 0 ? whole
                                                                                           : 0;
}

bool DecodeDelta(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                 void* out, const void* ahead) {
  return Decode(delta, delta_bytes, base, bytes, false, ahead, out);
}

bool DecodeDeltaReference(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                          void* out) {
  return Decode(delta, delta_bytes, base, bytes, true, nullptr, out);
}

}  // namespace mosaic
