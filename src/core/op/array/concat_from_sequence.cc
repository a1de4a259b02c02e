// ConcatFromSequence: the arrays of a sequence joined along an axis, or along a new one.
#include <algorithm>
#include <cstring>

#include "core/op/array/sequence.h"
#include "core/tensor/parts.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements of a unit

class ConcatFromSequenceOp : public Op {
 public:
  explicit ConcatFromSequenceOp(const Node& node)
      : axis_(node.Int("axis", 0)), new_axis_(node.Int("new_axis", 0) != 0) {}

  // What is joined is known only when the sequence is there.
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSequence(c, 0));
    const Tensor& sequence = c.in(0).value;
    if (!sequence.owned()) {
      c.Defer();
      c.SetUnranked(0, c.in(0).element);
      return Status();
    }
    if (sequence.items().empty()) return Status::Invalid("the sequence is empty");
    if (!sequence.items()[0].defined()) return Status::Invalid("the optional value is empty");
    const Tensor& first = sequence.items()[0];
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, first.rank() + (new_axis_ ? 1 : 0), &axis));
    const size_t a = static_cast<size_t>(axis);
    Shape shape = first.shape();
    int64_t size = new_axis_ ? static_cast<int64_t>(sequence.items().size()) : 0;
    for (const Tensor& t : sequence.items()) {
      bool fits = t.dtype() == first.dtype() && t.rank() == first.rank();
      for (size_t d = 0; fits && d < shape.size(); ++d) {
        fits = t.shape()[d] == shape[d] || (d == a && !new_axis_);
      }
      if (!fits) {
        return Status::Invalid("arrays of shapes " + ShapeString(first.shape()) + " and " +
                               ShapeString(t.shape()) + " cannot be joined along axis " +
                               std::to_string(axis));
      }
      if (!new_axis_) size += t.shape()[a];
    }
    if (new_axis_) {
      shape.insert(shape.begin() + a, size);
    } else {
      shape[a] = size;
    }
    return c.Set(0, first.dtype(), DimsOf(shape));
  }

  Status Start(Call& c) const override {
    if (!c.facts[0].value.owned() || !c.outputs[0].defined()) {
      return Status::Internal("the sequence is not known");
    }
    AxisView v;
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.outputs[0].shape(), axis_, &v));
    Parts& parts = c.NewState<Parts>();
    parts.starts.push_back(0);
    for (const Tensor& t : c.facts[0].value.items()) {
      const int64_t row = v.outer == 0 ? 0 : t.size() / v.outer;
      parts.starts.push_back(parts.starts.back() + row);
    }
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t size = DTypeSize(c.outputs[0].dtype());
    char* y = c.outputs[0].mutable_data<char>();
    const std::vector<Tensor>& items = c.inputs[0].items();
    c.state<Parts>().ForEachRun(begin * kChunk, std::min(end * kChunk, c.outputs[0].size()),
                                [&](int64_t at, size_t part, int64_t from, int64_t n) {
                                  const char* x = items[part].data<char>();
                                  std::memcpy(y + at * size, x + from * size,
                                              static_cast<size_t>(n * size));
                                });
    return Status();
  }

 private:
  int64_t axis_;
  bool new_axis_;
};

Status MakeConcatFromSequence(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  if (!HasAttribute(node, "axis")) return Status::BadModel("attribute axis is missing");
  *out = std::make_unique<ConcatFromSequenceOp>(node);
  return Status();
}

}  // namespace

extern const OpDef kConcatFromSequence = {kOnnxDomain, "ConcatFromSequence", 11, 25,
                                          &MakeConcatFromSequence};

}  // namespace mosaic
