// Concat: the inputs one after another along an axis.
#include <cstring>

#include "core/op/op_support.h"
#include "core/op/parts.h"

namespace mosaic {
namespace {

class ConcatOp : public Op {
 public:
  explicit ConcatOp(int64_t axis) : axis_(axis) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& first = c.inputs[0];
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, first.rank(), &axis));
    const size_t a = static_cast<size_t>(axis);
    Shape out = first.shape();
    out[a] = 0;
    int64_t inner = 1;
    for (size_t d = a + 1; d < out.size(); ++d) inner *= out[d];
    auto parts = std::make_shared<Parts>();
    for (const Tensor& t : c.inputs) {
      if (!t.defined()) return Status::BadModel("an input is omitted");
      MOSAIC_RETURN_IF_ERROR(CheckSameType(first, t));
      Shape expected = t.shape();
      if (t.rank() == first.rank()) expected[a] = first.dim(axis);
      if (expected != first.shape()) {
        return Status::BadModel("shapes " + ShapeString(first.shape()) + " and " +
                                ShapeString(t.shape()) + " cannot be joined along axis " +
                                std::to_string(axis));
      }
      parts->starts.push_back(out[a] * inner);
      out[a] += t.dim(axis);
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, first.dtype(), out, &c.outputs[0]));
    parts->starts.push_back(out[a] * inner);
    c.units = c.outputs[0].size();
    c.unit_cost = 1;
    c.scratch = parts;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const int64_t size = DTypeSize(c.inputs[0].dtype());
    char* y = static_cast<char*>(c.outputs[0].mutable_raw());
    c.state<Parts>().ForEachRun(begin, end, [&](int64_t at, size_t part, int64_t from, int64_t n) {
      const char* x = static_cast<const char*>(c.inputs[part].raw());
      std::memcpy(y + at * size, x + from * size, static_cast<size_t>(n * size));
    });
  }

  ItemRule Items(const OpContext& c) const override {
    const bool across = (axis_ < 0 ? axis_ + c.outputs[0].rank() : axis_) == 0;
    return across ? ItemRule::kMixes : ItemRule::kIndependent;
  }

 private:
  int64_t axis_;
};

Status MakeConcat(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1 << 20));
  if (!HasAttribute(node, "axis")) return Status::BadModel("attribute axis is missing");
  *out = std::make_unique<ConcatOp>(node.Int("axis", 0));
  return Status();
}

}  // namespace

extern const OpDef kConcat = {"Concat", 9, 17, &MakeConcat};

}  // namespace mosaic
