// An activation of RNN, GRU and LSTM, with its parameters.
#pragma once

#include <string>

#include "core/kernel/unary.h"
#include "core/util/status.h"

namespace mosaic {

class CellFunction {
 public:
  // UNSUPPORTED where there is no such function.
  static Status Make(const std::string& name, CellFunction* out);
  // Take the next of activation_alpha, of activation_beta.
  bool has_alpha() const;
  bool has_beta() const;
  void set_alpha(float v) { p_.alpha = v; }
  void set_beta(float v) { p_.beta = v; }

  // x[i] = f(x[i]); each depends on itself only.
  void Apply(float* x, int64_t n) const;

 private:
  enum class Form { kKernel, kAffine, kScaledTanh };

  Form form_ = Form::kKernel;
  Unary f_ = Unary::kTanh;
  UnaryParameters p_;
};

}  // namespace mosaic
