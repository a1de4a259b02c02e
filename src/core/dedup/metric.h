// What a model is judged by: metrics over the rows of a validation set, one row at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

enum class MetricKind {
  kAccuracy,    // share of rows whose class is the label
  kAuc,         // area under the ROC curve of two classes, ties counted half; 16 bytes a row
  kR2,          // 1 - residual / total sum of squares
  kMae,         // mean |output - label|
  kAgreement,   // share of rows whose class is that of the original model
  kMaxAbsError  // largest |output - that of the original model|
};

// "accuracy", "auc", "r2", "mae", "agreement", "max_abs_error". INVALID, naming all, for another.
Status ParseMetric(const std::string& name, MetricKind* out);
const char* MetricName(MetricKind kind);
bool HigherIsBetter(MetricKind kind);
// Whether it is measured against labels, else against the original model's outputs.
bool UsesLabels(MetricKind kind);

// The class a model chooses: the first largest of several outputs; of a single one, the probability
// of class 1, whether it is >= 0.5. -1 where any is NaN. REQUIRES: n >= 1.
int64_t ChosenClass(const float* outputs, int64_t n);

class Metric {
 public:
  static std::unique_ptr<Metric> New(MetricKind kind);
  virtual ~Metric() = default;

  // One row: the model's outputs, n >= 1. expected: the label (1 value) or the original model's
  // outputs (n values), as UsesLabels tells. Errors (INVALID) say what the metric wants instead;
  // the caller names the row.
  virtual Status Add(const float* outputs, int64_t n, const double* expected) = 0;
  // Over all rows so far. NaN where it is not defined: without rows, AUC of a single class, R2 of
  // equal labels.
  virtual double value() const = 0;
  // Of value(), as rows drawn at random would have it; NaN where that is not known.
  virtual double standard_error() const = 0;
  int64_t rows() const { return rows_; }

 protected:
  int64_t rows_ = 0;
};

}  // namespace mosaic
