// QuantizeLinear: y = saturate(round(x / scale) + zero point), rounded to nearest even; and
// DequantizeLinear: y = (x - zero point) * scale. Scales for all, for each index of an axis, or for
// blocks along it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernel/quantize.h"
#include "core/op/quant/scale.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit

using RealTypes = Types<float, double, Float16, BFloat16, int32_t>;
using ScaleTypes = Types<float, double, Float16, BFloat16, int32_t, Float8E8M0>;
using IntegerTypes = Types<int8_t, uint8_t, int16_t, uint16_t, Int4, UInt4, Int2, UInt2>;
using QuantTypes = Types<int8_t, uint8_t, int16_t, uint16_t, int32_t, Int4, UInt4, Int2, UInt2,
                         Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1>;

double Number(const Tensor& t, int64_t i) {
  double v = 0;
  Dispatch(ScaleTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    v = static_cast<double>(Load(t.data<T>()[i]));
  });
  Dispatch(QuantTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    v = static_cast<double>(Load(t.data<T>()[i]));
  });
  return v;
}

template <typename T>
void Limits(double* least, double* most) {
  if constexpr (std::is_same_v<T, Int4>) {
    *least = -8, *most = 7;
  } else if constexpr (std::is_same_v<T, UInt4>) {
    *least = 0, *most = 15;
  } else if constexpr (std::is_same_v<T, Int2>) {
    *least = -2, *most = 1;
  } else if constexpr (std::is_same_v<T, UInt2>) {
    *least = 0, *most = 3;
  } else {
    *least = static_cast<double>(std::numeric_limits<T>::lowest());
    *most = static_cast<double>(std::numeric_limits<T>::max());
  }
}

// ---- float32 and integers of 8 and 16 bits: by the kernels, run by run of one scale ----

constexpr int64_t kLeastRun = 16;  // elements; shorter ones are taken one by one

using NarrowTypes = Types<int8_t, uint8_t, int16_t, uint16_t>;

bool InRuns(const ScaleAxis& s) { return s.one || (s.block == 0 && s.inner >= kLeastRun); }

// The scale and zero point of each run within [begin, end).
template <typename F>
void ForEachRun(const Call& c, const ScaleAxis& s, int64_t begin, int64_t end, F f) {
  for (int64_t i = begin; i < end;) {
    const int64_t n = s.one ? end - i : std::min(end - i, s.inner - i % s.inner);
    const int64_t index = s.IndexOf(i);
    f(i, n, static_cast<float>(Number(c.inputs[1], index)),
      c.Given(2) ? static_cast<int>(Number(c.inputs[2], index)) : 0);
    i += n;
  }
}

// As Quantize, but NaN becomes 0.
template <typename Y>
void QuantizeRun(const float* x, float scale, int zero, Y* y, int64_t n) {
  Quantize(x, scale, zero, ElementTraits<Y>::kDType, y, n);
  if constexpr (std::is_signed_v<Y>) {
    int64_t nans = 0;
    for (int64_t i = 0; i < n; ++i) nans += x[i] != x[i];
    for (int64_t i = 0; nans > 0 && i < n; ++i) {
      if (std::isnan(x[i])) y[i] = 0;
    }
  }
}

class QuantizeLinear : public Op {
 public:
  explicit QuantizeLinear(const Node& node)
      : axis_(node.Int("axis", 1)),
        block_(node.Int("block_size", 0)),
        dtype_(static_cast<int>(node.Int("output_dtype", 0))),
        precision_(node.Int("precision", 0)),
        saturate_(node.Int("saturate", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    if (precision_ != 0 && precision_ != MOSAIC_FLOAT) {
      return Status::Unsupported("a precision other than float32 is not supported");
    }
    MOSAIC_RETURN_IF_ERROR(CheckType<RealTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckType<ScaleTypes>(c.dtype(1), "a scale"));
    const int given = c.Has(2) ? c.dtype(2) : dtype_ != 0 ? dtype_ : MOSAIC_UINT8;
    if (given == MOSAIC_INT32) return UnsupportedType("an output", given);
    MOSAIC_RETURN_IF_ERROR(CheckType<QuantTypes>(given, "an output"));
    return InferScaled(c, given, axis_, block_);
  }
  Status Start(Call& c) const override {
    MOSAIC_RETURN_IF_ERROR(MakeScaleAxis(c.inputs[0].shape(), c.inputs[1].shape(), axis_, block_,
                                         &c.NewState<ScaleAxis>()));
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 20.0 * kChunk);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t last = std::min(end * kChunk, c.outputs[0].size());
    Dispatch(RealTypes(), c.inputs[0].dtype(), [&](auto type) {
      using X = typename decltype(type)::T;
      Dispatch(QuantTypes(), c.outputs[0].dtype(),
               [&](auto out) { Some<X, typename decltype(out)::T>(c, begin * kChunk, last); });
    });
    return Status();
  }

 private:
  template <typename X, typename Y>
  void Some(Call& c, int64_t begin, int64_t end) const {
    const ScaleAxis& s = c.state<ScaleAxis>();
    const X* x = c.inputs[0].data<X>();
    Y* y = c.outputs[0].mutable_data<Y>();
    if constexpr (std::is_same_v<X, float> && HasType(NarrowTypes(), ElementTraits<Y>::kDType)) {
      if (InRuns(s)) {
        return ForEachRun(c, s, begin, end, [&](int64_t i, int64_t n, float scale, int zero) {
          if (scale > 0 && std::isfinite(scale)) return QuantizeRun(x + i, scale, zero, y + i, n);
          OneByOne<X, Y>(c, i, i + n);
        });
      }
    }
    OneByOne<X, Y>(c, begin, end);
  }
  template <typename X, typename Y>
  void OneByOne(Call& c, int64_t begin, int64_t end) const {
    const ScaleAxis& s = c.state<ScaleAxis>();
    const X* x = c.inputs[0].data<X>();
    Y* y = c.outputs[0].mutable_data<Y>();
    int64_t at = -1;
    float scale = 1;
    double zero = 0;
    for (int64_t i = begin; i < end; ++i) {
      if (const int64_t index = s.IndexOf(i); index != at) {
        at = index;
        scale = static_cast<float>(Number(c.inputs[1], index));
        zero = c.Given(2) ? Number(c.inputs[2], index) : 0;
      }
      const float quotient = static_cast<float>(Load(x[i])) / scale;
      if constexpr (HasType(IntegerTypes(), ElementTraits<Y>::kDType)) {
        double least, most;
        Limits<Y>(&least, &most);
        const double v = std::nearbyint(static_cast<double>(quotient)) + zero;
        const double kept = std::isnan(v) ? 0 : std::clamp(v, least, most);
        y[i] = Store<Y>(static_cast<ComputeType<Y>>(kept));
      } else if constexpr (HasType(SmallFloatTypes(), ElementTraits<Y>::kDType)) {
        y[i].bits = FloatToFloat8(static_cast<double>(quotient) + zero, ElementTraits<Y>::kDType,
                                  saturate_);
      }
    }
  }

  int64_t axis_, block_;
  int dtype_;
  int64_t precision_;
  bool saturate_;
};

class DequantizeLinear : public Op {
 public:
  explicit DequantizeLinear(const Node& node)
      : axis_(node.Int("axis", 1)),
        block_(node.Int("block_size", 0)),
        dtype_(static_cast<int>(node.Int("output_dtype", 0))) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<QuantTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckType<ScaleTypes>(c.dtype(1), "a scale"));
    if (!IsFloat(dtype_ != 0 ? dtype_ : c.dtype(1))) {
      return UnsupportedType("an output", dtype_ != 0 ? dtype_ : c.dtype(1));
    }
    if (c.Has(2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
    return InferScaled(c, dtype_ != 0 ? dtype_ : c.dtype(1), axis_, block_);
  }
  Status Start(Call& c) const override {
    MOSAIC_RETURN_IF_ERROR(MakeScaleAxis(c.inputs[0].shape(), c.inputs[1].shape(), axis_, block_,
                                         &c.NewState<ScaleAxis>()));
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 8.0 * kChunk);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t last = std::min(end * kChunk, c.outputs[0].size());
    Dispatch(QuantTypes(), c.inputs[0].dtype(), [&](auto type) {
      using X = typename decltype(type)::T;
      Dispatch(FloatTypes(), c.outputs[0].dtype(),
               [&](auto out) { Some<X, typename decltype(out)::T>(c, begin * kChunk, last); });
    });
    return Status();
  }

 private:
  template <typename X, typename Y>
  static void Some(Call& c, int64_t begin, int64_t end) {
    const ScaleAxis& s = c.state<ScaleAxis>();
    const X* x = c.inputs[0].data<X>();
    Y* y = c.outputs[0].mutable_data<Y>();
    constexpr int kFrom = ElementTraits<X>::kDType;
    if constexpr (std::is_same_v<Y, float> &&
                  (HasType(NarrowTypes(), kFrom) || kFrom == MOSAIC_INT32)) {
      if (InRuns(s) && (kFrom != MOSAIC_INT32 || !c.Given(2))) {
        return ForEachRun(c, s, begin, end, [&](int64_t i, int64_t n, float scale, int zero) {
          Dequantize(kFrom, x + i, scale, zero, y + i, n);
        });
      }
    }
    int64_t at = -1;
    float scale = 1;
    double zero = 0;
    for (int64_t i = begin; i < end; ++i) {
      if (const int64_t index = s.IndexOf(i); index != at) {
        at = index;
        scale = static_cast<float>(Number(c.inputs[1], index));
        zero = c.Given(2) ? Number(c.inputs[2], index) : 0;
      }
      const float v = static_cast<float>(static_cast<double>(Load(x[i])) - zero) * scale;
      y[i] = Store<Y>(static_cast<ComputeType<Y>>(v));
    }
  }

  int64_t axis_, block_;
  int dtype_;
};

}  // namespace

extern const OpDef kDequantizeLinear = {kOnnxDomain, "DequantizeLinear", 25, 25,
                                        &MakeOf<DequantizeLinear, 2, 3>};
extern const OpDef kMicrosoftDequantizeLinear = {kMicrosoftDomain, "DequantizeLinear", 1, 1,
                                                 &MakeOf<DequantizeLinear, 2, 3>};
extern const OpDef kMicrosoftQuantizeLinear = {kMicrosoftDomain, "QuantizeLinear", 1, 1,
                                               &MakeOf<QuantizeLinear, 2, 3>};
extern const OpDef kQuantizeLinear = {kOnnxDomain, "QuantizeLinear", 25, 25,
                                      &MakeOf<QuantizeLinear, 2, 3>};

}  // namespace mosaic
