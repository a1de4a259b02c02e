// SVMRegressor: the kernel with each support vector, weighted; or one product with the coefficients where there
// are no vectors. As a one-class machine, its sign.
#include "core/op/ml/svm.h"

namespace mosaic {
namespace {

struct State {
  DotUnits dots;
  bool vectors = false;
};

class SvmRegressor : public Op {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    auto op = std::make_unique<SvmRegressor>();
    MOSAIC_RETURN_IF_ERROR(SvmKernel::Make(node, &op->kernel_));
    op->coefficients_ = NumberList(node, "coefficients");
    op->vectors_ = NumberList(node, "support_vectors");
    op->rho_ = NumberList(node, "rho");
    op->n_ = node.Int("n_supports", 0);
    op->one_class_ = node.Int("one_class", 0) != 0;
    if (op->n_ < 0 || op->n_ > INT32_MAX) return Status::BadModel("n_supports is " + std::to_string(op->n_));
    if (op->n_ == 0) op->kernel_.Linear();
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    MOSAIC_RETURN_IF_ERROR(CheckFloats(c, {&coefficients_, &vectors_, &rho_}));
    if (rho_.Length(c).Is(0)) return Status::BadModel("\"rho\" is needed");
    if (!known) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    const Dim n = n_;
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(coefficients_.Length(c), n_ > 0 ? n : width, "coefficients"));
    if (n_ > 0) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(vectors_.Length(c), n * width, "support vectors and features"));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, {rows, 1}));
    KeepRows(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.dots = DotUnits(c.inputs[0], n_ > 0 ? n_ : 1);
    if (coefficients_.size(c) != (n_ > 0 ? n_ : s.dots.width) || rho_.empty(c) ||
        (n_ > 0 && vectors_.size(c) != n_ * s.dots.width)) {
      return Status::Invalid("the support vectors are not of " + std::to_string(s.dots.width) + " features");
    }
    c.scratch_bytes = 4 * (s.dots.m + s.dots.width);
    c.OnePhase(s.dots.units(), s.dots.cost());
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    float* values = static_cast<float*>(c.scratch);  // of a row
    float* out = c.outputs[0].mutable_data<float>();
    const float* vectors = FloatsOf(c, n_ > 0 ? vectors_ : coefficients_);
    const float *coefficients = FloatsOf(c, coefficients_), rho = rho_.At<float>(c, 0);
    s.dots.ForEach(c.inputs[0], begin, end, values + s.dots.m, [&](int64_t row, int64_t j, const float* x) {
      values[j] = kernel_(x, vectors + j * s.dots.width, s.dots.width);
      if (j + 1 < s.dots.m) return;
      const float y = (n_ > 0 ? Dot(values, coefficients, n_) : values[0]) + rho;
      out[row] = !one_class_ ? y : y > 0 ? 1.0f : -1.0f;
    });
    return Status();
  }

 private:
  SvmKernel kernel_;
  NumberList coefficients_, vectors_, rho_;
  int64_t n_ = 0;
  bool one_class_ = false;
};

}  // namespace

extern const OpDef kSVMRegressor = {kMlDomain, "SVMRegressor", 1, 5, &SvmRegressor::Make};

}  // namespace mosaic
