#include "core/dedup/metric.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mosaic {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Name {
  MetricKind kind;
  const char* name;
};
constexpr Name kNames[] = {
    {MetricKind::kAccuracy, "accuracy"},
    {MetricKind::kAuc, "auc"},
    {MetricKind::kR2, "r2"},
    {MetricKind::kMae, "mae"},
    {MetricKind::kAgreement, "agreement"},
    {MetricKind::kMaxAbsError, "max_abs_error"},
};

Status CheckLabelIsClass(double label, int64_t classes) {
  if (label >= 0 && label < static_cast<double>(classes) && label == std::floor(label)) return {};
  return Status::Invalid("label " + std::to_string(label) + " is not a class: expected 0 to " +
                         std::to_string(classes - 1));
}

Status CheckOneOutput(const char* metric, int64_t n) {
  if (n == 1) return {};
  return Status::Invalid(std::string("metric ") + metric + " needs one output a row, not " +
                         std::to_string(n));
}

// Of a share.
double ErrorOfShare(double share, int64_t rows) {
  return std::sqrt(share * (1 - share) / static_cast<double>(rows));
}

class Accuracy : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* label) override {
    MOSAIC_RETURN_IF_ERROR(CheckLabelIsClass(*label, std::max<int64_t>(n, 2)));
    hits_ += ChosenClass(outputs, n) == static_cast<int64_t>(*label);
    ++rows_;
    return {};
  }
  double value() const override {
    return rows_ == 0 ? kNaN : static_cast<double>(hits_) / static_cast<double>(rows_);
  }
  double standard_error() const override { return ErrorOfShare(value(), rows_); }

 private:
  int64_t hits_ = 0;
};

class Auc : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* label) override {
    if (n > 2) {
      return Status::Invalid("metric auc needs a model of two classes, with 1 or 2 outputs, not " +
                             std::to_string(n));
    }
    MOSAIC_RETURN_IF_ERROR(CheckLabelIsClass(*label, 2));
    const double score = n == 1 ? static_cast<double>(outputs[0])
                                : static_cast<double>(outputs[1]) - static_cast<double>(outputs[0]);
    undefined_ = undefined_ || std::isnan(score);
    scores_.push_back({score, *label != 0});
    ++rows_;
    return {};
  }
  // The share of pairs of a positive and a negative row that are in the right order.
  double value() const override {
    if (undefined_) return kNaN;
    auto rows = scores_;
    std::sort(rows.begin(), rows.end());
    double below = 0, positives = 0, ordered = 0;
    for (size_t i = 0; i < rows.size();) {
      double ties[2] = {0, 0};
      const double score = rows[i].first;
      for (; i < rows.size() && rows[i].first == score; ++i) ties[rows[i].second ? 1 : 0] += 1;
      ordered += ties[1] * (below + ties[0] / 2);
      below += ties[0];
      positives += ties[1];
    }
    return positives == 0 || below == 0 ? kNaN : ordered / (positives * below);
  }
  // That of Hanley and McNeil (Radiology 143, 1982).
  double standard_error() const override {
    const double a = value(),
                 positives = static_cast<double>(std::count_if(
                     scores_.begin(), scores_.end(), [](const auto&s) { return s.second; }));
    const double negatives = static_cast<double>(rows_) - positives;
    const double q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    return std::sqrt(
        (a * (1 - a) + (positives - 1) * (q1 - a * a) + (negatives - 1) * (q2 - a * a)) /
        (positives * negatives));
  }

 private:
  std::vector<std::pair<double, bool>> scores_;
  bool undefined_ = false;
};

class R2 : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* label) override {
    MOSAIC_RETURN_IF_ERROR(CheckOneOutput("r2", n));
    const double residual = *label - static_cast<double>(outputs[0]);
    residual_ += residual * residual;
    ++rows_;
    // Welford: stable where the labels' mean is large beside their spread.
    const double delta = *label - mean_;
    mean_ += delta / static_cast<double>(rows_);
    total_ += delta * (*label - mean_);
    return {};
  }
  double value() const override { return total_ > 0 ? 1 - residual_ / total_ : kNaN; }
  // That of a share of the variance explained by one variable (Olkin and Finn, Psychological
  // Bulletin 118, 1995).
  double standard_error() const override {
    const double r2 = std::max(value(), 0.0);
    return 2 * std::sqrt(r2 / static_cast<double>(rows_)) * (1 - r2);
  }

 private:
  double residual_ = 0, mean_ = 0, total_ = 0;
};

class Mae : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* label) override {
    MOSAIC_RETURN_IF_ERROR(CheckOneOutput("mae", n));
    const double error = std::fabs(static_cast<double>(outputs[0]) - *label);
    sum_ += error;
    squares_ += error * error;
    ++rows_;
    return {};
  }
  double value() const override { return rows_ == 0 ? kNaN : sum_ / static_cast<double>(rows_); }
  double standard_error() const override {
    const double n = static_cast<double>(rows_);
    return rows_ < 2 ? kNaN : std::sqrt(std::max(0.0, squares_ - sum_ * sum_ / n) / (n - 1) / n);
  }

 private:
  double sum_ = 0, squares_ = 0;
};

class Agreement : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* original) override {
    original_.assign(original, original + n);
    same_ += ChosenClass(outputs, n) == ChosenClass(original_.data(), n);
    ++rows_;
    return {};
  }
  double value() const override {
    return rows_ == 0 ? kNaN : static_cast<double>(same_) / static_cast<double>(rows_);
  }
  double standard_error() const override { return ErrorOfShare(value(), rows_); }

 private:
  std::vector<float> original_;
  int64_t same_ = 0;
};

class MaxAbsError : public Metric {
 public:
  Status Add(const float* outputs, int64_t n, const double* original) override {
    for (int64_t i = 0; i < n; ++i) {
      const double error = std::fabs(static_cast<double>(outputs[i]) - original[i]);
      if (std::isnan(error) || error > largest_) largest_ = error;  // NaN stays: nothing is > NaN
    }
    ++rows_;
    return {};
  }
  double value() const override { return rows_ == 0 ? kNaN : largest_; }
  double standard_error() const override { return kNaN; }

 private:
  double largest_ = 0;
};

}  // namespace

Status ParseMetric(const std::string& name, MetricKind* out) {
  std::string known;
  for (const Name& n : kNames) {
    if (name == n.name) {
      *out = n.kind;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(n.name);
  }
  return Status::Invalid("unknown metric \"" + name + "\"").WithHint("Metrics are " + known + ".");
}

const char* MetricName(MetricKind kind) {
  for (const Name& n : kNames) {
    if (n.kind == kind) return n.name;
  }
  return "?";
}

bool HigherIsBetter(MetricKind kind) {
  return kind != MetricKind::kMae && kind != MetricKind::kMaxAbsError;
}

bool UsesLabels(MetricKind kind) {
  return kind != MetricKind::kAgreement && kind != MetricKind::kMaxAbsError;
}

int64_t ChosenClass(const float* outputs, int64_t n) {
  if (std::any_of(outputs, outputs + n, [](float v) { return std::isnan(v); })) return -1;
  if (n == 1) return outputs[0] >= 0.5f;
  return std::max_element(outputs, outputs + n) - outputs;
}

std::unique_ptr<Metric> Metric::New(MetricKind kind) {
  switch (kind) {
    case MetricKind::kAccuracy:
      return std::make_unique<Accuracy>();
    case MetricKind::kAuc:
      return std::make_unique<Auc>();
    case MetricKind::kR2:
      return std::make_unique<R2>();
    case MetricKind::kMae:
      return std::make_unique<Mae>();
    case MetricKind::kAgreement:
      return std::make_unique<Agreement>();
    case MetricKind::kMaxAbsError:
      return std::make_unique<MaxAbsError>();
  }
  return nullptr;
}

}  // namespace mosaic
