#include "core/import/graph_builder.h"

#include <cstring>
#include <functional>
#include <queue>
#include <unordered_map>

#include "core/import/layout_planner.h"
#include "core/op/op.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr size_t kMaxDetail = 3500;  // bytes of a list of problems

template <typename T>
std::string Bytes(const std::vector<T>& v) {
  std::string s(v.size() * sizeof(T), '\0');
  if (!v.empty()) std::memcpy(s.data(), v.data(), s.size());
  return s;
}

template <typename T>
OnnxTensor TensorOf(int dtype, const std::vector<T>& v, bool scalar) {
  OnnxTensor t;
  t.dtype = dtype;
  t.elements = static_cast<int64_t>(v.size());
  if (!scalar) t.dims = {t.elements};
  t.data = DataInMemory(dtype, Bytes(v));
  return t;
}

// What a Constant node holds; false where that is none of the kinds we have.
bool ConstantOf(OnnxNode* n, OnnxTensor* out) {
  if (!n->problem.empty() || n->attributes.size() + n->tensors.size() != 1) return false;
  if (!n->tensors.empty()) {
    if (n->tensors[0].name != "value") return false;
    *out = std::move(n->tensors[0]);
    return true;
  }
  const Attribute& a = n->attributes[0];
  if (a.name == "value_float" && std::holds_alternative<float>(a.value)) {
    *out = TensorOf<float>(MOSAIC_FLOAT, {std::get<float>(a.value)}, true);
  } else if (a.name == "value_int" && std::holds_alternative<int64_t>(a.value)) {
    *out = TensorOf<int64_t>(MOSAIC_INT64, {std::get<int64_t>(a.value)}, true);
  } else if (a.name == "value_floats" && std::holds_alternative<std::vector<float>>(a.value)) {
    *out = TensorOf(MOSAIC_FLOAT, std::get<std::vector<float>>(a.value), false);
  } else if (a.name == "value_ints" && std::holds_alternative<std::vector<int64_t>>(a.value)) {
    *out = TensorOf(MOSAIC_INT64, std::get<std::vector<int64_t>>(a.value), false);
  } else {
    return false;
  }
  return true;
}

class Builder {
 public:
  Builder(OnnxModel* model, Graph* graph, std::vector<GraphTensor>* tensors)
      : model_(*model), graph_(*graph), tensors_(*tensors) {}

  Status Build() {
    graph_.opset = model_.opset;
    MOSAIC_RETURN_IF_ERROR(DefineConstantsAndInputs());
    MOSAIC_RETURN_IF_ERROR(DefineNodes());
    MOSAIC_RETURN_IF_ERROR(ResolveInputs());
    MOSAIC_RETURN_IF_ERROR(ResolveOutputs());
    MOSAIC_RETURN_IF_ERROR(SortNodes());
    DropDeadNodes();
    FoldConstants();
    Compact();
    return CheckOperators();
  }

 private:
  struct Use {
    size_t node, input;
  };

  Value& value(int i) { return graph_.values[static_cast<size_t>(i)]; }

  Status Define(Value v, const std::string& by, int* out) {
    *out = static_cast<int>(graph_.values.size());
    if (!by_name_.emplace(v.name, *out).second) {
      return Status::BadModel(by + " defines " + Quoted(v.name) + ", which is already defined");
    }
    graph_.values.push_back(std::move(v));
    return {};
  }

  Status DefineTensor(OnnxTensor t, const std::string& name, const std::string& by, int* out) {
    Value v;
    v.name = name;
    MOSAIC_RETURN_IF_ERROR(Define(std::move(v), by, out));
    GraphTensor g;
    g.name = name;
    g.dtype = t.dtype;
    g.dims = std::move(t.dims);
    g.elements = t.elements;
    g.data = std::move(t.data);
    tensors_.push_back(std::move(g));
    BecomeConstant(*out, static_cast<int>(tensors_.size()) - 1);
    return {};
  }

  void BecomeConstant(int v, int tensor) {
    const GraphTensor& t = tensors_[static_cast<size_t>(tensor)];
    value(v).tensor = tensor;
    value(v).dtype = t.dtype;
    value(v).has_shape = true;
    value(v).dims = t.dims;
    value(v).dim_names.assign(t.dims.size(), "");
  }

  bool IsOutput(int v) const {
    for (int o : graph_.outputs) {
      if (o == v) return true;
    }
    return false;
  }

  Status DefineConstantsAndInputs();
  Status DefineNodes();
  Status DefineNode(OnnxNode* n);
  Status ResolveInputs();
  Status ResolveOutputs();
  Status SortNodes();
  Status Cycle(const std::vector<int>& producer, const std::vector<bool>& done) const;
  std::vector<int> Producers() const;
  void DropDeadNodes();
  void FoldConstants();
  bool FoldTranspose(const Node& n, const std::vector<std::vector<Use>>& uses);
  int Flipped(int tensor, const std::string& name);
  void Compact();
  Status CheckOperators();

  OnnxModel& model_;
  Graph& graph_;
  std::vector<GraphTensor>& tensors_;
  std::unordered_map<std::string, int> by_name_;
  std::unordered_map<std::string, const Value*> declared_;
  std::unordered_map<int, int> flipped_;  // a tensor and its folded Transpose
  std::vector<const OnnxNode*> origin_;   // of each node: its input names and its problem
};

Status Builder::DefineConstantsAndInputs() {
  int v = -1;
  for (OnnxTensor& t : model_.initializers) {
    if (t.name.empty()) return Status::BadModel("an initializer has no name");
    const std::string name = t.name;
    MOSAIC_RETURN_IF_ERROR(DefineTensor(std::move(t), name, "initializer", &v));
  }
  for (Value& in : model_.inputs) {
    auto known = by_name_.find(in.name);
    // Before IR version 4, initializers were listed as inputs too; they are constants here.
    if (known != by_name_.end() && value(known->second).tensor >= 0) continue;
    MOSAIC_RETURN_IF_ERROR(Define(std::move(in), "graph input", &v));
    graph_.inputs.push_back(v);
  }
  for (const Value& d : model_.value_infos) declared_[d.name] = &d;
  for (const Value& d : model_.outputs) declared_[d.name] = &d;
  return {};
}

Status Builder::DefineNodes() {
  for (OnnxNode& n : model_.nodes) MOSAIC_RETURN_IF_ERROR(DefineNode(&n));
  return {};
}

Status Builder::DefineNode(OnnxNode* n) {
  const std::string who = "node " + Quoted(n->name) + " (" + n->op_type + ")";
  int v = -1;
  OnnxTensor constant;
  if (n->op_type == "Constant" && n->inputs.empty() && n->outputs.size() == 1 &&
      ConstantOf(n, &constant)) {
    return DefineTensor(std::move(constant), n->outputs[0], who, &v);
  }
  Node node;
  node.name = n->name;
  node.op_type = n->op_type;
  node.attributes = std::move(n->attributes);
  for (const std::string& name : n->outputs) {
    v = -1;
    if (!name.empty()) {
      Value out;
      auto d = declared_.find(name);
      if (d != declared_.end() && DTypeSize(d->second->dtype) > 0) out = *d->second;
      out.name = name;
      MOSAIC_RETURN_IF_ERROR(Define(std::move(out), who, &v));
    }
    node.outputs.push_back(v);
  }
  for (OnnxTensor& t : n->tensors) {
    if (n->op_type != "ConstantOfShape" || t.name != "value" || n->outputs.empty()) {
      n->problem = "attribute " + Quoted(t.name) + " is a tensor, which is not supported";
      continue;
    }
    std::string name = n->outputs[0] + "/value";
    while (by_name_.count(name) > 0) name += "'";
    MOSAIC_RETURN_IF_ERROR(DefineTensor(std::move(t), name, who, &v));
    n->inputs.resize(1);
    n->inputs.push_back(name);
  }
  graph_.nodes.push_back(std::move(node));
  origin_.push_back(n);
  return {};
}

Status Builder::ResolveInputs() {
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    for (const std::string& name : origin_[i]->inputs) {
      auto found = by_name_.find(name);
      if (!name.empty() && found == by_name_.end()) {
        return Status::BadModel(Describe(graph_, graph_.nodes[i]) + ": input " + Quoted(name) +
                                " is not defined by a node, an input or an initializer");
      }
      graph_.nodes[i].inputs.push_back(name.empty() ? -1 : found->second);
    }
  }
  return {};
}

Status Builder::ResolveOutputs() {
  if (model_.outputs.empty()) return Status::BadModel("the graph has no output");
  for (const Value& o : model_.outputs) {
    auto found = by_name_.find(o.name);
    if (found == by_name_.end()) {
      return Status::BadModel("graph output " + Quoted(o.name) + " is not defined by any node");
    }
    if (IsOutput(found->second)) {
      return Status::BadModel("graph output " + Quoted(o.name) + " is listed twice");
    }
    graph_.outputs.push_back(found->second);
  }
  return {};
}

// The node that defines each value, or -1.
std::vector<int> Builder::Producers() const {
  std::vector<int> producer(graph_.values.size(), -1);
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    for (int v : graph_.nodes[i].outputs) {
      if (v >= 0) producer[static_cast<size_t>(v)] = static_cast<int>(i);
    }
  }
  return producer;
}

// Topological order, the file's order where that is one.
Status Builder::SortNodes() {
  const size_t n = graph_.nodes.size();
  const std::vector<int> producer = Producers();
  std::vector<int> waiting(n, 0);
  std::vector<std::vector<size_t>> readers(n);
  for (size_t i = 0; i < n; ++i) {
    for (int v : graph_.nodes[i].inputs) {
      if (v < 0 || producer[static_cast<size_t>(v)] < 0) continue;
      ++waiting[i];
      readers[static_cast<size_t>(producer[static_cast<size_t>(v)])].push_back(i);
    }
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<size_t>> ready;
  for (size_t i = 0; i < n; ++i) {
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<Node> nodes;
  std::vector<const OnnxNode*> origin;
  std::vector<bool> done(n);
  std::vector<size_t> order;
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    done[i] = true;
    for (size_t reader : readers[i]) {
      if (--waiting[reader] == 0) ready.push(reader);
    }
  }
  if (order.size() < n) return Cycle(producer, done);
  for (size_t i : order) {
    nodes.push_back(std::move(graph_.nodes[i]));
    origin.push_back(origin_[i]);
  }
  graph_.nodes = std::move(nodes);
  origin_ = std::move(origin);
  return {};
}

Status Builder::Cycle(const std::vector<int>& producer, const std::vector<bool>& done) const {
  size_t at = 0;
  while (done[at]) ++at;
  // Going back along unfinished producers ends up in the cycle after at most all nodes.
  for (size_t step = 0; step < graph_.nodes.size(); ++step) {
    for (int v : graph_.nodes[at].inputs) {
      const int p = v < 0 ? -1 : producer[static_cast<size_t>(v)];
      if (p >= 0 && !done[static_cast<size_t>(p)]) {
        at = static_cast<size_t>(p);
        break;
      }
    }
  }
  return Status::BadModel(Describe(graph_, graph_.nodes[at]) + " depends on its own output");
}

void Builder::DropDeadNodes() {
  std::vector<bool> needed(graph_.values.size());
  for (int v : graph_.outputs) needed[static_cast<size_t>(v)] = true;
  std::vector<bool> keep(graph_.nodes.size());
  for (size_t i = graph_.nodes.size(); i-- > 0;) {
    const Node& n = graph_.nodes[i];
    for (int v : n.outputs) keep[i] = keep[i] || (v >= 0 && needed[static_cast<size_t>(v)]);
    for (int v : n.inputs) {
      if (keep[i] && v >= 0) needed[static_cast<size_t>(v)] = true;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!keep[i]) continue;
    if (kept != i) graph_.nodes[kept] = std::move(graph_.nodes[i]);
    origin_[kept++] = origin_[i];
  }
  graph_.nodes.resize(kept);
  origin_.resize(kept);
}

// Computes what is known now: Identity of a constant, Transpose of a weight.
void Builder::FoldConstants() {
  std::vector<std::vector<Use>> uses(graph_.values.size());
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    for (size_t k = 0; k < graph_.nodes[i].inputs.size(); ++k) {
      const int v = graph_.nodes[i].inputs[k];
      if (v >= 0) uses[static_cast<size_t>(v)].push_back({i, k});
    }
  }
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& n = graph_.nodes[i];
    if (!origin_[i]->problem.empty() || n.inputs.size() != 1 || n.outputs.size() != 1) continue;
    if (n.inputs[0] < 0 || n.outputs[0] < 0 || value(n.inputs[0]).tensor < 0) continue;
    if (IsOutput(n.outputs[0])) continue;
    bool folded = false;
    if (n.op_type == "Identity") {
      BecomeConstant(n.outputs[0], value(n.inputs[0]).tensor);
      folded = true;
    } else if (n.op_type == "Transpose") {
      folded = FoldTranspose(n, uses);
    }
    if (folded) graph_.nodes[i].op_type.clear();  // Compact drops it
  }
}

bool Builder::FoldTranspose(const Node& n, const std::vector<std::vector<Use>>& uses) {
  const GraphTensor& t = tensors_[static_cast<size_t>(value(n.inputs[0]).tensor)];
  const Attribute* perm = n.Find("perm");
  if (perm != nullptr && n.Ints("perm") != std::vector<int64_t>{1, 0}) return false;
  if (t.dims.size() != 2 || !IsFloat(t.dtype) || IsInline(t.dtype, t.elements)) return false;
  for (const Use& use : uses[static_cast<size_t>(n.outputs[0])]) {
    if (!IsProductWeight(graph_.nodes[use.node], use.input)) return false;
  }
  const std::string name = value(n.outputs[0]).name;
  BecomeConstant(n.outputs[0], Flipped(value(n.inputs[0]).tensor, name));
  return true;
}

// The transposed view of a tensor, one for all nodes that transpose it.
int Builder::Flipped(int tensor, const std::string& name) {
  auto [known, is_new] = flipped_.emplace(tensor, static_cast<int>(tensors_.size()));
  if (is_new) {
    GraphTensor t = tensors_[static_cast<size_t>(tensor)];
    t.name = name;
    std::swap(t.dims[0], t.dims[1]);
    t.flipped = !t.flipped;
    tensors_.push_back(std::move(t));
  }
  return known->second;
}

// Drops folded nodes, and values and tensors that nothing refers to any more.
void Builder::Compact() {
  std::vector<Node> nodes;
  std::vector<const OnnxNode*> origin;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (graph_.nodes[i].op_type.empty()) continue;
    nodes.push_back(std::move(graph_.nodes[i]));
    origin.push_back(origin_[i]);
  }
  std::vector<int> value_index(graph_.values.size(), -1), tensor_index(tensors_.size(), -1);
  std::vector<Value> values;
  std::vector<GraphTensor> tensors;
  auto keep = [&](int* v) {
    if (*v < 0) return;
    int& index = value_index[static_cast<size_t>(*v)];
    if (index < 0) {
      index = static_cast<int>(values.size());
      values.push_back(std::move(value(*v)));
      int& tensor = values.back().tensor;
      if (tensor >= 0) {
        int& t = tensor_index[static_cast<size_t>(tensor)];
        if (t < 0) {
          t = static_cast<int>(tensors.size());
          tensors.push_back(std::move(tensors_[static_cast<size_t>(tensor)]));
        }
        tensor = t;
      }
    }
    *v = index;
  };
  for (int& v : graph_.inputs) keep(&v);
  for (Node& n : nodes) {
    for (int& v : n.inputs) keep(&v);
    for (int& v : n.outputs) keep(&v);
  }
  for (int& v : graph_.outputs) keep(&v);
  graph_.nodes = std::move(nodes);
  graph_.values = std::move(values);
  origin_ = std::move(origin);
  tensors_ = std::move(tensors);
}

Status Builder::CheckOperators() {
  std::string first, detail;
  int problems = 0, listed = 0;
  MosaicCode code = MOSAIC_E_BAD_MODEL;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& n = graph_.nodes[i];
    Status s;
    const OpDef* def = FindOp(n.op_type, graph_.opset);
    if (!origin_[i]->problem.empty()) {
      s = Status::Unsupported(origin_[i]->problem);
    } else if (def == nullptr) {
      s = Status::Unsupported("operator is not supported in opset " + std::to_string(graph_.opset));
    } else {
      std::unique_ptr<Op> op;
      s = def->make(graph_, n, &op);
    }
    if (s.ok()) continue;
    if (s.code() != MOSAIC_E_BAD_MODEL) code = MOSAIC_E_UNSUPPORTED;
    const std::string line = Describe(graph_, n) + ": " + s.message();
    if (++problems == 1) first = line;
    if (detail.size() + line.size() > kMaxDetail) continue;
    detail += (listed++ == 0 ? "" : "\n") + line;
  }
  if (problems == 0) return {};
  if (problems > listed) detail += "\n... and " + std::to_string(problems - listed) + " more";
  if (problems > 1) {
    const char* nodes = problems > 2 ? " more such nodes)" : " more such node)";
    first += " (and " + std::to_string(problems - 1) + nodes;
  }
  return Status(code, first, detail);
}

}  // namespace

bool IsProductWeight(const Node& node, size_t input) {
  return input == 1 && (node.op_type == "MatMul" || node.op_type == "Gemm");
}

Status BuildGraph(OnnxModel model, Graph* graph, std::vector<GraphTensor>* tensors) {
  return Builder(&model, graph, tensors).Build();
}

}  // namespace mosaic
