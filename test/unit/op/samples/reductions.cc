// Reductions, softmax, extremes, running sums, and normalisation.
#include "op/samples/families.h"
#include "op/samples/oracles.h"

namespace mosaic::samples {
namespace {

void DrawReduce(Draw& d, Sample* s) {
  const bool extreme = s->Is("ReduceMax") || s->Is("ReduceMin");
  const Shape shape = d.Dims(1, 4);
  const bool positive = s->Is("ReduceLogSum");
  s->Data(extreme ? NumericType(d) : FloatType(d), shape, positive ? 0.5 : -2, s->Is("ReduceProd") ? 1.5 : 2);
  s->IntAttr("keepdims", d.Int(0, 1));
  if (d.Rarely()) {
    if (d.Flip()) s->IntAttr("noop_with_empty_axes", 1);
    return;
  }
  std::vector<int64_t> axes;
  for (int64_t a = 0; a < static_cast<int64_t>(shape.size()); ++a) {
    if (d.Flip()) axes.push_back(d.Flip() ? a : a - static_cast<int64_t>(shape.size()));
  }
  if (axes.empty()) axes.push_back(Axis(d, shape));
  s->Ints(axes);
}
void DrawSoftmax(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  s->Data(FloatType(d), shape, -6, 6).IntAttr("axis", Axis(d, shape));
}
void DrawArg(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  s->Data(s->Is("Hardmax") ? FloatType(d) : NumericType(d), shape, -5, 5).IntAttr("axis", Axis(d, shape));
  if (!s->Is("Hardmax")) s->IntAttr("keepdims", d.Int(0, 1)).IntAttr("select_last_index", d.Int(0, 1));
}
void DrawCumulative(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const bool product = s->Is("CumProd");
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT64}), shape, product ? 1 : -3, product ? 1.001 : 3).Int(Axis(d, shape));
  s->IntAttr("exclusive", d.Int(0, 1)).IntAttr("reverse", d.Int(0, 1));
}
void DrawTopK(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const int64_t axis = Axis(d, shape), n = shape[Positive(axis, shape)];
  s->Data(NumericType(d), shape, -9, 9).Ints({d.Flip() ? d.Int(0, std::min<int64_t>(n, 8)) : n}).IntAttr("axis", axis);
  s->IntAttr("largest", d.Int(0, 1)).IntAttr("sorted", d.Rarely() ? 0 : 1);
  s->outputs = 2;
}

void DrawLayerNorm(Draw& d, Sample* s) {
  const bool simplified = s->Is("SimplifiedLayerNormalization");
  const int dtype = simplified ? SingleType(d) : FloatType(d);
  const Shape shape = d.Dims(1, 4);
  const int64_t axis = d.Flip() ? -1 : Axis(d, shape);
  const Shape scale(shape.begin() + static_cast<std::ptrdiff_t>(Positive(axis, shape)), shape.end());
  s->Data(dtype, shape, -2, 5).Const(dtype, scale).IntAttr("axis", axis).FloatAttr("epsilon", 1e-3);
  if (s->Is("LayerNormalization") && d.Flip()) s->Const(dtype, scale);
  if (s->Is("LayerNormalization") && d.Rarely()) s->outputs = 3;
}
void DrawSkipNorm(Draw& d, Sample* s) {
  const int dtype = SingleType(d);
  Shape shape = d.Dims(3, 3);
  s->Data(dtype, shape).Data(dtype, shape).Const(dtype, {shape[2]});
  if (s->Is("SkipLayerNormalization")) s->Const(dtype, {shape[2]});
  if (d.Flip()) s->Const(dtype, {shape[2]});
  if (d.Flip()) s->outputs = 4;
  s->FloatAttr("epsilon", 1e-3);
}
void DrawBatchNorm(Draw& d, Sample* s) {
  const int dtype = FloatType(d);
  const Shape shape = d.Dims(2, 4), channels = {shape[1]};
  s->Data(dtype, shape).Const(dtype, channels).Const(dtype, channels).Const(dtype, channels).Const(dtype, channels, 0.5, 2);
}
void DrawGroupNorm(Draw& d, Sample* s) {
  const int dtype = FloatType(d);
  Shape shape = d.Dims(3, 4);
  const int64_t groups = s->Is("GroupNormalization") ? d.Int(1, 4) : 1;
  if (groups > 1) shape[1] = std::max<int64_t>(1, shape[1] / groups) * groups;
  s->Data(dtype, shape).Const(dtype, {shape[1]}).Const(dtype, {shape[1]}).FloatAttr("epsilon", 1e-3);
  if (s->Is("GroupNormalization")) s->IntAttr("num_groups", groups);
}
void DrawLrn(Draw& d, Sample* s) { s->Data(FloatType(d), d.Dims(3, 4)).IntAttr("size", d.Int(1, 5)); }
void DrawLpNorm(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  s->Data(FloatType(d), shape).IntAttr("axis", Axis(d, shape)).IntAttr("p", d.Int(1, 2));
}
void DrawMvn(Draw& d, Sample* s) {
  const Shape shape = d.Dims(4, 4);
  s->Data(FloatType(d), shape);
  if (d.Flip()) s->IntsAttr("axes", {d.Int(0, 1), d.Int(2, 3)});
}
void DrawGlobal(Draw& d, Sample* s) {
  s->Data(FloatType(d), d.Dims(3, 5));
  if (s->Is("GlobalLpPool")) s->IntAttr("p", d.Int(1, 3));
}
void DrawDropout(Draw& d, Sample* s) {
  s->Data(FloatType(d), d.Dims(0, 3));
  if (d.Flip()) s->outputs = 2;
}
void DrawLoss(Draw& d, Sample* s) {
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16});
  const Shape shape = d.Dims(2, 4);
  Shape labels(shape.begin(), shape.end());
  for (size_t i = 1; i + 1 < labels.size(); ++i) labels[i] = labels[i + 1];
  labels.resize(labels.size() - 1);
  s->Data(dtype, shape).Const(MOSAIC_INT64, labels, 0, static_cast<double>(shape[1] - 1));
  if (d.Flip()) s->Const(dtype, {shape[1]}, 0.5, 2);
  s->StringAttr("reduction", d.Of({"mean", "sum", "none"}));
  if (s->Is("SoftmaxCrossEntropyLoss") && d.Flip()) s->outputs = 2;
}

}  // namespace

void AddReductions(GeneratorList* out) {
  for (const char* name : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
                           "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
    out->push_back({kOnnxDomain, name, DrawReduce, std::string(name) == "ReduceProd" ? 400.0 : std::string(name) == "ReduceLogSumExp" ? 16 : 2, ReduceOracle, ReduceSlack});
  }
  out->push_back({kOnnxDomain, "Softmax", DrawSoftmax, 14, SoftmaxOracle});
  out->push_back({kOnnxDomain, "LogSoftmax", DrawSoftmax, 16, SoftmaxOracle});
  for (const char* name : {"ArgMax", "ArgMin", "Hardmax"}) out->push_back({kOnnxDomain, name, DrawArg});
  for (const char* name : {"CumProd", "CumSum"}) out->push_back({kOnnxDomain, name, DrawCumulative, 400, CumulativeOracle});
  out->push_back({kOnnxDomain, "TopK", DrawTopK});
  for (const char* name : {"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"}) {
    out->push_back({kOnnxDomain, name, DrawLayerNorm, 16, LayerNormOracle});
  }
  out->push_back({kMicrosoftDomain, "SimplifiedLayerNormalization", DrawLayerNorm, 16, LayerNormOracle});
  for (const char* name : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    out->push_back({kMicrosoftDomain, name, DrawSkipNorm, 16});
  }
  out->push_back({kOnnxDomain, "BatchNormalization", DrawBatchNorm, 16, BatchNormOracle});
  for (const char* name : {"InstanceNormalization", "GroupNormalization"}) {
    out->push_back({kOnnxDomain, name, DrawGroupNorm, 16, GroupNormOracle});
  }
  out->push_back({kOnnxDomain, "LRN", DrawLrn, 8});
  out->push_back({kOnnxDomain, "LpNormalization", DrawLpNorm, 4});
  out->push_back({kOnnxDomain, "MeanVarianceNormalization", DrawMvn, 16});
  for (const char* name : {"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"}) out->push_back({kOnnxDomain, name, DrawGlobal, 8});
  out->push_back({kOnnxDomain, "Dropout", DrawDropout});
  for (const char* name : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) out->push_back({kOnnxDomain, name, DrawLoss, 400});
}

}  // namespace mosaic::samples
