// The intermediate representation of a model: a small, ONNX-like graph without weights.
//
// Made by import/ (from ONNX), stored in mosaic.model.graph (graph_format.h), executed by infer/.
// Operator names, attributes and semantics are ONNX's; docs/operators.md lists what is supported.
// A graph is in single-assignment form and its nodes are in an order in which they can be executed.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/util/dtype.h"

namespace mosaic {

constexpr int64_t kSymbolic = -1;  // a dimension that is known only when inputs are

// An attribute of a node. Tensor-valued attributes (Constant, ConstantOfShape) became graph tensors.
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
};

struct Node {
  std::string name;                // may be empty: messages then name its first output
  std::string op_type;             // of ONNX's default domain
  std::vector<int> inputs;         // indexes of values; -1: an omitted optional input
  std::vector<int> outputs;        // likewise
  std::vector<Attribute> attributes;

  const Attribute* Find(const char* name) const;
  // The attribute's value, or fallback where it is absent or of another type.
  int64_t Int(const char* name, int64_t fallback) const;
  float Float(const char* name, float fallback) const;
  std::string String(const char* name, const char* fallback) const;
  std::vector<int64_t> Ints(const char* name) const;  // empty where absent
};

struct Graph {
  int opset = 0;  // of ONNX's default domain
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<int> inputs;   // values, in the model's order; never constants
  std::vector<int> outputs;  // values, in the model's order
};

// 'node "fc1" (Gemm)': how messages name a node.
std::string Describe(const Graph& graph, const Node& node);
// "[N, 784]": how messages show a shape; symbolic dimensions by name or "?".
std::string ShapeString(const std::vector<int64_t>& dims,
                        const std::vector<std::string>& names = {});

}  // namespace mosaic
