// Split: the input in parts along an axis: of given lengths, or num_outputs equal ones of which the
// last may be shorter, or as many equal ones as there are outputs.
#include <algorithm>
#include <cstring>

#include "core/op/array/array_support.h"
#include "core/tensor/parts.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements of a unit

class SplitOp : public Op {
 public:
  explicit SplitOp(const Node& node)
      : axis_(node.Int("axis", 0)),
        count_(node.outputs.size()),
        uneven_(HasAttribute(node, "num_outputs") && node.Int("equal", 0) == 0) {}

  Status Infer(InferContext& c) const override {
    Dims lengths;
    bool told = c.in(0).ranked;
    if (c.Has(1)) {
      MOSAIC_RETURN_IF_ERROR((CheckType<IndexTypes>(c.dtype(1), "split")));
      told = c.Known(1, &lengths) && told;
    }
    if (!told) {
      for (size_t o = 0; o < count_; ++o) c.SetUnranked(o, c.dtype(0));
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    const size_t a = static_cast<size_t>(axis);
    MOSAIC_RETURN_IF_ERROR(Lengths(c.dims(0)[a], c.Has(1), &lengths));
    for (size_t o = 0; o < count_; ++o) {
      Dims dims = c.dims(0);
      dims[a] = lengths[o].is_unknown() ? c.NewDim() : lengths[o];
      MOSAIC_RETURN_IF_ERROR(c.Set(o, c.dtype(0), std::move(dims)));
    }
    c.ItemsOf(0, c.item_axis(0) != axis);
    FollowInts(c, lengths);
    return Status();
  }

  Status Start(Call& c) const override {
    const Tensor& x = c.inputs[0];
    AxisView v;
    MOSAIC_RETURN_IF_ERROR(ViewAxis(x.shape(), axis_, &v));
    Dims lengths;
    if (c.Given(1)) {
      std::vector<int64_t> given;
      MOSAIC_RETURN_IF_ERROR(c.Ints(1, "split", &given));
      lengths.assign(given.begin(), given.end());
    }
    MOSAIC_RETURN_IF_ERROR(Lengths(v.size, c.Given(1), &lengths));
    Parts& parts = c.NewState<Parts>();
    parts.starts.push_back(0);
    for (const Dim& n : lengths) {
      parts.starts.push_back(parts.starts.back() + n.number() * v.inner);
    }
    c.OnePhase(Chunks(x.size(), kChunk), kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t size = DTypeSize(c.inputs[0].dtype());
    const char* x = static_cast<const char*>(c.inputs[0].raw());
    c.state<Parts>().ForEachRun(begin * kChunk, std::min(end * kChunk, c.inputs[0].size()),
                                [&](int64_t at, size_t part, int64_t to, int64_t n) {
                                  if (!c.outputs[part].defined()) return;
                                  char* y = static_cast<char*>(c.outputs[part].mutable_raw());
                                  std::memcpy(y + to * size, x + at * size,
                                              static_cast<size_t>(n * size));
                                });
    return Status();
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  // The parts of a dimension, one for each output; *lengths holds those that are given.
  Status Lengths(const Dim& dim, bool given, Dims* lengths) const {
    const Dim count = static_cast<int64_t>(count_);
    if (!given) {
      const std::optional<Dim> equal = dim.DividedBy(count);
      if (!equal && dim.is_number() && !uneven_) return CannotSplit(dim, *lengths);
      const Dim each = equal ? *equal : uneven_ ? CeilDiv(dim, count) : Dim();
      lengths->assign(count_, each);
      lengths->back() = equal ? each : dim - each * (count - 1);
    }
    bool fits = lengths->size() == count_;
    Dim rest = dim;
    for (const Dim& n : *lengths) {
      fits = fits && !(n.is_number() && n.number() < 0);
      rest = rest - n;
    }
    if (!fits || (rest.is_number() && !rest.Is(0))) return CannotSplit(dim, *lengths);
    return Status();
  }

  Status CannotSplit(const Dim& dim, const Dims& lengths) const {
    Dims shown(lengths.begin(),
               lengths.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(lengths.size(), 16)));
    return Status::BadModel("a dimension of " + dim.ToString() + " cannot be split into " +
                            std::to_string(count_) + " outputs" +
                            (lengths.empty() ? "" : " of lengths " + ShapeString(shown)));
  }

  // A shape in parts.
  static void FollowInts(InferContext& c, const Dims& lengths) {
    Dims sizes;
    if (c.in(0).rank() != 1 || !c.Known(0, &sizes)) return;
    size_t at = 0;
    for (size_t o = 0; o < lengths.size(); ++o) {
      if (!lengths[o].is_number()) return;
      const size_t end = at + static_cast<size_t>(lengths[o].number());
      if (end > sizes.size()) return;
      c.out(o).ints = std::make_shared<Dims>(sizes.begin() + static_cast<std::ptrdiff_t>(at),
                                             sizes.begin() + static_cast<std::ptrdiff_t>(end));
      at = end;
    }
  }

  int64_t axis_;
  size_t count_;
  bool uneven_;  // the last part may be shorter (lowering says where it may not, by "equal")
};

Status MakeSplit(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 2, 1 << 20));
  const int64_t outputs = static_cast<int64_t>(node.outputs.size());
  if (node.Int("num_outputs", outputs) != outputs) {
    return Status::BadModel("num_outputs is " + std::to_string(node.Int("num_outputs", 0)) + ", " +
                            std::to_string(outputs) + " outputs are named");
  }
  *out = std::make_unique<SplitOp>(node);
  return Status();
}

}  // namespace

extern const OpDef kSplit = {kOnnxDomain, "Split", 18, 25, &MakeSplit};

}  // namespace mosaic
