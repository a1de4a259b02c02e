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
  return out;
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
      default:
        r.skip();
    }
  }
  return {};
}

template <typename Range>
void AppendIndexes(const Range& range, std::vector<int>* out) {
  for (uint32_t x : range) out->push_back(x > INT32_MAX ? -1 : static_cast<int>(x));
}

Status DecodeFile(pbf_reader r, Graph* g) {
  uint32_t magic = 0, version = 0;
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
      case tag_and_type(4, kBytes):
        g->values.emplace_back();
        DecodeValue(r.get_message(), &g->values.back());
        break;
      case tag_and_type(5, kBytes):
        g->nodes.emplace_back();
        MOSAIC_RETURN_IF_ERROR(DecodeNode(r.get_message(), &g->nodes.back()));
        break;
      case tag_and_type(6, kBytes):
        AppendIndexes(r.get_packed_uint32(), &g->inputs);
        break;
      case tag_and_type(7, kBytes):
        AppendIndexes(r.get_packed_uint32(), &g->outputs);
        break;
      default:
        r.skip();
    }
  }
  if (magic != kGraphMagic || version == 0) return Status::Corrupt("not a stored graph");
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

Status CheckGraph(const Graph& g) {
  if (g.opset <= 0) return Status::Corrupt("the graph has no opset");
  const int count = static_cast<int>(g.values.size());
  std::vector<bool> defined(g.values.size());
  for (size_t i = 0; i < g.values.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(CheckValue(g.values[i]));
    defined[i] = g.values[i].tensor >= 0;
  }
  auto define = [&](int v) {
    if (v < 0 || v >= count || defined[static_cast<size_t>(v)]) return false;
    defined[static_cast<size_t>(v)] = true;
    return true;
  };
  auto readable = [&](int v) { return v >= 0 && v < count && defined[static_cast<size_t>(v)]; };
  for (int v : g.inputs) {
    if (!define(v)) return Status::Corrupt("graph input " + std::to_string(v) + " is not valid");
  }
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const std::string who = "node " + std::to_string(i) + " (" + n.op_type + ")";
    if (n.op_type.empty()) return Status::Corrupt(who + " has no operator");
    for (int v : n.inputs) {
      if (v != -1 && !readable(v)) {
        return Status::Corrupt(who + " reads value " + std::to_string(v) + " before it is defined");
      }
    }
    for (int v : n.outputs) {
      if (v != -1 && !define(v)) {
        return Status::Corrupt(who + " cannot define value " + std::to_string(v));
      }
    }
  }
  if (g.outputs.empty()) return Status::Corrupt("the graph has no output");
  for (int v : g.outputs) {
    if (!readable(v)) return Status::Corrupt("graph output " + std::to_string(v) + " is undefined");
  }
  return {};
}

}  // namespace

std::string EncodeGraph(const Graph& graph) {
  std::string out;
  pbf_writer w(out);
  w.add_fixed32(1, kGraphMagic);
  w.add_uint32(2, kGraphVersion);
  w.add_uint32(3, static_cast<uint32_t>(graph.opset));
  for (const Value& v : graph.values) w.add_message(4, EncodeValue(v));
  for (const Node& n : graph.nodes) w.add_message(5, EncodeNode(n));
  w.add_packed_uint32(6, graph.inputs.begin(), graph.inputs.end());
  w.add_packed_uint32(7, graph.outputs.begin(), graph.outputs.end());
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
