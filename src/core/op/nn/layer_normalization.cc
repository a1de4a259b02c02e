// LayerNormalization and RMSNormalization: over the dimensions from axis on, taken together.
// LayerNormalization's outputs 1 and 2: mean and 1 / sqrt(var + epsilon), as float32.
//
// SimplifiedLayerNormalization is what RMSNormalization is called in files that ONNX Runtime wrote.
#include "core/op/nn/layer_norm.h"

namespace mosaic {
namespace {

Status CheckStash(const Node& node) {
  if (node.Int("stash_type", MOSAIC_FLOAT) == MOSAIC_FLOAT) return Status();
  return Status::Unsupported("a stash_type other than float32 is not supported");
}

std::unique_ptr<Op> Make(bool centred, const Node& node, RowNormPlaces places) {
  return std::make_unique<LayerNormOp>(centred, node.Int("axis", -1), node.Float("epsilon", 1e-5F),
                                       places);
}

Status MakeLayerNormalization(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3, 3));
  MOSAIC_RETURN_IF_ERROR(CheckStash(node));
  *out = Make(true, node, {1, 2, 1, 2});
  return Status();
}

Status MakeRmsNormalization(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  MOSAIC_RETURN_IF_ERROR(CheckStash(node));
  *out = Make(false, node, {1, -1, -1, -1});
  return Status();
}

Status MakeSimplified(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2, 2));
  MOSAIC_RETURN_IF_ERROR(CheckStash(node));
  *out = Make(false, node, {1, -1, -1, 1});
  return Status();
}

}  // namespace

LayerNormOp::LayerNormOp(bool centred, int64_t axis, float epsilon, RowNormPlaces places)
    : RowNormOp(centred ? kCentred : kRootMeanSquare, static_cast<double>(epsilon), places),
      axis_(axis),
      places_(places) {}

Status LayerNormOp::Infer(InferContext& c) const {
  int axis = 0;
  MOSAIC_RETURN_IF_ERROR(InferLayer(c, &axis));
  if (axis >= 0) c.ItemsOf(0, c.item_axis(0) < axis);
  return Status();
}

Status LayerNormOp::InferLayer(InferContext& c, int* from) const {
  *from = -1;
  MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
  for (int i : {places_.scale, places_.bias}) {
    if (i < 0 || !c.Has(static_cast<size_t>(i))) continue;
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(static_cast<size_t>(i)), "a parameter"));
    if (i == places_.bias) {
      MOSAIC_RETURN_IF_ERROR(
          CheckSameType(c, static_cast<size_t>(places_.scale), static_cast<size_t>(i)));
    }
  }
  const bool statistics = places_.mean >= 0 || places_.deviation >= 0;
  for (int o : {places_.mean, places_.deviation}) {
    if (o >= 0) c.SetUnranked(static_cast<size_t>(o), MOSAIC_FLOAT);
  }
  c.SetUnranked(0, c.dtype(0));
  if (!c.in(0).ranked) return Status();
  int axis = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
  const Dims row(c.dims(0).begin() + axis, c.dims(0).end());
  for (int i : {places_.scale, places_.bias}) {
    if (i < 0 || !c.Has(static_cast<size_t>(i)) || !c.in(static_cast<size_t>(i)).ranked) continue;
    MOSAIC_RETURN_IF_ERROR(CheckParameter(c, c.dims(static_cast<size_t>(i)), row));
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
  if (statistics) {
    Dims reduced = c.dims(0);
    std::fill(reduced.begin() + axis, reduced.end(), Dim(1));
    for (int o : {places_.mean, places_.deviation}) {
      if (o >= 0) MOSAIC_RETURN_IF_ERROR(c.Set(static_cast<size_t>(o), MOSAIC_FLOAT, reduced));
    }
  }
  *from = axis;
  return Status();
}

Status LayerNormOp::CheckParameter(InferContext& c, const Dims& shape, const Dims& row) {
  const std::string what = "a parameter of shape " + ShapeString(shape) +
                           " does not fit rows of shape " + ShapeString(row);
  if (shape.size() > row.size()) return Status::BadModel(what);
  const size_t lead = row.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (!shape[d].Is(1) && !c.RequireEqual(shape[d], row[lead + d], "").ok()) {
      return Status::BadModel(what);
    }
  }
  return Status();
}

Status LayerNormOp::Start(Call& c) const { return StartLayer(c, 0, 0); }

Status LayerNormOp::StartLayer(Call& c, int first_phase, int64_t bytes) const {
  const Shape& x = c.inputs[0].shape();
  int axis = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
  const Shape row(x.begin() + axis, x.end());
  const Shape& scale = c.inputs[static_cast<size_t>(places_.scale)].shape();
  const bool biased = places_.bias >= 0 && c.Given(static_cast<size_t>(places_.bias));
  const Shape& bias = biased ? c.inputs[static_cast<size_t>(places_.bias)].shape() : scale;
  for (const Shape& parameter : {scale, bias}) {
    Shape out;
    MOSAIC_RETURN_IF_ERROR(BroadcastShapes(row, parameter, &out));
    if (out == row) continue;
    return Status::BadModel("a parameter of shape " + ShapeString(parameter) +
                            " does not fit rows of shape " + ShapeString(row));
  }
  const int64_t rows = NumElements(Shape(x.begin(), x.begin() + axis));
  return StartRows(c, rows, NumElements(row), RowParameters(row, scale, bias), first_phase, bytes);
}

extern const OpDef kLayerNormalization = {kOnnxDomain, "LayerNormalization", 17, 25,
                                          &MakeLayerNormalization};
extern const OpDef kRMSNormalization = {kOnnxDomain, "RMSNormalization", 23, 25,
                                        &MakeRmsNormalization};
extern const OpDef kSimplifiedLayerNormalization = {kOnnxDomain, "SimplifiedLayerNormalization", 1,
                                                    25, &MakeSimplified};
extern const OpDef kMicrosoftSimplifiedLayerNormalization = {
    kMicrosoftDomain, "SimplifiedLayerNormalization", 1, 1, &MakeSimplified};

}  // namespace mosaic
