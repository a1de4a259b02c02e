// StringConcat: the strings of two arrays joined, with numpy's broadcasting.
#include <algorithm>
#include <cstring>

#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 512;  // strings of a unit

class StringConcatOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    for (size_t i = 0; i < 2; ++i) {
      if (c.dtype(i) != MOSAIC_STRING) return UnsupportedType("an input", c.dtype(i));
    }
    return InferBroadcast(c, MOSAIC_STRING);
  }

  Status Start(Call& c) const override {
    const Shape& shape = c.outputs[0].shape();
    std::vector<StridedWalk::Operand> operands;
    for (const Tensor& t : c.inputs) operands.push_back({BroadcastStrides(t.shape(), shape), 0});
    c.NewState<StridedWalk>(shape, std::move(operands));
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 64 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    const StringElement *a = c.inputs[0].data<StringElement>(),
                        *b = c.inputs[1].data<StringElement>();
    StringElement* y = c.outputs[0].mutable_data<StringElement>();
    walk.ForEachRun(begin * kChunk, std::min(end * kChunk, c.outputs[0].size()),
                    [&](int64_t at, const int64_t* offset, int64_t n) {
                      for (int64_t i = 0; i < n; ++i) {
                        y[at + i] = Join(c.arena, a[offset[0] + i * walk.run_stride(0)],
                                         b[offset[1] + i * walk.run_stride(1)]);
                      }
                    });
    return Status();
  }

 private:
  // An empty part needs no characters of its own.
  static StringElement Join(Arena* arena, const StringElement& a, const StringElement& b) {
    if (a.size == 0) return b;
    if (b.size == 0) return a;
    char* to = arena->Characters(static_cast<size_t>(a.size + b.size));
    std::memcpy(to, a.data, static_cast<size_t>(a.size));
    std::memcpy(to + a.size, b.data, static_cast<size_t>(b.size));
    return {to, a.size + b.size};
  }
};

}  // namespace

extern const OpDef kStringConcat = {kOnnxDomain, "StringConcat", 20, 25,
                                    &MakePlain<StringConcatOp, 2, 2>};

}  // namespace mosaic
