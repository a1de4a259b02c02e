#include "core/import/graph_builder.h"

#include <cstring>
#include <functional>
#include <queue>
#include <unordered_map>

#include "core/import/inline_functions.h"
#include "core/import/layout_planner.h"
#include "core/import/long_lists.h"
#include "core/import/map_inputs.h"
#include "core/load/build.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

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

OnnxTensor StringsOf(const std::vector<std::string>& v, bool scalar) {
  OnnxTensor t;
  t.dtype = MOSAIC_STRING;
  t.elements = static_cast<int64_t>(v.size());
  if (!scalar) t.dims = {t.elements};
  t.strings = v;
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
  } else if (a.name == "value_string" && std::holds_alternative<std::string>(a.value)) {
    *out = StringsOf({std::get<std::string>(a.value)}, true);
  } else if (a.name == "value_strings" &&
             std::holds_alternative<std::vector<std::string>>(a.value)) {
    *out = StringsOf(std::get<std::vector<std::string>>(a.value), false);
  } else {
    return false;
  }
  return true;
}

// Builds one body: the graph itself, or one within a node of another.
class Builder {
 public:
  // around: of the body around it, or null. tensors are those of all bodies.
  Builder(OnnxGraph* from, Builder* around, Graph* graph, Body* body,
          std::vector<GraphTensor>* tensors)
      : model_(*from), around_(around), graph_(*graph), body_(body), tensors_(*tensors) {}

  Status Build() {
    MOSAIC_RETURN_IF_ERROR(DefineConstantsAndInputs());
    MOSAIC_RETURN_IF_ERROR(DefineNodes());
    MOSAIC_RETURN_IF_ERROR(ResolveInputs());
    MOSAIC_RETURN_IF_ERROR(ResolveOutputs());
    MOSAIC_RETURN_IF_ERROR(SortNodes());
    DropDeadNodes();
    FoldConstants();
    Compact();
    return {};
  }

  // Why nodes cannot be run, where reading has shown that.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Use {
    size_t node, input;
  };

  Body& body() { return *body_; }
  Value& value(int i) { return body_->values[static_cast<size_t>(i)]; }
  Body& inner(int b) { return graph_.bodies[static_cast<size_t>(b)]; }

  Status Define(Value v, const std::string& by, int* out) {
    *out = static_cast<int>(body_->values.size());
    if (!by_name_.emplace(v.name, *out).second) {
      return Status::BadModel(by + " defines " + Quoted(v.name) + ", which is already defined");
    }
    body_->values.push_back(std::move(v));
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
    g.strings = std::move(t.strings);
    g.list = t.list;
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
    for (int o : body_->outputs) {
      if (o == v) return true;
    }
    return false;
  }

  int Lookup(const std::string& name);
  Status DefineConstantsAndInputs();
  Status DefineNodes();
  Status DefineNode(OnnxNode* n);
  Status DefineAttributeTensors(OnnxNode* n, Node* node, const std::string& who);
  Status ResolveInputs();
  Status BuildBodies(OnnxNode* from, size_t node);
  Status ResolveOutputs();
  Status SortNodes();
  Status Cycle(const std::vector<int>& producer, const std::vector<bool>& done) const;
  std::vector<int> Producers() const;
  std::vector<int> Reads(const Node& node) const;
  void DropDeadNodes();
  void FoldConstants();
  bool FoldTranspose(const Node& n, const std::vector<std::vector<Use>>& uses);
  int Flipped(int tensor, const std::string& name);
  void Compact();

  OnnxGraph& model_;
  Builder* around_;
  Graph& graph_;
  Body* body_;
  std::vector<GraphTensor>& tensors_;
  std::unordered_map<std::string, int> by_name_;
  std::unordered_map<std::string, const Value*> declared_;
  std::unordered_map<int, int> flipped_;  // a tensor and its folded Transpose
  std::vector<OnnxNode*> origin_;         // of each node: its input names and its problem
  std::vector<std::string> problems_;
};

// A value of this body, or of one around it; -1 where there is none.
int Builder::Lookup(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  const int outer = around_ == nullptr ? -1 : around_->Lookup(name);
  if (outer < 0) return -1;
  Value v = around_->value(outer);
  if (v.tensor < 0) v.capture = outer;  // a constant is one here, too
  const int here = static_cast<int>(body_->values.size());
  by_name_.emplace(name, here);
  body_->values.push_back(std::move(v));
  return here;
}

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
    body_->inputs.push_back(v);
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
  if (n->op_type == "Constant" && n->domain.empty() && n->inputs.empty() &&
      n->outputs.size() == 1 && ConstantOf(n, &constant)) {
    return DefineTensor(std::move(constant), n->outputs[0], who, &v);
  }
  Node node;
  node.name = n->name;
  node.domain = n->domain;
  node.op_type = n->op_type;
  if (n->domain == kMlDomain) MoveLongLists(n);
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
  MOSAIC_RETURN_IF_ERROR(DefineAttributeTensors(n, &node, who));
  body_->nodes.push_back(std::move(node));
  origin_.push_back(n);
  return {};
}

// Tensor-valued attributes become inputs behind the node's own.
Status Builder::DefineAttributeTensors(OnnxNode* n, Node* node, const std::string& who) {
  std::string base = n->name;
  for (size_t i = 0; i < n->outputs.size() && base.empty(); ++i) base = n->outputs[i];
  for (OnnxTensor& t : n->tensors) {
    std::string name = base + "/" + t.name;
    while (by_name_.count(name) > 0) name += "'";
    node->attribute_inputs.push_back(t.name);
    int v = -1;
    MOSAIC_RETURN_IF_ERROR(DefineTensor(std::move(t), name, who, &v));
    n->inputs.push_back(name);
  }
  return {};
}

Status Builder::ResolveInputs() {
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    for (const std::string& name : origin_[i]->inputs) {
      const int v = name.empty() ? -1 : Lookup(name);
      if (!name.empty() && v < 0) {
        return Status::BadModel(Describe(*body_, body_->nodes[i]) + ": input " + Quoted(name) +
                                " is not defined by a node, an input or an initializer");
      }
      body_->nodes[i].inputs.push_back(v);
    }
    MOSAIC_RETURN_IF_ERROR(BuildBodies(origin_[i], i));
  }
  return {};
}

Status Builder::BuildBodies(OnnxNode* from, size_t node) {
  for (auto& [name, graph] : from->graphs) {
    const std::string who = Describe(*body_, body_->nodes[node]) + ": " + name;
    Body built;
    Builder builder(graph.get(), this, &graph_, &built, &tensors_);
    MOSAIC_RETURN_IF_ERROR(builder.Build().In(who));
    for (const std::string& p : builder.problems()) problems_.push_back(p);
    body_->nodes[node].bodies.emplace_back(name, static_cast<int>(graph_.bodies.size()));
    graph_.bodies.push_back(std::move(built));
  }
  return {};
}

Status Builder::ResolveOutputs() {
  if (model_.outputs.empty() && around_ == nullptr) {
    return Status::BadModel("the graph has no output");
  }
  for (const Value& o : model_.outputs) {
    const int v = Lookup(o.name);
    if (v < 0) {
      return Status::BadModel("graph output " + Quoted(o.name) + " is not defined by any node");
    }
    // One that is listed again says nothing new.
    if (around_ == nullptr && IsOutput(v)) continue;
    body_->outputs.push_back(v);
  }
  return {};
}

// The node that defines each value, or -1.
std::vector<int> Builder::Producers() const {
  std::vector<int> producer(body_->values.size(), -1);
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    for (int v : body_->nodes[i].outputs) {
      if (v >= 0) producer[static_cast<size_t>(v)] = static_cast<int>(i);
    }
  }
  return producer;
}

// What a node reads, its bodies included.
std::vector<int> Builder::Reads(const Node& node) const {
  std::vector<int> reads = node.inputs;
  for (const auto& [name, b] : node.bodies) {
    for (const Value& v : graph_.bodies[static_cast<size_t>(b)].values) {
      if (v.capture >= 0) reads.push_back(v.capture);
    }
  }
  return reads;
}

// Topological order, the file's order where that is one.
Status Builder::SortNodes() {
  const size_t n = body_->nodes.size();
  const std::vector<int> producer = Producers();
  std::vector<int> waiting(n, 0);
  std::vector<std::vector<size_t>> readers(n);
  for (size_t i = 0; i < n; ++i) {
    for (int v : Reads(body_->nodes[i])) {
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
  std::vector<OnnxNode*> origin;
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
    nodes.push_back(std::move(body_->nodes[i]));
    origin.push_back(origin_[i]);
  }
  body_->nodes = std::move(nodes);
  origin_ = std::move(origin);
  return {};
}

Status Builder::Cycle(const std::vector<int>& producer, const std::vector<bool>& done) const {
  size_t at = 0;
  while (done[at]) ++at;
  // Going back along unfinished producers ends up in the cycle after at most all nodes.
  for (size_t step = 0; step < body_->nodes.size(); ++step) {
    for (int v : Reads(body_->nodes[at])) {
      const int p = v < 0 ? -1 : producer[static_cast<size_t>(v)];
      if (p >= 0 && !done[static_cast<size_t>(p)]) {
        at = static_cast<size_t>(p);
        break;
      }
    }
  }
  return Status::BadModel(Describe(*body_, body_->nodes[at]) + " depends on its own output");
}

void Builder::DropDeadNodes() {
  std::vector<bool> needed(body_->values.size());
  for (int v : body_->outputs) needed[static_cast<size_t>(v)] = true;
  std::vector<bool> keep(body_->nodes.size());
  for (size_t i = body_->nodes.size(); i-- > 0;) {
    const Node& n = body_->nodes[i];
    for (int v : n.outputs) keep[i] = keep[i] || (v >= 0 && needed[static_cast<size_t>(v)]);
    for (int v : Reads(n)) {
      if (keep[i] && v >= 0) needed[static_cast<size_t>(v)] = true;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    if (!keep[i]) continue;
    if (kept != i) body_->nodes[kept] = std::move(body_->nodes[i]);
    origin_[kept++] = origin_[i];
  }
  body_->nodes.resize(kept);
  origin_.resize(kept);
}

// Computes what is known now: Identity of a constant, Transpose of a weight.
void Builder::FoldConstants() {
  std::vector<std::vector<Use>> uses(body_->values.size());
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    for (size_t k = 0; k < body_->nodes[i].inputs.size(); ++k) {
      const int v = body_->nodes[i].inputs[k];
      if (v >= 0) uses[static_cast<size_t>(v)].push_back({i, k});
    }
  }
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    const Node& n = body_->nodes[i];
    if (!n.domain.empty() || n.inputs.size() != 1 || n.outputs.size() != 1) continue;
    if (n.inputs[0] < 0 || n.outputs[0] < 0 || value(n.inputs[0]).tensor < 0) continue;
    if (IsOutput(n.outputs[0])) continue;
    bool folded = false;
    if (n.op_type == "Identity") {
      BecomeConstant(n.outputs[0], value(n.inputs[0]).tensor);
      folded = true;
    } else if (n.op_type == "Transpose") {
      folded = FoldTranspose(n, uses);
    }
    if (folded) body_->nodes[i].op_type.clear();  // Compact drops it
  }
}

bool Builder::FoldTranspose(const Node& n, const std::vector<std::vector<Use>>& uses) {
  const GraphTensor& t = tensors_[static_cast<size_t>(value(n.inputs[0]).tensor)];
  const Attribute* perm = n.Find("perm");
  if (perm != nullptr && n.Ints("perm") != std::vector<int64_t>{1, 0}) return false;
  if (t.dims.size() != 2 || !IsFloat(t.dtype) || IsInline(t.dtype, t.elements)) return false;
  for (const Use& use : uses[static_cast<size_t>(n.outputs[0])]) {
    if (!IsProductWeight(body_->nodes[use.node], use.input)) return false;
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

// Drops folded nodes, and values that nothing refers to any more.
void Builder::Compact() {
  std::vector<Node> nodes;
  for (size_t i = 0; i < body_->nodes.size(); ++i) {
    if (body_->nodes[i].op_type.empty()) continue;
    if (!origin_[i]->problem.empty()) {
      problems_.push_back(Describe(*body_, body_->nodes[i]) + ": " + origin_[i]->problem);
    }
    nodes.push_back(std::move(body_->nodes[i]));
  }
  std::vector<int> index(body_->values.size(), -1);
  std::vector<Value> values;
  auto keep = [&](int* v) {
    if (*v < 0) return;
    int& to = index[static_cast<size_t>(*v)];
    if (to < 0) {
      to = static_cast<int>(values.size());
      values.push_back(std::move(value(*v)));
    }
    *v = to;
  };
  for (int& v : body_->inputs) keep(&v);
  for (Node& n : nodes) {
    for (int& v : n.inputs) keep(&v);
    for (int& v : n.outputs) keep(&v);
    for (const auto& [name, b] : n.bodies) {
      for (Value& v : inner(b).values) keep(&v.capture);
    }
  }
  for (int& v : body_->outputs) keep(&v);
  body_->nodes = std::move(nodes);
  body_->values = std::move(values);
}

// ---- of all bodies ----

// Drops bodies of nodes that are gone.
void CompactBodies(Graph* graph) {
  std::vector<Body> kept;
  std::function<void(Body*)> visit = [&](Body* body) {
    for (Node& n : body->nodes) {
      for (auto& [name, b] : n.bodies) {
        kept.push_back(std::move(graph->bodies[static_cast<size_t>(b)]));
        b = static_cast<int>(kept.size()) - 1;
      }
    }
  };
  visit(graph);
  for (size_t i = 0; i < kept.size(); ++i) {
    Body body = std::move(kept[i]);
    visit(&body);
    kept[i] = std::move(body);
  }
  graph->bodies = std::move(kept);
}

// Drops tensors that no value refers to.
void CompactTensors(Graph* graph, std::vector<GraphTensor>* tensors) {
  std::vector<int> index(tensors->size(), -1);
  std::vector<GraphTensor> kept;
  auto visit = [&](Body* body) {
    for (Value& v : body->values) {
      if (v.tensor < 0) continue;
      int& to = index[static_cast<size_t>(v.tensor)];
      if (to < 0) {
        to = static_cast<int>(kept.size());
        kept.push_back(std::move((*tensors)[static_cast<size_t>(v.tensor)]));
      }
      v.tensor = to;
    }
  };
  visit(graph);
  for (Body& body : graph->bodies) visit(&body);
  *tensors = std::move(kept);
}

// All that keeps the graph from being run, in one error. hint: of what it is about besides nodes.
Status CheckOperators(const Graph& graph, const std::vector<std::string>& problems,
                      const std::string& hint) {
  const std::vector<MissingOperator> missing = MissingOperators(graph);
  if (missing.empty() && problems.empty()) return {};
  std::string message;
  for (const std::string& p : problems) message += (message.empty() ? "" : ", ") + p;
  std::string detail;
  for (const MissingOperator& m : missing) {
    detail += (detail.empty() ? "" : "\n") + MissingMessage({m});
  }
  if (missing.empty()) return Status::Unsupported(message).WithHint(hint);
  const std::string operators = MissingMessage(missing);
  bool damaged = true;  // a node that is wrong in itself, whatever is supported
  for (const MissingOperator& m : missing) damaged = damaged && m.damaged;
  const std::string all = (message.empty() ? "" : message + ", ") + operators;
  if (damaged && problems.empty())
    return Status(MOSAIC_E_BAD_MODEL, all, missing.size() > 1 ? detail : "");
  return Status(MOSAIC_E_UNSUPPORTED, "not supported: " + all, missing.size() > 1 ? detail : "",
                hint);
}

}  // namespace

bool IsProductWeight(const Node& node, size_t input) {
  return input == 1 && node.domain.empty() && (node.op_type == "MatMul" || node.op_type == "Gemm");
}

namespace {

// What is not supported of the file besides nodes, in one line; "" where there is nothing.
std::string FileProblems(const std::vector<OnnxProblem>& problems, std::string* hint) {
  std::string all;
  for (const OnnxProblem& p : problems) {
    all += (all.empty() ? "" : ", ") + p.Text();
    if (hint->empty()) *hint = p.hint;
  }
  return all;
}

Status BuildFrom(OnnxModel* model, Graph* graph, std::vector<GraphTensor>* tensors,
                 std::vector<std::string>* problems) {
  MOSAIC_RETURN_IF_ERROR(InlineFunctions(model));
  graph->opset =
      model->opset == 0 ? 0 : std::max(model->opset, kMinOpset);  // an older one is a problem
  graph->domains = std::move(model->domains);
  Builder builder(model, nullptr, graph, graph, tensors);
  MOSAIC_RETURN_IF_ERROR(builder.Build());
  CompactBodies(graph);
  CompactTensors(graph, tensors);
  problems->insert(problems->end(), builder.problems().begin(), builder.problems().end());
  ResolveMaps(model->maps, graph, problems);
  return {};
}

}  // namespace

Status BuildGraph(OnnxModel model, Graph* graph, std::vector<GraphTensor>* tensors) {
  std::string hint;
  const std::string file = FileProblems(model.problems, &hint);
  std::vector<std::string> problems;
  if (!file.empty()) problems.push_back(file);
  const Status built = BuildFrom(&model, graph, tensors, &problems);
  if (built.ok()) return CheckOperators(*graph, problems, hint);
  if (file.empty() || built.code() == MOSAIC_E_HOST) return built;
  return Status(built.code(), file + ", " + built.message(), built.detail(), hint);
}

}  // namespace mosaic
