#include "core/pass/fuse_products.h"

#include "core/op/product/matrix_product.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

struct ActivationOp {
  const char* op_type;
  Activation f;
};
constexpr ActivationOp kActivations[] = {{"Relu", Activation::kRelu},
                                         {"Sigmoid", Activation::kSigmoid},
                                         {"Tanh", Activation::kTanh},
                                         {"Erf", Activation::kErf}};

// The nodes that follow one product, found step by step.
class Tail {
 public:
  Tail(const Pattern& pattern, size_t product)
      : p_(pattern), end_(pattern.node(product).outputs[0]) {}

  // Goes on over an Add of one value for each of m columns; -1 or that value.
  int TakeBias(int64_t m) {
    const size_t add = p_.OnlyReader(end_, "Add");
    if (add == Pattern::kNone) return -1;
    const int bias = Pattern::Other(p_.node(add), end_);
    const ModelTensor* t = p_.Constant(bias);
    if (t == nullptr || t->weight.dtype != MOSAIC_FLOAT || t->weight.shape != Shape{m}) return -1;
    Take(add);
    name_ += " + Add";
    return bias;
  }

  Activation TakeActivation() {
    for (const ActivationOp& a : kActivations) {
      if (const size_t step = p_.OnlyReader(end_, a.op_type); step != Pattern::kNone) {
        Take(step);
        name_ += std::string(" + ") + a.op_type;
        return a.f;
      }
    }
    return TakeGelu() ? Activation::kGelu : Activation::kNone;
  }

  const std::vector<size_t>& taken() const { return taken_; }
  int end() const { return end_; }                   // the value that the last of them gives
  const std::string& name() const { return name_; }  // " + Add + Relu"

 private:
  bool TakeGelu() {
    const std::vector<size_t>& readers = p_.readers(end_);
    if (readers.size() != 2) return false;
    const bool swapped = !p_.Is(readers[0], "Div");
    const size_t div = readers[swapped ? 1 : 0], mul = readers[swapped ? 0 : 1];
    if (!p_.Is(div, "Div") || !p_.Is(mul, "Mul") || p_.node(div).inputs[0] != end_ ||
        !p_.IsScalar(p_.node(div).inputs[1], 1.41421356237309505f)) {
      return false;
    }
    const size_t erf = p_.OnlyReader(p_.node(div).outputs[0], "Erf");
    if (erf == Pattern::kNone) return false;
    const int value = p_.node(erf).outputs[0];
    const size_t add = p_.OnlyReader(value, "Add");
    if (add == Pattern::kNone || !p_.IsScalar(Pattern::Other(p_.node(add), value), 1.0f)) {
      return false;
    }
    const int sum = p_.node(add).outputs[0], product = p_.node(mul).outputs[0];
    if (!p_.ReadOnce(sum) || Pattern::Other(p_.node(mul), end_) != sum) return false;
    const size_t half = p_.OnlyReader(product, "Mul");
    if (half == Pattern::kNone || !p_.IsScalar(Pattern::Other(p_.node(half), product), 0.5f)) {
      return false;
    }
    for (size_t step : {div, erf, add, mul, half}) Take(step);
    name_ += " + Gelu";
    return true;
  }

  void Take(size_t step) {
    taken_.push_back(step);
    end_ = p_.node(step).outputs[0];
  }

  const Pattern& p_;
  int end_;
  std::vector<size_t> taken_;
  std::string name_;
};

// Columns of the product, if it is one whose operator can take more on; else -1.
int64_t ColumnsOfProduct(const Model& model, const BodyPlan& body, const Step& step) {
  const Node& node = step.node;
  if ((node.op_type != "MatMul" && node.op_type != "Gemm") || !node.domain.empty() ||
      node.outputs[0] < 0) {
    return -1;
  }
  const int tensor = StreamedTensor(model, body, node, *step.op, 1);
  if (tensor < 0) return -1;
  const ModelTensor& w = model.tensors[static_cast<size_t>(tensor)];
  return w.weight.dtype == MOSAIC_FLOAT ? w.weight.blocking.cols : -1;
}

}  // namespace

void FuseProducts(const Model& model, BodyPlan* body) {
  const Pattern pattern(model, *body);
  std::vector<Fusion> found;
  for (size_t i = 0; i < body->steps.size(); ++i) {
    const Step& step = body->steps[i];
    const int64_t m = ColumnsOfProduct(model, *body, step);
    if (m < 0) continue;
    const auto& product = static_cast<const MatrixProductOp&>(*step.op);
    Tail tail(pattern, i);
    const int bias = product.WithEpilogue(true, Activation::kNone) ? tail.TakeBias(m) : -1;
    const Activation f = tail.TakeActivation();
    if (tail.taken().empty()) continue;
    Fusion fusion;
    fusion.op = product.WithEpilogue(bias >= 0, f);
    if (fusion.op == nullptr) continue;
    fusion.node = step.node;
    if (bias >= 0) {
      fusion.node.inputs.resize(2, -1);
      fusion.node.inputs.push_back(bias);
    }
    fusion.node.outputs = {tail.end()};
    fusion.node.op_type += tail.name();
    fusion.taken = tail.taken();
    fusion.taken.push_back(i);
    found.push_back(std::move(fusion));
  }
  Apply(std::move(found), body);
}

}  // namespace mosaic
