// Split: the input cut along an axis, into equal parts or parts of given lengths (an attribute
// before opset 13, an input since then).
#include <cstring>

#include "core/op/op_support.h"
#include "core/op/parts.h"

namespace mosaic {
namespace {

class SplitOp : public Op {
 public:
  SplitOp(const Node& node, std::vector<int64_t> lengths)
      : axis_(node.Int("axis", 0)), count_(node.outputs.size()), lengths_(std::move(lengths)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, x.rank(), &axis));
    std::vector<int64_t> lengths;
    MOSAIC_RETURN_IF_ERROR(Lengths(c, x.dim(axis), &lengths));
    int64_t inner = 1;
    for (int d = axis + 1; d < x.rank(); ++d) inner *= x.dim(d);
    auto parts = std::make_shared<Parts>();
    parts->starts.push_back(0);
    c.outputs.resize(count_);
    for (size_t i = 0; i < count_; ++i) {
      Shape shape = x.shape();
      shape[static_cast<size_t>(axis)] = lengths[i];
      MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), shape, &c.outputs[i]));
      parts->starts.push_back(parts->starts.back() + lengths[i] * inner);
    }
    c.units = x.size();
    c.unit_cost = 1;
    c.scratch = parts;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const int64_t size = DTypeSize(c.inputs[0].dtype());
    const char* x = static_cast<const char*>(c.inputs[0].raw());
    c.state<Parts>().ForEachRun(begin, end, [&](int64_t at, size_t part, int64_t to, int64_t n) {
      char* y = static_cast<char*>(c.outputs[part].mutable_raw());
      std::memcpy(y + to * size, x + at * size, static_cast<size_t>(n * size));
    });
  }

  ItemRule Items(const OpContext& c) const override {
    return FirstInputItems(c, (axis_ < 0 ? axis_ + c.inputs[0].rank() : axis_) != 0);
  }

 private:
  Status Lengths(const OpContext& c, int64_t dim, std::vector<int64_t>* lengths) const {
    *lengths = lengths_;
    if (Given(c, 1)) MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "split", lengths));
    const int64_t count = static_cast<int64_t>(count_);
    if (lengths->empty() && !Given(c, 1) && dim % count == 0) lengths->assign(count_, dim / count);
    int64_t rest = dim;
    bool fits = lengths->size() == count_;
    for (int64_t n : *lengths) {
      fits = fits && n >= 0 && n <= rest;
      if (fits) rest -= n;
    }
    if (fits && rest == 0) return Status();
    return Status::BadModel("a dimension of " + std::to_string(dim) + " cannot be split into " +
                            std::to_string(count_) + " outputs" +
                            (lengths->empty() ? "" : " of lengths " + ShapeString(*lengths)));
  }

  int64_t axis_;
  size_t count_;
  std::vector<int64_t> lengths_;
};

Status MakeSplit(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  const bool input = graph.opset >= 13;
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, input ? 2 : 1, 1 << 20));
  *out = std::make_unique<SplitOp>(node, input ? std::vector<int64_t>() : node.Ints("split"));
  return Status();
}

}  // namespace

extern const OpDef kSplit = {"Split", 9, 17, &MakeSplit};

}  // namespace mosaic
