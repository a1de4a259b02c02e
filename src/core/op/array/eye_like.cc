// EyeLike: a matrix of the shape of the input with ones on a diagonal.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit

class EyeLikeOp : public Op {
 public:
  explicit EyeLikeOp(const Node& node)
      : dtype_(static_cast<int>(node.Int("dtype", MOSAIC_UNDEFINED))), k_(node.Int("k", 0)) {}

  Status Infer(InferContext& c) const override {
    const int dtype = dtype_ == MOSAIC_UNDEFINED ? c.dtype(0) : dtype_;
    MOSAIC_RETURN_IF_ERROR(CheckType<AllTypes>(dtype, "a result"));
    if (!c.in(0).ranked) {
      if (c.concrete()) {
        c.SetUnranked(0, dtype);
        return Status();
      }
      return c.Set(0, dtype, {c.NewDim(), c.NewDim()});
    }
    if (c.in(0).rank() != 2) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) + " is no matrix");
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, c.dims(0)));
    c.ItemsOf(0, false);
    return Status();
  }

  Status Start(Call& c) const override {
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t rows = c.outputs[0].dim(0), columns = c.outputs[0].dim(1);
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    const int64_t k = std::clamp<int64_t>(k_, -rows, columns);
    Dispatch(AllTypes(), c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      std::fill(y + begin, y + end, Store<T>(0));
      for (int64_t row = begin / columns; row * columns < end; ++row) {
        const int64_t at = row * columns + row + k;
        if (row + k >= 0 && row + k < columns && at >= begin && at < end) y[at] = Store<T>(1);
      }
    });
    return Status();
  }

 private:
  int dtype_;
  int64_t k_;
};

}  // namespace

extern const OpDef kEyeLike = {kOnnxDomain, "EyeLike", 22, 25, &MakeOf<EyeLikeOp, 1, 1>};

}  // namespace mosaic
