// MatMulInteger: numpy's matmul of (A - zero points) and (B - zero points) in int32
// (byte_product.h). QGemm, which is lowered to it, also transposes. Fused (matmul_integer.h), a
// scale and a bias follow.
#include "core/op/quant/matmul_integer.h"

#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/quant/byte_product.h"

namespace mosaic {
namespace {

class MatMulInteger : public ByteProduct {
 public:
  explicit MatMulInteger(const Node& node, bool scaled = false)
      : ByteProduct({0, 1, 2, 3}, node.Int("transA", 0) != 0, node.Int("transB", 0) != 0),
        scaled_(scaled) {}

  Status Infer(InferContext& c) const override;

 protected:
  void FinishRow(Call& c, const IntegerRow& row, const Place& at) const override;

 private:
  static Status CheckZeros(const InferContext& c, size_t i, const Dim& one, const Dim& all);
  Status InferScale(InferContext& c, const Dim& columns) const;

  bool scaled_;
};

Status MatMulInteger::Infer(InferContext& c) const {
  for (size_t i : {0, 1}) {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int8_t, uint8_t>>(c.dtype(i), "an operand")));
    if (c.Has(i + 2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, i + 2));
  }
  const int to = scaled_ ? MOSAIC_FLOAT : MOSAIC_INT32;
  if (!c.in(0).ranked || !c.in(1).ranked) {
    c.SetUnranked(0, to);
    return Status();
  }
  Dims a = c.dims(0), b = c.dims(1);
  const std::string shapes = "shapes " + ShapeString(a) + " and " + ShapeString(b);
  if (a.size() < 2 || b.size() < 2) {
    return Status::Unsupported("operands of " + shapes + " (vectors) are not supported");
  }
  if (trans_a_) std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (trans_b_) std::swap(b[b.size() - 1], b[b.size() - 2]);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(a.back(), b[b.size() - 2], shapes + " do not fit"));
  const Dim &m = a[a.size() - 2], &n = b.back();
  MOSAIC_RETURN_IF_ERROR(CheckZeros(c, 2, m, Product(Dims(a.begin(), a.end() - 1))));
  MOSAIC_RETURN_IF_ERROR(CheckZeros(c, 3, n, Product(Dims(b.begin(), b.end() - 2)) * n));
  Dims out;
  MOSAIC_RETURN_IF_ERROR(
      c.Broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2), &out));
  out.push_back(a[a.size() - 2]);
  out.push_back(b.back());
  if (scaled_) MOSAIC_RETURN_IF_ERROR(InferScale(c, b.back()));
  MOSAIC_RETURN_IF_ERROR(c.Set(0, to, std::move(out)));
  // Items are rows or leading dimensions of A; B and the zero points are the same for all.
  const bool rows = c.item_axis(0) >= 0 && c.item_axis(0) < c.in(0).rank() - 1 && !trans_a_;
  bool one = !c.Has(2) || (c.in(2).ranked && Product(c.dims(2)).Is(1));
  for (size_t i = 4; i < c.inputs(); ++i) one = one && !(c.Has(i) && c.Itemised(i));
  if (c.itemised() && rows && one && b.size() == 2) {
    c.ItemsOf(0);
  } else if (c.itemised()) {
    c.Mix();
  }
  return Status();
}

// One zero point, one for each row (column) of a matrix, or one for each of all matrices.
Status MatMulInteger::CheckZeros(const InferContext& c, size_t i, const Dim& one, const Dim& all) {
  if (!c.Has(i) || !c.in(i).ranked) return Status();
  const Dim given = Product(c.dims(i));
  if (!Differ(given, 1) || !Differ(given, one) || !Differ(given, all)) return Status();
  return Status::BadModel("zero points of shape " + ShapeString(c.dims(i)) + " fit neither " +
                          one.ToString() + " nor " + all.ToString());
}

// One factor, or one for each column; an addend for each column.
Status MatMulInteger::InferScale(InferContext& c, const Dim& columns) const {
  for (size_t i : {4, 5}) {
    if (!c.Has(i) || !c.in(i).ranked) continue;
    const Dims& d = c.dims(i);
    if (c.dtype(i) != MOSAIC_FLOAT || d.size() > 1) {
      return Status::BadModel("a scale or bias has shape " + ShapeString(d));
    }
    if (i == 4 && (d.empty() || d[0].Is(1))) continue;
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d.empty() ? Dim(1) : d[0], columns,
                                          "a scale or bias does not fit the columns"));
  }
  return Status();
}

void MatMulInteger::FinishRow(Call& c, const IntegerRow& row, const Place& at) const {
  if (!scaled_) return FinishIntegers(row, c.outputs[0].mutable_data<int32_t>() + at.out);
  float one[kColumns];
  const float* scale = c.inputs[4].data<float>() + at.column;
  if (c.inputs[4].size() == 1) {
    std::fill_n(one, kColumns, *c.inputs[4].data<float>());
    scale = one;
  }
  const float* bias = c.Given(5) ? c.inputs[5].data<float>() + at.column : nullptr;
  FinishScaled(row, scale, bias, c.outputs[0].mutable_data<float>() + at.out);
}

}  // namespace

std::unique_ptr<Op> MakeScaledMatMulInteger(const Node& node) {
  return std::make_unique<MatMulInteger>(node, true);
}

extern const OpDef kMatMulInteger = {kOnnxDomain, "MatMulInteger", 10, 25,
                                     &MakeOf<MatMulInteger, 2, 4>};

}  // namespace mosaic
