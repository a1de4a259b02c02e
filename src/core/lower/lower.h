// Lowering: nodes of older versions of an operator set become nodes of its newest form, so that
// operators know one semantics. Rules are in lower/<family>.cc; a node that no rule concerns means
// in its own version what it means in the newest.
#pragma once

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/tensor/tensor.h"
#include "core/util/status.h"

namespace mosaic {

// What a rule works on: one node of a body, and what it may add.
class LowerContext {
 public:
  // Makes a constant of the model. Returns its tensor.
  using AddTensor = int (*)(void* model, const std::string& name, const Tensor& value);

  LowerContext(Body* body, int version, void* model, AddTensor add)
      : body_(*body), version_(version), model_(model), add_(add) {}

  int version() const { return version_; }  // of the node's domain
  Body& body() { return body_; }
  const Value& value(int v) const { return body_.values[static_cast<size_t>(v)]; }

  // A new value: of an int64 list (rank 1), of an int64, float or int32 scalar, or not yet defined.
  int Int64s(const std::vector<int64_t>& values);
  int Constant(const Tensor& value);
  int NewValue();
  // Appends a node that is executed before (after) the one that is lowered.
  Node& Before(const std::string& op_type, std::vector<int> inputs, std::vector<int> outputs);
  Node& After(const std::string& op_type, std::vector<int> inputs, std::vector<int> outputs);

  std::vector<Node>& before() { return before_; }
  std::vector<Node>& after() { return after_; }

 private:
  Body& body_;
  int version_;
  void* model_;
  AddTensor add_;
  std::vector<Node> before_, after_;
};

struct LowerRule {
  const char* domain;
  const char* op_type;
  int until;  // for nodes of a version below
  Status (*apply)(LowerContext& c, Node* node);
};

// All rules, in the order in which they are tried.
std::vector<const LowerRule*> AllLowerRules();

// What became of which node. Bodies are counted from the graph itself, which is 0; nodes as they
// were before.
struct LowerReport {
  struct Refused {
    int body, node;
    std::string who;  // Describe()
    Status status;
  };
  std::vector<Refused> refused;
  std::vector<std::vector<int>> origins;  // of a body, of a lowered node: the node it is of
};

// Rewrites all nodes of all bodies, and leaves out those that a rule refuses. The versions of the
// graph's domains stay as they are. add(model, ...) makes constants.
LowerReport LowerWhatCan(Graph* graph, void* model, LowerContext::AddTensor add);
// The same; errors: BAD_MODEL, UNSUPPORTED, of the first node that a rule refuses.
Status Lower(Graph* graph, void* model, LowerContext::AddTensor add);

// ---- for rules ----

// Removes an attribute; true where the node had it.
bool TakeAttribute(Node* node, const char* name, Attribute* out = nullptr);
// Makes the list of an attribute input i of the node (inputs between are omitted). An absent
// attribute leaves the input as it is.
void ListToInput(LowerContext& c, Node* node, const char* attribute, size_t i);

}  // namespace mosaic
