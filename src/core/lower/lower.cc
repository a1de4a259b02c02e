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

// *who: the node as it was, where it is refused.
Status LowerNode(LowerContext& c, Node* node, std::string* who) {
  static const auto* const rules = new std::vector<const LowerRule*>(AllLowerRules());
  const std::string domain = node->domain;
  for (const LowerRule* rule : *rules) {
    // What a rule moved to another domain is of its newest form.
    if (node->op_type != rule->op_type || node->domain != domain || domain != rule->domain ||
        c.version() >= rule->until) {
      continue;
    }
    if (who->empty()) *who = Describe(c.body(), *node);
    MOSAIC_RETURN_IF_ERROR(rule->apply(c, node));
  }
  return Status();
}

void LowerBody(const Graph& graph, int number, Body* body, void* model, LowerContext::AddTensor add,
               LowerReport* report) {
  std::vector<int>& origins = report->origins.emplace_back();
  std::vector<Node> lowered;
  std::vector<Node> nodes = std::move(body->nodes);
  for (size_t i = 0; i < nodes.size(); ++i) {
    Node& node = nodes[i];
    for (const char* name : kOwnAttributes) TakeAttribute(&node, name);
    LowerContext c(body, graph.Version(node.domain), model, add);
    std::string who;
    Status status = LowerNode(c, &node, &who);
    if (!status.ok()) {
      report->refused.push_back({number, static_cast<int>(i), std::move(who), std::move(status)});
      continue;
    }
    for (Node& n : c.before()) lowered.push_back(std::move(n));
    lowered.push_back(std::move(node));
    for (Node& n : c.after()) lowered.push_back(std::move(n));
    origins.resize(lowered.size(), static_cast<int>(i));
  }
  body->nodes = std::move(lowered);
}

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

LowerReport LowerWhatCan(Graph* graph, void* model, LowerContext::AddTensor add) {
  LowerReport report;
  LowerBody(*graph, 0, graph, model, add, &report);
  for (size_t b = 0; b < graph->bodies.size(); ++b) {
    LowerBody(*graph, static_cast<int>(b) + 1, &graph->bodies[b], model, add, &report);
  }
  return report;
}

Status Lower(Graph* graph, void* model, LowerContext::AddTensor add) {
  const LowerReport report = LowerWhatCan(graph, model, add);
  if (report.refused.empty()) return Status();
  return report.refused[0].status.In(report.refused[0].who);
}

}  // namespace mosaic
