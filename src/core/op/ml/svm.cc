#include "core/op/ml/svm.h"

#include "core/util/quote.h"

namespace mosaic {

Status SvmKernel::Make(const Node& node, SvmKernel* out) {
  const std::string name = node.String("kernel_type", "LINEAR");
  static constexpr const char* kNames[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  int kind = 0;
  while (kind < 4 && name != kNames[kind]) ++kind;
  if (kind == 4) return Status::BadModel("unknown kernel_type " + Quoted(name));
  out->kind_ = static_cast<Kind>(kind);
  const std::vector<float> params = node.Floats("kernel_params");
  if (params.empty() && kind == kLinear) return Status();
  if (params.size() < 3) return Status::BadModel("\"kernel_params\" has not three elements");
  out->gamma_ = params[0];
  out->coef0_ = params[1];
  out->degree_ = params[2];
  return Status();
}

float SvmKernel::operator()(const float* x, const float* vector, int64_t n) const {
  if (kind_ == kRbf) return std::exp(-gamma_ * SquaredDistance(x, vector, n));
  const float dot = Dot(x, vector, n);
  if (kind_ == kLinear) return dot;
  const float v = gamma_ * dot + coef0_;
  if (kind_ == kSigmoid) return std::tanh(v);
  return degree_ == 2 ? v * v : degree_ == 3 ? v * v * v : std::pow(v, degree_);
}

// Minimises the sum over pairs of (r_ji p_i - r_ij p_j)^2 with the p adding up to 1, by one p after another.
void CouplePairs(int64_t k, const float* pairs, float* work, float* p) {
  float *q = work, *qp = work + k * k;
  for (int64_t i = 0; i < k; ++i) {
    p[i] = 1.0f / static_cast<float>(k);
    float own = 0;
    for (int64_t j = 0; j < k; ++j) {
      if (j == i) continue;
      const float against = pairs[j * k + i];
      own += against * against;
      q[i * k + j] = -against * pairs[i * k + j];
    }
    q[i * k + i] = own;
  }
  const float enough = 0.005f / static_cast<float>(k);
  for (int round = 0; round < 100; ++round) {
    float pqp = 0, error = 0;
    for (int64_t i = 0; i < k; ++i) {
      qp[i] = 0;
      for (int64_t j = 0; j < k; ++j) qp[i] += q[i * k + j] * p[j];
      pqp += p[i] * qp[i];
    }
    for (int64_t i = 0; i < k; ++i) error = std::max(error, std::fabs(qp[i] - pqp));
    if (error < enough) return;
    for (int64_t i = 0; i < k; ++i) {
      const float change = (pqp - qp[i]) / q[i * k + i], sum = 1 + change;
      p[i] += change;
      pqp = (pqp + change * (change * q[i * k + i] + 2 * qp[i])) / sum / sum;
      for (int64_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + change * q[i * k + j]) / sum;
        p[j] /= sum;
      }
    }
  }
}

}  // namespace mosaic
