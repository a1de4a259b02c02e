// What com.microsoft's Attention and MultiHeadAttention have in common: masks of int32, whose
// hidden keys get mask_filter_value added to their scores; an attention bias; attributes.
#pragma once

#include "core/op/attention/attention_core.h"

namespace mosaic {

class MicrosoftAttention : public AttentionOp {
 public:
  explicit MicrosoftAttention(const Node& node);
  // Errors of the node itself.
  static Status CheckNode(const Node& node);

 protected:
  struct Sizes {
    Dim batch, queries, keys;  // keys: with the past
  };

  // The mask and the bias have shapes that fit. *counts: the mask has the batch as its first axis.
  Status CheckMasks(InferContext& c, size_t mask, size_t bias, const Sizes& z, bool* counts) const;
  // Sets what the attributes and masks say. REQUIRES: batch, keys, depth are set.
  void DescribeRest(const Call& c, size_t mask, size_t bias, AttentionShape* s) const;

  int64_t heads_;

 private:
  Status CheckMask(InferContext& c, const Dims& mask, const Sizes& z, bool* counts) const;

  float scale_, filter_;
  bool causal_;
};

}  // namespace mosaic
