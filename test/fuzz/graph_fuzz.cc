// Any bytes as a stored graph: reading them either fails with a Status or gives a graph that is
// written and read back unchanged. Where a model can be made of it, with small tensors invented for
// its constants, the model can be described and run.
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include "core/graph/graph_format.h"
#include "core/plan/describe.h"
#include "core/run/batch.h"
#include "core/block/blocking.h"

namespace graph_fuzz {

using namespace mosaic;  // NOLINT: a program

constexpr int64_t kMaxElements = 64;
constexpr int64_t kMaxActivations = 1 << 16;  // bytes, when another node is begun
constexpr size_t kMaxNodes = 64;
constexpr size_t kMaxInputs = 8;  // of a node
constexpr int kMaxSteps = 2000;
// What they make may rightly be as large as their operands' elements say.
const char* const kGrow[] = {"ConstantOfShape", "Expand", "Range", "Tile"};

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

// A tensor for a constant of the graph; false where none is possible.
bool Invent(const Value& v, const std::string& elements, MosaicTensorDesc* d) {
  *d = MosaicTensorDesc();
  d->name = v.name.c_str();
  d->dtype = v.dtype == MOSAIC_UNDEFINED ? MOSAIC_FLOAT : v.dtype;
  int64_t size = 1;
  for (int64_t dim : v.dims) {
    if (dim < 0 || dim > kMaxElements || (size *= dim) > kMaxElements) return false;
    d->dims[d->ndim++] = dim;
  }
  d->layout = d->stored_dtype = 0;
  if (d->ndim == 2 && d->dtype == MOSAIC_FLOAT && size > 0) {
    const bool strip = v.tensor % 2 == 0;
    d->transposed = strip && v.tensor % 4 == 0;
    const Blocking b = strip ? PlanStrip(d->dims[d->transposed], d->dims[!d->transposed], 31)
                             : PlanRow(d->dtype, d->dims[0], d->dims[1], 31);
    d->layout = b.layout;
    d->stored_dtype = b.dtype;
    d->rows = b.rows;
    d->cols = b.cols;
    d->block_rows = b.block_rows;
    d->block_cols = b.block_cols;
    d->nblocks = b.blocks();
    return true;
  }
  // A string is stored as its length, and its bytes behind all the lengths.
  static const std::string empty(sizeof(uint32_t) * kMaxElements, '\0');
  const bool strings = d->dtype == MOSAIC_STRING;
  const int bytes = strings ? static_cast<int>(sizeof(uint32_t)) : DTypeSize(d->dtype);
  d->value = (strings ? empty : elements).data();
  d->value_bytes = static_cast<size_t>(size * bytes);
  return true;
}

bool Load(const std::string& bytes, const Graph& graph, std::unique_ptr<Model>* model) {
  // Small numbers in any integer type and byte order, tiny ones as floating-point.
  static const std::string elements(8 * kMaxElements, '\1');
  const Value unused;
  std::vector<MosaicTensorDesc> tensors;
  for (const Value& v : graph.values) {
    if (v.tensor < 0) continue;
    const size_t i = static_cast<size_t>(v.tensor);
    if (i >= graph.values.size()) return false;
    if (i >= tensors.size()) tensors.resize(i + 1);
    if (!Invent(v, elements, &tensors[i])) return false;
  }
  for (MosaicTensorDesc& d : tensors) {
    if (d.dtype == 0 && !Invent(unused, elements, &d)) return false;
  }
  return Model::Load("fuzz", bytes, tensors.data(), static_cast<int>(tensors.size()), model).ok();
}

bool IsSmall(const Graph& graph) {
  const std::set<std::string> grow(std::begin(kGrow), std::end(kGrow));
  if (graph.nodes.size() > kMaxNodes) return false;
  for (const Node& n : graph.nodes) {
    if (n.inputs.size() > kMaxInputs || n.outputs.size() > kMaxInputs || grow.count(n.op_type)) {
      return false;
    }
  }
  return true;
}

void Run(const Model& model) {
  static const std::vector<char> zeros(MOSAIC_MAX_PAYLOAD + 64);
  std::vector<Tensor> inputs;
  for (int i : model.graph.inputs) {
    const Value& v = model.graph.values[static_cast<size_t>(i)];
    const int dtype = v.dtype == MOSAIC_UNDEFINED ? MOSAIC_FLOAT : v.dtype;
    Shape shape;
    int64_t size = 1;
    for (int64_t d : v.dims) {
      shape.push_back(d == kSymbolic ? 2 : d);
      if (shape.back() > kMaxElements || (size *= shape.back()) > kMaxElements) return;
    }
    inputs.push_back(Tensor::Borrow(dtype, shape, zeros.data()));
  }
  BatchRun executor(model, 4);
  if (!executor.Start(std::move(inputs), 1).ok()) return;
  const std::vector<const void*> payloads(4, zeros.data());
  BatchRun::Outcome outcome = BatchRun::Outcome::kMore;
  for (int i = 0; i < kMaxSteps && outcome != BatchRun::Outcome::kDone; ++i) {
    if (executor.memory() > kMaxActivations || !executor.Step(&outcome).ok()) return;
    if (outcome == BatchRun::Outcome::kNeedBlocks) executor.Supply(payloads.data());
  }
  if (outcome != BatchRun::Outcome::kDone) return;
  for (size_t i = 0; i < model.graph.outputs.size(); ++i) {
    Require(executor.output(i).defined(), "every output is computed");
  }
}

int Check(const std::string& bytes) {
  Graph graph, again;
  if (!DecodeGraph(bytes, &graph).ok()) return 0;
  const std::string encoded = EncodeGraph(graph);
  Require(DecodeGraph(encoded, &again).ok(), "a graph that was read can be written and read");
  Require(EncodeGraph(again) == encoded, "and is the same");
  std::unique_ptr<Model> model;
  if (!Load(bytes, graph, &model)) return 0;
  Require(!DescribeModel(*model).empty(), "a model can be described");
  if (IsSmall(graph)) Run(*model);
  return 0;
}

}  // namespace graph_fuzz

#ifndef MOSAIC_FUZZ_CORPUS_TEST
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  return graph_fuzz::Check(std::string(reinterpret_cast<const char*>(data), size));
}
#endif
