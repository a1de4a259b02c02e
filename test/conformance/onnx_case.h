// One node case of ONNX's test data: a model, and data sets of inputs and expected outputs.
//
// Read with protozero and code of its own, so that the importer is tested against something else.
#pragma once

#include <string>
#include <vector>

#include "core/tensor/arena.h"

namespace mosaic::conformance {

struct DataSet {
  std::vector<std::string> inputs, outputs;  // serialised values, in the graph's order
};

struct Case {
  std::string name;
  std::string model;  // serialised ModelProto
  std::vector<DataSet> sets;

  // What the model says of itself.
  int opset = 0;              // of the default domain; 0 where it has none
  bool other_domain = false;  // uses another domain
  std::vector<std::string> op_types;
  std::vector<std::string> inputs, outputs;  // names
};

// The cases under directory (data/node), sorted by name. Throws std::runtime_error.
std::vector<Case> ReadCases(const std::string& directory);

// A serialised TensorProto as a tensor on the arena. False where it is not a tensor of a type
// that we have (a string, a sequence, an optional).
bool ParseTensor(const std::string& bytes, Arena* arena, Tensor* out);

// The model with input i (i >= first) turned into an initializer of the value of set.
std::string WithInitializers(const Case& c, const DataSet& set, size_t first);

}  // namespace mosaic::conformance
