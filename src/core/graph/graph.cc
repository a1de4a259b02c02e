#include "core/graph/graph.h"

#include "core/util/quote.h"

namespace mosaic {
namespace {

template <typename T>
const T* Get(const Node& node, const char* name) {
  const Attribute* a = node.Find(name);
  return a == nullptr ? nullptr : std::get_if<T>(&a->value);
}

}  // namespace

const Attribute* Node::Find(const char* attribute) const {
  for (const Attribute& a : attributes) {
    if (a.name == attribute) return &a;
  }
  return nullptr;
}

int64_t Node::Int(const char* attribute, int64_t fallback) const {
  const int64_t* v = Get<int64_t>(*this, attribute);
  return v == nullptr ? fallback : *v;
}

float Node::Float(const char* attribute, float fallback) const {
  const float* v = Get<float>(*this, attribute);
  return v == nullptr ? fallback : *v;
}

std::string Node::String(const char* attribute, const char* fallback) const {
  const std::string* v = Get<std::string>(*this, attribute);
  return v == nullptr ? fallback : *v;
}

std::vector<int64_t> Node::Ints(const char* attribute) const {
  const std::vector<int64_t>* v = Get<std::vector<int64_t>>(*this, attribute);
  return v == nullptr ? std::vector<int64_t>() : *v;
}

std::vector<float> Node::Floats(const char* attribute) const {
  const std::vector<float>* v = Get<std::vector<float>>(*this, attribute);
  return v == nullptr ? std::vector<float>() : *v;
}

std::vector<std::string> Node::Strings(const char* attribute) const {
  const std::vector<std::string>* v = Get<std::vector<std::string>>(*this, attribute);
  return v == nullptr ? std::vector<std::string>() : *v;
}

int Node::AttributeInput(const char* attribute) const {
  for (size_t i = 0; i < attribute_inputs.size(); ++i) {
    if (attribute_inputs[i] == attribute) return static_cast<int>(own_inputs() + i);
  }
  return -1;
}

int Graph::Version(const std::string& domain) const {
  if (domain.empty()) return opset;
  for (const auto& [name, version] : domains) {
    if (name == domain) return version;
  }
  return 0;
}

std::string Describe(const Body& graph, const Node& node) {
  std::string name = node.name;
  for (size_t i = 0; name.empty() && i < node.outputs.size(); ++i) {
    if (node.outputs[i] >= 0) name = graph.values[static_cast<size_t>(node.outputs[i])].name;
  }
  const std::string domain = node.domain.empty() ? "" : Shown(node.domain) + ".";
  return "node " + Quoted(name) + " (" + domain + Shown(node.op_type) + ")";
}

std::string ShapeString(const Shape& dims, const std::vector<std::string>& names) {
  std::string s = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) s += ", ";
    if (dims[i] != kSymbolic) {
      s += std::to_string(dims[i]);
    } else {
      s += i < names.size() && !names[i].empty() ? Shown(names[i]) : "?";
    }
  }
  return s + "]";
}

}  // namespace mosaic
