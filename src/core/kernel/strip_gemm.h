// GEMM whose right-hand operand lies in strip blocks (include/mosaic/page_format.h):
//   C[n x m] = act(A[n x k] * W[k x m] + bias)
//
// The order of summation is a contract: for every output element, products are added in ascending
// k, by one accumulator that starts at 0 with the first block, whatever n, m, the grouping of rows
// and strips, and the split of k over calls. Hence a prediction is bit-identical alone, in a batch,
// and before and after packing (on one CPU). The fast kernels fuse multiplication and addition
// where the CPU can, and so agree with each other on all CPUs that can.
//
// Weights of bfloat16: elements of A are rounded to bfloat16 too (to nearest even; NaN stays NaN,
// what is beyond the largest becomes infinite), and of each pair of k the second product is added
// first. Products are then exact in float32, and so all CPUs agree to the last bit, except that
//   - CPUs with instructions for it (AVX-512 BF16, AMX) take subnormal numbers for 0;
//   - AMX adds up the even and the odd k of a tile (amx_gemm.h) by themselves, then both, then that
//     to the accumulator: within 1e-5 of the output's scale of the others, and still one result for
//     every grouping.
#pragma once

#include <cstdint>
#include <functional>

#include "core/kernel/activation.h"
#include "mosaic/page_format.h"

namespace mosaic {

// Makes payloads of blocks that lie in another form.
class BlockMaker {
 public:
  virtual ~BlockMaker() = default;
  // The payload: where the block lies, or made at room, which has space for it and is 64-byte
  // aligned. "next" (may be null) is made after this one: what that takes is fetched meanwhile.
  virtual const void* Payload(const void* block, const void* next, void* room) = 0;
  // As many bytes as the payload has, that it is mostly made of: what to fetch ahead.
  virtual const void* Source(const void* block) const = 0;
};

struct StripGemmArgs {
  const float* a = nullptr;  // row i at a + i * lda, the k range of this call only
  int64_t lda = 0;           // elements
  int64_t n = 0;             // rows of A and C
  int dtype = MOSAIC_FLOAT;  // of the weights; or MOSAIC_BFLOAT16
  // Payloads, strip-major: blocks[s * row_blocks + b]. A 64-byte aligned payload is fastest;
  // 32 bytes is guaranteed.
  const void* const* blocks = nullptr;
  // Where it is set, blocks are not payloads but what it makes payloads of; of each a few times,
  // once for some 100 rows of A.
  BlockMaker* maker = nullptr;
  int64_t strips = 0;
  int64_t row_blocks = 0;       // of this call
  int block_rows = 0;           // rows of k in each block; even where rows are pairs (bfloat16)
  int64_t k = 0;                // <= row_blocks * block_rows; the last block may be partly used
  float* c = nullptr;           // first column of the first strip
  int64_t ldc = 0;              // elements
  int64_t m = 0;                // columns to write, <= strips * 16
  bool first = true;            // false: C holds the partial sums of earlier k ranges
  bool last = true;             // true: add bias (m values; may be null) and apply the activation
  const float* bias = nullptr;  // null: nothing is added
  Activation activation = Activation::kNone;
  // A hint, for speed only: bytes of weights that are read in turn, of which these are a part (all
  // of the model). With 0, those of this call.
  int64_t working_set = 0;
};

// The kernel chosen for this CPU. Each call finds its own best schedule: the more strips and the
// fewer splits of k in one call, the better. Throws std::bad_alloc.
void StripGemm(const StripGemmArgs& args);
// The oracle: plain and portable. REQUIRES: no maker.
void StripGemmReference(const StripGemmArgs& args);
// Bytes for a payload that is made; a multiple of 64.
inline int64_t MadeStride(const StripGemmArgs& args) {
  const int64_t bytes =
      int64_t{args.block_rows} * MOSAIC_ROW_BYTES / (args.dtype == MOSAIC_FLOAT ? 1 : 2);
  return bytes < MOSAIC_MIN_PAYLOAD ? MOSAIC_MIN_PAYLOAD : (bytes + 63) / 64 * 64;
}
// The same product as StripGemm's of parts of W, each of which "make" first writes into the cache:
// floats or bfloat16 as args.dtype says, of blocks of whatever kind. make(block, next, room)
// returns the payload, next may be null.
using MakePayload = std::function<const void*(const void* block, const void* next, void* room)>;
void StripGemmInParts(const StripGemmArgs& args, const MakePayload& make);
// The kernel for weights of this type, for EXPLAIN and tests: "generic", "avx2", "avx512",
// "avx512_bf16", "amx".
const char* StripGemmKernelName(int dtype);

}  // namespace mosaic
