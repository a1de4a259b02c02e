#include "core/pass/fuse_products.h"

#include <cstring>

#include "core/op/product/matrix_product.h"

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
  // readers: per value, the nodes that read it; kOutput for an output of the graph.
  static constexpr size_t kOutput = static_cast<size_t>(-1);
  Tail(const Model& model, const BodyPlan& body, const std::vector<std::vector<size_t>>& readers,
       size_t product)
      : model_(model),
        body_(body),
        readers_(readers),
        end_(body.steps[product].node.outputs[0]) {}

  // Goes on over an Add of one value for each of m columns; -1 or that value.
  int TakeBias(int64_t m) {
    const Node* add = OnlyReader(end_, "Add");
    if (add == nullptr) return -1;
    const int bias = Other(*add, end_);
    const ModelTensor* t = Constant(bias);
    if (t == nullptr || t->weight.dtype != MOSAIC_FLOAT || t->weight.shape != Shape{m}) return -1;
    Take(*add);
    name_ += " + Add";
    return bias;
  }

  Activation TakeActivation() {
    for (const ActivationOp& a : kActivations) {
      if (const Node* node = OnlyReader(end_, a.op_type)) {
        Take(*node);
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
    const std::vector<size_t>& readers = Readers(end_);
    if (readers.size() != 2) return false;
    const Node* div = Reader(readers[0], "Div");
    const Node* mul = Reader(readers[1], "Mul");
    if (div == nullptr || mul == nullptr) {
      div = Reader(readers[1], "Div");
      mul = Reader(readers[0], "Mul");
    }
    if (div == nullptr || mul == nullptr || div->inputs[0] != end_ ||
        !IsScalar(div->inputs[1], 1.41421356237309505f)) {
      return false;
    }
    const Node* erf = OnlyReader(div->outputs[0], "Erf");
    const Node* add = erf != nullptr ? OnlyReader(erf->outputs[0], "Add") : nullptr;
    if (add == nullptr || !IsScalar(Other(*add, erf->outputs[0]), 1.0f) ||
        Readers(add->outputs[0]).size() != 1 || Other(*mul, end_) != add->outputs[0]) {
      return false;
    }
    const Node* half = OnlyReader(mul->outputs[0], "Mul");
    if (half == nullptr || !IsScalar(Other(*half, mul->outputs[0]), 0.5f)) return false;
    for (const Node* n : {div, erf, add, mul, half}) Take(*n);
    name_ += " + Gelu";
    return true;
  }

  void Take(const Node& node) {
    for (size_t i = 0; i < body_.steps.size(); ++i) {
      if (&body_.steps[i].node == &node) taken_.push_back(i);
    }
    end_ = node.outputs[0];
  }

  const std::vector<size_t>& Readers(int value) const {
    return readers_[static_cast<size_t>(value)];
  }
  const Node* Reader(size_t node, const char* op_type) const {
    if (node == kOutput) return nullptr;
    const Node& n = body_.steps[node].node;
    return n.op_type == op_type && n.domain.empty() && n.outputs[0] >= 0 ? &n : nullptr;
  }
  const Node* OnlyReader(int value, const char* op_type) const {
    const std::vector<size_t>& readers = Readers(value);
    return readers.size() == 1 ? Reader(readers[0], op_type) : nullptr;
  }
  // The other operand of a binary node.
  static int Other(const Node& node, int value) {
    return node.inputs[node.inputs[0] == value ? 1 : 0];
  }
  const ModelTensor* Constant(int value) const {
    const int tensor = body_.values[static_cast<size_t>(value)].tensor;
    return tensor < 0 ? nullptr : &model_.tensors[static_cast<size_t>(tensor)];
  }
  // A constant that broadcasts to anything that a product gives.
  bool IsScalar(int value, float want) const {
    const ModelTensor* t = Constant(value);
    return t != nullptr && t->layout == MOSAIC_LAYOUT_INLINE && t->weight.dtype == MOSAIC_FLOAT &&
           t->weight.shape.size() <= 1 && t->value.size() == sizeof(want) &&
           std::memcmp(t->value.data(), &want, sizeof(want)) == 0;
  }

  const Model& model_;
  const BodyPlan& body_;
  const std::vector<std::vector<size_t>>& readers_;
  int end_;
  std::vector<size_t> taken_;
  std::string name_;
};

// Also of the bodies of a step: what they capture, it reads.
std::vector<std::vector<size_t>> CollectReaders(const Model& model, const BodyPlan& body) {
  std::vector<std::vector<size_t>> readers(body.values.size());
  for (size_t i = 0; i < body.steps.size(); ++i) {
    for (int v : body.steps[i].node.inputs) {
      if (v >= 0) readers[static_cast<size_t>(v)].push_back(i);
    }
    for (const auto& [name, b] : body.steps[i].node.bodies) {
      const BodyPlan& inner = model.bodies[static_cast<size_t>(b) + 1];
      for (int v : inner.captures) {
        readers[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)].push_back(i);
      }
    }
  }
  for (int v : body.outputs) readers[static_cast<size_t>(v)].push_back(Tail::kOutput);
  return readers;
}

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
  const std::vector<std::vector<size_t>> readers = CollectReaders(model, *body);
  std::vector<bool> gone(body->steps.size(), false);
  for (size_t i = 0; i < body->steps.size(); ++i) {
    Step& step = body->steps[i];
    const int64_t m = ColumnsOfProduct(model, *body, step);
    if (m < 0) continue;
    const auto& product = static_cast<const MatrixProductOp&>(*step.op);
    Tail tail(model, *body, readers, i);
    const int bias = product.WithEpilogue(true, Activation::kNone) ? tail.TakeBias(m) : -1;
    const Activation f = tail.TakeActivation();
    if (tail.taken().empty()) continue;
    std::unique_ptr<Op> op = product.WithEpilogue(bias >= 0, f);
    if (op == nullptr) continue;
    if (bias >= 0) {
      step.node.inputs.resize(2, -1);
      step.node.inputs.push_back(bias);
    }
    step.node.outputs = {tail.end()};
    step.node.op_type += tail.name();
    step.op = std::move(op);
    for (size_t t : tail.taken()) gone[t] = true;
  }
  std::vector<Step> kept;
  for (size_t i = 0; i < body->steps.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(body->steps[i]));
  }
  body->steps = std::move(kept);
}

}  // namespace mosaic
