// A store of blocks in ordinary memory, and graphs built by hand: what tests of the executor run
// on.
//
// Every payload is served as a fresh heap copy of exactly its length, and overwritten and freed as
// soon as the contract allows: a pointer that is kept too long reads garbage, and under ASan fails.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/graph/graph_format.h"
#include "core/tensor/convert.h"
#include "core/run/batch.h"
#include "core/plan/model.h"
#include "gtest/gtest.h"

namespace mosaic {
namespace testing {

// The seed of this test run: random, printed by PrintSeed, repeated with MOSAIC_TEST_SEED=n.
inline uint32_t Seed() {
  static const uint32_t seed = [] {
    const char* given = std::getenv("MOSAIC_TEST_SEED");
    return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10))
                            : std::random_device{}();
  }();
  return seed;
}
#define MOSAIC_PRINT_SEED() \
  SCOPED_TRACE("MOSAIC_TEST_SEED=" + std::to_string(::mosaic::testing::Seed()))

inline std::vector<float> RandomFloats(std::mt19937* rng, int64_t n, float scale = 1) {
  std::uniform_real_distribution<float> dist(-scale, scale);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = dist(*rng);
  return v;
}

class ServedBlocks {
 public:
  ServedBlocks() = default;
  ServedBlocks(const ServedBlocks&) = delete;
  ServedBlocks& operator=(const ServedBlocks&) = delete;
  ~ServedBlocks() { Clear(); }

  void Add(const std::vector<char>& payload) {
    // 32-byte aligned but not 64: the least that the format promises.
    char* raw = static_cast<char*>(::operator new (payload.size() + 32, std::align_val_t{64}));
    std::memcpy(raw + 32, payload.data(), payload.size());
    raw_.push_back({raw, payload.size()});
    payloads_.push_back(raw + 32);
  }
  void Clear() {
    for (auto& [raw, size] : raw_) {
      std::memset(raw, 0xff, size + 32);  // NaN
      ::operator delete (raw, std::align_val_t{64});
    }
    raw_.clear();
    payloads_.clear();
  }
  const void* const* payloads() const { return payloads_.data(); }

 private:
  std::vector<std::pair<char*, size_t>> raw_;
  std::vector<const void*> payloads_;
};

class FakeStore {
 public:
  // dtype and dims are the graph's. The elements are given as that type.
  int AddStrip(const std::string& name, int64_t k, int64_t m, const std::vector<float>& matrix,
               bool transposed = false, int height = 126, int dtype = MOSAIC_FLOAT,
               int stored_dtype = MOSAIC_FLOAT) {
    // matrix: as the graph sees it, in float32.
    const Blocking b = PlanStrip(k, m, height, stored_dtype);
    std::vector<uint16_t> rounded(matrix.size());
    std::transform(matrix.begin(), matrix.end(), rounded.begin(), FloatToBFloat16);
    const void* elements = matrix.data();
    if (stored_dtype == MOSAIC_FLOAT16) {
      std::transform(matrix.begin(), matrix.end(), rounded.begin(), FloatToFloat16);
    }
    if (stored_dtype != MOSAIC_FLOAT) elements = rounded.data();
    Entry& e = Add(name, dtype, transposed ? Shape{m, k} : Shape{k, m}, b);
    e.desc.transposed = transposed;
    Cut(&e, b, elements, transposed ? 1 : m, transposed ? k : 1);
    return static_cast<int>(entries_.size()) - 1;
  }
  // Kernels of a convolution, of dims M x (channels, taps...).
  int AddKernels(const std::string& name, const Shape& dims, const std::vector<float>& kernels,
                 int height = 126) {
    const int64_t m = dims[0], channels = dims[1], k = NumElements(dims) / m, taps = k / channels;
    std::vector<float> last(kernels.size());  // M x (taps, channels)
    for (size_t i = 0; i < last.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i), row = at / k, ch = at % channels;
      last[i] = kernels[static_cast<size_t>(row * k + ch * taps + at % k / channels)];
    }
    const int tensor = AddStrip(name, k, m, last, true, height);
    MosaicTensorDesc& desc = entries_.back()->desc;
    desc.ndim = static_cast<int>(dims.size());
    std::copy(dims.begin(), dims.end(), desc.dims);
    return tensor;
  }
  // Bytes of dtype, int8 or uint8.
  int AddByteStrip(const std::string& name, int64_t k, int64_t m, const std::vector<uint8_t>& matrix,
                   bool transposed, int height, int dtype) {
    const Blocking b = PlanStrip(k, m, height, dtype);
    Entry& e = Add(name, dtype, transposed ? Shape{m, k} : Shape{k, m}, b);
    e.desc.transposed = transposed;
    Cut(&e, b, matrix.data(), transposed ? 1 : m, transposed ? k : 1);
    return static_cast<int>(entries_.size()) - 1;
  }
  // n: rows of the stored matrix; the rest of dims is a row.
  int AddRow(const std::string& name, const Shape& dims, int64_t n, int dtype, const void* elements,
             int height = 126, int stored_dtype = MOSAIC_UNDEFINED) {
    const int stored = stored_dtype == MOSAIC_UNDEFINED ? dtype : stored_dtype;
    const int64_t d = NumElements(dims) / n;
    const Blocking b = PlanRow(stored, n, d, height);
    Entry& e = Add(name, dtype, dims, b);
    Cut(&e, b, elements, d, 1);
    return static_cast<int>(entries_.size()) - 1;
  }
  int AddInline(const std::string& name, const Shape& dims, int dtype, const void* elements) {
    Entry& e = Add(name, dtype, dims, Blocking());
    e.desc.layout = MOSAIC_LAYOUT_INLINE;
    e.desc.nblocks = 0;
    const int64_t bytes = NumElements(dims) * DTypeSize(dtype);
    e.value.assign(static_cast<const char*>(elements), static_cast<const char*>(elements) + bytes);
    return static_cast<int>(entries_.size()) - 1;
  }

  std::vector<MosaicTensorDesc> descs() const {
    std::vector<MosaicTensorDesc> all;
    for (const auto& e : entries_) {
      MosaicTensorDesc d = e->desc;
      d.name = e->name.c_str();
      if (d.layout == MOSAIC_LAYOUT_INLINE) {
        d.value = e->value.data();
        d.value_bytes = e->value.size();
      }
      all.push_back(d);
    }
    return all;
  }

  // Puts the payloads of another store's tensor in the place of this one's: other weights.
  void CopyTensor(const FakeStore& from, int tensor) {
    entries_.at(static_cast<size_t>(tensor))->payloads =
        from.entries_.at(static_cast<size_t>(tensor))->payloads;
  }
  void Serve(const BlockRequest& request, ServedBlocks* out) const {
    out->Clear();
    const Entry& e = *entries_.at(static_cast<size_t>(request.tensor));
    for (int32_t i : request.indexes) out->Add(e.payloads.at(static_cast<size_t>(i)));
  }

 private:
  struct Entry {
    std::string name;
    MosaicTensorDesc desc{};
    std::vector<std::vector<char>> payloads;
    std::vector<char> value;
  };

  Entry& Add(const std::string& name, int dtype, const Shape& dims, const Blocking& b) {
    entries_.push_back(std::make_unique<Entry>());
    Entry& e = *entries_.back();
    e.name = name;
    e.desc.dtype = dtype;
    e.desc.ndim = static_cast<int>(dims.size());
    std::copy(dims.begin(), dims.end(), e.desc.dims);
    e.desc.layout = b.layout;
    e.desc.stored_dtype = b.dtype;
    e.desc.rows = b.rows;
    e.desc.cols = b.cols;
    e.desc.block_rows = b.block_rows;
    e.desc.block_cols = b.block_cols;
    e.desc.nblocks = b.rows > 0 ? b.blocks() : 0;
    return e;
  }
  static void Cut(Entry* e, const Blocking& b, const void* elements, int64_t row_stride,
                  int64_t col_stride) {
    e->payloads.resize(static_cast<size_t>(b.blocks()));
    for (int64_t r = 0; r < b.row_blocks(); ++r) {
      for (int64_t c = 0; c < b.col_blocks(); ++c) {
        std::vector<char>& p = e->payloads[static_cast<size_t>(b.Index(r, c))];
        p.resize(b.payload_bytes());
        PackBlock(b, r, c, elements, 0, row_stride, col_stride, p.data());
      }
    }
  }

  std::vector<std::unique_ptr<Entry>> entries_;
};

// Builds a graph value by value. The functions return values.
class GraphBuilder {
 public:
  GraphBuilder() { graph.opset = 13; }

  int Input(const std::string& name, int dtype, Shape dims) {
    const int v = NewValue(name);
    Value& value = graph.values[static_cast<size_t>(v)];
    value.dtype = dtype;
    value.has_shape = true;
    value.dim_names.assign(dims.size(), "");
    value.dims.assign(dims.begin(), dims.end());
    graph.inputs.push_back(v);
    return v;
  }
  int Constant(int tensor) {
    const int v = NewValue("t" + std::to_string(tensor));
    graph.values[static_cast<size_t>(v)].tensor = tensor;
    return v;
  }
  int Ints(const std::vector<int64_t>& elements) {
    return Constant(store.AddInline("ints", {static_cast<int64_t>(elements.size())}, MOSAIC_INT64,
                                    elements.data()));
  }
  int Call(const std::string& op, std::vector<int> inputs, std::vector<Attribute> attributes = {}) {
    Node node;
    node.op_type = op;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    const int v = NewValue("v" + std::to_string(graph.values.size()));
    node.outputs = {v};
    graph.nodes.push_back(std::move(node));
    return v;
  }
  void Output(int v) { graph.outputs.push_back(v); }

  Status TryLoad(std::unique_ptr<Model>* out) const {
    const std::vector<MosaicTensorDesc> descs = store.descs();
    return Model::Load("m", EncodeGraph(graph), descs.data(), static_cast<int>(descs.size()), out);
  }
  std::unique_ptr<Model> Load() const {
    std::unique_ptr<Model> model;
    const Status status = TryLoad(&model);
    EXPECT_TRUE(status.ok()) << status.message();
    return model;
  }

  Graph graph;
  FakeStore store;

 private:
  int NewValue(const std::string& name) {
    Value v;
    v.name = name;
    graph.values.push_back(v);
    return static_cast<int>(graph.values.size()) - 1;
  }
};

// An array of elements with a type and a shape.
struct Array {
  int dtype = MOSAIC_FLOAT;
  Shape shape;
  std::vector<char> bytes;

  Array() = default;
  template <typename T>
  Array(int type, Shape dims, const std::vector<T>& elements)
      : dtype(type),
        shape(std::move(dims)),
        bytes(reinterpret_cast<const char*>(elements.data()),
              reinterpret_cast<const char*>(elements.data() + elements.size())) {}
  explicit Array(const Tensor& t)
      : dtype(t.dtype()), shape(t.shape()), bytes(t.data<char>(), t.data<char>() + t.bytes()) {}

  Tensor view() const { return Tensor::Borrow(dtype, shape, bytes.data()); }
  Array item(int64_t i) const { return Array(view().Slice(i, 1)); }
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  bool operator==(const Array& o) const {
    return dtype == o.dtype && shape == o.shape && bytes == o.bytes;
  }
};

struct RunLog {
  int64_t steps = 0, requests = 0;
  int64_t largest_request = 0;
};

// How a prediction starts, where not simply with BatchRun::Start.
using Starter = std::function<Status(BatchRun*, std::vector<Tensor>, int64_t)>;

// Runs a prediction to its end. The inputs are copied, and overwritten when it is done.
inline Status Predict(BatchRun* executor, const FakeStore& store, const std::vector<Array>& inputs,
                      int64_t items, size_t noutputs, std::vector<Array>* out,
                      RunLog* log = nullptr, const Starter& start = nullptr) {
  RunLog ignored;
  if (log == nullptr) log = &ignored;
  std::vector<Array> copies = inputs;
  std::vector<Tensor> views;
  for (const Array& a : copies) views.push_back(a.view());
  MOSAIC_RETURN_IF_ERROR(start ? start(executor, views, items) : executor->Start(views, items));
  ServedBlocks served;
  for (;;) {
    BatchRun::Outcome outcome{};
    MOSAIC_RETURN_IF_ERROR(executor->Step(&outcome));
    ++log->steps;
    served.Clear();
    if (outcome == BatchRun::Outcome::kDone) break;
    if (outcome == BatchRun::Outcome::kNeedBlocks) {
      const BlockRequest& request = executor->request();
      ++log->requests;
      log->largest_request =
          std::max(log->largest_request, static_cast<int64_t>(request.indexes.size()));
      EXPECT_FALSE(request.indexes.empty());
      store.Serve(request, &served);
      executor->Supply(served.payloads());
    }
  }
  for (Array& a : copies) std::fill(a.bytes.begin(), a.bytes.end(), '\xff');
  out->clear();
  for (size_t i = 0; i < noutputs; ++i)
    out->push_back(Array(executor->output(i)));
  return Status();
}

inline std::vector<Array> MustRun(const GraphBuilder& g, const Model& model,
                                  const std::vector<Array>& inputs, int64_t items = 1,
                                  int max_blocks = 1000, RunLog* log = nullptr) {
  BatchRun executor(model, max_blocks);
  std::vector<Array> out;
  const Status status =
      Predict(&executor, g.store, inputs, items, model.graph.outputs.size(), &out, log);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

inline Array Floats(Shape shape, const std::vector<float>& v) {
  return {MOSAIC_FLOAT, std::move(shape), v};
}

// The outputs of every item alone, joined along dimension 0.
inline std::vector<Array> RunAlone(const GraphBuilder& g, const Model& model,
                                   const std::vector<Array>& inputs, int64_t items) {
  std::vector<Array> joined;
  for (int64_t i = 0; i < items; ++i) {
    std::vector<Array> one;
    for (const Array& a : inputs) one.push_back(a.item(i));
    std::vector<Array> out = MustRun(g, model, one);
    if (i == 0) {
      joined = out;
      continue;
    }
    for (size_t o = 0; o < out.size(); ++o) {
      joined[o].bytes.insert(joined[o].bytes.end(), out[o].bytes.begin(), out[o].bytes.end());
    }
  }
  for (Array& a : joined) {
    if (a.shape.empty()) a.shape.push_back(1);
    a.shape[0] *= items;
  }
  return joined;
}

}  // namespace testing
}  // namespace mosaic
