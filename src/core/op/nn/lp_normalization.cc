// LpNormalization: x / norm along an axis, p 1 or 2; where the norm is 0, 0. Norms are in double.
#include "core/op/reduce/vectors.h"

namespace mosaic {
namespace {

class LpNormalizationOp : public Op {
 public:
  LpNormalizationOp(int64_t axis, bool squares) : axis_(axis), squares_(squares) {}

  Status Infer(InferContext& c) const override { return InferAlongAxis(c, axis_); }

  // Phase 0 sums each part, phase 1 divides.
  Status Start(Call& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
    const Vectors& v = c.NewState<Vectors>(c.inputs[0].shape(), axis);
    const Phase both{v.units(), v.unit_cost(2)};
    c.phases = {both, both};
    c.scratch_bytes = v.count * v.parts * 8;
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<Vectors>();
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (v.parts > 1) {
        for (int64_t u = begin; u < end; ++u) {
          OnePart<T>(c, v, phase, u / v.parts, u, v.PartBegin(u), v.PartEnd(u));
        }
      } else {
        for (int64_t k = begin * v.per_unit; k < std::min(end * v.per_unit, v.count); ++k) {
          OnePart<T>(c, v, phase, k, k, 0, v.length);
        }
      }
    });
    return Status();
  }
  bool in_place(int) const override { return true; }

 private:
  template <typename T>
  void OnePart(Call& c, const Vectors& v, int phase, int64_t k, int64_t part, int64_t begin,
               int64_t end) const {
    double* sums = static_cast<double*>(c.scratch);
    const T* x = c.inputs[0].data<T>() + v.Begin(k);
    double sum = 0;
    if (phase == 0) {
      for (int64_t i = begin; i < end; ++i) {
        const double e = static_cast<double>(Load(x[i * v.inner]));
        sum += squares_ ? e * e : std::fabs(e);
      }
      sums[part] = sum;
      return;
    }
    for (int64_t p = 0; p < v.parts; ++p) sum += sums[k * v.parts + p];
    const double norm = squares_ ? std::sqrt(sum) : sum;
    T* y = c.outputs[0].mutable_data<T>() + v.Begin(k);
    for (int64_t i = begin; i < end; ++i) {
      const double e = norm == 0 ? 0 : static_cast<double>(Load(x[i * v.inner])) / norm;
      y[i * v.inner] = Store<T>(static_cast<ComputeType<T>>(e));
    }
  }

  int64_t axis_;
  bool squares_;
};

Status MakeLpNormalization(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t p = node.Int("p", 2);
  if (p != 1 && p != 2) return Status::BadModel("p must be 1 or 2, is " + std::to_string(p));
  *out = std::make_unique<LpNormalizationOp>(node.Int("axis", -1), p == 2);
  return Status();
}

}  // namespace

extern const OpDef kLpNormalization = {kOnnxDomain, "LpNormalization", 22, 25,
                                       &MakeLpNormalization};

}  // namespace mosaic
