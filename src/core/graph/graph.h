// The intermediate representation of a model: a small, ONNX-like graph without weights.
//
// Made by import/ (from ONNX), stored in mosaic.model.graph (graph_format.h), made into a plan by
// plan/. Operator names, attributes and semantics are ONNX's, of the operator set that the file
// imports; docs/operators.md lists what is supported. A graph is in single-assignment form and its
// nodes are in an order in which they can be executed.
//
// Nodes that hold graphs (If, Loop, Scan) name them as bodies. A body has values of its own; one
// that stands for a value of the graph around it says so (Value::capture).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor/shape.h"
#include "core/util/dtype.h"

namespace mosaic {

constexpr int64_t kSymbolic = -1;  // a dimension that is known only when inputs are

// An attribute of a node. Tensor-valued attributes became inputs (Node::attribute_inputs), graphs
// became bodies.
struct Attribute {
  std::string name;
  std::variant<float, int64_t, std::string, std::vector<float>, std::vector<int64_t>,
               std::vector<std::string>>
      value;
};

// Anything a node reads or writes.
struct Value {
  std::string name;
  int dtype = MOSAIC_UNDEFINED;        // UNDEFINED where not declared
  bool has_shape = false;
  std::vector<int64_t> dims;           // kSymbolic for a symbolic dimension
  std::vector<std::string> dim_names;  // as long as dims; "" where it has none
  int tensor = -1;                     // index of the tensor that holds its constant value, or -1
  int capture = -1;                    // of a body: the value of the graph around it that it is, or -1
};

struct Node {
  std::string name;                // may be empty: messages then name its first output
  std::string domain;              // "": ONNX's default
  std::string op_type;
  std::vector<int> inputs;         // indexes of values; -1: an omitted optional input
  std::vector<int> outputs;        // likewise
  std::vector<Attribute> attributes;
  // Names of the tensor-valued attributes that follow the node's own inputs, one input each.
  std::vector<std::string> attribute_inputs;
  std::vector<std::pair<std::string, int>> bodies;  // attribute's name, index in Graph::bodies

  // Number of inputs that are the operator's own.
  size_t own_inputs() const { return inputs.size() - attribute_inputs.size(); }
  // Index of the input that holds a tensor-valued attribute, or -1.
  int AttributeInput(const char* name) const;
  const Attribute* Find(const char* name) const;
  // The attribute's value, or fallback where it is absent or of another type.
  int64_t Int(const char* name, int64_t fallback) const;
  float Float(const char* name, float fallback) const;
  std::string String(const char* name, const char* fallback) const;
  std::vector<int64_t> Ints(const char* name) const;    // empty where absent
  std::vector<float> Floats(const char* name) const;      // likewise
  std::vector<std::string> Strings(const char* name) const;  // likewise
};

struct Body {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int> inputs;   // values, in the model's order; never constants
  std::vector<int> outputs;  // values, in the model's order
};

struct Graph : Body {
  int opset = 0;  // of ONNX's default domain
  std::vector<std::pair<std::string, int>> domains;  // versions of the other domains it imports
  std::vector<Body> bodies;  // of all nodes, one after another
  // Which axis of the inputs counts items: "" as usual (plan/build.cc), "none", or a dimension's name.
  std::string batch_axis;

  // The version of a domain, 0 where it is not imported.
  int Version(const std::string& domain) const;
};

// 'node "fc1" (Gemm)': how messages name a node.
std::string Describe(const Body& graph, const Node& node);
// "[N, 784]": how messages show a shape; symbolic dimensions by name or "?".
std::string ShapeString(const Shape& dims, const std::vector<std::string>& names = {});

}  // namespace mosaic
