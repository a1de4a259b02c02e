#include "core/op/quant/quantised_add.h"

#include <algorithm>

#include "core/kernel/quantize.h"
#include "core/kernel/unary.h"
#include "core/kernel/window_sum.h"
#include "core/op/op_support.h"
#include "core/op/quant/requantize.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit
constexpr int64_t kPiece = 1024;  // that are float32 at a time

enum Input : size_t { kA, kAScale, kAZero, kB, kBScale, kBZero, kYScale, kYZero };

class QuantisedAdd : public Op {
 public:
  explicit QuantisedAdd(bool relu) : relu_(relu) {}

  Status Infer(InferContext& c) const override {
    for (size_t i : {kA, kB, kYZero}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(c.dtype(i), "an operand"));
    }
    if (!c.in(kA).ranked || !c.in(kB).ranked) {
      c.SetUnranked(0, c.dtype(kYZero));
      return Status();
    }
    const Dims &a = c.dims(kA), &b = c.dims(kB);
    const std::string message =
        "shapes " + ShapeString(a) + " and " + ShapeString(b) + " are not the same";
    if (a.size() != b.size()) return Status::BadModel(message);
    for (size_t d = 0; d < a.size(); ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(a[d], b[d], message));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(kYZero), a));
    c.ItemsBroadcast();
    return Status();
  }

  Status Start(Call& c) const override {
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 12.0 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t last = std::min(end * kChunk, c.outputs[0].size());
    float sum[kPiece], other[kPiece];
    for (int64_t i = begin * kChunk; i < last; i += kPiece) {
      const int64_t n = std::min(kPiece, last - i);
      Floats(c, kA, i, n, sum);
      Floats(c, kB, i, n, other);
      AddRow(other, n, sum);
      if (relu_) ComputeUnary(Unary::kRelu, {}, sum, sum, n);
      Quantize(sum, *c.inputs[kYScale].data<float>(), ByteAt(c.inputs[kYZero], 0),
               c.outputs[0].dtype(), static_cast<uint8_t*>(c.outputs[0].mutable_raw()) + i, n);
    }
    return Status();
  }

 private:
  static void Floats(const Call& c, size_t of, int64_t at, int64_t n, float* to) {
    const Tensor& t = c.inputs[of];
    Dequantize(t.dtype(), static_cast<const uint8_t*>(t.raw()) + at,
               *c.inputs[of + 1].data<float>(), c.Given(of + 2) ? ByteAt(c.inputs[of + 2], 0) : 0,
               to, n);
  }

  bool relu_;
};

}  // namespace

std::unique_ptr<Op> MakeQuantisedAdd(bool relu) { return std::make_unique<QuantisedAdd>(relu); }

}  // namespace mosaic
