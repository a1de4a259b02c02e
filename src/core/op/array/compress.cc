// Compress: of the indices along an axis (without one: of all elements in a row) those for which
// the condition holds. A condition that is too short is false for the rest.
#include <algorithm>
#include <cstring>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // conditions, elements of a unit

struct State {
  AxisView view;
  int64_t conditions = 0;
  int64_t chosen = 0;  // of the run
};

// Phases: choose indices (in scratch memory); make the result; copy.
class CompressOp : public Op {
 public:
  explicit CompressOp(const Node& node)
      : flat_(!HasAttribute(node, "axis")), axis_(node.Int("axis", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<BoolTypes>(c.dtype(1), "a condition"));
    if (c.in(1).ranked && c.in(1).rank() != 1) {
      return Status::BadModel("a condition must have one dimension, has shape " +
                              ShapeString(c.dims(1)));
    }
    if (flat_) return c.Set(0, c.dtype(0), {c.NewDim()});
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    Dims out = c.dims(0);
    out[static_cast<size_t>(axis)] = c.NewDim();
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, c.item_axis(0) != axis);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Tensor& x = c.inputs[0];
    if (flat_) {
      s.view.size = x.size();
    } else {
      MOSAIC_RETURN_IF_ERROR(ViewAxis(x.shape(), axis_, &s.view));
    }
    s.conditions = std::min(c.inputs[1].size(), s.view.size);
    c.scratch_bytes = s.conditions * int64_t{sizeof(int64_t)};
    c.OnePhase(std::max<int64_t>(1, Chunks(s.conditions, kChunk)), kChunk);
    c.phases.push_back({1, 1});
    // As many elements as there may be.
    const int64_t most = s.view.outer * s.conditions * s.view.inner;
    c.phases.push_back({Chunks(most, kChunk), 20 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    if (phase == 0) {
      Choose(c, begin, end);
    } else if (phase == 1) {
      Shape shape = {s.chosen};
      if (!flat_) {
        shape = c.inputs[0].shape();
        shape[static_cast<size_t>(s.view.axis)] = s.chosen;
      }
      return c.Allocate(0, c.inputs[0].dtype(), shape);
    } else {
      Copy(c, begin * kChunk, std::min(end * kChunk, c.outputs[0].size()));
    }
    return Status();
  }

 private:
  static void Choose(Call& c, int64_t begin, int64_t end) {
    State& s = c.state<State>();
    if (begin == 0) s.chosen = 0;
    int64_t* chosen = static_cast<int64_t*>(c.scratch);
    const Bool* condition = c.inputs[1].data<Bool>();
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, s.conditions); ++i) {
      if (Load(condition[i])) chosen[s.chosen++] = i;
    }
  }

  // Elements [at, end) of the result.
  static void Copy(Call& c, int64_t at, int64_t end) {
    const State& s = c.state<State>();
    const int64_t* chosen = static_cast<const int64_t*>(c.scratch);
    const int64_t size = DTypeSize(c.inputs[0].dtype()), inner = s.view.inner;
    const char* x = c.inputs[0].data<char>();
    char* y = c.outputs[0].mutable_data<char>();
    while (at < end) {
      const int64_t i = at % inner, row = at / inner, n = std::min(inner - i, end - at);
      const int64_t from = row / s.chosen * s.view.size + chosen[row % s.chosen];
      std::memcpy(y + at * size, x + (from * inner + i) * size, static_cast<size_t>(n * size));
      at += n;
    }
  }

  bool flat_;
  int64_t axis_;
};

}  // namespace

extern const OpDef kCompress = {kOnnxDomain, "Compress", 11, 25, &MakeOf<CompressOp, 2, 2>};

}  // namespace mosaic
