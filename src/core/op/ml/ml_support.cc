#include "core/op/ml/ml_support.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/util/quote.h"

namespace mosaic {

Status InferRows(const InferContext& c, Dim* rows, Dim* width, bool* known) {
  MOSAIC_RETURN_IF_ERROR(CheckType<MlTypes>(c.dtype(0), "an input"));
  *known = c.in(0).ranked;
  if (!*known) return Status();
  const Dims& dims = c.dims(0);
  if (dims.empty() || dims.size() > 2) {
    return Status::BadModel("the input " + ShapeString(dims) + " is neither [N, C] nor [C]");
  }
  *rows = dims.size() == 1 ? Dim(1) : dims[0];
  *width = dims.back();
  return Status();
}

void KeepRows(InferContext& c) {
  c.ItemsAt(0, c.in(0).rank() == 2 && c.item_axis(0) == 0 ? 0 : kMixed);
}

const float* AsFloats(const Tensor& x, int64_t begin, int64_t end, float* buffer) {
  if (x.dtype() == MOSAIC_FLOAT) return x.data<float>() + begin;
  Dispatch(Types<double, int32_t, int64_t>(), x.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const T* from = x.data<T>() + begin;
    for (int64_t i = 0; i < end - begin; ++i) buffer[i] = static_cast<float>(from[i]);
  });
  return buffer;
}

Status CheckFloats(const InferContext& c, std::initializer_list<const NumberList*> lists) {
  for (const NumberList* l : lists) {
    const int dtype = l->input() >= 0      ? c.dtype(static_cast<size_t>(l->input()))
                      : l->ints().empty() ? MOSAIC_FLOAT
                                          : MOSAIC_INT64;
    if (dtype != MOSAIC_FLOAT) {
      return Status::BadModel(Quoted(l->name()) + " is of type " + DTypeName(dtype));
    }
  }
  return Status();
}

// ---- labels ----

Status ClassLabels::Make(const Node& node, const char* strings, const char* ints,
                         ClassLabels* out) {
  out->strings_ = node.Strings(strings);
  out->ints_ = NumberList(node, ints);
  const bool numbers = out->ints_.input() >= 0 || !out->ints_.ints().empty();
  if (out->strings_.empty() == !numbers) {
    return Status::BadModel(std::string(numbers ? "both" : "neither") + " " + Quoted(strings) +
                            (numbers ? " and " : " nor ") + Quoted(ints) + " are given");
  }
  return Status();
}

Status ClassLabels::Check(const InferContext& c) const {
  if (!strings_.empty()) return Status();
  if (!ints_.Readable<int64_t>(c)) return Status::BadModel(Quoted(ints_.name()) + " are no integers");
  return ints_.Length(c).Is(0) ? Status::BadModel("there are no classes") : Status();
}

void ClassLabels::Write(const Call& c, int64_t i, Tensor* out, int64_t at) const {
  if (!strings_.empty()) {
    const std::string& s = strings_[static_cast<size_t>(i)];
    out->mutable_data<StringElement>()[at] = {s.data(), static_cast<int64_t>(s.size())};
  } else {
    out->mutable_data<int64_t>()[at] = ints_.At<int64_t>(c, i);
  }
}

void ClassLabels::WriteNumber(const Call& c, int64_t number, Tensor* out, int64_t at) const {
  if (!strings_.empty()) {
    Write(c, std::min(number, size(c) - 1), out, at);
  } else {
    out->mutable_data<int64_t>()[at] = number;
  }
}

// ---- scores ----

Status PostTransformOf(const Node& node, PostTransform* out) {
  const std::string name = node.String("post_transform", "NONE");
  static constexpr const char* kNames[] = {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};
  for (int i = 0; i < 5; ++i) {
    if (name != kNames[i]) continue;
    *out = static_cast<PostTransform>(i);
    return Status();
  }
  return Status::BadModel("unknown post_transform " + Quoted(name));
}

float MlLogistic(float v) {
  const float p = 1 / (1 + std::exp(-std::fabs(v)));
  return v < 0 ? 1 - p : p;
}

// The inverse of the error function as Winitzki approximates it, with ONNX Runtime's constants.
float MlProbit(float v) {
  const float y = 2 * v - 1;
  const float log = std::log((1 - y) * (1 + y));
  const float a = 2 / (3.14159f * 0.147f) + 0.5f * log, b = 1 / 0.147f * log;
  const float root = std::sqrt(-a + std::sqrt(a * a - b));
  return 1.41421356f * (y < 0 ? -root : root);
}

template <typename T>
void TransformScores(PostTransform transform, T* scores, int64_t n) {
  if (transform == PostTransform::kNone) return;
  if (transform == PostTransform::kProbit || transform == PostTransform::kLogistic) {
    for (int64_t i = 0; i < n; ++i) {
      const float v = static_cast<float>(scores[i]);
      scores[i] = static_cast<T>(transform == PostTransform::kProbit ? MlProbit(v) : MlLogistic(v));
    }
    return;
  }
  T most = -std::numeric_limits<T>::max();
  for (int64_t i = 0; i < n; ++i) most = std::max(most, scores[i]);
  const bool skip = transform == PostTransform::kSoftmaxZero;
  const T factor = skip ? std::exp(-most) : T(0);
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (skip && std::fabs(scores[i]) <= T(0.0000001f)) {
      scores[i] *= factor;
      continue;
    }
    scores[i] = std::exp(scores[i] - most);
    sum += scores[i];
  }
  for (int64_t i = 0; i < n; ++i) scores[i] /= sum;
}

template void TransformScores(PostTransform, float*, int64_t);
template void TransformScores(PostTransform, double*, int64_t);

int64_t TransformBinary(PostTransform transform, int form, float* scores) {
  const float s = scores[0];
  if (transform == PostTransform::kProbit) {
    scores[0] = MlProbit(s);
    return 1;
  }
  if (form < 0) return 1;
  const bool logistic = transform == PostTransform::kLogistic && form > 1;
  scores[1] = logistic ? MlLogistic(s) : s;
  scores[0] = logistic ? MlLogistic(-s) : form == 2 || form == 3 ? -s : 1 - s;
  return 2;
}

}  // namespace mosaic
