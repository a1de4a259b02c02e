#include "core/infer/fusion.h"

#include <cstring>

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
  Tail(const Model& model, const std::vector<std::vector<size_t>>& readers, size_t product)
      : model_(model), readers_(readers), end_(model.nodes[product].outputs[0]) {}

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
    taken_.push_back(static_cast<size_t>(&node - model_.nodes.data()));
    end_ = node.outputs[0];
  }

  const std::vector<size_t>& Readers(int value) const {
    return readers_[static_cast<size_t>(value)];
  }
  const Node* Reader(size_t node, const char* op_type) const {
    if (node == kOutput || model_.nodes[node].op_type != op_type) return nullptr;
    return model_.nodes[node].outputs[0] >= 0 ? &model_.nodes[node] : nullptr;
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
    const int tensor = model_.graph.values[static_cast<size_t>(value)].tensor;
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
  const std::vector<std::vector<size_t>>& readers_;
  int end_;
  std::vector<size_t> taken_;
  std::string name_;
};

std::vector<std::vector<size_t>> CollectReaders(const Model& model) {
  std::vector<std::vector<size_t>> readers(model.graph.values.size());
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    for (int v : model.nodes[i].inputs) {
      if (v >= 0) readers[static_cast<size_t>(v)].push_back(i);
    }
  }
  for (int v : model.graph.outputs) readers[static_cast<size_t>(v)].push_back(Tail::kOutput);
  return readers;
}

// Columns of the product, if it is one whose operator can take more on; else -1.
int64_t ColumnsOfProduct(const Model& model, size_t i) {
  const Node& node = model.nodes[i];
  if ((node.op_type != "MatMul" && node.op_type != "Gemm") || node.outputs[0] < 0) return -1;
  const int tensor = model.StreamedTensor(node, *model.ops[i]);
  if (tensor < 0) return -1;
  const ModelTensor& w = model.tensors[static_cast<size_t>(tensor)];
  return w.weight.dtype == MOSAIC_FLOAT ? w.weight.blocking.cols : -1;
}

}  // namespace

void FuseProducts(Model* model) {
  const std::vector<std::vector<size_t>> readers = CollectReaders(*model);
  std::vector<bool> gone(model->nodes.size(), false);
  for (size_t i = 0; i < model->nodes.size(); ++i) {
    const int64_t m = ColumnsOfProduct(*model, i);
    if (m < 0) continue;
    Tail tail(*model, readers, i);
    int bias = model->ops[i]->Fused(true, Activation::kNone) ? tail.TakeBias(m) : -1;
    const Activation f = tail.TakeActivation();
    if (tail.taken().empty()) continue;
    std::unique_ptr<Op> op = model->ops[i]->Fused(bias >= 0, f);
    if (op == nullptr) continue;
    Node& node = model->nodes[i];
    if (bias >= 0) {
      node.inputs.resize(2, -1);
      node.inputs.push_back(bias);
    }
    node.outputs = {tail.end()};
    node.op_type += tail.name();
    model->ops[i] = std::move(op);
    for (size_t t : tail.taken()) gone[t] = true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < model->nodes.size(); ++i) {
    if (gone[i]) continue;
    if (kept != i) {
      model->nodes[kept] = std::move(model->nodes[i]);
      model->ops[kept] = std::move(model->ops[i]);
    }
    ++kept;
  }
  model->nodes.resize(kept);
  model->ops.resize(kept);
}

}  // namespace mosaic
