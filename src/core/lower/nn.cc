// Older forms of reductions, softmax, resizing, normalisation and transforms.
#include "core/lower/lower.h"

namespace mosaic {
namespace {

Status ReduceAxes(LowerContext& c, Node* node) {  // axes became input 1
  ListToInput(c, node, "axes", 1);
  TakeAttribute(node, "noop_with_empty_axes");
  return Status();
}

// Softmax, LogSoftmax, Hardmax < 13: over the dimensions from axis (default 1) on, taken together:
// Flatten, then along the last axis, then the shape it had.
Status FlatSoftmax(LowerContext& c, Node* node) {
  if (node->inputs.size() != 1 || node->outputs.size() != 1) return Status();  // refused by its op
  const int64_t axis = node->Int("axis", 1);
  TakeAttribute(node, "axis");
  const int x = node->inputs[0], y = node->outputs[0];
  const int shape = c.NewValue(), flat = c.NewValue(), result = c.NewValue();
  c.Before("Shape", {x}, {shape});
  c.Before("Flatten", {x}, {flat}).attributes.push_back({"axis", axis});
  node->inputs = {flat};
  node->outputs = {result};
  node->attributes.push_back({"axis", int64_t{-1}});
  c.After("Reshape", {result, shape}, {y}).attributes.push_back({"allowzero", int64_t{1}});
  return Status();
}

// Dropout < 12: the ratio was an attribute; without training it has no meaning.
Status DropoutRatio(LowerContext&, Node* node) {
  TakeAttribute(node, "ratio");
  TakeAttribute(node, "seed");
  return Status();
}

// Upsample became Resize, as it was in its first version.
Status UpsampleToResize(LowerContext& c, Node* node) {
  std::vector<float> scales = node->Floats("scales");
  node->op_type = "Resize";
  if (c.version() < 9) {
    if (!TakeAttribute(node, "scales")) return Status::BadModel("attribute scales is missing");
    node->inputs.resize(2, -1);
    node->inputs[1] = c.Constant(
        Tensor::Borrow(MOSAIC_FLOAT, {static_cast<int64_t>(scales.size())}, scales.data()));
  }
  return Status();
}
// Resize < 11: scales were input 1; a coordinate was the output's divided by the scale, the nearest
// rounded down.
Status OldResize(LowerContext& c, Node* node) {
  if (node->op_type != "Resize") return Status();
  if (c.version() >= 11) return Status();
  node->inputs.resize(2, -1);
  node->inputs = {node->inputs[0], -1, node->inputs[1]};
  node->attributes.push_back({"coordinate_transformation_mode", std::string("asymmetric")});
  node->attributes.push_back({"nearest_mode", std::string("floor")});
  node->attributes.push_back({"ceil_where_smaller", int64_t{1}});  // as ONNX Runtime
  return Status();
}

// GroupNormalization < 21: scale and bias for each group, since then for each channel.
Status GroupParameters(LowerContext&, Node* node) {
  node->attributes.push_back({"per_group", int64_t{1}});
  return Status();
}

// DFT < 20: the axis (default 1) became input 2.
Status DftAxis(LowerContext& c, Node* node) {
  const int64_t axis = node->Int("axis", 1);
  TakeAttribute(node, "axis");
  node->inputs.resize(3, -1);
  node->inputs[2] = c.Constant(Tensor::Borrow(MOSAIC_INT64, {}, &axis));
  return Status();
}

// GridSample < 20: for two dimensions only, and modes by their names there.
Status GridSampleMode(LowerContext&, Node* node) {
  std::string mode = node->String("mode", "bilinear");
  TakeAttribute(node, "mode");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  node->attributes.push_back({"mode", mode});
  return Status();
}
// RoiAlign < 16: corners were not moved by half an element.
Status RoiCorners(LowerContext&, Node* node) {
  TakeAttribute(node, "coordinate_transformation_mode");
  node->attributes.push_back({"coordinate_transformation_mode", std::string("output_half_pixel")});
  return Status();
}

Status DropSpatial(LowerContext&, Node* node) {  // BatchNormalization < 9
  const bool spatial = node->Int("spatial", 1) != 0;
  TakeAttribute(node, "spatial");
  if (!spatial) return Status::Unsupported("spatial = 0 is not supported");
  return Status();
}

}  // namespace

const std::vector<LowerRule>& NnRules() {
  static const auto* const rules = [] {
    auto* all = new std::vector<LowerRule>{
        {"", "BatchNormalization", 9, DropSpatial}, {"", "DFT", 20, DftAxis},
        {"", "Dropout", 12, DropoutRatio},          {"", "GroupNormalization", 21, GroupParameters},
        {"", "Hardmax", 13, FlatSoftmax},           {"", "LogSoftmax", 13, FlatSoftmax},
        {"", "ReduceSum", 13, ReduceAxes},          {"", "Softmax", 13, FlatSoftmax},
        {"", "GridSample", 20, GridSampleMode},     {"", "RoiAlign", 16, RoiCorners},
        {"", "Upsample", 10, UpsampleToResize},     {"", "Resize", 11, OldResize},
    };
    for (const char* op : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                           "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"}) {
      all->push_back({"", op, 18, ReduceAxes});
    }
    return all;
  }();
  return *rules;
}

}  // namespace mosaic
