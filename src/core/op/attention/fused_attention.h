// Attention that a graph spells out as products and a softmax (pass/fuse_attention.h), as one
// operator of a plan. Never in a stored graph.
//
//   inputs   Q, K, V: [heads, rows, depth], [batch, heads, rows, depth] or, where rows come first,
//            [batch, rows, heads, depth]; then masks, which broadcast to the scores
#pragma once

#include <memory>
#include <vector>

#include "core/op/attention/attention_core.h"

namespace mosaic {

struct FusedAttentionConfig {
  int rank = 4;
  bool q_rows_first = false, k_rows_first = false, v_rows_first = false, out_rows_first = false;
  float scale = 1;
  bool nan_is_zero = false;
  struct Mask {
    MaskPart::Kind kind;
    float hidden;
  };
  std::vector<Mask> masks;
};

std::unique_ptr<Op> MakeFusedAttention(const FusedAttentionConfig& config);

}  // namespace mosaic
