#include "conformance/onnx_case.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <stdexcept>

namespace mosaic::conformance {

namespace {

namespace fs = std::filesystem;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Field numbers of onnx.proto.
enum Model { kModelGraph = 7, kModelOpset = 8 };
enum Opset { kOpsetDomain = 1, kOpsetVersion = 2 };
enum Graph { kGraphNode = 1, kGraphInitializer = 5, kGraphInput = 11, kGraphOutput = 12 };
enum Node { kNodeOpType = 4 };
enum Value { kValueName = 1 };
enum TensorField {
  kDims = 1,
  kDataType = 2,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11
};

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string NameOf(pbf_reader value) {
  return value.next(kValueName) ? value.get_string() : std::string();
}

void Describe(Case* c) {
  pbf_reader model(c->model);
  while (model.next()) {
    if (model.tag() == kModelOpset) {
      std::string domain;
      int64_t version = 0;
      for (pbf_reader m = model.get_message(); m.next();) {
        if (m.tag() == kOpsetDomain) {
          domain = m.get_string();
        } else if (m.tag() == kOpsetVersion) {
          version = m.get_int64();
        } else {
          m.skip();
        }
      }
      if (domain.empty() || domain == "ai.onnx") {
        c->opset = static_cast<int>(version);
      } else {
        c->other_domain = true;
      }
    } else if (model.tag() == kModelGraph) {
      for (pbf_reader g = model.get_message(); g.next();) {
        if (g.tag() == kGraphNode) {
          for (pbf_reader n = g.get_message(); n.next();) {
            if (n.tag() == kNodeOpType) {
              c->op_types.push_back(n.get_string());
            } else {
              n.skip();
            }
          }
        } else if (g.tag() == kGraphInput) {
          c->inputs.push_back(NameOf(g.get_message()));
        } else if (g.tag() == kGraphOutput) {
          c->outputs.push_back(NameOf(g.get_message()));
        } else {
          g.skip();
        }
      }
    } else {
      model.skip();
    }
  }
}

// The files input_0.pb, input_1.pb, ...
std::vector<std::string> ReadValues(const fs::path& directory, const std::string& prefix) {
  std::vector<std::string> values;
  for (;;) {
    const fs::path path = directory / (prefix + std::to_string(values.size()) + ".pb");
    if (!fs::exists(path)) return values;
    values.push_back(ReadFile(path));
  }
}

template <typename T, typename Values>
void Fill(Tensor* t, const Values& values) {
  T* out = t->mutable_data<T>();
  for (size_t i = 0; i < std::min(values.size(), static_cast<size_t>(t->size())); ++i) {
    out[i] = static_cast<T>(values[i]);
  }
}

struct TensorProto {
  std::vector<int64_t> dims;
  int dtype = 0;
  std::string raw;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> ints;  // int32_data, int64_data or uint64_data
  std::vector<std::string> strings;
};

// Packed or not.
template <typename T, typename Get, typename GetPacked>
void Append(pbf_reader& m, std::vector<T>* out, Get get, GetPacked get_packed) {
  if (m.wire_type() != pbf_wire_type::length_delimited) {
    out->push_back(static_cast<T>(get(m)));
    return;
  }
  for (auto v : get_packed(m)) out->push_back(static_cast<T>(v));
}

TensorProto Read(const std::string& bytes) {
  TensorProto p;
  pbf_reader m(bytes);
  const auto int64 = [](pbf_reader& r) { return r.get_int64(); };
  const auto packed_int64 = [](pbf_reader& r) { return r.get_packed_int64(); };
  while (m.next()) {
    switch (m.tag()) {
      case kDims:
        Append(m, &p.dims, int64, packed_int64);
        break;
      case kDataType:
        p.dtype = m.get_int32();
        break;
      case kFloatData:
        Append(
            m, &p.floats, [](pbf_reader& r) { return r.get_float(); },
            [](pbf_reader& r) { return r.get_packed_float(); });
        break;
      case kDoubleData:
        Append(
            m, &p.doubles, [](pbf_reader& r) { return r.get_double(); },
            [](pbf_reader& r) { return r.get_packed_double(); });
        break;
      case kStringData:
        p.strings.push_back(m.get_string());
        break;
      case kInt32Data:
      case kInt64Data:
      case kUint64Data:
        Append(m, &p.ints, int64, packed_int64);
        break;
      case kRawData:
        p.raw = m.get_string();
        break;
      default:
        m.skip();
    }
  }
  return p;
}

void CopyField(pbf_reader* m, protozero::pbf_writer* out) {
  // Read first: a reader has no tag once its value was taken.
  const protozero::pbf_tag_type tag = m->tag();
  switch (m->wire_type()) {
    case pbf_wire_type::varint:
      out->add_uint64(tag, m->get_uint64());
      break;
    case pbf_wire_type::fixed64:
      out->add_fixed64(tag, m->get_fixed64());
      break;
    case pbf_wire_type::fixed32:
      out->add_fixed32(tag, m->get_fixed32());
      break;
    default:
      out->add_bytes(tag, m->get_view());
  }
}

std::string GraphWithInitializers(pbf_reader graph, const Case& c, const DataSet& set,
                                  size_t first) {
  std::string bytes;
  protozero::pbf_writer out(bytes);
  size_t input = 0;
  while (graph.next()) {
    if (graph.tag() == kGraphInput && input++ >= first) {
      graph.skip();
    } else {
      CopyField(&graph, &out);
    }
  }
  for (size_t i = first; i < c.inputs.size(); ++i) {
    std::string tensor;
    protozero::pbf_writer t(tensor);
    for (pbf_reader m(set.inputs[i]); m.next();) {
      if (m.tag() == kName) {
        m.skip();
      } else {
        CopyField(&m, &t);
      }
    }
    t.add_string(kName, c.inputs[i]);
    out.add_message(kGraphInitializer, tensor);
  }
  return bytes;
}

}  // namespace

std::vector<Case> ReadCases(const std::string& directory) {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!fs::exists(entry.path() / "model.onnx")) continue;
    Case c;
    c.name = entry.path().filename().string();
    c.model = ReadFile(entry.path() / "model.onnx");
    for (int i = 0;; ++i) {
      const fs::path set = entry.path() / ("test_data_set_" + std::to_string(i));
      if (!fs::exists(set)) break;
      c.sets.push_back({ReadValues(set, "input_"), ReadValues(set, "output_")});
    }
    Describe(&c);
    cases.push_back(std::move(c));
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

bool ParseTensor(const std::string& bytes, Arena* arena, Tensor* out) {
  TensorProto p;
  try {
    p = Read(bytes);
  } catch (const protozero::exception&) {
    return false;  // a sequence or an optional
  }
  if (DTypeSize(p.dtype) == 0 || !ShapeFits(p.dims, p.dtype)) return false;
  *out = arena->New(p.dtype, p.dims);
  if (p.dtype == MOSAIC_STRING) {
    if (static_cast<int64_t>(p.strings.size()) != out->size()) return false;
    for (size_t i = 0; i < p.strings.size(); ++i) {
      char* to = arena->Characters(p.strings[i].size() + 1);
      std::memcpy(to, p.strings[i].data(), p.strings[i].size());
      out->mutable_data<StringElement>()[i] = {to, static_cast<int64_t>(p.strings[i].size())};
    }
    return true;
  }
  if (const int bits = DTypeBits(p.dtype); bits < 8) {
    std::string packed = p.raw;
    for (int64_t v : p.ints) packed += static_cast<char>(v);
    const int64_t each = 8 / bits;
    const bool is_signed = p.dtype == MOSAIC_INT4 || p.dtype == MOSAIC_INT2;
    if (static_cast<int64_t>(packed.size()) != (out->size() + each - 1) / each) return false;
    for (int64_t i = 0; i < out->size(); ++i) {
      const int part =
          static_cast<unsigned char>(packed[static_cast<size_t>(i / each)]) >> (i % each * bits) &
          ((1 << bits) - 1);
      out->mutable_data<int8_t>()[i] =
          static_cast<int8_t>(is_signed && part >> (bits - 1) != 0 ? part - (1 << bits) : part);
    }
    return true;
  }
  if (!p.raw.empty()) {
    if (p.raw.size() != static_cast<size_t>(out->bytes())) return false;
    std::memcpy(out->mutable_raw(), p.raw.data(), p.raw.size());
    return true;
  }
  if (p.dtype == MOSAIC_FLOAT) {
    Fill<float>(out, p.floats);
  } else if (p.dtype == MOSAIC_DOUBLE) {
    Fill<double>(out, p.doubles);
  } else if (DTypeSize(p.dtype) == 8) {
    Fill<int64_t>(out, p.ints);
  } else if (DTypeSize(p.dtype) == 4) {
    Fill<int32_t>(out, p.ints);
  } else if (DTypeSize(p.dtype) == 2) {
    Fill<uint16_t>(out, p.ints);
  } else {
    Fill<uint8_t>(out, p.ints);
  }
  const size_t given = std::max({p.floats.size(), p.doubles.size(), p.ints.size()});
  return given == static_cast<size_t>(out->size());
}

std::string WithInitializers(const Case& c, const DataSet& set, size_t first) {
  std::string bytes;
  protozero::pbf_writer out(bytes);
  for (pbf_reader m(c.model); m.next();) {
    if (m.tag() == kModelGraph) {
      out.add_message(kModelGraph, GraphWithInitializers(m.get_message(), c, set, first));
    } else {
      CopyField(&m, &out);
    }
  }
  return bytes;
}

}  // namespace mosaic::conformance
