// SVMClassifier. With support vectors ("SVC"): a machine for each pair of classes votes; scores are those of the pairs,
// or probabilities. Without: a product with the coefficients, one row for each class ("liblinear").
#include <algorithm>

#include "core/op/ml/svm.h"

namespace mosaic {
namespace {

struct State {
  DotUnits dots;
  int64_t classes = 0, pairs = 0, columns = 0;
  std::vector<int64_t> starts;  // of the classes' vectors; then their number
};

class SvmClassifier : public Op {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size()), 2));
    auto op = std::make_unique<SvmClassifier>();
    MOSAIC_RETURN_IF_ERROR(SvmKernel::Make(node, &op->kernel_));
    MOSAIC_RETURN_IF_ERROR(PostTransformOf(node, &op->transform_));
    MOSAIC_RETURN_IF_ERROR(
        ClassLabels::Make(node, "classlabels_strings", "classlabels_ints", &op->labels_));
    op->coefficients_ = NumberList(node, "coefficients");
    op->vectors_ = NumberList(node, "support_vectors");
    op->counts_ = NumberList(node, "vectors_per_class");
    op->rho_ = NumberList(node, "rho");
    op->prob_a_ = NumberList(node, "prob_a");
    op->prob_b_ = NumberList(node, "prob_b");
    op->machines_ = op->vectors_.input() >= 0 || !op->vectors_.floats().empty();
    if (!op->machines_) op->kernel_.Linear();
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    MOSAIC_RETURN_IF_ERROR(CheckFloats(c, {&coefficients_, &vectors_, &rho_, &prob_a_, &prob_b_}));
    MOSAIC_RETURN_IF_ERROR(labels_.Check(c));
    if (!counts_.Readable<int64_t>(c)) return Status::BadModel("\"vectors_per_class\" are no integers");
    if (!known) {
      c.SetUnranked(0, labels_.dtype());
      c.SetUnranked(1, MOSAIC_FLOAT);
      return Status();
    }
    const Dim k = labels_.Length(c);
    const Dim pairs = FloorDiv(k * (k - 1), 2);
    Dim columns = k;
    if (machines_) {
      if (k.Is(1)) return Status::BadModel("there is one class");
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(counts_.Length(c), k, "\"vectors_per_class\" and classes"));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(rho_.Length(c), pairs, "\"rho\" and pairs of classes"));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(coefficients_.Length(c) * width, vectors_.Length(c) * (k - 1),
                                            "coefficients and support vectors"));
      for (const NumberList* l : {&prob_a_, &prob_b_}) {
        if (l->Length(c).Is(0) && prob_a_.Length(c).Is(0)) continue;
        MOSAIC_RETURN_IF_ERROR(c.RequireEqual(l->Length(c), pairs, "\"" + l->name() + "\" and pairs of classes"));
      }
      if (prob_a_.Length(c).Is(0) && !k.Is(2)) columns = pairs;
    } else {
      if (rho_.Length(c).Is(0)) return Status::BadModel("\"rho\" is needed");
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(coefficients_.Length(c), k * width, "coefficients and features"));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, labels_.dtype(), {rows}));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_FLOAT, {rows, columns}));
    KeepRows(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.classes = labels_.size(c);
    s.pairs = s.classes * (s.classes - 1) / 2;
    const int64_t width = std::max<int64_t>(1, WidthOf(c.inputs[0]));
    s.dots = DotUnits(c.inputs[0], machines_ ? vectors_.size(c) / width : s.classes);
    const int64_t wanted = machines_ ? (s.classes - 1) * s.dots.m : s.classes * s.dots.width;
    if (coefficients_.size(c) != wanted || (machines_ && vectors_.size(c) != s.dots.m * s.dots.width)) {
      return Status::Invalid("the support vectors are not of " + std::to_string(s.dots.width) + " features");
    }
    s.columns = !machines_ || Probabilities(c) ? s.classes : std::max<int64_t>(s.pairs, 2);
    const double k = static_cast<double>(s.classes);
    c.scratch_bytes = 4 * (s.dots.m + s.dots.width + s.pairs + 3 * s.classes + 2 +
                           (Probabilities(c) ? 2 * s.classes * s.classes : 0));
    c.OnePhase(machines_ ? 1 : 0, k);
    Phase dots{s.dots.units(), s.dots.cost()};
    // What the last unit of a row does besides, spread over them.
    const double last = static_cast<double>(s.dots.m) * k + (Probabilities(c) ? 200 * k * k : 10 * k);
    dots.unit_cost += last / static_cast<double>(Chunks(std::max<int64_t>(s.dots.m, 1), s.dots.columns));
    c.phases.push_back(dots);
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    if (phase == 0) return ReadCounts(c, &s);
    float* values = static_cast<float*>(c.scratch);  // of a row
    const float* vectors = FloatsOf(c, machines_ ? vectors_ : coefficients_);
    s.dots.ForEach(c.inputs[0], begin, end, values + s.dots.m, [&](int64_t row, int64_t j, const float* x) {
      values[j] = kernel_(x, vectors + j * s.dots.width, s.dots.width);
      if (j + 1 < s.dots.m) return;
      float* work = values + s.dots.m + s.dots.width;
      machines_ ? Vote(c, s, row, values, work) : Choose(c, s, row, values);
    });
    return Status();
  }

 private:
  bool Probabilities(const Call& c) const { return machines_ && !prob_a_.empty(c); }

  Status ReadCounts(const Call& c, State* s) const {
    s->starts.assign(1, 0);
    for (int64_t k = 0; k < s->classes; ++k) {
      const int64_t n = counts_.At<int64_t>(c, k);
      if (n < 0 || n > s->dots.m - s->starts.back()) {
        return Status::BadModel("\"vectors_per_class\" has " + std::to_string(n));
      }
      s->starts.push_back(s->starts.back() + n);
    }
    return Status();
  }

  void Write(Call& c, const State& s, int64_t row, int64_t label, float* scores, int64_t n) const {
    if (c.outputs[0].defined()) labels_.Write(c, label, &c.outputs[0], row);
    if (c.outputs.size() < 2 || !c.outputs[1].defined()) return;
    if (n > 1) {
      TransformScores(transform_, scores, n);
    } else {
      scores[1] = 0;
      TransformBinary(transform_, transform_ == PostTransform::kNone ? 2 : 4, scores);
    }
    std::copy(scores, scores + s.columns, c.outputs[1].mutable_data<float>() + row * s.columns);
  }

  // values: of the kernel with each vector. work: scores, votes, and what coupling needs.
  void Vote(Call& c, const State& s, int64_t row, const float* values, float* work) const {
    const int64_t k = s.classes, m = s.dots.m;
    const float* coefficients = FloatsOf(c, coefficients_);
    float *scores = work, *votes = work + s.pairs + 2;
    std::fill(votes, votes + k, 0.0f);
    int64_t pair = 0;
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = i + 1; j < k; ++j, ++pair) {
        double sum = 0;
        for (int64_t v = s.starts[static_cast<size_t>(i)]; v < s.starts[static_cast<size_t>(i) + 1]; ++v) {
          sum += coefficients[(j - 1) * m + v] * values[v];
        }
        for (int64_t v = s.starts[static_cast<size_t>(j)]; v < s.starts[static_cast<size_t>(j) + 1]; ++v) {
          sum += coefficients[i * m + v] * values[v];
        }
        sum += rho_.At<float>(c, pair);
        scores[pair] = static_cast<float>(sum);
        ++votes[sum > 0 ? i : j];
      }
    }
    const int64_t most = std::max_element(votes, votes + k) - votes;
    if (!Probabilities(c)) return Write(c, s, row, most, scores, s.pairs);
    float *p = votes + k, *pairs = p + k, *coupling = pairs + k * k;
    pair = 0;
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = i + 1; j < k; ++j, ++pair) {
        const float z = scores[pair] * prob_a_.At<float>(c, pair) + prob_b_.At<float>(c, pair);
        const float r = std::clamp(1 - MlLogistic(z), 1.0e-7f, 1 - 1.0e-7f);
        pairs[i * k + j] = r;
        pairs[j * k + i] = 1 - r;
      }
    }
    CouplePairs(k, pairs, coupling, p);
    Write(c, s, row, most, p, k);
  }

  void Choose(Call& c, const State& s, int64_t row, float* scores) const {
    const int64_t k = s.classes;
    for (int64_t i = 0; i < k; ++i) scores[i] += rho_.At<float>(c, 0);
    int64_t best = std::max_element(scores, scores + k) - scores;
    if (k == 2 && prob_a_.empty(c)) {
      const float* w = FloatsOf(c, coefficients_);
      const bool positive = std::all_of(w, w + coefficients_.size(c), [](float v) { return v >= 0; });
      if (positive ? scores[best] >= 0.5f : scores[best] > 0) best = 1;
    }
    Write(c, s, row, best, scores, k);
  }

  SvmKernel kernel_;
  PostTransform transform_ = PostTransform::kNone;
  ClassLabels labels_;
  NumberList coefficients_, vectors_, counts_, rho_, prob_a_, prob_b_;
  bool machines_ = false;
};

}  // namespace

extern const OpDef kSVMClassifier = {kMlDomain, "SVMClassifier", 1, 5, &SvmClassifier::Make};

}  // namespace mosaic
