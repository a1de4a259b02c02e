#include "core/export/onnx_writer.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <set>
#include <unordered_set>

#include "core/graph/maps.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

using protozero::pbf_writer;

// AttributeProto.type
enum AttributeType { kFloat = 1, kInt, kString, kTensor, kGraph, kFloats, kInts, kStrings };

// The version of the format that an operator set came with.
int IrVersion(int opset) {
  if (opset <= 19) return 8;
  if (opset == 20) return 9;
  if (opset <= 22) return 10;
  if (opset <= 24) return opset - 12;
  return 13;
}

const char* const kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT",
                              "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};

std::string TypeProto(const Value& v) {
  std::string shape, tensor_type, type;
  for (size_t i = 0; i < v.dims.size(); ++i) {
    std::string dim;
    if (v.dims[i] >= 0) {
      pbf_writer(dim).add_int64(1, v.dims[i]);
    } else if (i < v.dim_names.size() && !v.dim_names[i].empty()) {
      pbf_writer(dim).add_string(2, v.dim_names[i]);
    }
    pbf_writer(shape).add_message(1, dim);
  }
  pbf_writer writer(tensor_type);
  writer.add_int32(1, v.dtype);
  if (v.has_shape) writer.add_message(2, shape);
  pbf_writer(type).add_message(1, tensor_type);
  return type;
}

// What ZipMap makes: a sequence of maps from the classes to float. (Its output is an array of the scores here.)
std::string MapsProto(const Node& zip_map) {
  std::string element, value, map, item, sequence, type;
  pbf_writer(element).add_int32(1, MOSAIC_FLOAT);
  pbf_writer(value).add_message(1, element);
  pbf_writer(map).add_int32(1, zip_map.Find("classlabels_strings") != nullptr ? MOSAIC_STRING : MOSAIC_INT64);
  pbf_writer(map).add_message(2, value);
  pbf_writer(item).add_message(5, map);
  pbf_writer(sequence).add_message(1, item);
  pbf_writer(type).add_message(4, sequence);
  return type;
}

// What such a node reads. (It is an array of keys and values here.)
std::string MapProto(const Node& reader) {
  std::string element, value, map, type;
  pbf_writer(element).add_int32(1, static_cast<int32_t>(reader.Int("map_value", 0)));
  pbf_writer(value).add_message(1, element);
  pbf_writer(map).add_int32(1, static_cast<int32_t>(reader.Int("map_key", 0)));
  pbf_writer(map).add_message(2, value);
  pbf_writer(type).add_message(5, map);
  return type;
}

std::string ValueInfo(const std::string& name, const std::string& type) {
  std::string info;
  pbf_writer writer(info);
  writer.add_string(1, name);
  if (!type.empty()) writer.add_message(2, type);
  return info;
}

std::string DeclaredType(const Value& v) { return v.dtype == MOSAIC_UNDEFINED ? "" : TypeProto(v); }

std::string InputType(const Body& body, int value) {
  if (const Node* reader = ReaderOfMap(body, value)) return MapProto(*reader);
  return DeclaredType(body.values[static_cast<size_t>(value)]);
}

std::string OutputType(const Body& body, int value) {
  for (const Node& n : body.nodes) {
    const bool makes = std::find(n.outputs.begin(), n.outputs.end(), value) != n.outputs.end();
    if (makes && n.domain == "ai.onnx.ml" && n.op_type == "ZipMap") return MapsProto(n);
  }
  return DeclaredType(body.values[static_cast<size_t>(value)]);
}

class Writer {
 public:
  Writer(const Graph& graph, const std::vector<MosaicTensorDesc>& tensors,
         const std::function<std::string(int)>& elements)
      : graph_(graph), tensors_(tensors), elements_(elements) {}

  Status Write(FilePieces* out) {
    std::string head, sets;
    FilePieces graph;
    const std::vector<std::string> names = Names(graph_, {});
    MOSAIC_RETURN_IF_ERROR(WriteGraph(graph_, names, "graph", &graph));
    pbf_writer writer(head);
    writer.add_int64(1, IrVersion(graph_.opset));
    writer.add_string(2, "pg_mosaic");
    if (graph_.opset > 0) WriteOpset(&writer, "", graph_.opset);
    for (const auto& [domain, version] : graph_.domains) WriteOpset(&writer, domain, version);
    out->Append(std::move(head));
    out->AppendMessage(7, std::move(graph));
    return {};
  }

 private:
  static void WriteOpset(pbf_writer* writer, const std::string& domain, int version) {
    std::string set;
    pbf_writer(set).add_string(1, domain);
    pbf_writer(set).add_int64(2, version);
    writer->add_message(8, set);
  }

  // The name of each value of a body; outer: those of the body around it. Inputs and outputs of the model keep theirs;
  // values that are one tensor share one name, so that it is written once.
  std::vector<std::string> Names(const Body& body, const std::vector<std::string>& outer) {
    std::vector<std::string> names(body.values.size());
    std::map<int, std::string> tensors;
    const auto name = [&](size_t v) {
      const Value& value = body.values[v];
      if (!names[v].empty()) return;
      names[v] = value.capture >= 0 ? outer[static_cast<size_t>(value.capture)] : Unique(value.name);
      if (value.tensor >= 0) tensors.emplace(value.tensor, names[v]);
    };
    for (int i : body.inputs) name(static_cast<size_t>(i));
    for (int i : body.outputs) name(static_cast<size_t>(i));
    for (size_t v = 0; v < names.size(); ++v) {
      const auto known = names[v].empty() ? tensors.find(body.values[v].tensor) : tensors.end();
      if (known != tensors.end()) names[v] = known->second;
      name(v);
    }
    return names;
  }

  std::string Unique(const std::string& name) {
    std::string s = name.empty() ? "value" : name;
    for (int n = 2; !taken_.insert(s).second; ++n) s = name + "_" + std::to_string(n);
    return s;
  }

  Status WriteGraph(const Body& body, const std::vector<std::string>& names, const std::string& name, FilePieces* out) {
    for (const Node& n : body.nodes) {
      FilePieces node;
      MOSAIC_RETURN_IF_ERROR(WriteNode(body, n, names, &node));
      out->AppendMessage(1, std::move(node));
    }
    std::string text;
    pbf_writer writer(text);
    writer.add_string(2, name);
    for (int i : body.inputs)
      writer.add_message(11, ValueInfo(names[static_cast<size_t>(i)], InputType(body, i)));
    for (int i : body.outputs) writer.add_message(12, ValueInfo(names[static_cast<size_t>(i)], OutputType(body, i)));
    out->Append(std::move(text));
    const std::vector<bool> read = Read(body);
    std::set<std::string> written;
    for (size_t v = 0; v < body.values.size(); ++v) {
      if (!read[v] || body.values[v].tensor < 0 || !written.insert(names[v]).second) continue;
      FilePieces tensor;
      MOSAIC_RETURN_IF_ERROR(WriteTensor(body.values[v].tensor, names[v], &tensor));
      out->AppendMessage(5, std::move(tensor));
    }
    return {};
  }

  // Which values are read by name: as an input of a node's own, an output, or in a graph of a node.
  std::vector<bool> Read(const Body& body) const {
    std::vector<bool> read(body.values.size());
    const auto note = [&read](int v) {
      if (v >= 0) read[static_cast<size_t>(v)] = true;
    };
    for (int o : body.outputs) note(o);
    for (const Node& n : body.nodes) {
      for (size_t i = 0; i < n.own_inputs(); ++i) note(n.inputs[i]);
      for (const auto& [attribute, b] : n.bodies) {
        for (const Value& v : graph_.bodies[static_cast<size_t>(b)].values) note(v.capture);
      }
    }
    return read;
  }

  Status WriteNode(const Body& body, const Node& n, const std::vector<std::string>& names, FilePieces* out) {
    // Its attribute is a type, which the import does not keep.
    if (n.domain.empty() && n.op_type == "Optional" && (n.own_inputs() == 0 || n.inputs[0] < 0)) {
      return Status::Unsupported(Describe(body, n) + ": the type of what is not there is not known");
    }
    std::string text;
    pbf_writer writer(text);
    const auto name = [&names](int v) { return v < 0 ? std::string() : names[static_cast<size_t>(v)]; };
    for (size_t i = 0; i < n.own_inputs(); ++i) writer.add_string(1, name(n.inputs[i]));
    for (int o : n.outputs) writer.add_string(2, name(o));
    writer.add_string(3, n.name);
    writer.add_string(4, n.op_type);
    for (const Attribute& a : n.attributes) {
      if (ReadsMap(n) && (a.name == "map_key" || a.name == "map_value"))
        continue;  // types of the input
      writer.add_message(5, AttributeProto(a));
    }
    writer.add_string(7, n.domain);
    out->Append(std::move(text));
    for (size_t i = 0; i < n.attribute_inputs.size(); ++i) {
      const int v = n.inputs[n.own_inputs() + i];
      FilePieces attribute;
      MOSAIC_RETURN_IF_ERROR(WriteTensorAttribute(n, n.attribute_inputs[i], body.values[static_cast<size_t>(v)].tensor, &attribute));
      out->AppendMessage(5, std::move(attribute));
    }
    for (const auto& [attribute, b] : n.bodies) {
      const Body& inner = graph_.bodies[static_cast<size_t>(b)];
      FilePieces graph, message;
      MOSAIC_RETURN_IF_ERROR(WriteGraph(inner, Names(inner, names), attribute, &graph));
      message.Append(AttributeHead(attribute, kGraph));
      message.AppendMessage(6, std::move(graph));
      out->AppendMessage(5, std::move(message));
    }
    return {};
  }

  static std::string AttributeHead(const std::string& name, AttributeType type) {
    std::string head;
    pbf_writer writer(head);
    writer.add_string(1, name);
    writer.add_enum(20, type);
    return head;
  }

  static std::string AttributeProto(const Attribute& a) {
    std::string text;
    if (const auto* f = std::get_if<float>(&a.value)) {
      text = AttributeHead(a.name, kFloat);
      pbf_writer(text).add_float(2, *f);
    } else if (const auto* i = std::get_if<int64_t>(&a.value)) {
      text = AttributeHead(a.name, kInt);
      pbf_writer(text).add_int64(3, *i);
    } else if (const auto* s = std::get_if<std::string>(&a.value)) {
      text = AttributeHead(a.name, kString);
      pbf_writer(text).add_bytes(4, *s);
    } else if (const auto* floats = std::get_if<std::vector<float>>(&a.value)) {
      text = AttributeHead(a.name, kFloats);
      for (float x : *floats) pbf_writer(text).add_float(7, x);
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&a.value)) {
      text = AttributeHead(a.name, kInts);
      for (int64_t x : *ints) pbf_writer(text).add_int64(8, x);
    } else {
      text = AttributeHead(a.name, kStrings);
      for (const std::string& x : std::get<std::vector<std::string>>(a.value)) pbf_writer(text).add_bytes(9, x);
    }
    return text;
  }

  Status WriteTensorAttribute(const Node& n, const std::string& name, int tensor, FilePieces* out) {
    if (IsListAttribute(n, name)) {
      out->Append(AttributeProto({name, ListOf(tensor)}));
      return {};
    }
    FilePieces proto;
    MOSAIC_RETURN_IF_ERROR(WriteTensor(tensor, name, &proto));
    out->Append(AttributeHead(name, kTensor));
    out->AppendMessage(5, std::move(proto));
    return {};
  }

  // What a list was before it became a tensor.
  decltype(Attribute::value) ListOf(int tensor) {
    const std::string bytes = elements_(tensor);
    const auto all = [&bytes](auto zero) {
      std::vector<decltype(zero)> v(bytes.size() / sizeof(zero));
      if (!v.empty()) std::memcpy(v.data(), bytes.data(), v.size() * sizeof(zero));
      return v;
    };
    switch (tensors_[static_cast<size_t>(tensor)].dtype) {
      case MOSAIC_FLOAT:
        return all(0.0F);
      case MOSAIC_INT64:
        return all(int64_t{0});
      case MOSAIC_INT32: {
        const std::vector<int32_t> v = all(int32_t{0});
        return std::vector<int64_t>(v.begin(), v.end());
      }
      default: {
        std::vector<std::string> modes;
        for (uint8_t m : all(uint8_t{0})) modes.emplace_back(m < std::size(kModes) ? kModes[m] : "");
        return modes;
      }
    }
  }

  Status WriteTensor(int tensor, const std::string& name, FilePieces* out) {
    const MosaicTensorDesc& d = tensors_[static_cast<size_t>(tensor)];
    std::string text;
    pbf_writer writer(text);
    uint64_t size = static_cast<uint64_t>(DTypeSize(d.dtype));
    for (int i = 0; i < d.ndim; ++i) {
      writer.add_int64(1, d.dims[i]);
      size *= static_cast<uint64_t>(d.dims[i]);
    }
    writer.add_int32(2, d.dtype);
    writer.add_string(8, name);
    if (d.dtype == MOSAIC_STRING) {
      for (const std::string& s : Strings(d)) writer.add_bytes(6, s);
    } else if (size == 0 && DTypeSize(d.dtype) == 0) {
      return Status::Unsupported("tensor " + Quoted(name) + ": its type has no form in a file");
    } else if (d.layout == MOSAIC_LAYOUT_INLINE) {
      const std::string_view value(static_cast<const char*>(d.value), d.value_bytes);
      writer.add_bytes(9, IsPacked(d.dtype) ? PackElements(d.dtype, value) : std::string(value));
    }
    out->Append(std::move(text));
    if (d.layout != MOSAIC_LAYOUT_INLINE) {
      FilePieces data;
      const uint64_t each = IsPacked(d.dtype) ? 8 / static_cast<uint64_t>(DTypeBits(d.dtype)) : 1;
      data.AppendTensor(tensor, (size + each - 1) / each);
      out->AppendMessage(9, std::move(data));
    }
    return {};
  }

  // The lengths as uint32, then all characters (import/importer.cc).
  static std::vector<std::string> Strings(const MosaicTensorDesc& d) {
    int64_t n = 1;
    for (int i = 0; i < d.ndim; ++i) n *= d.dims[i];
    const char* bytes = static_cast<const char*>(d.value);
    std::vector<std::string> strings;
    size_t at = static_cast<size_t>(n) * sizeof(uint32_t);
    for (int64_t i = 0; i < n && at <= d.value_bytes; ++i) {
      uint32_t length;
      std::memcpy(&length, bytes + static_cast<size_t>(i) * sizeof length, sizeof length);
      length = static_cast<uint32_t>(std::min<size_t>(length, d.value_bytes - at));
      strings.emplace_back(bytes + at, length);
      at += length;
    }
    return strings;
  }

  const Graph& graph_;
  const std::vector<MosaicTensorDesc>& tensors_;
  const std::function<std::string(int)>& elements_;
  std::unordered_set<std::string> taken_;
};

void AddLists(const Body& body, std::set<int>* lists) {
  for (const Node& n : body.nodes) {
    for (size_t i = 0; i < n.attribute_inputs.size(); ++i) {
      if (!IsListAttribute(n, n.attribute_inputs[i])) continue;
      lists->insert(body.values[static_cast<size_t>(n.inputs[n.own_inputs() + i])].tensor);
    }
  }
}

}  // namespace

bool IsPacked(int dtype) { return DTypeBits(dtype) < 8; }

std::string PackElements(int dtype, std::string_view elements) {
  const size_t bits = static_cast<size_t>(DTypeBits(dtype)), each = 8 / bits;
  std::string packed((elements.size() + each - 1) / each, '\0');
  for (size_t i = 0; i < elements.size(); ++i) {
    const unsigned part = static_cast<unsigned char>(elements[i]) & ((1U << bits) - 1);
    char& byte = packed[i / each];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | part << (i % each * bits));
  }
  return packed;
}

bool IsListAttribute(const Node& node, const std::string& attribute) {
  if (node.domain != "ai.onnx.ml") return false;
  if (node.op_type == "TreeEnsemble") {
    return attribute != "nodes_splits" && attribute != "nodes_modes" && attribute != "leaf_weights" &&
           attribute != "membership_values";
  }
  // values_as_tensor, of trees of version 3; keys_tensor, values_tensor, default_tensor, of LabelEncoder.
  return attribute.find("_tensor") == std::string::npos;
}

std::vector<int> ListTensors(const Graph& graph) {
  std::set<int> lists;
  AddLists(graph, &lists);
  for (const Body& body : graph.bodies) AddLists(body, &lists);
  return {lists.begin(), lists.end()};
}

Status WriteOnnx(const Graph& graph, const std::vector<MosaicTensorDesc>& tensors,
                 const std::function<std::string(int)>& elements, FilePieces* out) {
  return Writer(graph, tensors, elements).Write(out);
}

}  // namespace mosaic
