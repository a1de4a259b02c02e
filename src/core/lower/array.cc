// Older forms of the operators that move elements: attributes that became inputs.
#include <limits>

#include "core/lower/lower.h"

namespace mosaic {
namespace {

// The value of a scalar constant input.
Tensor Scalar(const float* v) { return Tensor::Borrow(MOSAIC_FLOAT, {}, v); }

Status AxesInput(LowerContext& c, Node* node) {  // Squeeze, Unsqueeze < 13
  ListToInput(c, node, "axes", 1);
  return Status();
}

Status SliceInputs(LowerContext& c, Node* node) {  // Slice < 10
  if (node->Find("starts") == nullptr || node->Find("ends") == nullptr) {
    return Status::BadModel("attribute starts or ends is missing");
  }
  if (node->inputs.size() != 1) {
    return Status::BadModel("takes 1 inputs, has " + std::to_string(node->inputs.size()));
  }
  ListToInput(c, node, "starts", 1);
  ListToInput(c, node, "ends", 2);
  ListToInput(c, node, "axes", 3);
  return Status();
}

Status SplitInput(LowerContext& c, Node* node) {  // Split < 13
  ListToInput(c, node, "split", 1);
  return Status();
}
// Before num_outputs (18), a Split without sizes was into equal parts, as many as outputs.
Status SplitOutputs(LowerContext& c, Node* node) {
  const bool sizes = node->inputs.size() > 1 && node->inputs[1] >= 0;
  if (!sizes && node->Find("num_outputs") == nullptr) {
    node->attributes.push_back({"num_outputs", static_cast<int64_t>(node->outputs.size())});
    // Unequal parts came with num_outputs.
    node->attributes.push_back({"equal", int64_t{1}});
  }
  (void)c;
  return Status();
}

Status TopKInput(LowerContext& c, Node* node) {  // TopK < 10
  const int64_t k = node->Int("k", -1);
  if (!TakeAttribute(node, "k")) return Status::BadModel("attribute k is missing");
  node->inputs.resize(2, -1);
  node->inputs[1] = c.Int64s({k});
  return Status();
}

Status PadInputs(LowerContext& c, Node* node) {  // Pad < 11
  if (node->Find("pads") == nullptr) return Status::BadModel("attribute pads is missing");
  ListToInput(c, node, "pads", 1);
  const float value = node->Float("value", 0);
  TakeAttribute(node, "value");
  node->inputs.resize(3, -1);
  // Of the input's own type.
  if (value != 0) {
    const int like = c.NewValue();
    c.Before("CastLike", {c.Constant(Scalar(&value)), node->inputs[0]}, {like});
    node->inputs[2] = like;
  }
  return Status();
}

Status ScatterName(LowerContext&, Node* node) {  // Scatter became ScatterElements
  node->op_type = "ScatterElements";
  return Status();
}

Status AllowZero(LowerContext&, Node* node) {  // Reshape < 14
  TakeAttribute(node, "allowzero");
  return Status();
}

Status ReshapeAttribute(LowerContext& c, Node* node) {  // Reshape < 5
  ListToInput(c, node, "shape", 1);
  return Status();
}

Status ShapeRange(LowerContext&, Node* node) {  // Shape < 15
  TakeAttribute(node, "start");
  TakeAttribute(node, "end");
  return Status();
}

Status ClipInputs(LowerContext& c, Node* node) {  // Clip < 11: float attributes, finite by default
  constexpr float kMost = std::numeric_limits<float>::max();
  const float low = node->Float("min", -kMost), high = node->Float("max", kMost);
  TakeAttribute(node, "min");
  TakeAttribute(node, "max");
  node->inputs.resize(1);
  node->inputs.push_back(c.Constant(Scalar(&low)));
  node->inputs.push_back(c.Constant(Scalar(&high)));
  node->attributes.push_back({"float_bounds", int64_t{1}});
  return Status();
}

Status CastSaturate(LowerContext&, Node* node) {  // Cast < 19
  TakeAttribute(node, "saturate");
  return Status();
}

}  // namespace

const std::vector<LowerRule>& ArrayRules() {
  static const auto* const rules = new std::vector<LowerRule>{
      {"", "Cast", 19, CastSaturate},   {"", "Clip", 11, ClipInputs},
      {"", "Pad", 11, PadInputs},       {"", "Reshape", 5, ReshapeAttribute},
      {"", "Reshape", 14, AllowZero},   {"", "Scatter", 100, ScatterName},
      {"", "Shape", 15, ShapeRange},    {"", "Slice", 10, SliceInputs},
      {"", "Split", 13, SplitInput},    {"", "Split", 18, SplitOutputs},
      {"", "Squeeze", 13, AxesInput},   {"", "TopK", 10, TopKInput},
      {"", "Unsqueeze", 13, AxesInput},
  };
  return *rules;
}

}  // namespace mosaic
