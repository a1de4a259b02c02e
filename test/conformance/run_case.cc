#include "conformance/run_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "conformance/block_store.h"
#include "conformance/exported.h"
#include "core/tensor/element.h"

namespace mosaic::conformance {

namespace {

constexpr int kBlockHeight = 31;  // the smallest, so that small operands have several blocks
constexpr int kMaxBlocks = 3;     // of a request

// How weights are laid out: as the importer decides (where small ones, as most of these are, are no
// blocks at all), or all that can be in row blocks, or in strips, of two rows each.
enum class Layout { kImported, kRows, kStrips, kTransposedStrips };

// Cuts an inline tensor into blocks. Leaves it as it is where the layout does not suit it.
void Cut(Layout layout, int index, Arena* arena, MosaicTensorDesc* desc, BlockStore* store) {
  if (desc->layout != MOSAIC_LAYOUT_INLINE || desc->value_bytes == 0) return;
  if (desc->dtype == MOSAIC_STRING) return;  // never in blocks
  const bool strips = layout != Layout::kRows;
  if (strips && (desc->ndim != 2 || desc->dtype != MOSAIC_FLOAT)) return;
  const int64_t elements = static_cast<int64_t>(desc->value_bytes) / DTypeSize(desc->dtype);
  const int64_t n = desc->ndim > 0 ? desc->dims[0] : 1, d = elements / n;
  desc->transposed = layout == Layout::kTransposedStrips;
  Blocking b = !strips            ? PlanRow(desc->dtype, n, d, kBlockHeight)
               : desc->transposed ? PlanStrip(d, n, kBlockHeight)
                                  : PlanStrip(n, d, kBlockHeight);
  b.block_rows = std::min(b.block_rows, 2);
  desc->layout = b.layout;
  desc->stored_dtype = b.dtype;
  desc->rows = b.rows;
  desc->cols = b.cols;
  desc->block_rows = b.block_rows;
  desc->block_cols = b.block_cols;
  desc->nblocks = b.blocks();
  Tensor payload = arena->New(MOSAIC_UINT8, {b.payload_bytes()});
  for (int64_t row = 0; row < b.row_blocks(); ++row) {
    for (int64_t col = 0; col < b.col_blocks(); ++col) {
      PackBlock(b, row, col, desc->value, 0, desc->transposed ? 1 : d, desc->transposed ? d : 1,
                payload.mutable_raw());
      MosaicBlock block = {};
      block.tensor = index;
      block.index = b.Index(row, col);
      block.payload = payload.raw();
      block.length = b.payload_bytes();
      store->Put(block, arena);
    }
  }
  desc->value = nullptr;
  desc->value_bytes = 0;
}

// The tensor that the data means, if the model declares dtype: ONNX's data has no bfloat16 but the
// same bits as uint16.
Tensor AsDeclared(const Tensor& t, int dtype) {
  if (dtype != MOSAIC_BFLOAT16 || t.dtype() != MOSAIC_UINT16) return t;
  return Tensor::Borrow(dtype, t.shape(), t.raw());
}

// The model by way of export_model(): exported and imported again it has the same blocks, and computes the same bits.
Status RunExported(const Case& c, const Importer& importer, const BlockStore& store, const std::vector<Tensor>& inputs,
                   const BatchRun& run) {
  Arena arena;
  std::string file;
  MOSAIC_RETURN_IF_ERROR(ExportedFile(c.name, importer, store, &file));
  MemorySource source(file);
  std::unique_ptr<Importer> again;
  BlockStore found;
  MOSAIC_RETURN_IF_ERROR(ImportBlocks(c.name, kBlockHeight, &source, &arena, &again, &found));
  if (found.NotIn(store) > 0) return Status::Internal("there are new blocks");
  std::unique_ptr<Model> model;
  const std::vector<MosaicTensorDesc>& tensors = again->tensors();
  MOSAIC_RETURN_IF_ERROR(Model::Load(c.name, again->encoded_graph(), tensors.data(), static_cast<int>(tensors.size()), &model));
  BatchRun other(*model, kMaxBlocks);
  MOSAIC_RETURN_IF_ERROR(Execute(*model, found, inputs, 1, kMaxBlocks, &other));
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const Tensor& a = run.output(i);
    const Tensor& b = other.output(i);
    const bool same = a.dtype() == b.dtype() && a.shape() == b.shape() &&
                      (a.dtype() == MOSAIC_STRING || a.bytes() == 0 ||
                       std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0);
    if (!same) return Status::Internal("output '" + c.outputs[i] + "' differs");
  }
  return Status();
}

// Runs the model with the first count inputs of the set.
Status RunModel(const Case& c, const std::string& bytes, const DataSet& set, size_t count,
                Layout layout, Totals* totals) {
  Arena arena;
  MemorySource source(bytes);
  std::unique_ptr<Importer> importer;
  BlockStore store;
  MOSAIC_RETURN_IF_ERROR(ImportBlocks(c.name, kBlockHeight, &source, &arena, &importer, &store));
  std::unique_ptr<Model> model;
  std::vector<MosaicTensorDesc> tensors = importer->tensors();
  for (size_t i = 0; i < tensors.size() && layout != Layout::kImported; ++i) {
    Cut(layout, static_cast<int>(i), &arena, &tensors[i], &store);
  }
  MOSAIC_RETURN_IF_ERROR(Model::Load(c.name, importer->encoded_graph(), tensors.data(),
                                     static_cast<int>(tensors.size()), &model));
  std::vector<Tensor> inputs, held;
  for (size_t i = 0; i < count; ++i) {
    Tensor t;
    if (!ParseTensor(set.inputs[i], &arena, &t)) {
      return Status::Unsupported("the data of input " + std::to_string(i) + " is no array");
    }
    held.push_back(t);  // the owner of what AsDeclared borrows
    inputs.push_back(
        AsDeclared(t, model->graph.values[static_cast<size_t>(model->graph.inputs[i])].dtype));
  }
  BatchRun run(*model, kMaxBlocks);
  MOSAIC_RETURN_IF_ERROR(Execute(*model, store, inputs, 1, kMaxBlocks, &run));
  for (size_t i = 0; i < set.outputs.size(); ++i) {
    Tensor expected;
    if (!ParseTensor(set.outputs[i], &arena, &expected)) {
      return Status::Unsupported("the data of output " + std::to_string(i) + " is no array");
    }
    const Tensor& actual = run.output(i);
    MOSAIC_RETURN_IF_ERROR(
        Compare(actual, AsDeclared(expected, actual.dtype())).In("output '" + c.outputs[i] + "'"));
  }
  if (layout == Layout::kImported) MOSAIC_RETURN_IF_ERROR(RunExported(c, *importer, store, inputs, run).In("exported"));
  ++totals->runs;
  totals->blocks += store.size();
  return Status();
}

template <typename V>
bool Near(V actual, V expected, V relative) {
  if constexpr (std::is_floating_point_v<V>) {
    if (std::isnan(expected) || std::isinf(expected)) {
      return std::isnan(expected) ? std::isnan(actual) : actual == expected;
    }
    return std::fabs(actual - expected) <= V(1e-5) + relative * std::fabs(expected);
  } else {
    (void)relative;
    return actual == expected;
  }
}

}  // namespace

Status Compare(const Tensor& actual, const Tensor& expected) {
  if (actual.dtype() != expected.dtype() || actual.shape() != expected.shape()) {
    return Status::Internal(std::string(DTypeName(actual.dtype())) + ShapeString(actual.shape()) +
                            ", expected " + DTypeName(expected.dtype()) +
                            ShapeString(expected.shape()));
  }
  Status status;
  if (actual.dtype() == MOSAIC_STRING) {
    for (int64_t i = 0; i < actual.size(); ++i) {
      const std::string_view a = actual.data<StringElement>()[i].view();
      const std::string_view e = expected.data<StringElement>()[i].view();
      if (a != e) {
        return Status::Internal("element " + std::to_string(i) + " is '" + std::string(a) +
                                "', expected '" + std::string(e) + "'");
      }
    }
    return Status();
  }
  if (DTypeSize(actual.dtype()) == 1 && !HasType(AllTypes(), actual.dtype())) {
    const bool same = actual.bytes() == 0 ||
                      std::memcmp(actual.raw(), expected.raw(), static_cast<size_t>(actual.bytes())) == 0;
    return same ? Status() : Status::Internal("its bytes differ");
  }
  Dispatch(AllTypes(), actual.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    // ONNX's data cuts bfloat16 off; we round to the nearest.
    const auto relative =
        static_cast<ComputeType<T>>(std::is_same_v<T, BFloat16> ? 1.0 / 128 : 1e-3);
    for (int64_t i = 0; i < actual.size() && status.ok(); ++i) {
      const auto a = Load(actual.data<T>()[i]), e = Load(expected.data<T>()[i]);
      if (!Near(a, e, relative)) {
        status = Status::Internal("element " + std::to_string(i) + " is " + std::to_string(a) +
                                  ", expected " + std::to_string(e));
      }
    }
  });
  return status;
}

Status RunCase(const Case& c, Totals* totals) {
  if (c.sets.empty()) return Status::Internal("there is no data set");
  for (const DataSet& set : c.sets) {
    const size_t count = set.inputs.size();
    if (count != c.inputs.size() || set.outputs.size() != c.outputs.size()) {
      return Status::Internal("the data set does not fit the model");
    }
    MOSAIC_RETURN_IF_ERROR(
        RunModel(c, c.model, set, count, Layout::kImported, totals).In("as inputs"));
    if (count < 2) continue;
    const std::string weights = WithInitializers(c, set, 1);
    const auto run = [&](Layout layout) { return RunModel(c, weights, set, 1, layout, totals); };
    MOSAIC_RETURN_IF_ERROR(run(Layout::kImported).In("as weights"));
    MOSAIC_RETURN_IF_ERROR(run(Layout::kRows).In("as weights in row blocks"));
    MOSAIC_RETURN_IF_ERROR(run(Layout::kStrips).In("as weights in strips"));
    MOSAIC_RETURN_IF_ERROR(run(Layout::kTransposedStrips).In("as weights in transposed strips"));
  }
  return Status();
}

}  // namespace mosaic::conformance
