#include "core/op/quant/table_product.h"

#include "core/op/op_support.h"
#include "core/op/quant/requantize.h"
#include "core/op/quant/row_product.h"

namespace mosaic {
namespace {

enum Input : size_t { kA, kTable, kScale, kZero, kBias };

class TableProduct : public RowProduct {
 public:
  TableProduct() : RowProduct(kA, kTable, kBias) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(kA), "A"));
    MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(c.dtype(kTable), "a table"));
    if (!c.Ranked()) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    const Dims &a = c.dims(kA), &table = c.dims(kTable);
    if (a.empty() || table.size() != 2) {
      return Status::BadModel("shapes " + ShapeString(a) + " and " + ShapeString(table) +
                              " do not fit");
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(
        a.back(), table[1],
        "shapes " + ShapeString(a) + " and " + ShapeString(table) + " (transposed) do not fit"));
    Dims out = a;
    out.back() = table[0];
    const int last = c.in(kA).rank() - 1;
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(out)));
    c.ItemsOf(kA, c.item_axis(kA) != last);
    return Status();
  }

 protected:
  Form FormOf(const Call& c) const override {
    const Shape& table = c.shape(kTable);
    const StreamedWeight* w = c.weight(kTable);
    const int dtype = w != nullptr ? w->dtype : c.inputs[kTable].dtype();
    return {table[1], table[0], 8, dtype == MOSAIC_INT8, table[1], std::max<int64_t>(1, table[1])};
  }

  void SetScales(const Call& c, int64_t first, int64_t columns, int64_t,
                 IntegerStrip* strip) const override {
    const Tensor& scale = c.inputs[kScale];
    for (int64_t j = 0; j < columns; ++j) {
      strip->scale[j] = scale.data<float>()[scale.size() == 1 ? 0 : first + j];
      strip->zero[j] = 0;
      if (!c.Given(kZero)) continue;
      const Tensor& zero = c.inputs[kZero];
      strip->zero[j] = static_cast<float>(ByteAt(zero, zero.size() == 1 ? 0 : first + j));
    }
  }
};

}  // namespace

std::unique_ptr<Op> MakeTableProduct() { return std::make_unique<TableProduct>(); }

}  // namespace mosaic
