// Scaled dot-product attention of one head of one item, fused:
//   s(i, j) = cap(scale * sum_h q(i, h) k(j, h)) + mask(i, j)
//   out(i, c) = sum_j e^(s(i, j) - max_j s) v(j, c) / sum_j e^(s(i, j) - max_j s)
// over the keys j that query i sees: all, or with `causal` those up to i + causal_offset.
//
// Queries are computed in strips of up to 12 over all keys, so memory grows with the keys, never
// with their product with the queries. Keys and values are packed once (PackAttention), then any
// range of queries may be computed on its own, in any order:
//
//   AttentionPacked packed(args, memory);              // AttentionPacked::Bytes(args)
//   PackAttention(args, 0, packed.units(), &packed);   // or in pieces
//   RunAttention(args, 0, args.queries, &packed);      // or in pieces
//
// Few queries over very many keys are computed in pieces of keys (RunAttentionPiece).
//
// One result: each score is one sum in ascending h, each output one in ascending j, by one
// accumulator; the denominator is kept in float64, in lanes (key j in lane j mod 16, joined by one
// tree). So the bits of a query depend on its row, the keys it sees, and their values alone: not on
// the other queries, the strip, or how work was cut. Keys that a query does not see are not
// multiplied by 0: NaN and infinities there do not matter.
//
// A query that sees no key gives 0. A row of scores that softmax would make NaN is NaN; but where
// `masked_is_zero` a row that is -inf throughout gives 0, and where `nan_is_zero` any such row.
#pragma once

#include <cstdint>

namespace mosaic {

struct AttentionArgs {
  int64_t queries = 0, keys = 0;
  int64_t depth = 0;         // of q and k
  int64_t value_depth = 0;   // of v and out
  const float* q = nullptr;  // row i at q + i * q_step
  int64_t q_step = 0;
  const float* k = nullptr;
  int64_t k_step = 0;
  const float* v = nullptr;
  int64_t v_step = 0;
  float* out = nullptr;
  int64_t out_step = 0;
  float scale = 1;
  bool causal = false;
  int64_t causal_offset = 0;    // keys before the first query: of a cache
  const float* mask = nullptr;  // added to the scores; row i at mask + i * mask_step
  int64_t mask_step = 0;        // 0: one row for all queries
  float softcap = 0;            // not 0: cap(s) = softcap * tanh(s / softcap)
  bool masked_is_zero = false;
  bool nan_is_zero = false;
};

// Queries of a strip, at most.
constexpr int64_t kAttentionStrip = 12;

// Keys and values as RunAttention reads them, and its strip of scores, in memory of the caller's.
class AttentionPacked {
 public:
  static int64_t Bytes(const AttentionArgs& args);
  // memory: Bytes(args) bytes, aligned to 64.
  AttentionPacked(const AttentionArgs& args, void* memory);
  int64_t units() const { return panels; }  // of packing, 16 keys each

  // Keys: element (h, j) at (j / 16 * depth + h) * 16 + j % 16; of the last panel, the rest is 0.
  float* keys;
  // Values: element (j, c) at (c / 16 * 16 * panels + j) * 16 + c % 16.
  float* values;
  float* strip;        // queries, scores, outputs and what softmax keeps of one strip
  int64_t panels;      // of 16 keys
  bool direct_values;  // few queries: values are read where they lie
  int64_t score_step;  // from row to row of the scores
};

void PackAttention(const AttentionArgs& args, int64_t begin, int64_t end, AttentionPacked* packed);
// Queries [begin, end). A strip is about 50 * keys * (depth + value_depth) operations.
void RunAttention(const AttentionArgs& args, int64_t begin, int64_t end, AttentionPacked* packed);
// Queries [0, args.queries), at most kAttentionStrip, as RunAttention computes them, cut by their keys into so many
// chunks of chunk_keys (a multiple of 16; chunks * chunk_keys >= args.keys). Pieces [0, 2 * chunks) in ascending order:
// the scores of each chunk, which read its masks, then its exponentials and values; the last one writes args.out.
void RunAttentionPiece(const AttentionArgs& args, int64_t piece, int64_t chunks, int64_t chunk_keys,
                       AttentionPacked* packed);
// The oracle, in double.
void AttentionReference(const AttentionArgs& args, int64_t begin, int64_t end);

}  // namespace mosaic
