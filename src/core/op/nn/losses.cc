// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: of scores [N, C, d...] and targets
// [N, d...]. A position is an element of the targets. Sums are in double.
#include <algorithm>

#include "core/op/reduce/reduce_functions.h"
#include "core/op/reduce/vectors.h"

namespace mosaic {
namespace {

using reduce::LogSumExp;
constexpr int64_t kChunk = 4096;  // positions, or elements, of a unit
enum class Mean { kNone, kSum, kMean };

// Sums of a chunk of positions.
struct Sums {
  double loss, weight;
};

class LossOp : public Op {
 public:
  LossOp(bool softmax, Mean mean, const Node& node)
      : softmax_(softmax),
        mean_(mean),
        ignores_(HasAttribute(node, "ignore_index")),
        ignored_(node.Int("ignore_index", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int32_t, int64_t>>(c.dtype(1), "a target")));
    if (c.Has(2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
    for (size_t o = 0; o < 2; ++o) c.SetUnranked(o, c.dtype(0));
    if (!c.in(0).ranked || !c.in(1).ranked) return Status();
    const Dims &x = c.dims(0), &t = c.dims(1);
    bool fits = x.size() >= 2 && t.size() + 1 == x.size();
    for (size_t d = 0; fits && d < t.size(); ++d) {
      fits = c.RequireEqual(x[d == 0 ? 0 : d + 1], t[d], "").ok();
    }
    if (!fits) {
      return Status::BadModel("targets of shape " + ShapeString(t) +
                              " do not fit scores of shape " + ShapeString(x));
    }
    if (c.Has(2) && c.in(2).ranked &&
        (c.in(2).rank() != 1 || !c.RequireEqual(x[1], c.dims(2)[0], "").ok())) {
      return Status::BadModel("weights of shape " + ShapeString(c.dims(2)) + " do not fit " +
                              x[1].ToString() + " classes");
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), mean_ == Mean::kNone ? t : Dims()));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, c.dtype(0), x));
    if (c.itemised() && mean_ == Mean::kNone && c.item_axis(0) == 0 &&
        (c.item_axis(1) == 0 || !c.Itemised(1)) && !c.Itemised(2) && c.Itemised(1)) {
      c.out(0).item_axis = 0;
      if (c.outputs() > 1) c.out(1).item_axis = 0;
    }
    return Status();
  }

  // Phases: log of the sum of exponentials of a part of a position's scores; of all its parts;
  // losses; their sum; output 1.
  Status Start(Call& c) const override {
    const Vectors& v = c.NewState<Vectors>(c.inputs[0].shape(), 1);
    const int64_t positions = c.inputs[1].size(), chunks = (positions + kChunk - 1) / kChunk;
    const bool log_prob = c.outputs.size() > 1 && c.outputs[1].defined();
    c.scratch_bytes = chunks * static_cast<int64_t>(sizeof(Sums));
    if (softmax_) {
      c.scratch_bytes += v.count * v.parts * static_cast<int64_t>(sizeof(LogSumExp::State));
    }
    c.phases = {Phase{softmax_ ? v.units() : 0, v.unit_cost(20)},
                Phase{softmax_ && v.parts > 1 ? v.count : 0, 20.0 * static_cast<double>(v.parts)},
                Phase{chunks, 10.0 * kChunk},
                Phase{mean_ == Mean::kNone ? 0 : 1, static_cast<double>(chunks)},
                Phase{log_prob ? (c.outputs[1].size() + kChunk - 1) / kChunk : 0, 4.0 * kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Status status;
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase == 0) SumExponentials<T>(c, begin, end);
      if (phase == 1) JoinParts(c, begin, end);
      if (phase == 2) status = Losses<T>(c, begin * kChunk, end * kChunk);
      if (phase == 3) Total<T>(c);
      if (phase == 4) LogProbabilities<T>(c, begin * kChunk, end * kChunk);
    });
    return status;
  }

 private:
  static Sums* SumsOf(const Call& c) { return static_cast<Sums*>(c.scratch); }
  static LogSumExp::State* StatesOf(const Call& c) {
    return reinterpret_cast<LogSumExp::State*>(SumsOf(c) +
                                               (c.inputs[1].size() + kChunk - 1) / kChunk);
  }
  // What is subtracted from the scores of a position.
  double LogSum(const Call& c, int64_t position) const {
    if (!softmax_) return 0;
    return LogSumExp::Finish<double>(StatesOf(c)[position * c.state<Vectors>().parts], 0);
  }

  template <typename T>
  static void SumExponentials(Call& c, int64_t begin, int64_t end) {
    const Vectors& v = c.state<Vectors>();
    const auto sum = [&](int64_t k, int64_t from, int64_t to) {
      LogSumExp::State s = LogSumExp::Start<double>();
      const T* x = c.inputs[0].data<T>() + v.Begin(k);
      for (int64_t i = from; i < to; ++i)
        LogSumExp::Add(s, static_cast<double>(Load(x[i * v.inner])));
      return s;
    };
    if (v.parts > 1) {
      for (int64_t u = begin; u < end; ++u) {
        StatesOf(c)[u] = sum(u / v.parts, v.PartBegin(u), v.PartEnd(u));
      }
      return;
    }
    for (int64_t k = begin * v.per_unit; k < std::min(end * v.per_unit, v.count); ++k) {
      StatesOf(c)[k] = sum(k, 0, v.length);
    }
  }

  static void JoinParts(Call& c, int64_t begin, int64_t end) {
    const int64_t parts = c.state<Vectors>().parts;
    for (int64_t k = begin; k < end; ++k) {
      LogSumExp::State* s = StatesOf(c) + k * parts;
      for (int64_t p = 1; p < parts; ++p) LogSumExp::Merge(s[0], s[p]);
    }
  }

  static int64_t Target(const Call& c, int64_t position) {
    return c.inputs[1].dtype() == MOSAIC_INT64 ? c.inputs[1].data<int64_t>()[position]
                                               : c.inputs[1].data<int32_t>()[position];
  }

  template <typename T>
  Status Losses(Call& c, int64_t begin, int64_t end) const {
    const Vectors& v = c.state<Vectors>();
    const int64_t classes = c.inputs[0].dim(1), positions = c.inputs[1].size();
    for (int64_t chunk = begin; chunk < std::min(end, positions); chunk += kChunk) {
      Sums sums = {0, 0};
      for (int64_t p = chunk; p < std::min(chunk + kChunk, positions); ++p) {
        const int64_t target = Target(c, p);
        double loss = 0;
        if (!ignores_ || target != ignored_) {
          if (target < 0 || target >= classes) {
            return Status::Invalid("target " + std::to_string(target) + " is out of range for " +
                                   std::to_string(classes) + " classes");
          }
          const T x = c.inputs[0].data<T>()[v.Begin(p) + target * v.inner];
          const double weight =
              c.Given(2) ? static_cast<double>(Load(c.inputs[2].data<T>()[target])) : 1;
          loss = weight * (LogSum(c, p) - static_cast<double>(Load(x)));
          sums.weight += weight;
        }
        sums.loss += loss;
        if (mean_ == Mean::kNone) {
          c.outputs[0].mutable_data<T>()[p] = Store<T>(static_cast<ComputeType<T>>(loss));
        }
      }
      SumsOf(c)[chunk / kChunk] = sums;
    }
    return Status();
  }

  template <typename T>
  void Total(Call& c) const {
    Sums all = {0, 0};
    for (int64_t i = 0; i < (c.inputs[1].size() + kChunk - 1) / kChunk; ++i) {
      all.loss += SumsOf(c)[i].loss;
      all.weight += SumsOf(c)[i].weight;
    }
    const double v = mean_ == Mean::kSum ? all.loss : all.loss / all.weight;
    *c.outputs[0].mutable_data<T>() = Store<T>(static_cast<ComputeType<T>>(v));
  }

  template <typename T>
  void LogProbabilities(Call& c, int64_t begin, int64_t end) const {
    const Vectors& v = c.state<Vectors>();
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[1].mutable_data<T>();
    for (int64_t i = begin; i < std::min(end, c.outputs[1].size()); ++i) {
      const int64_t position = i / (v.length * v.inner) * v.inner + i % v.inner;
      y[i] = Store<T>(
          static_cast<ComputeType<T>>(static_cast<double>(Load(x[i])) - LogSum(c, position)));
    }
  }

  bool softmax_;
  Mean mean_;
  bool ignores_;
  int64_t ignored_;
};

template <bool kSoftmax>
Status MakeLoss(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3, kSoftmax ? 2 : 1));
  const std::string reduction = node.String("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    return Status::BadModel("reduction must be \"none\", \"sum\" or \"mean\", is \"" + reduction +
                            "\"");
  }
  const Mean mean = reduction == "none"  ? Mean::kNone
                    : reduction == "sum" ? Mean::kSum
                                         : Mean::kMean;
  *out = std::make_unique<LossOp>(kSoftmax, mean, node);
  return Status();
}

}  // namespace

extern const OpDef kNegativeLogLikelihoodLoss = {kOnnxDomain, "NegativeLogLikelihoodLoss", 22, 25,
                                                 &MakeLoss<false>};
extern const OpDef kSoftmaxCrossEntropyLoss = {kOnnxDomain, "SoftmaxCrossEntropyLoss", 13, 25,
                                               &MakeLoss<true>};

}  // namespace mosaic
