#include "core/infer/describe.h"

#include <map>
#include <nlohmann/json.hpp>

namespace mosaic {
namespace {

using Json = nlohmann::ordered_json;

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

Json DescribeValues(const Graph& graph, const std::vector<int>& values) {
  Json list = Json::array();
  for (int v : values) list.push_back(DescribeValue(graph.values[static_cast<size_t>(v)]));
  return list;
}

}  // namespace

std::string DescribeModel(const Model& model) {
  std::map<std::string, int> operators;
  for (const Node& node : model.graph.nodes) ++operators[node.op_type];
  Json result = {{"opset", model.graph.opset}, {"operators", operators}};
  result["inputs"] = DescribeValues(model.graph, model.graph.inputs);
  result["outputs"] = DescribeValues(model.graph, model.graph.outputs);
  // Names come from a file: what is not UTF-8 must not make the description fail.
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mosaic
