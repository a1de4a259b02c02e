// AffineGrid: where the points of an image of the given size lie after an affine map; in two or
// three dimensions, for GridSample.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kPoints = 1024;  // of a unit

class AffineGridOp : public Op {
 public:
  explicit AffineGridOp(const Node& node) : align_(node.Int("align_corners", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "theta"));
    Dims size;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 1, "size", &size, &known));
    if (!known) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    if (size.size() != 4 && size.size() != 5) {
      return Status::BadModel("size has " + std::to_string(size.size()) +
                              " elements instead of 4 or 5");
    }
    const int64_t n = static_cast<int64_t>(size.size()) - 2;
    if (c.in(0).ranked) {
      const Dims& theta = c.dims(0);
      if (theta.size() != 3 || Differ(theta[1], n) || Differ(theta[2], n + 1)) {
        return Status::BadModel("theta of shape " + ShapeString(theta) + " does not fit " +
                                std::to_string(n) + " dimensions");
      }
      MOSAIC_RETURN_IF_ERROR(
          c.RequireEqual(theta[0], size[0], "theta and size are not of as many images"));
    }
    Dims out = {size[0]};
    out.insert(out.end(), size.begin() + 2, size.end());
    out.push_back(n);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    ItemsKept(c, c.item_axis(0) == 0 ? 0 : kMixed);
    return Status();
  }

  Status Start(Call& c) const override {
    const int64_t n = c.outputs[0].shape().back();
    c.OnePhase(Chunks(c.outputs[0].size() / n, kPoints), static_cast<double>(kPoints * n * 10));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const int64_t points = c.outputs[0].size() / c.outputs[0].shape().back();
      for (int64_t p = begin * kPoints; p < std::min(end * kPoints, points); ++p) Point<T>(c, p);
    });
    return Status();
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  template <typename T>
  void Point(Call& c, int64_t p) const {
    const Shape& y = c.outputs[0].shape();
    const int64_t n = y.back();
    double at[4];  // x first, then 1
    int64_t rest = p;
    for (int64_t d = 0; d < n; ++d) {
      const int64_t size = y[static_cast<size_t>(n - d)];
      at[d] = Coordinate(rest % size, size);
      rest /= size;
    }
    at[n] = 1;
    const T* theta = c.inputs[0].data<T>() + rest * n * (n + 1);
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t k = 0; k <= n; ++k) {
        sum += static_cast<double>(Load(theta[i * (n + 1) + k])) * at[k];
      }
      c.outputs[0].mutable_data<T>()[p * n + i] = Store<T>(static_cast<ComputeType<T>>(sum));
    }
  }

  double Coordinate(int64_t i, int64_t size) const {
    const double n = static_cast<double>(size), x = static_cast<double>(i);
    if (align_) return size == 1 ? 0 : -1 + 2 * x / (n - 1);
    return -1 + (2 * x + 1) / n;
  }

  bool align_;
};

}  // namespace

extern const OpDef kAffineGrid = {kOnnxDomain, "AffineGrid", 20, 25, &MakeOf<AffineGridOp, 2, 2>};

}  // namespace mosaic
