// An ONNX model as read from its file: names not yet resolved, tensor data left where it lies.
#pragma once

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/tensor_data.h"

namespace mosaic {

// Versions of the format and of its default operator set that are understood.
constexpr int64_t kMinIrVersion = 3, kMaxIrVersion = 13;
constexpr int64_t kMinOpset = 9, kMaxOpset = 17;

// Limits on what is held in memory of a model, weights aside (LIMIT beyond them). A transformer of
// a hundred layers needs some 5 MB of the first.
constexpr uint64_t kMaxGraphBytes = 48 << 20;  // names, attributes, nodes, as accounted by Budget
constexpr uint64_t kMaxNameBytes = 1024;       // of any name
constexpr uint64_t kMaxSegments = 1 << 18;     // pieces of tensor data

struct OnnxTensor {
  std::string name;
  int dtype = MOSAIC_UNDEFINED;
  std::vector<int64_t> dims;
  int64_t elements = 0;  // the product of dims, and what data holds
  TensorData data;
};

struct OnnxNode {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes;
  std::vector<OnnxTensor> tensors;  // tensor-valued attributes, by the attribute's name
  std::string problem;              // why it cannot be run, where reading has shown that
};

struct OnnxModel {
  int opset = 0;
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<Value> inputs, outputs, value_infos;
};

}  // namespace mosaic
