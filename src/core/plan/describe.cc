#include "core/plan/describe.h"

#include <map>
#include <nlohmann/json.hpp>

namespace mosaic {
namespace {

using Json = nlohmann::ordered_json;

// Symbols as the file names them: the one that counts items has a mark of ours before its name.
std::string Shown(std::string name) {
  std::string shown;
  for (char c : name) {
    if (c != '#') shown += c;
  }
  return shown.empty() || shown[0] == '?' || shown[0] == '$' ? "?" : shown;
}

Json DescribeValue(const Value& value) {
  Json shape = Json::array();
  for (size_t i = 0; i < value.dims.size(); ++i) {
    if (value.dims[i] != kSymbolic) {
      shape.push_back(value.dims[i]);
    } else {
      bool named = i < value.dim_names.size() && !value.dim_names[i].empty();
      shape.push_back(named ? value.dim_names[i] : "?");
    }
  }
  Json result = {{"name", value.name}, {"dtype", DTypeName(value.dtype)}};
  result["shape"] = value.has_shape ? shape : Json();
  return result;
}

// An output as it was inferred.
Json DescribeOutput(const Value& value, const Fact& fact) {
  Json result = {{"name", value.name},
                 {"dtype", DTypeName(fact.dtype != MOSAIC_UNDEFINED ? fact.dtype : value.dtype)}};
  Json shape = Json::array();
  for (const Dim& d : fact.dims) {
    if (d.is_number()) {
      shape.push_back(d.number());
    } else {
      shape.push_back(Shown(d.ToString()));
    }
  }
  result["shape"] = fact.ranked ? shape : Json();
  return result;
}

Json AxisOf(int axis) { return axis < 0 ? Json() : Json(axis); }

void CountOperators(const Body& body, std::map<std::string, int>* operators) {
  for (const Node& node : body.nodes) {
    ++(*operators)[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
  }
}

}  // namespace

std::string DescribeModel(const Model& model) {
  const Graph& graph = model.graph;
  std::map<std::string, int> operators;
  CountOperators(graph, &operators);
  for (const Body& body : graph.bodies) CountOperators(body, &operators);
  Json result = {{"opset", graph.opset}, {"operators", operators}};
  Json inputs = Json::array(), outputs = Json::array();
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    Json input = DescribeValue(graph.values[static_cast<size_t>(graph.inputs[i])]);
    input["item_axis"] = AxisOf(model.items.inputs[i]);
    inputs.push_back(std::move(input));
  }
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const size_t v = static_cast<size_t>(graph.outputs[i]);
    Json output = DescribeOutput(graph.values[v], model.main().facts[v]);
    output["item_axis"] = AxisOf(model.items.outputs[i]);
    outputs.push_back(std::move(output));
  }
  result["inputs"] = std::move(inputs);
  result["outputs"] = std::move(outputs);
  result["items"] = model.items.independent ? "independent" : "one by one";
  if (!model.items.independent && !model.items.reason.empty()) {
    result["items_because"] = model.items.reason;
  }
  // Names come from a file: what is not UTF-8 must not make the description fail.
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mosaic
