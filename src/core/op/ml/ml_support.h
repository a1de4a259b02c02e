// What operators of ai.onnx.ml share: inputs that are rows of features, class labels, scores.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "core/op/ml/number_list.h"
#include "core/op/op_support.h"

namespace mosaic {

using MlTypes = Types<float, double, int32_t, int64_t>;
constexpr int64_t kRowChunk = 64;  // rows that a unit does, where they are short

inline int64_t Chunks(int64_t n, int64_t of) { return (n + of - 1) / of; }

// ---- rows: an input [N, C], or [C], which is one row ----

// False: the rank is not known yet. Errors: BAD_MODEL for other ranks.
Status InferRows(const InferContext& c, Dim* rows, Dim* width, bool* known);
// The items of output o [N, ...], which depends on the input's rows one by one.
void KeepRows(InferContext& c);
inline int64_t RowsOf(const Tensor& x) { return x.rank() == 1 ? 1 : x.dim(0); }
inline int64_t WidthOf(const Tensor& x) { return x.dim(x.rank() - 1); }
// Elements [begin, end) of x in float32, as they are or converted to buffer.
const float* AsFloats(const Tensor& x, int64_t begin, int64_t end, float* buffer);

// In Infer: the lists are of float32, as what reads their elements in place needs them.
Status CheckFloats(const InferContext& c, std::initializer_list<const NumberList*> lists);

// ---- labels ----

class ClassLabels {
 public:
  // Errors: BAD_MODEL where the node gives none, or both kinds.
  static Status Make(const Node& node, const char* strings, const char* ints, ClassLabels* out);

  // In Infer: there is at least one, and numbers are integers.
  Status Check(const InferContext& c) const;
  int dtype() const { return strings_.empty() ? MOSAIC_INT64 : MOSAIC_STRING; }
  Dim Length(const InferContext& c) const {
    return strings_.empty() ? ints_.Length(c) : Dim(static_cast<int64_t>(strings_.size()));
  }
  int64_t size(const Call& c) const {
    return strings_.empty() ? ints_.size(c) : static_cast<int64_t>(strings_.size());
  }
  // Writes label i; or, as some binary classifiers of ONNX Runtime do, the number 0 or 1 itself, unless labels are
  // strings.
  void Write(const Call& c, int64_t i, Tensor* out, int64_t at) const;
  void WriteNumber(const Call& c, int64_t number, Tensor* out, int64_t at) const;
  const NumberList& ints() const { return ints_; }

 private:
  std::vector<std::string> strings_;
  NumberList ints_;
};

// ---- scores ----

enum class PostTransform { kNone, kLogistic, kSoftmax, kSoftmaxZero, kProbit };
Status PostTransformOf(const Node& node, PostTransform* out);

float MlLogistic(float v);
float MlProbit(float v);
// In place, as ONNX Runtime does.
template <typename T>
void TransformScores(PostTransform transform, T* scores, int64_t n);
// One score of a binary classifier becomes two, as in ONNX Runtime: form 0, 1 of trees whose weights are all
// positive (probabilities), 2, 3 of margins, 4 of a linear model. -1 leaves one.
int64_t TransformBinary(PostTransform transform, int form, float* scores);

}  // namespace mosaic
