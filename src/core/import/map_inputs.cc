#include "core/import/map_inputs.h"

#include <algorithm>

#include "core/graph/maps.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

template <typename List>
bool Has(const List& list, int value) {
  return std::count(list.begin(), list.end(), value) > 0;
}

// A file's own mean nothing.
void ForgetTypes(Body* body) {
  for (Node& n : body->nodes) {
    if (!ReadsMap(n)) continue;
    const auto own = std::remove_if(
        n.attributes.begin(), n.attributes.end(),
        [](const Attribute& a) { return a.name == "map_key" || a.name == "map_value"; });
    n.attributes.erase(own, n.attributes.end());
  }
}

bool ReadsWithin(const Graph& graph, const Node& n, int v) {
  for (const auto& [name, b] : n.bodies) {
    for (const Value& inner : graph.bodies[static_cast<size_t>(b)].values) {
      if (inner.capture == v) return true;
    }
  }
  return false;
}

}  // namespace

void ResolveMaps(const std::vector<OnnxMap>& maps, Graph* graph,
                 std::vector<std::string>* problems) {
  ForgetTypes(graph);
  for (Body& body : graph->bodies) ForgetTypes(&body);
  for (const OnnxMap& m : maps) {
    const auto input = std::find_if(graph->inputs.begin(), graph->inputs.end(), [&](int i) {
      return graph->values[static_cast<size_t>(i)].name == m.name;
    });
    if (input == graph->inputs.end()) continue;
    const int v = *input;
    bool good = !Has(graph->outputs, v);
    for (Node& n : graph->nodes) {
      good = good && !ReadsWithin(*graph, n, v);
      if (!Has(n.inputs, v)) continue;
      good = good && ReadsMap(n);
      n.attributes.push_back({"map_key", int64_t{m.key}});
      n.attributes.push_back({"map_value", int64_t{m.value}});
    }
    if (!good) {
      problems->push_back("graph input " + Quoted(m.name) +
                          " is a map, which only DictVectorizer and CastMap can read");
    }
  }
}

}  // namespace mosaic
