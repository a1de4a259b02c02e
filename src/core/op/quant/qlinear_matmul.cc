// QLinearMatMul: numpy's matmul of (A - zero points) and (B - zero points) in int32, scaled and
// rounded to bytes. Sums are exact (they wrap around), so their order does not matter.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/quant/requantize.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kColumns = 64;  // of a unit
constexpr int64_t kDepth = 8192;  // of k in a unit

// Which inputs are the operands, their zero points and scales.
struct Inputs {
  size_t a, b, a_zero, b_zero;
  size_t a_scale, b_scale, y_scale, y_zero;
};
constexpr Inputs kLinear = {0, 3, 2, 5, 1, 4, 6, 7};

struct State {
  int64_t n = 0, k = 0, m = 0, depths = 1;
  int64_t sums_at = -1;               // of products of more than one depth that are scaled
  Shape batch, a_strides, b_strides;  // leading dimensions, strides in matrices
};

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

// A vector as a matrix: a row on the left, a column on the right.
template <typename List, typename One>
List AsMatrix(List shape, bool left, One one) {
  if (shape.size() == 1) shape.insert(left ? shape.begin() : shape.end(), one);
  return shape;
}

class IntegerProduct : public Op {
 public:
  explicit IntegerProduct(const Inputs& in) : in_(in) {}

  Status Infer(InferContext& c) const override {
    for (const auto& [i, zero] : {std::pair{in_.a, in_.a_zero}, {in_.b, in_.b_zero}}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(c.dtype(i), "an operand"));
      if (c.Has(zero)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, zero));
    }
    const int dtype = c.dtype(in_.y_zero);
    MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(dtype, "an output"));
    for (size_t i : {in_.a_scale, in_.b_scale, in_.y_scale}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(i), "a scale"));
    }
    if (!c.in(in_.a).ranked || !c.in(in_.b).ranked) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    const Dims &x = c.dims(in_.a), &w = c.dims(in_.b);
    if (x.empty() || w.empty()) return Status::BadModel("a scalar cannot be multiplied");
    const Dims a = AsMatrix(x, true, Dim(1)), b = AsMatrix(w, false, Dim(1));
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(a.back(), b[b.size() - 2],
                       "shapes " + ShapeString(x) + " and " + ShapeString(w) + " do not fit"));
    MOSAIC_RETURN_IF_ERROR(CheckScales(c, a[a.size() - 2], b.back()));
    Dims out;
    MOSAIC_RETURN_IF_ERROR(
        c.Broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2), &out));
    if (x.size() > 1) out.push_back(a[a.size() - 2]);
    if (w.size() > 1) out.push_back(b.back());
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(out)));
    StateItems(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape a = AsMatrix(c.inputs[in_.a].shape(), true, int64_t{1});
    const Shape b = AsMatrix(c.inputs[in_.b].shape(), false, int64_t{1});
    s.n = a[a.size() - 2];
    s.k = a.back();
    s.m = b.back();
    MOSAIC_RETURN_IF_ERROR(
        BroadcastShapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2), &s.batch));
    s.a_strides = MatrixStrides(a, s.batch);
    s.b_strides = MatrixStrides(b, s.batch);
    s.depths = std::max<int64_t>(1, (s.k + kDepth - 1) / kDepth);
    for (size_t i : {in_.a_scale, in_.b_scale}) {
      if (c.inputs[i].size() == 0) return Status::BadModel("a scale is empty");
    }
    if (s.depths > 1) s.sums_at = ReserveScratch(&c, c.outputs[0].size() * 4);
    const int64_t columns = (s.m + kColumns - 1) / kColumns;
    c.OnePhase(NumElements(s.batch) * s.n * columns * s.depths,
               2.0 * static_cast<double>(kColumns * std::min(s.k, kDepth)));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    for (int64_t u = begin; u < end; ++u) {
      if (c.inputs[in_.b].dtype() == MOSAIC_UINT8) {
        Unit<uint8_t>(c, u);
      } else {
        Unit<int8_t>(c, u);
      }
    }
    return Status();
  }

 private:
  // Scales and zero points: one, or one for each row of A, each column of B, each leading matrix.
  Status CheckScales(InferContext& c, const Dim& rows, const Dim& cols) const {
    const auto check = [&](size_t i, const Dim& each) {
      if (!c.Has(i) || !c.in(i).ranked || c.in(i).rank() != 1 || c.dims(i)[0].Is(1)) {
        return Status();
      }
      return c.RequireEqual(c.dims(i)[0], each,
                            "a scale or zero point of shape " + ShapeString(c.dims(i)) +
                                " is not one for each row or column");
    };
    MOSAIC_RETURN_IF_ERROR(check(in_.a_zero, rows));
    MOSAIC_RETURN_IF_ERROR(check(in_.b_zero, cols));
    MOSAIC_RETURN_IF_ERROR(check(in_.a_scale, rows));
    MOSAIC_RETURN_IF_ERROR(check(in_.b_scale, cols));
    for (size_t i : {in_.y_scale, in_.y_zero}) {
      if (c.in(i).ranked && Differ(Product(c.dims(i)), 1)) {
        return Status::Unsupported("scales of the output of shape " + ShapeString(c.dims(i)) +
                                   " are not supported, only one");
      }
    }
    return Status();
  }

  // Items are rows or leading dimensions of A; all else is the same for them.
  void StateItems(InferContext& c) const {
    if (!c.itemised()) return;
    const int axis = c.item_axis(in_.a), rank = c.in(in_.a).rank();
    const auto one = [&](size_t i) {
      return !c.Has(i) || (c.in(i).ranked && Product(c.dims(i)).Is(1));
    };
    const bool apart = axis >= 0 && axis < rank - 1 && c.in(in_.b).rank() <= 2 && one(in_.a_zero) &&
                       one(in_.a_scale);
    c.ItemsOf(in_.a, apart);
  }

  // The element of a scale or zero point for a row (column) of a matrix.
  static int64_t IndexOf(const Tensor& t, int64_t at) { return t.size() <= 1 ? 0 : at % t.size(); }

  template <typename B>
  void Unit(Call& c, int64_t u) const {
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
    const int64_t a_at = a_matrix * s.n + row, b_at = b_matrix * s.m;
    const int32_t a_zero = Zeros(c, in_.a_zero)
                               ? ByteAt(c.inputs[in_.a_zero], IndexOf(c.inputs[in_.a_zero], a_at))
                               : 0;
    uint32_t sums[kColumns] = {};
    int32_t zeros[kColumns] = {};
    for (int64_t j = first; Zeros(c, in_.b_zero) && j < last; ++j) {
      zeros[j - first] = ByteAt(c.inputs[in_.b_zero], IndexOf(c.inputs[in_.b_zero], b_at + j));
    }
    const int64_t y_at = (product * s.n + row) * s.m;
    int32_t* kept = s.sums_at >= 0 ? ScratchAt<int32_t>(c, s.sums_at) + y_at : nullptr;
    for (int64_t j = first; depth > 0 && j < last; ++j) {
      sums[j - first] = static_cast<uint32_t>(kept[j]);
    }
    const Tensor& a = c.inputs[in_.a];
    const B* b = c.inputs[in_.b].data<B>() + b_matrix * s.k * s.m;
    for (int64_t l = depth * kDepth; l < std::min(s.k, (depth + 1) * kDepth); ++l) {
      const int32_t x = ByteAt(a, a_at * s.k + l) - a_zero;
      for (int64_t j = first; j < last; ++j) {
        const int32_t w = static_cast<int32_t>(b[l * s.m + j]) - zeros[j - first];
        sums[j - first] += static_cast<uint32_t>(x * w);
      }
    }
    if (depth + 1 == s.depths) {
      for (int64_t j = first; j < last; ++j) {
        Finish(c, static_cast<int32_t>(sums[j - first]), a_at, b_at + j, y_at + j);
      }
    } else {
      for (int64_t j = first; j < last; ++j) kept[j] = static_cast<int32_t>(sums[j - first]);
    }
  }

  bool Zeros(const Call& c, size_t i) const { return c.Given(i) && c.inputs[i].size() > 0; }

  void Finish(Call& c, int32_t sum, int64_t a_at, int64_t b_at, int64_t at) const {
    const Tensor &a_scale = c.inputs[in_.a_scale], &b_scale = c.inputs[in_.b_scale];
    const float multiplier = ScaleAt(a_scale, IndexOf(a_scale, a_at)) *
                             ScaleAt(b_scale, IndexOf(b_scale, b_at)) /
                             ScaleAt(c.inputs[in_.y_scale], 0);
    const int32_t zero = ByteAt(c.inputs[in_.y_zero], 0);
    Dispatch(ByteTypes(), c.outputs[0].dtype(), [&](auto type) {
      using Y = typename decltype(type)::T;
      c.outputs[0].mutable_data<Y>()[at] = Requantize<Y>(sum, multiplier, zero);
    });
  }

  const Inputs& in_;
};

Status MakeQLinearMatMul(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 8, 8));
  *out = std::make_unique<IntegerProduct>(kLinear);
  return Status();
}

}  // namespace

extern const OpDef kQLinearMatMul = {kOnnxDomain, "QLinearMatMul", 21, 25, &MakeQLinearMatMul};

}  // namespace mosaic
