#include "core/op/conv/conv_epilogue.h"

#include <cmath>

#include "core/kernel/binary.h"
#include "core/kernel/window_sum.h"

namespace mosaic {
namespace {

void Combine(Binary f, const float* operand, int step, float* y, int64_t n) {
  ComputeBinary(f, MOSAIC_FLOAT, {y, 0, 1}, {operand, 0, step}, 1, n, y, n);
}

}  // namespace

ConvEpilogue::ConvEpilogue(const std::vector<EpilogueStep>& steps) {
  using Kind = EpilogueStep::Kind;
  for (const EpilogueStep& s : steps) {
    if (s.kind == Kind::kAdd && !steps_.empty() && steps_.back().kind == Kind::kMul) {
      steps_.back().kind = Kind::kMulAdd;
      steps_.back().addend = s.input;
    } else {
      steps_.push_back(s);
    }
  }
}

Status ConvEpilogue::Check(const Call& c) const {
  for (const EpilogueStep& s : steps_) {
    if (s.kind != EpilogueStep::Kind::kAddArray) continue;
    const Shape& shape = c.inputs[static_cast<size_t>(s.input)].shape();
    if (shape == c.outputs[0].shape()) continue;
    return Status::Invalid("an array of shape " + ShapeString(shape) +
                           " is added to an output of shape " + ShapeString(c.outputs[0].shape()));
  }
  return Status();
}

size_t ConvEpilogue::Simple(const Call& c, const float** added, bool* relu) const {
  *added = nullptr;
  *relu = false;
  size_t done = 0;
  if (done < steps_.size() && steps_[done].kind == EpilogueStep::Kind::kAddArray) {
    *added = c.inputs[static_cast<size_t>(steps_[done++].input)].data<float>();
  }
  if (done < steps_.size() && steps_[done].kind == EpilogueStep::Kind::kUnary &&
      steps_[done].function == Unary::kRelu) {
    *relu = true;
    ++done;
  }
  return done;
}

size_t ConvEpilogue::ApplyToAll(float* y, int64_t n, size_t done) const {
  for (; done < steps_.size() && steps_[done].kind == EpilogueStep::Kind::kUnary; ++done) {
    ComputeUnary(steps_[done].function, steps_[done].parameters, y, y, n);
  }
  return done;
}

void ConvEpilogue::Apply(const Call& c, int64_t filter, int64_t offset, float* y, int64_t n,
                         size_t done) const {
  for (size_t step = done; step < steps_.size(); ++step) {
    const EpilogueStep& s = steps_[step];
    const auto of_filter = [&](int input) {
      const Tensor& t = c.inputs[static_cast<size_t>(input)];
      return t.data<float>() + (t.size() == 1 ? 0 : filter);
    };
    const auto at = [&](int i) { return of_filter(s.input + i); };
    switch (s.kind) {
      case EpilogueStep::Kind::kUnary:
        ComputeUnary(s.function, s.parameters, y, y, n);
        break;
      case EpilogueStep::Kind::kMul:
        Combine(Binary::kMul, at(0), 0, y, n);
        break;
      case EpilogueStep::Kind::kAdd:
        Combine(Binary::kAdd, at(0), 0, y, n);
        break;
      case EpilogueStep::Kind::kMulAdd:
        MulAddRow(*at(0), *of_filter(s.addend), n, y);
        break;
      case EpilogueStep::Kind::kAddArray:
        Combine(Binary::kAdd, c.inputs[static_cast<size_t>(s.input)].data<float>() + offset, 1, y,
                n);
        break;
      case EpilogueStep::Kind::kNormalize: {
        const double factor =
            static_cast<double>(*at(0)) / std::sqrt(static_cast<double>(*at(3)) + s.epsilon);
        ScaleRow(static_cast<double>(*at(2)), factor, static_cast<double>(*at(1)), n, y);
        break;
      }
    }
  }
}

}  // namespace mosaic
