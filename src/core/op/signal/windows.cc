// BlackmanWindow, HammingWindow, HannWindow: a sum of cosines over input 0's number of elements.
#include <algorithm>
#include <cmath>

#include "core/op/signal/fourier.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;

// a0 - a1 cos(2 pi k / n) + a2 cos(4 pi k / n)
struct Cosines {
  double a0, a1, a2;
};

class WindowOp : public Op {
 public:
  WindowOp(const Cosines& cosines, const Node& node, int dtype)
      : cosines_(cosines), dtype_(dtype), periodic_(node.Int("periodic", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int32_t, int64_t>>(c.dtype(0), "a size")));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 0, "size"));
    Dim size;
    if (!KnownScalar(c, 0, &size)) {
      c.Defer();
      return c.Set(0, dtype_, {c.NewDim()});
    }
    if (size.is_number() && size.number() < 0) {
      return Status::Invalid("size must not be negative, is " + size.ToString());
    }
    return c.Set(0, dtype_, {size});
  }

  Status Start(Call& c) const override {
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 50.0 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t size = c.outputs[0].size(), n = periodic_ ? size : size - 1;
    Dispatch(NumericTypes(), dtype_, [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t k = begin * kChunk; k < std::min(end * kChunk, size); ++k) {
        const double angle =
            2 * 3.14159265358979323846 * static_cast<double>(k) / static_cast<double>(n);
        const double v = n == 0 ? 1
                                : cosines_.a0 - cosines_.a1 * std::cos(angle) +
                                      cosines_.a2 * std::cos(2 * angle);
        y[k] = Store<T>(ConvertTo<ComputeType<T>>(v));
      }
    });
    return Status();
  }

 private:
  Cosines cosines_;
  int dtype_;
  bool periodic_;
};

constexpr Cosines kBlackman = {0.42, 0.5, 0.08}, kHamming = {25.0 / 46, 21.0 / 46, 0},
                  kHann = {0.5, 0.5, 0};

template <const Cosines& kCosines>
Status MakeWindow(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t dtype = node.Int("output_datatype", MOSAIC_FLOAT);
  if (dtype < 0 || dtype > MOSAIC_INT4 || !HasType(NumericTypes(), static_cast<int>(dtype))) {
    return Status::Unsupported("an output_datatype of ONNX type " + std::to_string(dtype) +
                               " is not supported");
  }
  *out = std::make_unique<WindowOp>(kCosines, node, static_cast<int>(dtype));
  return Status();
}

}  // namespace

extern const OpDef kBlackmanWindow = {kOnnxDomain, "BlackmanWindow", 17, 25,
                                      &MakeWindow<kBlackman>};
extern const OpDef kHammingWindow = {kOnnxDomain, "HammingWindow", 17, 25, &MakeWindow<kHamming>};
extern const OpDef kHannWindow = {kOnnxDomain, "HannWindow", 17, 25, &MakeWindow<kHann>};

}  // namespace mosaic
