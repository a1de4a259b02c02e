// What operators on sequences and optional values share.
//
// A fact of a sequence has dtype MOSAIC_SEQUENCE, no rank, and the type of its arrays (element). An
// optional value is the value itself; an empty one is a sequence of one undefined array, which no
// sequence is otherwise.
#pragma once

#include "core/op/array/array_support.h"

namespace mosaic {

// A sequence holds its arrays in ordinary memory.
constexpr int kMaxSequence = 1 << 16;

// One unit of work: handles of arrays are copied, as many as there are.
class SequenceOp : public Op {
 public:
  Status Start(Call& c) const override {
    c.OnePhase(1, 2e6);
    return Status();
  }

 protected:
  static void SetSequence(InferContext& c, int element) {
    c.SetUnranked(0, MOSAIC_SEQUENCE);
    c.out(0).element = element;
  }
};

Status CheckSequence(const InferContext& c, size_t i);
Status CheckLength(int64_t n);
// In Run: output 0; what it holds counts as memory of the run. Errors: UNSUPPORTED, where an array is a sequence; LIMIT.
Status GiveSequence(Call& c, std::vector<Tensor> items);
// In Run: the arrays of input 0. Errors: INVALID, where it is an empty optional value.
Status SequenceItems(const Call& c, const std::vector<Tensor>** out);
// The place that input i names (fallback, where it is omitted), of 0 .. count - 1. Errors: INVALID.
Status SequencePosition(const Call& c, size_t i, int64_t count, int64_t fallback, int64_t* out);

inline Tensor EmptyOptional() { return Tensor::Sequence({Tensor()}); }
inline bool IsEmptyOptional(const Tensor& t) {
  return t.dtype() == MOSAIC_SEQUENCE && t.items().size() == 1 && !t.items()[0].defined();
}

}  // namespace mosaic
