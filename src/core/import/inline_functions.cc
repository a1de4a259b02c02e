#include "core/import/inline_functions.h"

#include <unordered_map>
#include <variant>

#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr size_t kMaxNodes = 1 << 18;

// ---- what a copy takes, roughly ----

uint64_t SizeOf(const std::string& s) { return sizeof s + s.size(); }
uint64_t SizeOf(const std::vector<std::string>& strings) {
  uint64_t bytes = 0;
  for (const std::string& s : strings) bytes += SizeOf(s);
  return bytes;
}
uint64_t SizeOf(const Attribute& a) {
  uint64_t bytes = sizeof a + a.name.size();
  if (const auto* s = std::get_if<std::string>(&a.value)) bytes += s->size();
  if (const auto* f = std::get_if<std::vector<float>>(&a.value)) bytes += f->size() * sizeof(float);
  if (const auto* i = std::get_if<std::vector<int64_t>>(&a.value))
    bytes += i->size() * sizeof(int64_t);
  if (const auto* s = std::get_if<std::vector<std::string>>(&a.value)) bytes += SizeOf(*s);
  return bytes;
}
uint64_t SizeOf(const OnnxTensor& t) {
  return sizeof t + t.name.size() + t.dims.size() * sizeof(int64_t) + SizeOf(t.strings) +
         t.data.segments.size() * sizeof(Segment);
}
uint64_t SizeOf(const OnnxNode& n);
uint64_t SizeOf(const OnnxGraph& g) {
  uint64_t bytes = sizeof g;
  for (const OnnxNode& n : g.nodes) bytes += SizeOf(n);
  for (const OnnxTensor& t : g.initializers) bytes += SizeOf(t);
  for (const auto* values : {&g.inputs, &g.outputs, &g.value_infos}) {
    for (const Value& v : *values)
      bytes += sizeof v + v.name.size() + v.dims.size() * sizeof(int64_t) + SizeOf(v.dim_names);
  }
  return bytes;
}
uint64_t SizeOf(const OnnxNode& n) {
  uint64_t bytes = sizeof n + n.name.size() + SizeOf(n.inputs) + SizeOf(n.outputs);
  for (const Attribute& a : n.attributes) bytes += SizeOf(a);
  for (const OnnxTensor& t : n.tensors) bytes += SizeOf(t);
  for (const auto& [name, graph] : n.graphs) bytes += SizeOf(name) + SizeOf(*graph);
  return bytes;
}

// ---- the calls ----

class Inliner {
 public:
  explicit Inliner(OnnxModel* model) : model_(*model) {
    for (const OnnxFunction& f : model_.functions) functions_.emplace(f.domain + "." + f.name, &f);
  }

  Status Graph(OnnxGraph* graph, int depth) {
    if (depth > kMaxGraphDepth) return Status::Limit("functions are nested too deeply");
    std::vector<OnnxNode> nodes;
    for (OnnxNode& n : graph->nodes) MOSAIC_RETURN_IF_ERROR(Add(std::move(n), depth, &nodes));
    graph->nodes = std::move(nodes);
    return {};
  }

 private:
  using Names = std::unordered_map<std::string, std::string>;

  // Appends a node, or what its function makes of it.
  Status Add(OnnxNode node, int depth, std::vector<OnnxNode>* to) {
    if (++made_ > kMaxNodes) return Status::Limit("functions make too many nodes");
    for (auto& [name, graph] : node.graphs) MOSAIC_RETURN_IF_ERROR(Graph(graph.get(), depth + 1));
    const auto found = functions_.find(node.domain + "." + node.op_type);
    if (found == functions_.end()) {
      to->push_back(std::move(node));
      return {};
    }
    const OnnxFunction& f = *found->second;
    const std::string who = "function " + Quoted(f.name);
    if (depth >= kMaxGraphDepth) return Status::Limit(who + ": functions are nested too deeply");
    MOSAIC_RETURN_IF_ERROR(CheckOpsets(f).In(who));
    const std::string prefix = f.name + "#" + std::to_string(++calls_) + "/";
    Names names;
    for (size_t i = 0; i < f.inputs.size(); ++i) {
      names[f.inputs[i]] = i < node.inputs.size() ? node.inputs[i] : "";
    }
    for (size_t i = 0; i < f.outputs.size(); ++i) {
      const bool wanted = i < node.outputs.size() && !node.outputs[i].empty();
      // An output that is an input of the function needs a node to be of another name.
      if (names.count(f.outputs[i]) > 0) {
        if (!wanted) continue;
        OnnxNode same;
        same.op_type = "Identity";
        same.inputs = {names[f.outputs[i]]};
        same.outputs = {node.outputs[i]};
        to->push_back(std::move(same));
        continue;
      }
      if (wanted) names[f.outputs[i]] = node.outputs[i];
    }
    for (const OnnxNode& inner : f.nodes) {
      MOSAIC_RETURN_IF_ERROR(Charge(SizeOf(inner)));
      OnnxNode copy = inner;
      copy.name = prefix + inner.name;
      MOSAIC_RETURN_IF_ERROR(Resolve(node, f, &copy));
      Rename(prefix, &names, &copy);
      MOSAIC_RETURN_IF_ERROR(Add(std::move(copy), depth + 1, to));
    }
    return {};
  }

  Status CheckOpsets(const OnnxFunction& f) const {
    for (const auto& [domain, version] : f.opsets) {
      int own = domain.empty() ? model_.opset : version;
      for (const auto& [name, known] : model_.domains) {
        if (name == domain) own = known;
      }
      if (own != version && own != 0) {
        return Status::Unsupported("it uses version " + std::to_string(version) + " of domain " +
                                   Quoted(domain) + ", the model " + std::to_string(own));
      }
    }
    return {};
  }

  // Attributes that refer to those of the call take its values, or the function's defaults.
  Status Resolve(const OnnxNode& call, const OnnxFunction& f, OnnxNode* node) {
    for (const auto& [own, outer] : node->references) {
      for (const OnnxNode* from : {&call, &f.defaults}) {
        bool found = false;
        for (const Attribute& a : from->attributes) {
          if (a.name != outer) continue;
          MOSAIC_RETURN_IF_ERROR(Charge(SizeOf(a)));
          node->attributes.push_back({own, a.value});
          found = true;
        }
        for (const OnnxTensor& t : from->tensors) {
          if (t.name != outer) continue;
          MOSAIC_RETURN_IF_ERROR(Charge(SizeOf(t)));
          node->tensors.push_back(t);
          node->tensors.back().name = own;
          found = true;
        }
        if (found) break;
      }
    }
    node->references.clear();
    for (auto& [name, graph] : node->graphs) {
      graph = std::make_shared<OnnxGraph>(*graph);
      for (OnnxNode& n : graph->nodes) MOSAIC_RETURN_IF_ERROR(Resolve(call, f, &n));
    }
    return {};
  }

  // A file of a megabyte can ask for terabytes: a large node called many times.
  Status Charge(uint64_t bytes) {
    copied_ += bytes;
    if (copied_ <= kMaxGraphBytes) return {};
    return Status::Limit("what functions make of the graph takes more than " +
                         std::to_string(kMaxGraphBytes >> 20) + " MB");
  }

  static std::string Renamed(const std::string& prefix, Names* names, const std::string& name) {
    if (name.empty()) return name;
    return names->emplace(name, prefix + name).first->second;
  }

  static void Rename(const std::string& prefix, Names* names, OnnxNode* node) {
    for (std::string& n : node->inputs) n = Renamed(prefix, names, n);
    for (std::string& n : node->outputs) n = Renamed(prefix, names, n);
    for (auto& [name, graph] : node->graphs) {
      Names inner = *names;
      for (Value& v : graph->inputs) v.name = inner[v.name] = prefix + v.name;
      for (OnnxTensor& t : graph->initializers) t.name = inner[t.name] = prefix + t.name;
      for (OnnxNode& n : graph->nodes) Rename(prefix, &inner, &n);
      for (Value& v : graph->outputs) v.name = Renamed(prefix, &inner, v.name);
    }
  }

  OnnxModel& model_;
  std::unordered_map<std::string, const OnnxFunction*> functions_;
  size_t made_ = 0, calls_ = 0;
  uint64_t copied_ = 0;
};

}  // namespace

Status InlineFunctions(OnnxModel* model) {
  if (model->functions.empty()) return {};
  return Inliner(model).Graph(model, 0);
}

}  // namespace mosaic
