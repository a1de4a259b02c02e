// Trilu: of every matrix (the last two dimensions) the part above, or below, a diagonal; zeros
// elsewhere. Diagonal k lies k columns right of the main one.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit

class TriluOp : public Op {
 public:
  explicit TriluOp(const Node& node) : upper_(node.Int("upper", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    if (c.Has(1)) {
      MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(1), "k"));
      if (LengthOf(c.in(1)) >= 0 && LengthOf(c.in(1)) != 1) {
        return Status::BadModel("k must be one element");
      }
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const int rank = c.in(0).rank();
    if (rank < 2) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) + " has no matrices");
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    c.ItemsOf(0, c.item_axis(0) < rank - 2);
    return Status();
  }

  Status Start(Call& c) const override {
    const double row = static_cast<double>(std::max<int64_t>(c.outputs[0].shape().back(), 1));
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk * (1 + 20 / row));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    DispatchSize(c.inputs[0].dtype(),
                 [&](auto type) { Fill<typename decltype(type)::T>(c, begin, end); });
    return Status();
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  template <typename T>
  void Fill(Call& c, int64_t at, int64_t end) const {
    const Shape& shape = c.outputs[0].shape();
    const int64_t columns = shape.back(), rows = shape[shape.size() - 2];
    const int64_t k = c.Given(1) ? *c.inputs[1].data<int64_t>() : 0;
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    while (at < end) {
      const int64_t column = at % columns, row = at / columns % rows;
      const int64_t n = std::min(columns - column, end - at);
      // The first column right of (on) the diagonal; far-off values of k do not overflow.
      const int64_t diagonal = std::clamp<int64_t>(k, -rows, columns) + row;
      const int64_t edge = std::clamp<int64_t>(diagonal + (upper_ ? 0 : 1) - column, 0, n);
      const int64_t kept = upper_ ? edge : 0, kept_end = upper_ ? n : edge;
      std::fill(y + at, y + at + kept, T());
      if (x != y) std::copy(x + at + kept, x + at + kept_end, y + at + kept);
      std::fill(y + at + kept_end, y + at + n, T());
      at += n;
    }
  }

  bool upper_;
};

}  // namespace

extern const OpDef kTrilu = {kOnnxDomain, "Trilu", 14, 25, &MakeOf<TriluOp, 1, 2>};

}  // namespace mosaic
