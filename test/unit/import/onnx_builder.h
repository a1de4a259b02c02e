// Builds small ONNX files by hand, and imports them, for tests.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <vector>

#include "core/graph/graph_format.h"
#include "core/import/importer.h"

namespace mosaic::onnx_test {

using protozero::pbf_writer;

template <typename T>
std::string Raw(const std::vector<T>& v) {
  std::string s(v.size() * sizeof(T), '\0');
  if (!v.empty()) std::memcpy(s.data(), v.data(), s.size());
  return s;
}

// A message made field by field: Message().Int(1, 3).Bytes(2, "x").str().
class Message {
 public:
  Message& Int(uint32_t field, int64_t v) {
    pbf_writer(bytes_).add_int64(field, v);
    return *this;
  }
  Message& Float(uint32_t field, float v) {
    pbf_writer(bytes_).add_float(field, v);
    return *this;
  }
  Message& Double(uint32_t field, double v) {
    pbf_writer(bytes_).add_double(field, v);
    return *this;
  }
  Message& Bytes(uint32_t field, const std::string& v) {
    pbf_writer(bytes_).add_bytes(field, v);
    return *this;
  }
  Message& Ints(uint32_t field, const std::vector<int64_t>& v) {
    pbf_writer(bytes_).add_packed_int64(field, v.begin(), v.end());
    return *this;
  }
  Message& Floats(uint32_t field, const std::vector<float>& v) {
    pbf_writer(bytes_).add_packed_float(field, v.begin(), v.end());
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

// ---- TensorProto ----

inline Message TensorHead(const std::string& name, int dtype, const std::vector<int64_t>& dims) {
  Message m;
  for (int64_t d : dims) m.Int(1, d);
  m.Int(2, dtype);
  if (!name.empty()) m.Bytes(8, name);
  return m;
}

inline std::string RawTensor(const std::string& name, int dtype, const std::vector<int64_t>& dims,
                             const std::string& raw) {
  return TensorHead(name, dtype, dims).Bytes(9, raw).str();
}

inline std::string FloatTensor(const std::string& name, const std::vector<int64_t>& dims,
                               const std::vector<float>& v) {
  return RawTensor(name, MOSAIC_FLOAT, dims, Raw(v));
}

inline std::string ExternalTensor(const std::string& name, int dtype,
                                  const std::vector<int64_t>& dims,
                                  const std::map<std::string, std::string>& entries) {
  Message m = TensorHead(name, dtype, dims);
  for (const auto& [key, value] : entries) {
    m.Bytes(13, Message().Bytes(1, key).Bytes(2, value).str());
  }
  return m.Int(14, 1).str();
}

// n values, not repeating, reproducible.
inline std::vector<float> Numbers(size_t n, float first = 0) {
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = first + static_cast<float>(i) * 0.25f;
  return v;
}

// ---- AttributeProto ----

inline std::string IntAttr(const std::string& name, int64_t v) {
  return Message().Bytes(1, name).Int(3, v).Int(20, 2).str();
}
inline std::string IntsAttr(const std::string& name, const std::vector<int64_t>& v) {
  return Message().Bytes(1, name).Ints(8, v).Int(20, 7).str();
}
inline std::string FloatAttr(const std::string& name, float v) {
  return Message().Bytes(1, name).Float(2, v).Int(20, 1).str();
}
inline std::string FloatsAttr(const std::string& name, const std::vector<float>& v) {
  return Message().Bytes(1, name).Floats(7, v).Int(20, 6).str();
}
inline std::string StringAttr(const std::string& name, const std::string& v) {
  return Message().Bytes(1, name).Bytes(4, v).Int(20, 3).str();
}
inline std::string TensorAttr(const std::string& name, const std::string& tensor) {
  return Message().Bytes(1, name).Bytes(5, tensor).Int(20, 4).str();
}
inline std::string GraphAttr(const std::string& name) {
  return Message().Bytes(1, name).Bytes(6, "").Int(20, 5).str();
}

// ---- GraphProto, ModelProto ----

constexpr int64_t kN = -1;  // a symbolic dimension "N"

inline std::string ValueInfo(const std::string& name, int dtype, const std::vector<int64_t>& dims) {
  Message shape;
  for (int64_t d : dims) {
    shape.Bytes(1, d == kN ? Message().Bytes(2, "N").str() : Message().Int(1, d).str());
  }
  const std::string tensor = Message().Int(1, dtype).Bytes(2, shape.str()).str();
  return Message().Bytes(1, name).Bytes(2, Message().Bytes(1, tensor).str()).str();
}

class ModelBuilder {
 public:
  using Names = std::vector<std::string>;

  ModelBuilder& Node(const std::string& op, const Names& inputs, const Names& outputs,
                     const Names& attributes = {}, const std::string& name = "") {
    Message m;
    for (const std::string& s : inputs) m.Bytes(1, s);
    for (const std::string& s : outputs) m.Bytes(2, s);
    if (!name.empty()) m.Bytes(3, name);
    m.Bytes(4, op);
    for (const std::string& s : attributes) m.Bytes(5, s);
    if (!domain_.empty()) m.Bytes(7, domain_);
    domain_.clear();
    graph_.Bytes(1, m.str());
    return *this;
  }
  ModelBuilder& NextDomain(const std::string& domain) {
    domain_ = domain;
    return *this;
  }
  ModelBuilder& Initializer(const std::string& tensor) { return Field(5, tensor); }
  ModelBuilder& Input(const std::string& name, const std::vector<int64_t>& dims,
                      int dtype = MOSAIC_FLOAT) {
    return Field(11, ValueInfo(name, dtype, dims));
  }
  ModelBuilder& Output(const std::string& name, const std::vector<int64_t>& dims,
                       int dtype = MOSAIC_FLOAT) {
    return Field(12, ValueInfo(name, dtype, dims));
  }
  // Any field of the graph.
  ModelBuilder& Field(uint32_t field, const std::string& bytes) {
    graph_.Bytes(field, bytes);
    return *this;
  }
  const std::string& graph() const { return graph_.str(); }

  std::string Build(int64_t opset = 13, int64_t ir_version = 7) const {
    return Message()
        .Int(1, ir_version)
        .Bytes(2, "test")
        .Bytes(7, graph_.str())
        .Bytes(8, Message().Bytes(1, "").Int(2, opset).str())
        .str();
  }

 private:
  Message graph_;
  std::string domain_;
};

// x [N, 20] -> Gemm(W [12, 20], transB, b [12]) -> Relu -> MatMul(V [12, 10]) -> y [N, 10]
inline ModelBuilder SmallMlp() {
  ModelBuilder b;
  b.Input("x", {kN, 20}).Output("y", {kN, 10});
  b.Initializer(FloatTensor("W", {12, 20}, Numbers(240)));
  b.Initializer(FloatTensor("b", {12}, Numbers(12, 500)));
  b.Initializer(FloatTensor("V", {12, 10}, Numbers(120, 1000)));
  b.Node("Gemm", {"x", "W", "b"}, {"h"}, {IntAttr("transB", 1)}, "fc1");
  b.Node("Relu", {"h"}, {"r"}, {}, "act");
  b.Node("MatMul", {"r", "V"}, {"y"}, {}, "fc2");
  return b;
}

// ---- Importing ----

struct ImportedBlock {
  int tensor;
  int64_t index;
  uint64_t geometry;
  std::string payload, hash;
};

struct Imported {
  Status status;
  Graph graph;
  std::unique_ptr<Importer> importer;
  std::vector<ImportedBlock> blocks;

  int Find(const std::string& name) const {
    for (size_t i = 0; i < importer->tensors().size(); ++i) {
      if (name == importer->tensors()[i].name) return static_cast<int>(i);
    }
    return -1;
  }
  const MosaicTensorDesc& Desc(const std::string& name) const {
    return importer->tensors()[static_cast<size_t>(Find(name))];
  }
  // The elements of a tensor as the graph sees them, row-major, put together again from its blocks.
  std::string Dense(const std::string& name) const {
    const int t = Find(name);
    const MosaicTensorDesc& d = importer->tensors()[static_cast<size_t>(t)];
    if (d.layout == MOSAIC_LAYOUT_INLINE) {
      return std::string(static_cast<const char*>(d.value), d.value_bytes);
    }
    const Blocking b = BlockingOf(d);
    const size_t size = static_cast<size_t>(DTypeSize(d.stored_dtype));
    std::string matrix(static_cast<size_t>(b.rows * b.cols) * size, '\x5a'), out = matrix;
    for (const ImportedBlock& k : blocks) {
      if (k.tensor != t) continue;
      const bool strip = b.layout == MOSAIC_LAYOUT_STRIP;
      const int64_t row = strip ? k.index % b.row_blocks() : k.index / b.col_blocks();
      const int64_t col = strip ? k.index / b.row_blocks() : k.index % b.col_blocks();
      UnpackBlock(b, row, col, k.payload.data(), matrix.data());
    }
    if (!d.transposed) return matrix;
    for (int64_t r = 0; r < b.rows; ++r) {
      for (int64_t c = 0; c < b.cols; ++c) {
        std::memcpy(&out[static_cast<size_t>(c * b.rows + r) * size],
                    &matrix[static_cast<size_t>(r * b.cols + c) * size], size);
      }
    }
    return out;
  }
  template <typename T>
  std::vector<T> Elements(const std::string& name) const {
    const std::string bytes = Dense(name);
    std::vector<T> v(bytes.size() / sizeof(T));
    if (!v.empty()) std::memcpy(v.data(), bytes.data(), bytes.size());
    return v;
  }
};

// All that comes of an importer that is open.
inline void TakeBlocks(Imported* r) {
  r->status = DecodeGraph(r->importer->encoded_graph(), &r->graph);
  bool more = r->status.ok();
  while (more) {
    MosaicBlock b;
    r->status = r->importer->Next(&b, &more);
    if (!r->status.ok() || !more) break;
    r->blocks.push_back({b.tensor, b.index, mosaic_geometry_pack(b.geometry),
                         std::string(static_cast<const char*>(b.payload), b.length),
                         std::string(reinterpret_cast<const char*>(b.hash), 16)});
  }
}

inline Imported Import(ByteSource* source, int height = 126, ExternalOpener opener = {},
                       int weight_dtype = MOSAIC_FLOAT, bool ascii_names = false) {
  Imported r;
  r.status = Importer::Open("m", {height, weight_dtype, ascii_names, ""}, source, std::move(opener),
                            &r.importer);
  if (r.status.ok()) TakeBlocks(&r);
  return r;
}

// bytes must outlive the result.
inline Imported Import(const std::string& bytes, int height = 126, ExternalOpener opener = {},
                       int weight_dtype = MOSAIC_FLOAT) {
  MemorySource source(bytes);
  return Import(&source, height, std::move(opener), weight_dtype);
}

}  // namespace mosaic::onnx_test
