// Any bytes as a delta: decoding reads and writes nothing outside, and the decoder for this CPU
// makes what the plain one makes. And any two blocks: what is encoded comes back, or with few bits
// something that both decoders make.
//
// The first byte of an input: bit 0 tells which of the two, bit 1 elements of 2 bytes instead of 4,
// bit 2 a difference of few bits, of as many as the next two bits tell; bit 5 float16 instead of
// bfloat16; the second is the length of the blocks in 32 bytes; then the base, then the delta or
// the block.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/codec/delta.h"
#include "core/codec/low_bits.h"
#include "mosaic/page_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

using Bytes = std::vector<uint8_t>;

void Check(bool condition) {
  if (!condition) std::abort();
}

void Decode(Bytes delta, const Bytes& base) {
  const auto n = static_cast<uint32_t>(delta.size());
  const auto bytes = static_cast<uint32_t>(base.size());
  Bytes out(bytes), plain(bytes);
  (void)mosaic::DecodeDelta(delta.data(), n, base.data(), bytes, out.data());
  if (n < MOSAIC_DELTA_HEADER) return;
  // Past the checksum.
  const auto sum = static_cast<uint32_t>(XXH3_64bits(delta.data() + 4, delta.size() - 4));
  std::memcpy(delta.data(), &sum, 4);
  const bool ok = mosaic::DecodeDelta(delta.data(), n, base.data(), bytes, out.data());
  Check(mosaic::DecodeDeltaReference(delta.data(), n, base.data(), bytes, plain.data()) == ok);
  Check(!ok || out == plain);
  Check(mosaic::DeltaWhole(delta.data(), n) == 0 || mosaic::DeltaBase(delta.data(), n, bytes) >= 0);
}

void Encode(const Bytes& block, const Bytes& base, int element_bytes) {
  const auto bytes = static_cast<uint32_t>(base.size());
  Bytes delta(MOSAIC_MAX_PAYLOAD), back(bytes);
  const uint32_t n = mosaic::EncodeDelta(block.data(), base.data(), bytes, element_bytes, 1,
                                         MOSAIC_MAX_PAYLOAD, delta.data());
  if (n == 0) return;
  delta.resize(n);
  Check(mosaic::DecodeDelta(delta.data(), n, base.data(), bytes, back.data()) && back == block);
  Check(mosaic::DeltaWhole(delta.data(), n) == bytes);
}

void EncodeLow(const Bytes& block, const Bytes& base, int dtype, int bits) {
  const auto bytes = static_cast<uint32_t>(base.size());
  Bytes delta(MOSAIC_MAX_PAYLOAD);
  delta.resize(mosaic::EncodeLowBits(block.data(), base.data(), bytes, dtype, bits, 1,
                                     MOSAIC_MAX_PAYLOAD, delta.data()));
  if (delta.empty()) return;
  Check(mosaic::DeltaWhole(delta.data(), static_cast<uint32_t>(delta.size())) == bytes);
  Decode(delta, base);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t bytes = 32 * (4 + data[1] % 249);
  if (size < 2 + bytes || size > 2 + bytes + MOSAIC_MAX_PAYLOAD) return 0;
  const Bytes base(data + 2, data + 2 + bytes);
  Bytes rest(data + 2 + bytes, data + size);
  if (data[0] % 2 == 0) {
    Decode(rest, base);
  } else {
    Bytes block = base;
    for (size_t i = 0; i < rest.size() && i < bytes; ++i) block[i] ^= rest[i];
    const bool narrow = data[0] / 2 % 2 == 1;
    if (data[0] / 4 % 2 == 0) {
      Encode(block, base, narrow ? 2 : 4);
    } else {
      const int half = data[0] / 32 % 2 == 1 ? MOSAIC_FLOAT16 : MOSAIC_BFLOAT16;
      EncodeLow(block, base, narrow ? half : MOSAIC_FLOAT, 1 << data[0] / 8 % 4);
    }
  }
  return 0;
}
