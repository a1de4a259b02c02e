// LinearClassifier and LinearRegressor: a product with the coefficients [E, C], intercepts, a transform, and the
// class of the highest score.
#include <algorithm>

#include "core/op/ml/dot.h"

namespace mosaic {
namespace {

struct State {
  DotUnits dots;
};

class LinearOp : public Op {
 public:
  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.dots = DotUnits(c.inputs[0], Scores(c));
    if (coefficients_.size(c) != s.dots.m * s.dots.width) {
      return Status::Invalid("there are " + std::to_string(coefficients_.size(c)) + " coefficients for " +
                             std::to_string(s.dots.m) + " scores of " + std::to_string(s.dots.width) +
                             " features");
    }
    c.scratch_bytes = 4 * (s.dots.rows * s.dots.m + s.dots.width);
    c.OnePhase(s.dots.units(), s.dots.cost());
    c.phases.push_back(Phase{s.dots.rows, 30.0 * static_cast<double>(s.dots.m + 1)});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    float* scores = static_cast<float*>(c.scratch);
    if (phase == 1) {
      for (int64_t r = begin; r < end; ++r) Finish(c, r, s.dots.m, scores + r * s.dots.m);
      return Status();
    }
    const float* weights = Pointer(c, coefficients_);
    const bool intercepts = intercepts_.size(c) == s.dots.m;
    s.dots.ForEach(c.inputs[0], begin, end, scores + s.dots.rows * s.dots.m,
                   [&](int64_t row, int64_t j, const float* x) {
                     const float dot = Dot(x, weights + j * s.dots.width, s.dots.width);
                     scores[row * s.dots.m + j] = intercepts ? dot + intercepts_.At<float>(c, j) : dot;
                   });
    return Status();
  }

 protected:
  // How many scores a row has.
  virtual int64_t Scores(const Call& c) const = 0;
  virtual void Finish(Call& c, int64_t row, int64_t m, float* scores) const = 0;

  // One score for each row of coefficients.
  Status CheckWidth(InferContext& c, const Dim& scores, const Dim& width) const {
    return c.RequireEqual(coefficients_.Length(c), scores * width, "coefficients and features");
  }

  NumberList coefficients_, intercepts_;
  PostTransform transform_ = PostTransform::kNone;

 private:
  static const float* Pointer(const Call& c, const NumberList& list) {
    return list.input() >= 0 ? c.inputs[static_cast<size_t>(list.input())].data<float>() : list.floats().data();
  }
};

class LinearRegressor : public LinearOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    auto op = std::make_unique<LinearRegressor>();
    op->coefficients_ = NumberList(node, "coefficients");
    op->intercepts_ = NumberList(node, "intercepts");
    MOSAIC_RETURN_IF_ERROR(PostTransformOf(node, &op->transform_));
    op->targets_ = node.Int("targets", 1);
    if (op->targets_ < 1 || op->targets_ > INT32_MAX) {
      return Status::BadModel("targets is " + std::to_string(op->targets_));
    }
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    MOSAIC_RETURN_IF_ERROR(CheckFloats(c, {&coefficients_, &intercepts_}));
    if (!known) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(CheckWidth(c, targets_, width));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, {rows, targets_}));
    KeepRows(c);
    return Status();
  }

 protected:
  int64_t Scores(const Call&) const override { return targets_; }
  void Finish(Call& c, int64_t row, int64_t m, float* scores) const override {
    if (m > 1) {
      TransformScores(transform_, scores, m);
    } else {
      TransformBinary(transform_, -1, scores);
    }
    std::copy(scores, scores + m, c.outputs[0].mutable_data<float>() + row * m);
  }

 private:
  int64_t targets_ = 1;
};

class LinearClassifier : public LinearOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size()), 2));
    auto op = std::make_unique<LinearClassifier>();
    op->coefficients_ = NumberList(node, "coefficients");
    op->intercepts_ = NumberList(node, "intercepts");
    MOSAIC_RETURN_IF_ERROR(PostTransformOf(node, &op->transform_));
    MOSAIC_RETURN_IF_ERROR(
        ClassLabels::Make(node, "classlabels_strings", "classlabels_ints", &op->labels_));
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    MOSAIC_RETURN_IF_ERROR(CheckFloats(c, {&coefficients_, &intercepts_}));
    MOSAIC_RETURN_IF_ERROR(labels_.Check(c));
    const Dim labels = labels_.Length(c), scores = intercepts_.Length(c);
    if (scores.Is(0)) return Status::BadModel("\"intercepts\", one for each class, are needed");
    // One score decides between two classes.
    if (!scores.Is(1) && Differ(labels, scores)) {
      return Status::BadModel("there are " + labels.ToString() + " classes and " + scores.ToString() + " intercepts");
    }
    const Dim columns = scores.Is(1) && labels.Is(2) ? Dim(2) : scores;
    if (!known) {
      c.SetUnranked(0, labels_.dtype());
      c.SetUnranked(1, MOSAIC_FLOAT);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(CheckWidth(c, scores, width));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, labels_.dtype(), {rows}));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_FLOAT, {rows, columns}));
    KeepRows(c);
    return Status();
  }

 protected:
  int64_t Scores(const Call& c) const override { return intercepts_.size(c); }
  void Finish(Call& c, int64_t row, int64_t m, float* scores) const override {
    const bool two = m == 1 && labels_.size(c) == 2;
    if (c.outputs[0].defined()) {
      if (m > 1) {
        labels_.Write(c, std::max_element(scores, scores + m) - scores, &c.outputs[0], row);
      } else if (two) {
        labels_.Write(c, scores[0] > 0, &c.outputs[0], row);
      } else {
        labels_.WriteNumber(c, scores[0] > 0, &c.outputs[0], row);
      }
    }
    if (c.outputs.size() < 2 || !c.outputs[1].defined()) return;
    float* out = c.outputs[1].mutable_data<float>() + row * (two ? 2 : m);
    if (m > 1) {
      TransformScores(transform_, scores, m);
      std::copy(scores, scores + m, out);
    } else {
      float pair[2] = {scores[0], 0};
      TransformBinary(transform_, two ? 4 : -1, pair);
      std::copy(pair, pair + (two ? 2 : 1), out);
    }
  }

 private:
  ClassLabels labels_;
};

}  // namespace

extern const OpDef kLinearClassifier = {kMlDomain, "LinearClassifier", 1, 5, &LinearClassifier::Make};
extern const OpDef kLinearRegressor = {kMlDomain, "LinearRegressor", 1, 5, &LinearRegressor::Make};

}  // namespace mosaic
