// QLinearMatMul: numpy's matmul of (A - zero points) and (B - zero points) in int32
// (byte_product.h), scaled and rounded to bytes.
#include <algorithm>
#include <limits>

#include "core/op/op_support.h"
#include "core/op/quant/byte_product.h"
#include "core/op/quant/requantize.h"

namespace mosaic {
namespace {

enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero };

class QLinearMatMul : public ByteProduct {
 public:
  QLinearMatMul() : ByteProduct({kA, kB, kAZero, kBZero}, false, false) {}

  Status Infer(InferContext& c) const override {
    for (const auto& [i, zero] : {std::pair{kA, kAZero}, {kB, kBZero}}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(c.dtype(i), "an operand"));
      if (c.Has(zero)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, zero));
    }
    const int dtype = c.dtype(kYZero);
    MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(dtype, "an output"));
    for (size_t i : {kAScale, kBScale, kYScale}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(i), "a scale"));
    }
    if (!c.in(kA).ranked || !c.in(kB).ranked) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    const Dims &x = c.dims(kA), &w = c.dims(kB);
    if (x.empty() || w.empty()) return Status::BadModel("a scalar cannot be multiplied");
    const Dims a = ByteMatrix(x, true, Dim(1)), b = ByteMatrix(w, false, Dim(1));
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
    for (size_t i : {kAScale, kBScale}) {
      if (c.inputs[i].size() == 0) return Status::BadModel("a scale is empty");
    }
    return ByteProduct::Start(c);
  }

 protected:
  void FinishRow(Call& c, const IntegerRow& row, const Place& at) const override {
    const float a_scale = ScaleAt(c.inputs[kAScale], IndexOf(c.inputs[kAScale], at.a_row));
    const float y_scale = ScaleAt(c.inputs[kYScale], 0);
    const Tensor& b_scale = c.inputs[kBScale];
    static constexpr int32_t kNothing[kColumns] = {};
    float multiplier[kColumns];
    for (int64_t j = 0; j < row.n; ++j) {
      multiplier[j] = a_scale * ScaleAt(b_scale, IndexOf(b_scale, at.b_column + j)) / y_scale;
    }
    const bool is_signed = c.outputs[0].dtype() == MOSAIC_INT8;
    const ByteSteps steps = {multiplier,
                             kNothing,
                             nullptr,
                             1,
                             ByteAt(c.inputs[kYZero], 0),
                             is_signed ? std::numeric_limits<int8_t>::min() : 0,
                             is_signed ? std::numeric_limits<int8_t>::max() : 255};
    FinishBytes(row, steps, c.outputs[0].mutable_data<uint8_t>() + at.out);
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
    MOSAIC_RETURN_IF_ERROR(check(kAZero, rows));
    MOSAIC_RETURN_IF_ERROR(check(kBZero, cols));
    MOSAIC_RETURN_IF_ERROR(check(kAScale, rows));
    MOSAIC_RETURN_IF_ERROR(check(kBScale, cols));
    for (size_t i : {kYScale, kYZero}) {
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
    const int axis = c.item_axis(kA), rank = c.in(kA).rank();
    const auto one = [&](size_t i) {
      return !c.Has(i) || (c.in(i).ranked && Product(c.dims(i)).Is(1));
    };
    const bool apart =
        axis >= 0 && axis < rank - 1 && c.in(kB).rank() <= 2 && one(kAZero) && one(kAScale);
    c.ItemsOf(kA, apart);
  }

  // The element of a scale or zero point for a row (column) of a matrix.
  static int64_t IndexOf(const Tensor& t, int64_t at) { return t.size() <= 1 ? 0 : at % t.size(); }
};

Status MakeQLinearMatMul(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 8, 8));
  *out = std::make_unique<QLinearMatMul>();
  return Status();
}

}  // namespace

extern const OpDef kQLinearMatMul = {kOnnxDomain, "QLinearMatMul", 21, 25, &MakeQLinearMatMul};

}  // namespace mosaic
