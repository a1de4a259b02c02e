#include "core/graph/graph_format.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "core/util/quote.h"

namespace mosaic {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;
using protozero::tag_and_type;

constexpr auto kVarint = pbf_wire_type::varint;
constexpr auto kBytes = pbf_wire_type::length_delimited;
constexpr auto kFixed32 = pbf_wire_type::fixed32;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// ---- Writing ----

std::string EncodeValue(const Value& v) {
  std::string out;
  pbf_writer w(out);
  w.add_string(1, v.name);
  w.add_uint32(2, static_cast<uint32_t>(v.dtype));
  w.add_bool(3, v.has_shape);
  w.add_packed_sint64(4, v.dims.begin(), v.dims.end());
  for (size_t i = 0; i < v.dims.size(); ++i) {
    w.add_string(5, i < v.dim_names.size() ? v.dim_names[i] : std::string());
  }
  if (v.tensor >= 0) w.add_sint32(6, v.tensor);
  if (v.capture >= 0) w.add_sint32(7, v.capture);
  return out;
}

std::string EncodeAttribute(const Attribute& a) {
  std::string out;
  pbf_writer w(out);
  w.add_string(1, a.name);
  std::visit(
      Overloaded{[&](float v) { w.add_float(2, v); }, [&](int64_t v) { w.add_sint64(3, v); },
                 [&](const std::string& v) { w.add_string(4, v); },
                 [&](const std::vector<float>& v) { w.add_packed_float(5, v.begin(), v.end()); },
                 [&](const std::vector<int64_t>& v) { w.add_packed_sint64(6, v.begin(), v.end()); },
                 [&](const std::vector<std::string>& v) {
                   for (const std::string& s : v) w.add_string(7, s);
                 }},
      a.value);
  w.add_uint32(8, static_cast<uint32_t>(a.value.index()));
  return out;
}

std::string EncodeNode(const Node& n) {
  std::string out;
  pbf_writer w(out);
  w.add_string(1, n.name);
  w.add_string(2, n.op_type);
  w.add_packed_sint32(3, n.inputs.begin(), n.inputs.end());
  w.add_packed_sint32(4, n.outputs.begin(), n.outputs.end());
  for (const Attribute& a : n.attributes) w.add_message(5, EncodeAttribute(a));
  if (!n.domain.empty()) w.add_string(6, n.domain);
  for (const std::string& name : n.attribute_inputs) w.add_string(7, name);
  for (const auto& [name, body] : n.bodies) {
    w.add_string(8, name);
    w.add_uint32(9, static_cast<uint32_t>(body));
  }
  return out;
}

void EncodeBody(const Body& b, pbf_writer* w) {
  for (const Value& v : b.values) w->add_message(4, EncodeValue(v));
  for (const Node& n : b.nodes) w->add_message(5, EncodeNode(n));
  w->add_packed_uint32(6, b.inputs.begin(), b.inputs.end());
  w->add_packed_uint32(7, b.outputs.begin(), b.outputs.end());
}

// ---- Reading: protozero throws on bad wire data, DecodeGraph catches ----

void DecodeValue(pbf_reader r, Value* v) {
  while (r.next()) {
    switch (r.tag_and_type()) {
      case tag_and_type(1, kBytes):
        v->name = r.get_string();
        break;
      case tag_and_type(2, kVarint):
        v->dtype = static_cast<int>(r.get_uint32());
        break;
      case tag_and_type(3, kVarint):
        v->has_shape = r.get_uint32() != 0;  // get_bool asserts on long varints
        break;
      case tag_and_type(4, kBytes):
        for (int64_t d : r.get_packed_sint64()) v->dims.push_back(d);
        break;
      case tag_and_type(5, kBytes):
        v->dim_names.push_back(r.get_string());
        break;
      case tag_and_type(6, kVarint):
        v->tensor = r.get_sint32();
        break;
      case tag_and_type(7, kVarint):
        v->capture = r.get_sint32();
        break;
      default:
        r.skip();
    }
  }
}

Status DecodeAttribute(pbf_reader r, Attribute* a) {
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  uint32_t kind = UINT32_MAX;
  while (r.next()) {
    switch (r.tag_and_type()) {
      case tag_and_type(1, kBytes):
        a->name = r.get_string();
        break;
      case tag_and_type(2, kFixed32):
        f = r.get_float();
        break;
      case tag_and_type(3, kVarint):
        i = r.get_sint64();
        break;
      case tag_and_type(4, kBytes):
        s = r.get_string();
        break;
      case tag_and_type(5, kBytes):
        for (float x : r.get_packed_float()) floats.push_back(x);
        break;
      case tag_and_type(6, kBytes):
        for (int64_t x : r.get_packed_sint64()) ints.push_back(x);
        break;
      case tag_and_type(7, kBytes):
        strings.push_back(r.get_string());
        break;
      case tag_and_type(8, kVarint):
        kind = r.get_uint32();
        break;
      default:
        r.skip();
    }
  }
  switch (kind) {
    case 0:
      a->value = f;
      break;
    case 1:
      a->value = i;
      break;
    case 2:
      a->value = std::move(s);
      break;
    case 3:
      a->value = std::move(floats);
      break;
    case 4:
      a->value = std::move(ints);
      break;
    case 5:
      a->value = std::move(strings);
      break;
    default:
      return Status::Corrupt("attribute " + Quoted(a->name) + " has no known kind");
  }
  return {};
}

Status DecodeNode(pbf_reader r, Node* n) {
  std::vector<std::string> names;  // of bodies
  while (r.next()) {
    switch (r.tag_and_type()) {
      case tag_and_type(1, kBytes):
        n->name = r.get_string();
        break;
      case tag_and_type(2, kBytes):
        n->op_type = r.get_string();
        break;
      case tag_and_type(3, kBytes):
        for (int32_t x : r.get_packed_sint32()) n->inputs.push_back(x);
        break;
      case tag_and_type(4, kBytes):
        for (int32_t x : r.get_packed_sint32()) n->outputs.push_back(x);
        break;
      case tag_and_type(5, kBytes):
        n->attributes.emplace_back();
        MOSAIC_RETURN_IF_ERROR(DecodeAttribute(r.get_message(), &n->attributes.back()));
        break;
      case tag_and_type(6, kBytes):
        n->domain = r.get_string();
        break;
      case tag_and_type(7, kBytes):
        n->attribute_inputs.push_back(r.get_string());
        break;
      case tag_and_type(8, kBytes):
        names.push_back(r.get_string());
        break;
      case tag_and_type(9, kVarint):
        if (names.size() != n->bodies.size() + 1) return Status::Corrupt("a body has no name");
        n->bodies.emplace_back(names.back(), static_cast<int>(r.get_uint32() & 0x7fffffffU));
        break;
      default:
        r.skip();
    }
  }
  if (n->attribute_inputs.size() > n->inputs.size()) {
    return Status::Corrupt("a node has fewer inputs than tensors of attributes");
  }
  return {};
}

template <typename Range>
void AppendIndexes(const Range& range, std::vector<int>* out) {
  for (uint32_t x : range) out->push_back(x > INT32_MAX ? -1 : static_cast<int>(x));
}

// A field that graphs and bodies have alike.
Status DecodeBodyField(pbf_reader& r, Body* b) {
  switch (r.tag_and_type()) {
    case tag_and_type(4, kBytes):
      b->values.emplace_back();
      DecodeValue(r.get_message(), &b->values.back());
      return {};
    case tag_and_type(5, kBytes):
      b->nodes.emplace_back();
      return DecodeNode(r.get_message(), &b->nodes.back());
    case tag_and_type(6, kBytes):
      AppendIndexes(r.get_packed_uint32(), &b->inputs);
      return {};
    case tag_and_type(7, kBytes):
      AppendIndexes(r.get_packed_uint32(), &b->outputs);
      return {};
    default:
      r.skip();
  }
  return {};
}

Status DecodeBody(pbf_reader r, Body* b) {
  while (r.next()) MOSAIC_RETURN_IF_ERROR(DecodeBodyField(r, b));
  return {};
}

// Format 1 had one tensor-valued attribute, as an input without a name.
void NameAttributeInputs(Graph* g) {
  for (Node& n : g->nodes) {
    if (n.op_type == "ConstantOfShape" && n.inputs.size() == 2) n.attribute_inputs = {"value"};
  }
}

Status DecodeFile(pbf_reader r, Graph* g) {
  uint32_t magic = 0, version = 0;
  std::string domain;
  while (r.next()) {
    switch (r.tag_and_type()) {
      case tag_and_type(1, kFixed32):
        magic = r.get_fixed32();
        break;
      case tag_and_type(2, kVarint):
        version = r.get_uint32();
        if (version > kGraphVersion) {
          return Status::Unsupported("graph format version " + std::to_string(version) +
                                     ": this version reads up to " + std::to_string(kGraphVersion));
        }
        break;
      case tag_and_type(3, kVarint):
        g->opset = static_cast<int>(r.get_uint32());
        break;
      case tag_and_type(8, kBytes):
        domain = r.get_string();
        break;
      case tag_and_type(9, kVarint):
        g->domains.emplace_back(domain, static_cast<int>(r.get_uint32() & 0x7fffffffU));
        break;
      case tag_and_type(10, kBytes):
        g->bodies.emplace_back();
        MOSAIC_RETURN_IF_ERROR(DecodeBody(r.get_message(), &g->bodies.back()));
        break;
      case tag_and_type(11, kBytes):
        g->batch_axis = r.get_string();
        break;
      default:
        MOSAIC_RETURN_IF_ERROR(DecodeBodyField(r, g));
    }
  }
  if (magic != kGraphMagic || version == 0) return Status::Corrupt("not a stored graph");
  if (version == 1) NameAttributeInputs(g);
  return {};
}

// ---- Checking: everything that executing relies on ----

Status CheckValue(const Value& v) {
  const std::string who = "value " + Quoted(v.name);
  if (v.dtype != MOSAIC_UNDEFINED && DTypeSize(v.dtype) == 0) {
    return Status::Corrupt(who + " has the unknown element type " + std::to_string(v.dtype));
  }
  if (v.dims.size() > MOSAIC_MAX_DIMS || v.dims.size() != v.dim_names.size() ||
      (!v.has_shape && !v.dims.empty())) {
    return Status::Corrupt(who + " has an impossible shape");
  }
  for (int64_t d : v.dims) {
    if (d < kSymbolic) return Status::Corrupt(who + " has the dimension " + std::to_string(d));
  }
  if (v.tensor < -1) return Status::Corrupt(who + " has the tensor " + std::to_string(v.tensor));
  return {};
}

// around: the graph that a body stands in, or null.
Status CheckBody(const Graph& g, const Body& body, const Body* around, int depth,
                 std::vector<bool>* used);

Status CheckNode(const Graph& g, const Body& body, size_t i, int depth, std::vector<bool>* used) {
  const Node& n = body.nodes[i];
  const std::string who = "node " + std::to_string(i) + " (" + n.op_type + ")";
  if (n.op_type.empty()) return Status::Corrupt(who + " has no operator");
  for (const auto& [name, b] : n.bodies) {
    // Each body belongs to one node, so there is no cycle.
    if (static_cast<size_t>(b) >= g.bodies.size() || (*used)[static_cast<size_t>(b)]) {
      return Status::Corrupt(who + " cannot have body " + std::to_string(b));
    }
    (*used)[static_cast<size_t>(b)] = true;
    MOSAIC_RETURN_IF_ERROR(
        CheckBody(g, g.bodies[static_cast<size_t>(b)], &body, depth + 1, used).In(who));
  }
  return {};
}

Status CheckBody(const Graph& g, const Body& body, const Body* around, int depth,
                 std::vector<bool>* used) {
  if (depth > kMaxBodyDepth) return Status::Corrupt("graphs are nested too deeply");
  const int count = static_cast<int>(body.values.size());
  std::vector<bool> defined(body.values.size());
  for (size_t i = 0; i < body.values.size(); ++i) {
    const Value& v = body.values[i];
    MOSAIC_RETURN_IF_ERROR(CheckValue(v));
    if (v.capture < -1 || (v.capture >= 0 && (around == nullptr || v.tensor >= 0 ||
                                              static_cast<size_t>(v.capture) >= around->values.size()))) {
      return Status::Corrupt("value " + Quoted(v.name) + " cannot be value " +
                             std::to_string(v.capture) + " of the graph around it");
    }
    defined[i] = v.tensor >= 0 || v.capture >= 0;
  }
  auto define = [&](int v) {
    if (v < 0 || v >= count || defined[static_cast<size_t>(v)]) return false;
    defined[static_cast<size_t>(v)] = true;
    return true;
  };
  auto readable = [&](int v) { return v >= 0 && v < count && defined[static_cast<size_t>(v)]; };
  for (int v : body.inputs) {
    if (!define(v)) return Status::Corrupt("graph input " + std::to_string(v) + " is not valid");
  }
  for (size_t i = 0; i < body.nodes.size(); ++i) {
    const Node& n = body.nodes[i];
    const std::string who = "node " + std::to_string(i) + " (" + n.op_type + ")";
    for (int v : n.inputs) {
      if (v != -1 && !readable(v)) {
        return Status::Corrupt(who + " reads value " + std::to_string(v) + " before it is defined");
      }
    }
    for (const auto& [name, b] : n.bodies) {
      if (static_cast<size_t>(b) >= g.bodies.size()) continue;  // CheckNode says so
      for (const Value& v : g.bodies[static_cast<size_t>(b)].values) {
        if (v.capture >= 0 && !readable(v.capture)) {
          return Status::Corrupt(who + " captures value " + std::to_string(v.capture) +
                                 " before it is defined");
        }
      }
    }
    MOSAIC_RETURN_IF_ERROR(CheckNode(g, body, i, depth, used));
    for (int v : n.outputs) {
      if (v != -1 && !define(v)) {
        return Status::Corrupt(who + " cannot define value " + std::to_string(v));
      }
    }
  }
  if (around == nullptr && body.outputs.empty()) return Status::Corrupt("the graph has no output");
  for (int v : body.outputs) {
    if (!readable(v)) return Status::Corrupt("graph output " + std::to_string(v) + " is undefined");
  }
  return {};
}

Status CheckGraph(const Graph& g) {
  if (g.opset <= 0 && g.domains.empty()) return Status::Corrupt("the graph has no opset");
  std::vector<bool> used(g.bodies.size());
  return CheckBody(g, g, nullptr, 0, &used);
}

}  // namespace

std::string EncodeGraph(const Graph& graph) {
  std::string out;
  pbf_writer w(out);
  w.add_fixed32(1, kGraphMagic);
  w.add_uint32(2, kGraphVersion);
  w.add_uint32(3, static_cast<uint32_t>(graph.opset));
  EncodeBody(graph, &w);
  for (const auto& [domain, version] : graph.domains) {
    w.add_string(8, domain);
    w.add_uint32(9, static_cast<uint32_t>(version));
  }
  if (!graph.batch_axis.empty()) w.add_string(11, graph.batch_axis);
  for (const Body& b : graph.bodies) {
    std::string body;
    pbf_writer bw(body);
    EncodeBody(b, &bw);
    w.add_message(10, body);
  }
  return out;
}

Status DecodeGraph(std::string_view bytes, Graph* out) {
  *out = Graph();
  try {
    MOSAIC_RETURN_IF_ERROR(DecodeFile(pbf_reader(bytes.data(), bytes.size()), out));
  } catch (const protozero::exception& e) {
    return Status::Corrupt(std::string("the stored graph is damaged: ") + e.what());
  }
  return CheckGraph(*out);
}

}  // namespace mosaic
