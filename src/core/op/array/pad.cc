// Pad: elements added (or, with negative pads, taken away) before and after each axis. Mode
// constant fills them with a value; edge, reflect and wrap take them from the input.
#include <algorithm>
#include <cstring>

#include "core/op/array/array_support.h"
#include "core/tensor/strided.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

enum Mode { kConstant, kEdge, kReflect, kWrap };

// One dimension: "before" elements come before the input's first.
struct Side {
  int64_t before = 0, size = 0;
};

struct State {
  std::vector<Side> sides;
  Shape y;
  Strides strides;  // of the input
};

// Where index i (counted from the input's first) is taken from; -1: nowhere. REQUIRES: size > 0,
// but for kConstant.
int64_t Source(Mode mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case kConstant:
      return -1;
    case kEdge:
      return i < 0 ? 0 : size - 1;
    case kWrap:
      return (i % size + size) % size;
    case kReflect:
      break;
  }
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1), at = (i % period + period) % period;
  return at < size ? at : period - at;
}

class PadOp : public Op {
 public:
  explicit PadOp(Mode mode) : mode_(mode) {}

  Status Infer(InferContext& c) const override {
    std::vector<int64_t> axes;
    Dims pads;
    std::vector<int64_t> checked;
    bool known = false, axes_known = true;
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "pads", &checked, &known));
    if (c.Has(3)) MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 3, "axes", &axes, &axes_known));
    if (c.Has(2)) {
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
      const int64_t n = LengthOf(c.in(2));
      if (n >= 0 && n != 1) return Status::BadModel("constant_value must be one element");
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims out = c.dims(0);
    if (!c.Known(1, &pads) || !axes_known) {
      for (Dim& d : out) d = c.NewDim();
      return c.Set(0, c.dtype(0), std::move(out));
    }
    MOSAIC_RETURN_IF_ERROR(CompleteAxes(c.in(0).rank(), pads.size(), c.Has(3), &axes));
    bool apart = true;
    for (size_t k = 0; k < axes.size(); ++k) {
      const Dim &before = pads[k], &after = pads[k + axes.size()];
      if (before.Is(0) && after.Is(0)) continue;
      const size_t d = static_cast<size_t>(axes[k]);
      apart = apart && axes[k] != c.item_axis(0);
      out[d] = out[d] + before + after;
      if (out[d].is_unknown()) out[d] = c.NewDim();
      if (out[d].is_number() && out[d].number() < 0) {
        return Status::BadModel("pads take more from shape " + ShapeString(c.dims(0)) +
                                " than there is");
      }
      if (mode_ != kConstant && c.dims(0)[d].Is(0) && out[d].is_number() && !out[d].Is(0)) {
        return Status::BadModel("an empty axis has nothing to pad with");
      }
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    ItemsKept(c, apart ? c.item_axis(0) : kMixed);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    std::vector<int64_t> pads, axes;
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "pads", &pads));
    if (c.Given(3)) MOSAIC_RETURN_IF_ERROR(c.Ints(3, "axes", &axes));
    const Shape& x = c.inputs[0].shape();
    MOSAIC_RETURN_IF_ERROR(CompleteAxes(c.inputs[0].rank(), pads.size(), c.Given(3), &axes));
    for (int64_t size : x) s.sides.push_back({0, size});
    for (size_t k = 0; k < axes.size(); ++k) s.sides[static_cast<size_t>(axes[k])].before = pads[k];
    s.y = c.outputs[0].shape();
    s.strides = RowMajorStrides(x);
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), 2 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    DispatchSize(c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      Fill<T>(c, begin, end);
    });
    return Status();
  }

  bool shape_input(int i) const override { return i == 1 || i == 3; }

 private:
  // As many axes as there are pairs of pads, counted from the front.
  static Status CompleteAxes(int rank, size_t pads, bool given, std::vector<int64_t>* axes) {
    if (!given) {
      for (int d = 0; d < rank; ++d) axes->push_back(d);
    }
    if (pads != 2 * axes->size()) {
      return Status::BadModel("pads has " + std::to_string(pads) + " elements for " +
                              std::to_string(axes->size()) + " axes");
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(*axes, rank, &marked));
    for (int64_t& a : *axes) a += a < 0 ? rank : 0;
    return Status();
  }

  // Elements [begin, end) of the output, row by row.
  template <typename T>
  void Fill(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const bool given = c.Given(2);
    const T value = given ? *c.inputs[2].data<T>() : T();
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    const size_t rank = s.y.size();
    if (rank == 0) {
      *y = *x;
      return;
    }
    const int64_t row = s.y[rank - 1];
    while (begin < end) {
      int64_t rest = begin / row, base = 0;
      const int64_t column = begin % row, n = std::min(row - column, end - begin);
      for (size_t d = rank - 1; d-- > 0 && base >= 0;) {
        const int64_t from = Source(mode_, rest % s.y[d] - s.sides[d].before, s.sides[d].size);
        base = from < 0 ? -1 : base + from * s.strides[d];
        rest /= s.y[d];
      }
      if (base < 0) {
        std::fill(y + begin, y + begin + n, value);
      } else {
        FillRow(s.sides[rank - 1], x + base, column, n, value, y + begin);
      }
      begin += n;
    }
  }

  // Columns [column, column + n) of an output row, from a row of the input.
  template <typename T>
  void FillRow(const Side& side, const T* x, int64_t column, int64_t n, T value, T* y) const {
    int64_t i = column - side.before;
    const int64_t last = i + n;
    for (; i < last && i < 0; ++i) *y++ = At(side, x, i, value);
    const int64_t inside = std::min(last, side.size) - i;
    if (inside > 0) {
      std::copy(x + i, x + i + inside, y);
      y += inside;
      i += inside;
    }
    for (; i < last; ++i) *y++ = At(side, x, i, value);
  }
  template <typename T>
  T At(const Side& side, const T* x, int64_t i, T value) const {
    const int64_t from = Source(mode_, i, side.size);
    return from < 0 ? value : x[from];
  }

  Mode mode_;
};

Status MakePad(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 4));
  const std::string mode = node.String("mode", "constant");
  const char* const names[] = {"constant", "edge", "reflect", "wrap"};
  for (int m = kConstant; m <= kWrap; ++m) {
    if (mode != names[m]) continue;
    *out = std::make_unique<PadOp>(static_cast<Mode>(m));
    return Status();
  }
  return Status::BadModel("mode " + Quoted(mode) + " is unknown");
}

}  // namespace

extern const OpDef kPad = {kOnnxDomain, "Pad", 25, 25, &MakePad};

}  // namespace mosaic
