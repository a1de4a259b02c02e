// Squeeze, Unsqueeze: dimensions of size 1 removed and inserted. The axes are an attribute, since
// opset 13 an input.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class SqueezeBase : public Op {
 public:
  explicit SqueezeBase(std::vector<int64_t> axes) : axes_(std::move(axes)) {}
  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 protected:
  Status Axes(const OpContext& c, std::vector<int64_t>* axes) const {
    *axes = axes_;
    return Given(c, 1) ? ReadInts(c.inputs[1], "axes", axes) : Status();
  }

 private:
  std::vector<int64_t> axes_;
};

class SqueezeOp : public SqueezeBase {
 public:
  using SqueezeBase::SqueezeBase;

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    std::vector<int64_t> axes;
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(Axes(c, &axes));
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes, x.rank(), &marked));
    Shape shape;
    for (int d = 0; d < x.rank(); ++d) {
      const bool named = marked[static_cast<size_t>(d)];
      if (named && x.dim(d) != 1) {
        return Status::BadModel("axis " + std::to_string(d) + " of shape " +
                                ShapeString(x.shape()) + " is not 1");
      }
      if (!(named || (axes.empty() && x.dim(d) == 1))) shape.push_back(x.dim(d));
    }
    return SetView(c, shape);
  }
};

class UnsqueezeOp : public SqueezeBase {
 public:
  using SqueezeBase::SqueezeBase;

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    std::vector<int64_t> axes;
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(Axes(c, &axes));
    if (axes.size() > MOSAIC_MAX_DIMS) return Status::Limit("too many axes");
    const int rank = x.rank() + static_cast<int>(axes.size());
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes, rank, &marked));
    Shape shape;
    int from = 0;
    for (bool inserted : marked) shape.push_back(inserted ? 1 : x.dim(from++));
    return SetView(c, shape);
  }
};

template <typename OpClass>
Status MakeSqueeze(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  const bool axes_input = graph.opset >= 13;
  const bool required = std::is_same_v<OpClass, UnsqueezeOp>;
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, axes_input && required ? 2 : 1, axes_input ? 2 : 1));
  std::vector<int64_t> axes;
  if (!axes_input) {
    if (required && !HasAttribute(node, "axes")) {
      return Status::BadModel("attribute axes is missing");
    }
    axes = node.Ints("axes");
  }
  *out = std::make_unique<OpClass>(std::move(axes));
  return Status();
}

}  // namespace

extern const OpDef kSqueeze = {"Squeeze", 9, 17, &MakeSqueeze<SqueezeOp>};
extern const OpDef kUnsqueeze = {"Unsqueeze", 9, 17, &MakeSqueeze<UnsqueezeOp>};

}  // namespace mosaic
