#include "core/op/nn/row_norm.h"

#include <algorithm>
#include <cmath>

#include "core/kernel/normalize.h"

namespace mosaic {

struct RowNormOp::Rows {
  int64_t rows, length, parts, per_unit;
  RowParameters parameters;
  int first_phase;
  int64_t bytes;  // of scratch memory before the moments
};

namespace {

constexpr int kSums = 8;

double Folded(double* sums) {
  for (int step = kSums / 2; step > 0; step /= 2) {
    for (int k = 0; k < step; ++k) sums[k] += sums[k + step];
  }
  return sums[0];
}

template <typename T>
double SumOf(const T* x, int64_t n) {
  double sums[kSums] = {};
  for (int64_t i = 0; i < n; ++i) sums[i % kSums] += static_cast<double>(Load(x[i]));
  return Folded(sums);
}

template <typename T>
double SquaresOf(const T* x, int64_t n, double mean) {
  double sums[kSums] = {};
  for (int64_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(Load(x[i])) - mean;
    sums[i % kSums] += d * d;
  }
  return Folded(sums);
}

// Output i of statistics; null where it is not wanted.
float* Statistics(Call& c, int i) {
  const size_t o = static_cast<size_t>(i);
  const bool wanted = i >= 0 && o < c.outputs.size() && c.outputs[o].defined();
  return wanted ? c.outputs[o].mutable_data<float>() : nullptr;
}

}  // namespace

Status RowNormOp::StartRows(Call& c, int64_t rows, int64_t length, RowParameters parameters,
                            int first_phase, int64_t bytes) const {
  if (length == 0 && rows > 0) return Status::Invalid("rows of no elements cannot be normalised");
  bytes = (bytes + 63) / 64 * 64;
  Rows& r = c.NewState<Rows>(Rows{rows, length, 1, 1, std::move(parameters), first_phase, bytes});
  r.parts = std::max<int64_t>(1, (length + kRowPart - 1) / kRowPart);
  c.scratch_bytes = bytes;
  if (r.parts == 1) {
    r.per_unit = std::max<int64_t>(1, kRowPart / 4 / std::max<int64_t>(length, 1));
    c.phases.push_back(Phase{(rows + r.per_unit - 1) / r.per_unit,
                             8.0 * static_cast<double>(r.per_unit * (length + 5))});  // of a row 40
    return Status();
  }
  const int64_t units = rows * r.parts;
  c.phases.push_back(Phase{kind_ == kCentred ? units : 0, 2.0 * kRowPart});
  c.phases.push_back(Phase{units, 3.0 * kRowPart});
  c.phases.push_back(Phase{units, 4.0 * kRowPart});
  c.scratch_bytes += units * static_cast<int64_t>(sizeof(Moments));
  return Status();
}

Status RowNormOp::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const Rows& r = c.state<Rows>();
  Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    if (r.parts == 1) {
      Whole<T>(c, r, begin * r.per_unit, std::min(end * r.per_unit, r.rows));
    } else {
      for (int64_t u = begin; u < end; ++u) Part<T>(c, r, phase - r.first_phase, u);
    }
  });
  return Status();
}

// Rows [begin, end) by the vector kernel; false where it has not what they need.
bool RowNormOp::ByKernel(Call& c, const Rows& r, int64_t begin, int64_t end) const {
  const Tensor& scale = c.inputs[static_cast<size_t>(places_.scale)];
  if (scale.dtype() != MOSAIC_FLOAT || r.parameters.broadcast()) return false;
  NormalizeArgs args;
  args.x = static_cast<const float*>(source(c));
  args.y = c.outputs[0].mutable_data<float>();
  args.n = args.x_step = args.y_step = r.length;
  args.epsilon = epsilon_;
  args.rms = kind_ == kRootMeanSquare;
  args.scale = scale.data<float>();
  if (places_.bias >= 0 && c.Given(static_cast<size_t>(places_.bias))) {
    args.bias = c.inputs[static_cast<size_t>(places_.bias)].data<float>();
  }
  if (r.parameters.channels_per_row() > 0) {
    args.groups = r.parameters.period();
    args.group_step = r.parameters.channels_per_row();
    args.repeat = r.parameters.inner();
  }
  args.mean = Statistics(c, places_.mean);
  args.inverse = Statistics(c, places_.deviation);
  NormalizeRows(args, begin, end);
  return true;
}

template <typename T>
void RowNormOp::Whole(Call& c, const Rows& r, int64_t begin, int64_t end) const {
  if (std::is_same_v<T, float> && ByKernel(c, r, begin, end)) return;
  const double n = static_cast<double>(r.length);
  for (int64_t row = begin; row < end; ++row) {
    const T* x = static_cast<const T*>(source(c)) + row * r.length;
    const double mean = kind_ == kCentred ? SumOf(x, r.length) / n : 0;
    const double inverse = 1 / std::sqrt(SquaresOf(x, r.length, mean) / n + epsilon_);
    Write<T>(c, r, row, 0, r.length, mean, inverse);
  }
}

// Phases of long rows: the sums of the parts; the squares; the results.
template <typename T>
void RowNormOp::Part(Call& c, const Rows& r, int phase, int64_t unit) const {
  auto* moments = reinterpret_cast<Moments*>(static_cast<char*>(c.scratch) + r.bytes);
  const int64_t row = unit / r.parts, begin = unit % r.parts * kRowPart;
  const int64_t end = std::min(begin + kRowPart, r.length);
  const T* x = static_cast<const T*>(source(c)) + row * r.length;
  if (phase == 0) {
    moments[unit].sum = SumOf(x + begin, end - begin);
    return;
  }
  double sum = 0, squares = 0;
  for (int64_t p = row * r.parts; p < (row + 1) * r.parts; ++p) {
    if (kind_ == kCentred) sum += moments[p].sum;
    if (phase == 2) squares += moments[p].squares;
  }
  const double n = static_cast<double>(r.length), mean = sum / n;
  if (phase == 1) {
    moments[unit].squares = SquaresOf(x + begin, end - begin, mean);
  } else {
    Write<T>(c, r, row, begin, end, mean, 1 / std::sqrt(squares / n + epsilon_));
  }
}

template <typename T>
void RowNormOp::Write(Call& c, const Rows& r, int64_t row, int64_t begin, int64_t end, double mean,
                      double inverse) const {
  if (float* means = Statistics(c, places_.mean)) means[row] = static_cast<float>(mean);
  if (float* deviations = Statistics(c, places_.deviation)) {
    deviations[row] = static_cast<float>(inverse);
  }
  const size_t scale_at = static_cast<size_t>(places_.scale);
  const bool biased = places_.bias >= 0 && c.Given(static_cast<size_t>(places_.bias));
  const T* x = static_cast<const T*>(source(c)) + row * r.length;
  T* y = c.outputs[0].mutable_data<T>() + row * r.length;
  Dispatch(FloatTypes(), c.inputs[scale_at].dtype(), [&](auto type) {
    using S = typename decltype(type)::T;
    const S* scale = c.inputs[scale_at].data<S>();
    const S* bias = biased ? c.inputs[static_cast<size_t>(places_.bias)].data<S>() : nullptr;
    r.parameters.ForEachRun(
        row, begin, end,
        [&](int64_t at, int64_t n, int64_t s, int64_t s_step, int64_t b, int64_t b_step) {
          for (int64_t i = 0; i < n; ++i) {
            double v = (static_cast<double>(Load(x[at + i])) - mean) * inverse;
            v *= static_cast<double>(Load(scale[s + i * s_step]));
            if (bias != nullptr) v += static_cast<double>(Load(bias[b + i * b_step]));
            y[at + i] = Store<T>(static_cast<ComputeType<T>>(v));
          }
        });
  });
}

}  // namespace mosaic
