// MatMulInteger: numpy's matmul of (A - zero points) and (B - zero points) in int32. Exact, so its
// order does not matter.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kColumns = 64;  // of a unit
constexpr int64_t kDepth = 8192;  // of k in a unit

struct State {
  int64_t n = 0, k = 0, m = 0, depths = 1;
  Shape batch, a_strides, b_strides;  // leading dimensions, strides in matrices
};

int64_t Element(const Tensor& t, int64_t i) {
  return t.dtype() == MOSAIC_UINT8 ? t.data<uint8_t>()[i] : t.data<int8_t>()[i];
}

Shape MatrixStrides(const Shape& shape, const Shape& batch) {
  Shape strides(batch.size(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i + 2 < shape.size(); ++i) {
    const int64_t d = shape[shape.size() - 3 - i];
    if (d != 1) strides[batch.size() - 1 - i] = stride;
    stride *= d;
  }
  return strides;
}

class MatMulInteger : public Op {
 public:
  Status Infer(InferContext& c) const override {
    for (size_t i : {0, 1}) {
      MOSAIC_RETURN_IF_ERROR((CheckType<Types<int8_t, uint8_t>>(c.dtype(i), "an operand")));
      if (c.Has(i + 2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, i + 2));
    }
    if (!c.in(0).ranked || !c.in(1).ranked) {
      c.SetUnranked(0, MOSAIC_INT32);
      return Status();
    }
    const Dims &a = c.dims(0), &b = c.dims(1);
    if (a.size() < 2 || b.size() < 2) {
      return Status::Unsupported("operands of shapes " + ShapeString(a) + " and " + ShapeString(b) +
                                 " (vectors) are not supported");
    }
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(a.back(), b[b.size() - 2],
                       "shapes " + ShapeString(a) + " and " + ShapeString(b) + " do not fit"));
    Dims out;
    MOSAIC_RETURN_IF_ERROR(
        c.Broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2), &out));
    out.push_back(a[a.size() - 2]);
    out.push_back(b.back());
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_INT32, std::move(out)));
    // Items are rows or leading dimensions of A; B and the zero points are the same for all.
    const bool rows = c.item_axis(0) >= 0 && c.item_axis(0) < c.in(0).rank() - 1;
    const bool one = !c.Has(2) || (c.in(2).ranked && Product(c.dims(2)).Is(1));
    if (c.itemised() && rows && one && b.size() == 2) {
      c.ItemsOf(0);
    } else if (c.itemised()) {
      c.Mix();
    }
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &a = c.inputs[0].shape(), &b = c.inputs[1].shape();
    s.n = a[a.size() - 2];
    s.k = a.back();
    s.m = b.back();
    MOSAIC_RETURN_IF_ERROR(
        BroadcastShapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2), &s.batch));
    s.a_strides = MatrixStrides(a, s.batch);
    s.b_strides = MatrixStrides(b, s.batch);
    s.depths = std::max<int64_t>(1, (s.k + kDepth - 1) / kDepth);
    const int64_t columns = (s.m + kColumns - 1) / kColumns;
    c.OnePhase(NumElements(s.batch) * s.n * columns * s.depths,
               2.0 * static_cast<double>(kColumns * std::min(s.k, kDepth)));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    for (int64_t u = begin; u < end; ++u) {
      if (c.inputs[1].dtype() == MOSAIC_UINT8) {
        Unit<uint8_t>(c, u);
      } else {
        Unit<int8_t>(c, u);
      }
    }
    return Status();
  }

 private:
  template <typename B>
  static void Unit(Call& c, int64_t u) {
    const State& s = c.state<State>();
    const int64_t columns = (s.m + kColumns - 1) / kColumns;
    const int64_t depth = u % s.depths, place = u / s.depths;
    const int64_t first = place % columns * kColumns, last = std::min(first + kColumns, s.m);
    const int64_t row = place / columns % s.n;
    int64_t index = place / columns / s.n, a_matrix = 0, b_matrix = 0;
    const int64_t product = index;
    for (size_t d = s.batch.size(); d-- > 0;) {
      a_matrix += index % s.batch[d] * s.a_strides[d];
      b_matrix += index % s.batch[d] * s.b_strides[d];
      index /= s.batch[d];
    }
    const int64_t a_zeros = c.Given(2) ? c.inputs[2].size() : 0;
    const int64_t b_zeros = c.Given(3) ? c.inputs[3].size() : 0;
    const int32_t a_zero =
        a_zeros == 0 ? 0
                     : static_cast<int32_t>(Element(
                           c.inputs[2], a_zeros == 1 ? 0 : (a_matrix * s.n + row) % a_zeros));
    uint32_t sums[kColumns] = {};
    int32_t zeros[kColumns] = {};
    for (int64_t j = first; b_zeros > 0 && j < last; ++j) {
      zeros[j - first] = static_cast<int32_t>(
          Element(c.inputs[3], b_zeros == 1 ? 0 : (b_matrix * s.m + j) % b_zeros));
    }
    int32_t* y = c.outputs[0].mutable_data<int32_t>() + (product * s.n + row) * s.m;
    for (int64_t j = first; depth > 0 && j < last; ++j)
      sums[j - first] = static_cast<uint32_t>(y[j]);
    const int64_t a_row = (a_matrix * s.n + row) * s.k;
    const B* b = c.inputs[1].data<B>() + b_matrix * s.k * s.m;
    for (int64_t l = depth * kDepth; l < std::min(s.k, (depth + 1) * kDepth); ++l) {
      const int32_t x = static_cast<int32_t>(Element(c.inputs[0], a_row + l)) - a_zero;
      for (int64_t j = first; j < last; ++j) {
        const int32_t w = static_cast<int32_t>(b[l * s.m + j]) - zeros[j - first];
        sums[j - first] += static_cast<uint32_t>(x * w);
      }
    }
    for (int64_t j = first; j < last; ++j) y[j] = static_cast<int32_t>(sums[j - first]);
  }
};

}  // namespace

extern const OpDef kMatMulInteger = {kOnnxDomain, "MatMulInteger", 10, 25,
                                     &MakePlain<MatMulInteger, 2, 4>};

}  // namespace mosaic
