#include "core/plan/class_scores.h"

#include <algorithm>
#include <cctype>

#include "core/util/dtype.h"

namespace mosaic {
namespace {

using Names = std::vector<const char*>;

bool OneOf(const std::string& name, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](const char* n) { return name == n; });
}

bool KeepsElements(const Node& node) {
  static const Names kOps = {"Identity",  "Cast",    "Reshape",        "Flatten",         "Squeeze",
                             "Unsqueeze", "Dropout", "QuantizeLinear", "DequantizeLinear"};
  return node.domain.empty() && OneOf(node.op_type, kOps);
}

bool MakesProbabilities(const Node& node) {
  static const Names kOps = {"Softmax",    "Sigmoid",        "HardSigmoid",
                             "Normalizer", "QLinearSoftmax", "QLinearSigmoid"};
  return OneOf(node.op_type, kOps);
}

bool IsClassifier(const Node& node) {
  return OneOf(node.op_type, {"TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"});
}

// The main body's values and the nodes that make them.
class Makers {
 public:
  explicit Makers(const Graph& g) : graph_(g), makers_(g.values.size(), nullptr) {
    for (const Node& node : g.nodes) {
      for (const int v : node.outputs) {
        if (v >= 0) makers_[static_cast<size_t>(v)] = &node;
      }
    }
  }
  // nullptr: an input or a constant.
  const Node* Of(int value) const {
    return value < 0 ? nullptr : makers_[static_cast<size_t>(value)];
  }
  const Node* OfInput(const Node& node, size_t i) const {
    return i < node.inputs.size() ? Of(node.inputs[i]) : nullptr;
  }
  const Value& value(int v) const { return graph_.values[static_cast<size_t>(v)]; }

 private:
  const Graph& graph_;
  std::vector<const Node*> makers_;
};

bool IsSpelledOutSoftmax(const Makers& makers, const Node& node) {
  const Node* exp = makers.OfInput(node, 0);
  const Node* sum = makers.OfInput(node, 1);
  return node.op_type == "Div" && exp != nullptr && exp->op_type == "Exp" && sum != nullptr &&
         sum->op_type == "ReduceSum" && makers.OfInput(*sum, 0) == exp;
}

template <typename T>
const T* ListOf(const Node& node, const Names& names) {
  for (const char* name : names) {
    const Attribute* a = node.Find(name);
    const T* list = a == nullptr ? nullptr : std::get_if<T>(&a->value);
    if (list != nullptr && !list->empty()) return list;
  }
  return nullptr;
}

void TakeLabels(const Node& node, ClassScores* out) {
  if (out->texts != nullptr || out->numbers != nullptr) return;
  out->texts = ListOf<std::vector<std::string>>(node, {"classlabels_strings"});
  if (out->texts == nullptr) {
    out->numbers = ListOf<std::vector<int64_t>>(node, {"classlabels_int64s", "classlabels_ints"});
  }
}

bool IsCalledProbability(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return name.find("prob") != std::string::npos;
}

// The labels of what a Normalizer or the like makes of a classifier's margins.
void LabelsBehind(const Makers& makers, const Node* node, ClassScores* out) {
  for (; node != nullptr; node = makers.OfInput(*node, 0)) {
    if (IsClassifier(*node)) TakeLabels(*node, out);
    if (!KeepsElements(*node) && !MakesProbabilities(*node)) return;
  }
}

// What made value; true where that is a node of which the scores of a classifier come.
bool Trace(const Makers& makers, int value, ClassScores* out) {
  const Node* node = makers.Of(value);
  bool zipped = false;
  for (; node != nullptr; node = makers.Of(value)) {
    if (node->op_type == "ZipMap") {
      zipped = true;
      TakeLabels(*node, out);
    } else if (!KeepsElements(*node)) {
      break;
    }
    value = node->inputs.empty() ? -1 : node->inputs[0];
  }
  const bool scores = node != nullptr && IsClassifier(*node) && node->outputs.size() > 1 &&
                      node->outputs[1] == value;
  if (node != nullptr) LabelsBehind(makers, node, out);
  if (node != nullptr && node->op_type == "LogSoftmax") {
    out->kind = ClassScores::kLogProbabilities;
  } else if (zipped || scores ||
             (node != nullptr &&
              (MakesProbabilities(*node) || IsSpelledOutSoftmax(makers, *node)))) {
    out->kind = ClassScores::kProbabilities;
  }
  return zipped || scores;
}

}  // namespace

ClassScores FindClassScores(const Model& model) {
  const Graph& g = model.graph;
  const Makers makers(g);
  ClassScores found;
  for (size_t i = 0; i < g.outputs.size(); ++i) {
    const int v = g.outputs[i];
    ClassScores scores;
    scores.output = static_cast<int>(i);
    if (!IsFloat(model.main().facts[static_cast<size_t>(v)].dtype)) continue;
    const bool sure = Trace(makers, v, &scores);
    if (scores.kind == ClassScores::kLogits && IsCalledProbability(makers.value(v).name)) {
      scores.kind = ClassScores::kProbabilities;
    }
    if (sure) return scores;
    if (found.output < 0) found = scores;
  }
  return found;
}

}  // namespace mosaic
