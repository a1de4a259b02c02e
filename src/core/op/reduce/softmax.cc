// Softmax, LogSoftmax along an axis. float32, and the 16-bit types by it, are computed by the
// vector kernel: along the last axis row by row, along another one column by column. Which is
// decided by the axis alone, never by sizes: the two sum in different orders.
#include "core/kernel/softmax.h"

#include "core/op/reduce/vectors.h"

namespace mosaic {
namespace {

// Sums of a vector, or of a part of a long one, are in double: element k goes to sum k mod kSums.
constexpr int kSums = 8;

template <typename V>
double SumExp(const V* x, int64_t n, V max) {
  double sums[kSums] = {};
  for (int64_t i = 0; i < n; ++i) sums[i % kSums] += static_cast<double>(std::exp(x[i] - max));
  for (int step = kSums / 2; step > 0; step /= 2) {
    for (int k = 0; k < step; ++k) sums[k] += sums[k + step];
  }
  return sums[0];
}
template <typename V>
V Largest(const V* x, int64_t n) {
  V max = x[0];
  for (int64_t i = 1; i < n; ++i) max = std::max(max, x[i]);
  return max;
}
template <typename V>
void Write(const V* x, V* y, int64_t n, V max, double sum, bool log) {
  const V total = static_cast<V>(sum), log_total = static_cast<V>(std::log(sum));
  if (log) {
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - max) - log_total;
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = std::exp(x[i] - max) / total;
  }
}

// Of a part of a long vector.
template <typename V>
struct Part {
  V max;
  double sum;
};

struct SoftmaxState {
  Vectors vectors;
  bool last;  // the axis is the last one
};

class SoftmaxOp : public Op {
 public:
  SoftmaxOp(bool log, int64_t axis) : log_(log), axis_(axis) {}

  Status Infer(InferContext& c) const override { return InferAlongAxis(c, axis_); }

  Status Start(Call& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
    const Vectors& v = c.NewState<SoftmaxState>(SoftmaxState{Vectors(c.inputs[0].shape(), axis),
                                                             axis == c.inputs[0].rank() - 1})
                           .vectors;
    // A vector that does not lie together, or is of half precision, is copied out and back.
    const int64_t copied = std::min(v.length, kVectorPart) * 8;
    const double cost = v.unit_cost(20);
    if (v.parts == 1) {
      c.OnePhase(v.units(), cost);
      c.scratch_bytes = copied;
    } else {
      c.phases = {Phase{v.units(), cost / 20}, Phase{v.units(), cost}, Phase{v.units(), cost}};
      c.scratch_bytes = copied + v.units() * static_cast<int64_t>(sizeof(Part<double>));
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<SoftmaxState>().vectors;
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (v.parts > 1) {
        for (int64_t u = begin; u < end; ++u) RunPart<T>(c, v, phase, u);
      } else {
        Whole<T>(c, v, begin * v.per_unit, std::min(end * v.per_unit, v.count));
      }
    });
    return Status();
  }
  bool in_place(int) const override { return true; }

 private:
  // Vectors [begin, end).
  template <typename T>
  void Whole(Call& c, const Vectors& v, int64_t begin, int64_t end) const {
    if constexpr (std::is_same_v<T, float>) {
      SoftmaxArgs args = Args(v.length, v.inner);
      if (c.state<SoftmaxState>().last) {
        args.x = c.inputs[0].data<float>();
        args.y = c.outputs[0].mutable_data<float>();
        args.x_step = args.y_step = v.length;
        return SoftmaxRows(args, begin, end);
      }
      while (begin < end) {
        const int64_t outer = begin / v.inner, column = begin % v.inner;
        const int64_t n = std::min(v.inner - column, end - begin);
        args.x = c.inputs[0].data<float>() + outer * v.length * v.inner;
        args.y = c.outputs[0].mutable_data<float>() + outer * v.length * v.inner;
        SoftmaxColumns(args, column, column + n);
        begin += n;
      }
      return;
    }
    for (int64_t k = begin; k < end; ++k) {
      WithValues<T>(c, v, k, 0, v.length, true, [&](const auto* x, auto* y, int64_t n) {
        if constexpr (std::is_same_v<ComputeType<T>, float>) {
          SoftmaxArgs args = Args(n, n);
          args.x = x;
          args.y = y;
          SoftmaxRows(args, 0, 1);
        } else {
          const auto max = Largest(x, n);
          Write(x, y, n, max, SumExp(x, n, max), log_);
        }
      });
    }
  }
  SoftmaxArgs Args(int64_t n, int64_t step) const {
    SoftmaxArgs args;
    args.n = n;
    args.x_step = args.y_step = step;
    args.log = log_;
    return args;
  }

  // f(x, y, n) on elements [begin, end) of vector k as compute type; y is written where "write".
  template <typename T, typename F>
  static void WithValues(Call& c, const Vectors& v, int64_t k, int64_t begin, int64_t end,
                         bool write, F&& f) {
    using V = ComputeType<T>;
    const int64_t at = v.Begin(k) + begin * v.inner, n = end - begin;
    const T* x = c.inputs[0].data<T>() + at;
    T* y = c.outputs[0].mutable_data<T>() + at;
    if constexpr (std::is_same_v<T, V>) {
      if (v.inner == 1) return f(x, y, n);
    }
    V* copy = static_cast<V*>(c.scratch);
    for (int64_t i = 0; i < n; ++i) copy[i] = Load(x[i * v.inner]);
    f(copy, copy, n);
    if (!write) return;
    for (int64_t i = 0; i < n; ++i) y[i * v.inner] = Store<T>(copy[i]);
  }

  // Phases of long vectors: the largest element of each part; its sum; the results.
  template <typename T>
  void RunPart(Call& c, const Vectors& v, int phase, int64_t u) const {
    using V = ComputeType<T>;
    auto* parts = reinterpret_cast<Part<V>*>(static_cast<char*>(c.scratch) + kVectorPart * 8);
    const int64_t k = u / v.parts;
    V max = 0;
    double sum = 0;
    if (phase > 0) max = parts[k * v.parts].max;
    for (int64_t p = 0; p < v.parts && phase > 0; ++p) {
      max = std::max(max, parts[k * v.parts + p].max);
      sum += parts[k * v.parts + p].sum;  // not set before phase 2, nor used
    }
    WithValues<T>(c, v, k, v.PartBegin(u), v.PartEnd(u), phase == 2,
                  [&](const V* x, V* y, int64_t n) {
                    if (phase == 0) {
                      parts[u] = {Largest(x, n), 0};
                    } else if (phase == 1) {
                      parts[u].sum = SumExp(x, n, max);
                    } else {
                      Write(x, y, n, max, sum, log_);
                    }
                  });
  }

  bool log_;
  int64_t axis_;
};

template <bool kLog>
Status MakeSoftmax(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<SoftmaxOp>(kLog, node.Int("axis", -1));
  return Status();
}

}  // namespace

extern const OpDef kLogSoftmax = {kOnnxDomain, "LogSoftmax", 13, 25, &MakeSoftmax<true>};
extern const OpDef kSoftmax = {kOnnxDomain, "Softmax", 13, 25, &MakeSoftmax<false>};

}  // namespace mosaic
