// MelWeightMatrix: the matrix [dft_length / 2 + 1, num_mel_bins] that turns a spectrum into bins of
// equal width on the mel scale, each a triangle.
#include <algorithm>
#include <cmath>

#include "core/op/signal/fourier.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;
using LengthTypes = Types<int32_t, int64_t>;

double Scalar(const Tensor& t) {
  double v = 0;
  Dispatch(NumericTypes(), t.dtype(), [&](auto type) {
    v = static_cast<double>(Load(*t.data<typename decltype(type)::T>()));
  });
  return v;
}

// Bin i is 0 at edge i, 1 at edge i + 1 and 0 again at edge i + 2.
struct Edges {
  double low, step, length, rate;
  explicit Edges(const Call& c) {
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    length = Scalar(c.inputs[1]);
    rate = Scalar(c.inputs[2]);
    low = mel(Scalar(c.inputs[3]));
    step = (mel(Scalar(c.inputs[4])) - low) / (Scalar(c.inputs[0]) + 2);
  }
  double At(int64_t i) const {
    const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + low) / 2595) - 1);
    return std::floor((length + 1) * hertz / rate);
  }
};

class MelWeightMatrixOp : public Op {
 public:
  explicit MelWeightMatrixOp(int dtype) : dtype_(dtype) {}

  Status Infer(InferContext& c) const override {
    for (size_t i = 0; i < 5; ++i) {
      MOSAIC_RETURN_IF_ERROR(i < 3 ? CheckType<LengthTypes>(c.dtype(i), "a size")
                                   : CheckType<FloatTypes>(c.dtype(i), "a frequency"));
      MOSAIC_RETURN_IF_ERROR(RequireScalar(c, i, "an input"));
    }
    Dim bins, length;
    if (!KnownScalar(c, 0, &bins) || !KnownScalar(c, 1, &length)) {
      c.Defer();
      return c.Set(0, dtype_, {c.NewDim(), c.NewDim()});
    }
    if (bins.is_number() && length.is_number() && (bins.number() < 0 || length.number() < 0)) {
      return Status::Invalid("num_mel_bins " + bins.ToString() + " and dft_length " +
                             length.ToString() + " must not be negative");
    }
    return c.Set(0, dtype_, {FloorDiv(length, 2) + 1, bins});
  }

  Status Start(Call& c) const override {
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, 200.0 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    if (!(Scalar(c.inputs[2]) > 0)) return Status::Invalid("sample_rate must be positive");
    const Edges edges(c);
    const int64_t bins = c.outputs[0].dim(1), rows = c.outputs[0].dim(0);
    // Sampling from the last edge on, a triangle would lie outside of the matrix.
    if (!(edges.At(0) >= 0 && edges.At(bins + 1) <= static_cast<double>(rows))) {
      return Status::Invalid("the edges are outside of the spectrum");
    }
    Dispatch(NumericTypes(), dtype_, [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t k = begin * kChunk; k < std::min(end * kChunk, c.outputs[0].size()); ++k) {
        y[k] = Store<T>(ConvertTo<ComputeType<T>>(Weight(edges, k / bins, k % bins)));
      }
    });
    return Status();
  }

 private:
  static double Weight(const Edges& edges, int64_t row, int64_t bin) {
    const double j = static_cast<double>(row);
    const double lower = edges.At(bin), centre = edges.At(bin + 1), higher = edges.At(bin + 2);
    if (j >= centre && j < higher) return (higher - j) / (higher - centre);
    if (centre == lower) return j == centre ? 1 : 0;
    return j >= lower && j <= centre ? (j - lower) / (centre - lower) : 0;
  }

  int dtype_;
};

Status MakeMelWeightMatrix(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 5, 5));
  const int64_t dtype = node.Int("output_datatype", MOSAIC_FLOAT);
  if (dtype < 0 || dtype > MOSAIC_INT4 || !HasType(NumericTypes(), static_cast<int>(dtype))) {
    return Status::Unsupported("an output_datatype of ONNX type " + std::to_string(dtype) +
                               " is not supported");
  }
  *out = std::make_unique<MelWeightMatrixOp>(static_cast<int>(dtype));
  return Status();
}

}  // namespace

extern const OpDef kMelWeightMatrix = {kOnnxDomain, "MelWeightMatrix", 17, 25,
                                       &MakeMelWeightMatrix};

}  // namespace mosaic
