// Normalizer: each row divided by its largest element, by its L1 or by its L2 norm; a row of which that is
// 0 stays as it is. In float32, as ONNX Runtime does.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/op/ml/ml_support.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

enum Norm { kMax, kL1, kL2 };

struct State {
  int64_t rows = 0, width = 0, chunk = 1;
};

class Normalizer : public Op {
 public:
  explicit Normalizer(Norm norm) : norm_(norm) {}

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    if (!known) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, c.dims(0)));
    c.ItemsOf(0, c.in(0).rank() == 2 && c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.rows = RowsOf(c.inputs[0]);
    s.width = WidthOf(c.inputs[0]);
    s.chunk = std::max<int64_t>(1, 4096 / std::max<int64_t>(s.width, 1));
    c.OnePhase(Chunks(s.rows, s.chunk), 6.0 * static_cast<double>(s.chunk * s.width));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    float* out = c.outputs[0].mutable_data<float>();
    Dispatch(MlTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      for (int64_t r = begin * s.chunk; r < std::min(end * s.chunk, s.rows); ++r) {
        Row(x + r * s.width, s.width, out + r * s.width);
      }
    });
    return Status();
  }

 private:
  // A square as ONNX Runtime has it: of the type itself, wrapping around.
  template <typename T>
  static float Square(T x) {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<float>(static_cast<T>(static_cast<U>(x) * static_cast<U>(x)));
    } else {
      return static_cast<float>(x * x);
    }
  }
  template <typename T>
  void Row(const T* x, int64_t n, float* out) const {
    float by = norm_ == kMax ? std::numeric_limits<float>::lowest() : 0;
    for (int64_t i = 0; i < n; ++i) {
      const float v = static_cast<float>(x[i]);
      if (norm_ == kMax) {
        by = std::max(by, v);
      } else {
        by += norm_ == kL1 ? std::fabs(v) : Square(x[i]);
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      const float v = static_cast<float>(x[i]);
      if (by == 0) {
        out[i] = v;
      } else if (norm_ == kL2) {
        const float root = std::sqrt(Square(x[i]) / by);
        out[i] = x[i] < 0 ? -root : root;
      } else {
        out[i] = v / by;
      }
    }
  }

  Norm norm_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const std::string name = node.String("norm", "MAX");
  static constexpr const char* kNames[] = {"MAX", "L1", "L2"};
  for (int i = 0; i < 3; ++i) {
    if (name != kNames[i]) continue;
    *out = std::make_unique<Normalizer>(static_cast<Norm>(i));
    return Status();
  }
  return Status::BadModel("unknown norm " + Quoted(name));
}

}  // namespace

extern const OpDef kNormalizer = {kMlDomain, "Normalizer", 1, 5, &Make};

}  // namespace mosaic
