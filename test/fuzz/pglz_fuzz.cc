// pglz: our decompression against the server's own (libpgcommon of the package that has its
// headers).
//
// What the server compresses must come back; any other bytes either fail with both, or give the
// same with both. The first two bytes of an input are the size that they claim to become; odd: the
// others are compressed first.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/codec/pglz.h"

extern "C" {
// common/pg_lzcompress.h, which needs postgres.h.
struct PGLZ_Strategy;
extern const PGLZ_Strategy* const PGLZ_strategy_always;
int32_t pglz_compress(const char* source, int32_t slen, char* dest, const PGLZ_Strategy* strategy);
int32_t pglz_decompress(const char* source, int32_t slen, char* dest, int32_t rawsize,
                        bool check_complete);
}

namespace {

using Bytes = std::vector<uint8_t>;

void Check(bool condition) {
  if (!condition) std::abort();
}

void Compare(const Bytes& in, size_t out_size) {
  // Exactly as large as they must be, so that sanitizers see what goes beyond.
  Bytes ours(out_size + mosaic::kPglzSlack, 0xaa);
  Bytes theirs(out_size + 1, 0xaa);
  const bool ok = mosaic::PglzDecompress(in.data(), in.size(), ours.data(), out_size);
  const int32_t n =
      pglz_decompress(reinterpret_cast<const char*>(in.data()), static_cast<int32_t>(in.size()),
                      reinterpret_cast<char*>(theirs.data()), static_cast<int32_t>(out_size), true);
  if (ok) {
    Check(n >= 0 && std::memcmp(ours.data(), theirs.data(), out_size) == 0);
  } else if (n >= 0) {
    Bytes more(out_size + 300);
    Check(pglz_decompress(reinterpret_cast<const char*>(in.data()), static_cast<int32_t>(in.size()),
                          reinterpret_cast<char*>(more.data()), static_cast<int32_t>(more.size()),
                          false) > static_cast<int32_t>(out_size));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 1 << 16) return 0;
  const size_t claimed = data[0] | data[1] << 8;
  Bytes in(data + 2, data + size);
  if (claimed % 2 == 0) {
    Compare(in, claimed);
    return 0;
  }
  Bytes compressed(in.size() + 4);  // PGLZ_MAX_OUTPUT
  const int32_t n =
      pglz_compress(reinterpret_cast<const char*>(in.data()), static_cast<int32_t>(in.size()),
                    reinterpret_cast<char*>(compressed.data()), PGLZ_strategy_always);
  if (n < 0) return 0;
  compressed.resize(static_cast<size_t>(n));
  Bytes back(in.size() + mosaic::kPglzSlack);
  Check(mosaic::PglzDecompress(compressed.data(), compressed.size(), back.data(), in.size()));
  Check(std::memcmp(back.data(), in.data(), in.size()) == 0);
  return 0;
}
