#include "core/op/rnn/cell_function.h"

namespace mosaic {

Status CellFunction::Make(const std::string& name, CellFunction* out) {
  static const struct {
    const char* name;
    Form form;
    Unary f;
    UnaryParameters p;
  } kKnown[] = {{"Relu", Form::kKernel, Unary::kRelu, {}},
                {"Tanh", Form::kKernel, Unary::kTanh, {}},
                {"Sigmoid", Form::kKernel, Unary::kSigmoid, {}},
                {"Affine", Form::kAffine, Unary::kRelu, {1, 0}},
                {"LeakyRelu", Form::kKernel, Unary::kLeakyRelu, {0.01F, 0}},
                {"ThresholdedRelu", Form::kKernel, Unary::kThresholdedRelu, {1, 0}},
                {"ScaledTanh", Form::kScaledTanh, Unary::kTanh, {1, 1}},
                {"HardSigmoid", Form::kKernel, Unary::kHardSigmoid, {0.2F, 0.5F}},
                {"Elu", Form::kKernel, Unary::kElu, {1, 0}},
                {"Softsign", Form::kKernel, Unary::kSoftsign, {}},
                {"Softplus", Form::kKernel, Unary::kSoftplus, {}}};
  for (const auto& k : kKnown) {
    if (name != k.name) continue;
    out->form_ = k.form;
    out->f_ = k.f;
    out->p_ = k.p;
    return Status();
  }
  return Status::Unsupported("activation " + name + " is not supported");
}

bool CellFunction::has_beta() const { return form_ != Form::kKernel || f_ == Unary::kHardSigmoid; }

bool CellFunction::has_alpha() const {
  return has_beta() || f_ == Unary::kLeakyRelu || f_ == Unary::kThresholdedRelu ||
         f_ == Unary::kElu;
}

void CellFunction::Apply(float* x, int64_t n) const {
  if (form_ == Form::kKernel) return ComputeUnary(f_, p_, x, x, n);
  if (form_ == Form::kAffine) {
    for (int64_t i = 0; i < n; ++i) x[i] = p_.alpha * x[i] + p_.beta;
    return;
  }
  for (int64_t i = 0; i < n; ++i) x[i] *= p_.beta;
  ComputeUnary(Unary::kTanh, {}, x, x, n);
  for (int64_t i = 0; i < n; ++i) x[i] *= p_.alpha;
}

}  // namespace mosaic
