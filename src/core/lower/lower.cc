#include "core/lower/lower.h"

#include <cstring>

namespace mosaic {

extern const std::vector<LowerRule>& ArrayRules();
extern const std::vector<LowerRule>& MicrosoftRules();
extern const std::vector<LowerRule>& NnRules();
extern const std::vector<LowerRule>& ProductRules();
extern const std::vector<LowerRule>& QuantisedRules();

namespace {

// What rules tell operators by. A file's own of these names mean nothing.
constexpr const char* kOwnAttributes[] = {"ceil_where_smaller", "equal", "float_bounds",
                                          "per_group", "projected"};

Status LowerNode(LowerContext& c, Node* node) {
  static const auto* const rules = new std::vector<const LowerRule*>(AllLowerRules());
  const std::string domain = node->domain;
  for (const LowerRule* rule : *rules) {
    // What a rule moved to another domain is of its newest form.
    if (node->op_type != rule->op_type || node->domain != domain || domain != rule->domain ||
        c.version() >= rule->until) {
      continue;
    }
    MOSAIC_RETURN_IF_ERROR(rule->apply(c, node));
  }
  return Status();
}

class Lowering {
 public:
  Lowering(Graph* graph, void* model, LowerContext::AddTensor add, LowerReport* report)
      : graph_(*graph), model_(model), add_(add), report_(report) {}

  Status Apply(int number, Body* body) {
    if (report_ != nullptr) report_->origins.emplace_back();
    std::vector<Node> lowered;
    std::vector<Node> nodes = std::move(body->nodes);
    for (size_t i = 0; i < nodes.size(); ++i) {
      Node& node = nodes[i];
      for (const char* name : kOwnAttributes) TakeAttribute(&node, name);
      const std::string who = report_ != nullptr ? "" : Describe(*body, node);
      LowerContext c(body, graph_.Version(node.domain), model_, add_);
      Status status = LowerNode(c, &node);
      if (!status.ok()) {
        if (report_ == nullptr) return std::move(status).In(who);
        report_->refused.push_back({number, static_cast<int>(i), std::move(status)});
        continue;
      }
      for (Node& n : c.before()) lowered.push_back(std::move(n));
      lowered.push_back(std::move(node));
      for (Node& n : c.after()) lowered.push_back(std::move(n));
      if (report_ != nullptr) report_->origins.back().resize(lowered.size(), static_cast<int>(i));
    }
    body->nodes = std::move(lowered);
    return Status();
  }

 private:
  Graph& graph_;
  void* model_;
  LowerContext::AddTensor add_;
  LowerReport* report_;
};

}  // namespace

std::vector<const LowerRule*> AllLowerRules() {
  std::vector<const LowerRule*> all;
  for (const std::vector<LowerRule>* rules :
       {&ArrayRules(), &MicrosoftRules(), &NnRules(), &ProductRules(), &QuantisedRules()}) {
    for (const LowerRule& rule : *rules) all.push_back(&rule);
  }
  return all;
}

int LowerContext::Constant(const Tensor& value) {
  Value v;
  v.name = "constant " + std::to_string(body_.values.size());
  v.dtype = value.dtype();
  v.has_shape = true;
  v.dims.assign(value.shape().begin(), value.shape().end());
  v.dim_names.assign(v.dims.size(), "");
  v.tensor = add_(model_, v.name, value);
  body_.values.push_back(std::move(v));
  return static_cast<int>(body_.values.size()) - 1;
}

int LowerContext::Int64s(const std::vector<int64_t>& values) {
  return Constant(
      Tensor::Borrow(MOSAIC_INT64, {static_cast<int64_t>(values.size())}, values.data()));
}

int LowerContext::NewValue() {
  Value v;
  v.name = "value " + std::to_string(body_.values.size());
  body_.values.push_back(std::move(v));
  return static_cast<int>(body_.values.size()) - 1;
}

Node& LowerContext::Before(const std::string& op_type, std::vector<int> inputs,
                           std::vector<int> outputs) {
  before_.emplace_back();
  before_.back().op_type = op_type;
  before_.back().inputs = std::move(inputs);
  before_.back().outputs = std::move(outputs);
  return before_.back();
}

Node& LowerContext::After(const std::string& op_type, std::vector<int> inputs,
                          std::vector<int> outputs) {
  after_.emplace_back();
  after_.back().op_type = op_type;
  after_.back().inputs = std::move(inputs);
  after_.back().outputs = std::move(outputs);
  return after_.back();
}

bool TakeAttribute(Node* node, const char* name, Attribute* out) {
  for (size_t i = 0; i < node->attributes.size(); ++i) {
    if (node->attributes[i].name != name) continue;
    if (out != nullptr) *out = std::move(node->attributes[i]);
    node->attributes.erase(node->attributes.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

void ListToInput(LowerContext& c, Node* node, const char* attribute, size_t i) {
  const Attribute* found = node->Find(attribute);
  if (found == nullptr) return;
  const std::vector<int64_t> list = node->Ints(attribute);
  TakeAttribute(node, attribute);
  if (node->inputs.size() <= i) node->inputs.resize(i + 1, -1);
  node->inputs[i] = c.Int64s(list);
}

Status Lower(Graph* graph, void* model, LowerContext::AddTensor add, LowerReport* report) {
  Lowering lowering(graph, model, add, report);
  MOSAIC_RETURN_IF_ERROR(lowering.Apply(0, graph));
  for (size_t b = 0; b < graph->bodies.size(); ++b) {
    MOSAIC_RETURN_IF_ERROR(lowering.Apply(static_cast<int>(b) + 1, &graph->bodies[b]));
  }
  return Status();
}

}  // namespace mosaic
