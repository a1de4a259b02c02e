// SplitToSequence: the parts of an array along an axis, of one size, of given sizes, or of 1 each.
#include <algorithm>
#include <cstring>

#include "core/op/array/sequence.h"
#include "core/tensor/parts.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements of a unit

struct State {
  AxisView view;
  Parts parts;
  std::vector<int64_t> lengths;
};

class SplitToSequenceOp : public SequenceOp {
 public:
  explicit SplitToSequenceOp(const Node& node)
      : axis_(node.Int("axis", 0)), keep_(node.Int("keepdims", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    if (c.Has(1)) {
      MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(1), "split"));
      if (c.in(1).ranked && c.in(1).rank() > 1) {
        return Status::BadModel("split must have one dimension, has shape " +
                                ShapeString(c.dims(1)));
      }
      if (!c.in(1).value.defined() || c.in(1).value.raw() == nullptr) c.Defer();
    }
    int axis = 0;
    if (c.in(0).ranked) MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    SetSequence(c, c.dtype(0));
    return Status();
  }

  // Phases: make the parts (of axis 0 they are views); copy.
  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.inputs[0].shape(), axis_, &s.view));
    MOSAIC_RETURN_IF_ERROR(Lengths(c, s.view.size, &s.lengths));
    s.parts.starts.push_back(0);
    for (int64_t n : s.lengths) s.parts.starts.push_back(s.parts.starts.back() + n * s.view.inner);
    c.OnePhase(1, 100 * static_cast<double>(s.lengths.size()));
    if (s.view.outer > 1) c.phases.push_back({Chunks(c.inputs[0].size(), kChunk), kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    if (phase == 0) return MakeParts(c);
    const int64_t size = DTypeSize(c.inputs[0].dtype());
    const char* x = c.inputs[0].data<char>();
    const std::vector<Tensor>& items = c.outputs[0].items();
    s.parts.ForEachRun(begin * kChunk, std::min(end * kChunk, c.inputs[0].size()),
                       [&](int64_t at, size_t part, int64_t to, int64_t n) {
                         Tensor y = items[part];
                         std::memcpy(static_cast<char*>(y.mutable_raw()) + to * size, x + at * size,
                                     static_cast<size_t>(n * size));
                       });
    return Status();
  }

 private:
  Status Lengths(const Call& c, int64_t size, std::vector<int64_t>* out) const {
    std::vector<int64_t> split = {1};
    const bool given = c.Given(1), list = given && c.inputs[1].rank() == 1;
    if (given) MOSAIC_RETURN_IF_ERROR(c.Ints(1, "split", &split));
    if (list) {
      int64_t rest = size;
      bool fits = true;
      for (int64_t n : split) {
        fits = fits && n >= 0 && n <= rest;
        if (fits) rest -= n;
      }
      if (!fits || rest != 0) return CannotSplit(size);
      MOSAIC_RETURN_IF_ERROR(CheckLength(static_cast<int64_t>(split.size())));
      *out = std::move(split);
      return Status();
    }
    if (split[0] < 1) return CannotSplit(size);
    MOSAIC_RETURN_IF_ERROR(CheckLength(Chunks(size, std::min(split[0], size + 1))));
    out->clear();
    for (int64_t at = 0; at < size; at += out->back())
      out->push_back(std::min(split[0], size - at));
    return Status();
  }

  static Status CannotSplit(int64_t size) {
    return Status::Invalid("a dimension of " + std::to_string(size) +
                           " cannot be split into the given lengths");
  }

  Status MakeParts(Call& c) const {
    const State& s = c.state<State>();
    const Tensor& x = c.inputs[0];
    const bool drop = !keep_ && !c.Given(1);
    Tensor whole = x;
    Shape shape = x.shape();
    const size_t a = static_cast<size_t>(s.view.axis);
    if (s.view.outer == 1) whole = x.Reshaped({s.view.size, s.view.inner});
    std::vector<Tensor> items;
    int64_t at = 0;
    for (int64_t n : s.lengths) {
      shape[a] = n;
      Tensor part =
          s.view.outer == 1 ? whole.Slice(at, n).Reshaped(shape) : c.arena->New(x.dtype(), shape);
      if (drop) {
        Shape dropped = shape;
        dropped.erase(dropped.begin() + a);
        part = part.Reshaped(dropped);
      }
      items.push_back(std::move(part));
      at += n;
    }
    return GiveSequence(c, std::move(items));
  }

  int64_t axis_;
  bool keep_;
};

}  // namespace

extern const OpDef kSplitToSequence = {kOnnxDomain, "SplitToSequence", 24, 25,
                                       &MakeOf<SplitToSequenceOp, 1, 2>};

}  // namespace mosaic
