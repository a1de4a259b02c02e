#include "core/op/quant/table_product.h"

#include "core/op/op_support.h"
#include "core/op/quant/depth_product.h"
#include "core/op/quant/requantize.h"
#include "core/op/quant/row_product.h"

namespace mosaic {
namespace {

using TableTypes = Types<int8_t, uint8_t, Int4, UInt4>;

enum Input : size_t { kA, kTable, kScale, kZero, kBias };

bool IsSigned(int dtype) { return dtype == MOSAIC_INT8 || dtype == MOSAIC_INT4; }

// k_axis: of the table.
Status InferTable(InferContext& c, size_t k_axis) {
  MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(kA), "A"));
  MOSAIC_RETURN_IF_ERROR(CheckType<TableTypes>(c.dtype(kTable), "a table"));
  if (!c.Ranked()) {
    c.SetUnranked(0, MOSAIC_FLOAT);
    return Status();
  }
  const Dims &a = c.dims(kA), &table = c.dims(kTable);
  const std::string shapes = "shapes " + ShapeString(a) + " and " + ShapeString(table) +
                             (k_axis == 1 ? " (transposed)" : "") + " do not fit";
  if (a.empty() || table.size() != 2) return Status::BadModel(shapes);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(a.back(), table[k_axis], shapes));
  Dims out = a;
  out.back() = table[1 - k_axis];
  if (c.Has(kBias)) {
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, kA, kBias));
    const std::string bias = "a bias of shape " + ShapeString(c.dims(kBias)) + " does not fit";
    if (c.in(kBias).rank() != 1) return Status::BadModel(bias);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(kBias)[0], out.back(), bias));
  }
  const int last = c.in(kA).rank() - 1;
  MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(out)));
  c.ItemsOf(kA, c.item_axis(kA) != last);
  return Status();
}

// ---- [n, k] ----

class TurnedTable : public RowProduct {
 public:
  explicit TurnedTable(const TableForm& form)
      : RowProduct({kA, kTable, kScale, kZero, kBias}, true), form_(form) {}

  Status Infer(InferContext& c) const override { return InferTable(c, 1); }

 protected:
  Form FormOf(const Call& c) const override {
    const Shape& table = c.shape(kTable);
    const int64_t k = std::max<int64_t>(1, table[1]);
    const auto of_column = [&](size_t input) -> int64_t {
      if (!c.Given(input)) return 0;
      if (form_.block != 0) return table[1] == 0 ? 0 : (table[1] - 1) / form_.block + 1;
      return NumElements(c.shape(input)) == 1 ? 0 : 1;
    };
    return {table[1],
            table[0],
            8,
            IsSigned(c.dtype(kTable)),
            table[1],
            form_.block != 0 ? form_.block : k,
            of_column(kScale),
            of_column(kZero)};
  }

  void SetScales(const Call& c, const float* scales, const void* zeros, int64_t columns,
                 int64_t block, IntegerStrip* strip) const override {
    const Form f = FormOf(c);
    const bool is_signed = IsSigned(c.dtype(kTable));
    for (int64_t j = 0; j < columns; ++j) {
      strip->scale[j] = scales[f.scales * j + block];
      if (zeros == nullptr) {
        strip->zero[j] = 0;
        continue;
      }
      const int64_t at = f.zeros * j + block;
      strip->zero[j] = static_cast<float>(is_signed ? int{static_cast<const int8_t*>(zeros)[at]}
                                                    : int{static_cast<const uint8_t*>(zeros)[at]});
    }
  }

 private:
  TableForm form_;
};

// ---- [k, n] ----

class PlainTable : public DepthProduct {
 public:
  explicit PlainTable(const TableForm& form)
      : DepthProduct({kA, kTable, kScale, kZero, kBias}, form.axis, form.block,
                     form.scale_rank == 2) {}
  Status Infer(InferContext& c) const override { return InferTable(c, 0); }
};

}  // namespace

std::unique_ptr<Op> MakeTableProduct(const TableForm& form) {
  if (!form.turned) return std::make_unique<PlainTable>(form);
  const bool along_k = form.axis == 1, many = form.scale_rank > 0;
  if (many && along_k != (form.block != 0)) return nullptr;
  return std::make_unique<TurnedTable>(form);
}

}  // namespace mosaic
