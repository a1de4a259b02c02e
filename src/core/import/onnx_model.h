// An ONNX model as read from its file: names not yet resolved, tensor data left where it lies.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/tensor_data.h"

namespace mosaic {

// Versions of the format that are understood.
constexpr int64_t kMinIrVersion = 3, kMaxIrVersion = 13;
constexpr int kMaxGraphDepth = 16;  // of graphs in graphs, and of functions in functions

// Limits on what is held in memory of a model, weights aside (LIMIT beyond them). A transformer of
// a hundred layers needs some 5 MB of the first.
constexpr uint64_t kMaxGraphBytes = 48 << 20;   // names, attributes, nodes, as accounted by Budget
constexpr uint64_t kMaxNameBytes = 1024;        // of any name
constexpr uint64_t kMaxSegments = 1 << 18;      // pieces of tensor data
constexpr int64_t kMaxSparseBytes = 256 << 20;  // of all sparse tensors, made dense

struct OnnxTensor {
  std::string name;
  int dtype = MOSAIC_UNDEFINED;
  std::vector<int64_t> dims;
  int64_t elements = 0;  // the product of dims, and what data holds
  TensorData data;
  std::vector<std::string> strings;  // of dtype STRING: the elements
  bool list = false;                 // GraphTensor::list
  bool unread = false;               // one of the model's problems: empty instead
};

struct OnnxGraph;

struct OnnxNode {
  std::string name, op_type, domain;  // domain "": ONNX's default
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes;
  std::vector<OnnxTensor> tensors;  // tensor-valued attributes, by the attribute's name
  std::vector<std::pair<std::string, std::shared_ptr<OnnxGraph>>> graphs;  // graph-valued ones
  // Within a function: attributes that are those of the node that calls it, (own, its) names.
  std::vector<std::pair<std::string, std::string>> references;
  std::string problem;  // why it cannot be run, where reading has shown that
};

// An input of the graph that is a map; its Value is the array that stands for it, strings [n, 2].
struct OnnxMap {
  std::string name;
  int key = MOSAIC_UNDEFINED, value = MOSAIC_UNDEFINED;  // types
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxMap> maps;
  std::vector<OnnxTensor> initializers;
  std::vector<Value> inputs, outputs, value_infos;
};

struct OnnxFunction {
  std::string domain, name;
  std::vector<std::string> inputs, outputs;
  OnnxNode defaults;  // of its attributes
  std::vector<OnnxNode> nodes;
  std::vector<std::pair<std::string, int>> opsets;
};

// What is not supported of a model besides nodes.
struct OnnxProblem {
  std::string kind, first;  // of what there are count: "tensor", and the name; "": of the file
  std::string reason, hint;
  int count = 1;

  // "tensor "w": reason", "tensor "w" and 2 more: reason", "reason"
  std::string Text() const;
};

struct OnnxModel : OnnxGraph {
  int opset = 0;                                     // of the default domain
  std::vector<std::pair<std::string, int>> domains;  // versions of the others
  std::vector<OnnxFunction> functions;
  std::vector<OnnxProblem> problems;
};

}  // namespace mosaic
