#include "core/pass/fuse_quantised.h"

#include "core/op/quant/conv_integer.h"
#include "core/op/quant/quantised_add.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class QuantisedMatcher {
 public:
  QuantisedMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  bool Match(size_t last, Fusion* out) { return MatchConv(last, out) || MatchAdd(last, out); }

 private:
  // The step of that operator whose result, maybe by way of Relu, step "last" makes bytes by one
  // scale; else kNone. All of them are taken.
  size_t QuantisedStep(size_t last, const char* op_type, size_t* relu, Fusion* out) const {
    if (!p_.Is(last, "QuantizeLinear")) return Pattern::kNone;
    const Node& quantize = p_.node(last);
    if (quantize.inputs.size() != 3 || quantize.inputs[2] < 0 || !IsByteOf(quantize.outputs[0]) ||
        !HasOneScale(quantize)) {
      return Pattern::kNone;
    }
    out->taken = {last};
    int value = quantize.inputs[0];
    *relu = OnlyMaker(value, "Relu");
    if (*relu != Pattern::kNone) {
      out->taken.push_back(*relu);
      value = p_.node(*relu).inputs[0];
    }
    const size_t step = OnlyMaker(value, op_type);
    if (step != Pattern::kNone) out->taken.push_back(step);
    return step;
  }

  bool MatchConv(size_t last, Fusion* out) {
    size_t relu;
    const size_t conv = QuantisedStep(last, "Conv", &relu, out);
    if (conv == Pattern::kNone) return false;
    const Node& quantize = p_.node(last);
    const Node& node = p_.node(conv);
    const size_t x = Dequantised(node.inputs[0]), w = Dequantised(node.inputs[1]);
    if (x == Pattern::kNone || w == Pattern::kNone || !HasOneScale(p_.node(x)) ||
        !IsKernels(p_.node(w), node.Int("group", 1))) {
      return false;
    }
    out->node = node;
    out->node.inputs.clear();
    for (size_t i : {x, w}) {
      for (size_t k = 0; k < 3; ++k) out->node.inputs.push_back(InputOf(p_.node(i), k));
    }
    out->node.inputs.push_back(quantize.inputs[1]);
    out->node.inputs.push_back(quantize.inputs[2]);
    const int bias = InputOf(node, 2);
    if (bias >= 0 && p_.fact(bias).dtype != MOSAIC_FLOAT) return false;
    if (bias >= 0) out->node.inputs.push_back(bias);
    out->node.outputs = quantize.outputs;
    out->node.op_type =
        std::string("Conv") + (relu == Pattern::kNone ? "" : " + Relu") + " + QuantizeLinear";
    out->op = MakeQuantisedConv(out->node, relu != Pattern::kNone);
    return out->op != nullptr;
  }

  // Of arrays of one shape.
  bool MatchAdd(size_t last, Fusion* out) {
    size_t relu;
    const size_t add = QuantisedStep(last, "Add", &relu, out);
    if (add == Pattern::kNone) return false;
    const Node& quantize = p_.node(last);
    if (!IsPlainScale(quantize.inputs[1])) return false;
    const int sum = p_.node(add).outputs[0];
    out->node = p_.node(last);
    out->node.inputs.clear();
    for (size_t i : {0, 1}) {
      const size_t operand = Dequantised(p_.node(add).inputs[i]);
      if (operand == Pattern::kNone || !HasOneScale(p_.node(operand)) ||
          !IsPlainScale(p_.node(operand).inputs[1]) ||
          !HasShapeOf(p_.node(operand).inputs[0], sum)) {
        return false;
      }
      for (size_t k = 0; k < 3; ++k) out->node.inputs.push_back(InputOf(p_.node(operand), k));
    }
    out->node.inputs.push_back(quantize.inputs[1]);
    out->node.inputs.push_back(quantize.inputs[2]);
    out->node.op_type =
        std::string("Add") + (relu == Pattern::kNone ? "" : " + Relu") + " + QuantizeLinear";
    out->op = MakeQuantisedAdd(relu != Pattern::kNone);
    return true;
  }

  // Sums of two bytes times such scales are finite, and so is what they are divided by.
  bool IsPlainScale(int value) const {
    float scale;
    return p_.Scalar(value, &scale) && scale > 1e-30F && scale < 1e30F;
  }
  bool HasShapeOf(int a, int b) const {
    const Fact &x = p_.fact(a), &y = p_.fact(b);
    if (!x.ranked || !y.ranked || x.rank() != y.rank()) return false;
    for (size_t d = 0; d < x.dims.size(); ++d) {
      if (!Same(x.dims[d], y.dims[d])) return false;
    }
    return true;
  }
  static int InputOf(const Node& n, size_t i) { return i < n.inputs.size() ? n.inputs[i] : -1; }

  // Of a value that nothing else reads.
  size_t OnlyMaker(int value, const char* op_type) const {
    return p_.ReadOnce(value) ? p_.Maker(value, op_type) : Pattern::kNone;
  }
  bool IsByteOf(int value) const {
    const int dtype = p_.fact(value).dtype;
    return dtype == MOSAIC_INT8 || dtype == MOSAIC_UINT8;
  }
  // The DequantizeLinear to float32 that makes the value of bytes.
  size_t Dequantised(int value) const {
    const size_t step = p_.Maker(value, "DequantizeLinear");
    if (step == Pattern::kNone || p_.fact(value).dtype != MOSAIC_FLOAT) return Pattern::kNone;
    const Node& n = p_.node(step);
    const bool plain = IsByteOf(n.inputs[0]) && p_.fact(n.inputs[1]).dtype == MOSAIC_FLOAT &&
                       n.Int("block_size", 0) == 0;
    return plain ? step : Pattern::kNone;
  }
  bool IsOne(int value) const {
    const Fact& f = p_.fact(value);
    return f.ranked && (f.rank() == 0 || (f.rank() == 1 && f.dims[0].Is(1)));
  }
  bool HasOneScale(const Node& n) const {
    return p_.fact(n.inputs[1]).dtype == MOSAIC_FLOAT && IsOne(n.inputs[1]) &&
           (InputOf(n, 2) < 0 || IsOne(n.inputs[2]));
  }
  // Constant kernels with a scale, or one for each filter; enough filters in a group.
  bool IsKernels(const Node& n, int64_t groups) const {
    const ModelTensor* t = p_.Constant(n.inputs[0]);
    if (t == nullptr || t->weight.shape.size() < 3) return false;
    const int64_t filters = t->weight.shape[0];
    if (groups > 1 && filters / groups < MOSAIC_STRIP_COLS) return false;
    if (HasOneScale(n)) return true;
    const auto of_filters = [&](int value) {
      if (value < 0) return true;
      const Fact& f = p_.fact(value);
      return f.ranked && f.rank() == 1 && f.dims[0].Is(filters);
    };
    return n.Int("axis", 1) == 0 && of_filters(n.inputs[1]) && of_filters(InputOf(n, 2));
  }

  Pattern p_;
};

}  // namespace

void FuseQuantised(const Model& model, BodyPlan* body) {
  QuantisedMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
