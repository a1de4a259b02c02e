// Model::Load: what is stored of a model, checked, and what BuildPlan makes of it.
#include <cstring>

#include "core/graph/graph_format.h"
#include "core/load/build.h"
#include "core/plan/model.h"
#include "core/tensor/convert.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

Status CheckShape(const MosaicTensorDesc& d) {
  if (DTypeSize(d.dtype) == 0) {
    return Status::Corrupt("unknown element type " + std::to_string(d.dtype));
  }
  if (d.ndim < 0 || d.ndim > MOSAIC_MAX_DIMS) {
    return Status::Corrupt(std::to_string(d.ndim) + " dimensions");
  }
  int64_t elements = 1;
  for (int i = 0; i < d.ndim; ++i) {
    if (d.dims[i] < 0 || __builtin_mul_overflow(elements, d.dims[i], &elements) ||
        elements > INT64_MAX / 8) {
      return Status::Corrupt("impossible shape " + ShapeString(Shape(d.dims, d.dims + d.ndim)));
    }
  }
  return Status();
}

// The matrices that strips hold: of rank 2, K x M or (transposed) M x K; of higher rank, those of
// convolutions M x (C, kernel) and of recurrences (directions, gates) x K, both transposed, and
// those of transposed convolutions K x (M, kernel).
bool IsStripOf(const Shape& shape, const MosaicTensorDesc& d) {
  if (shape.size() == 2) return shape[d.transposed ? 1 : 0] == d.rows;
  if (shape.size() < 3) return false;
  return d.transposed ? shape[0] == d.cols || shape.back() == d.rows : shape[0] == d.rows;
}

// The matrix that is cut has the elements of the tensor, and fits its blocks.
Status CheckBlocks(const MosaicTensorDesc& d, const Shape& shape) {
  const bool strip = d.layout == MOSAIC_LAYOUT_STRIP;
  const std::string what = "shape " + ShapeString(shape) + " does not fit a stored matrix of " +
                           std::to_string(d.rows) + " x " + std::to_string(d.cols);
  const int64_t elements = NumElements(shape);
  if (elements <= 0 || d.rows <= 0 || d.cols <= 0 || elements / d.rows != d.cols ||
      elements % d.rows != 0) {
    return Status::Corrupt(what);
  }
  if (strip && !IsStripOf(shape, d)) return Status::Corrupt(what);
  // Kernels read strips of floats and of bytes; rows are copied, and may be converted.
  const bool readable = !strip || d.stored_dtype == MOSAIC_FLOAT ||
                        d.stored_dtype == MOSAIC_BFLOAT16 || d.stored_dtype == MOSAIC_FLOAT16 ||
                        (IsByte(d.stored_dtype) && d.stored_dtype == d.dtype);
  if (!readable || !CanConvert(d.stored_dtype, d.dtype)) {
    return Status::Corrupt(std::string("elements of type ") + DTypeName(d.dtype) +
                           " are stored as " + DTypeName(d.stored_dtype));
  }
  const int64_t size = DTypeSize(d.stored_dtype) * RowsPerRow(d.layout, d.stored_dtype);
  const int64_t most = MOSAIC_MAX_PAYLOAD / size;  // elements in rows of the payload
  const bool fits = d.block_rows > 0 && d.block_cols > 0 && d.block_rows <= most / d.block_cols &&
                    (!strip || d.block_cols == MOSAIC_STRIP_COLS);
  if (!fits || BlockingOf(d).blocks() != d.nblocks || d.nblocks > INT32_MAX) {
    return Status::Corrupt(std::to_string(d.nblocks) + " blocks of " +
                           std::to_string(d.block_rows) + " x " + std::to_string(d.block_cols) +
                           " do not make a matrix of " + std::to_string(d.rows) + " x " +
                           std::to_string(d.cols));
  }
  return Status();
}

Status LoadTensor(const MosaicTensorDesc& d, ModelTensor* out) {
  MOSAIC_RETURN_IF_ERROR(CheckShape(d));
  out->layout = d.layout;
  out->weight.dtype = d.dtype;
  out->weight.shape.assign(d.dims, d.dims + d.ndim);
  if (d.layout == MOSAIC_LAYOUT_INLINE && d.dtype == MOSAIC_STRING) {
    const char* value = static_cast<const char*>(d.value);
    out->value.assign(value, value + d.value_bytes);
    return DecodeStrings(out);
  }
  if (d.dtype == MOSAIC_STRING) return Status::Corrupt("strings are in blocks");
  if (d.layout == MOSAIC_LAYOUT_INLINE) {
    const int64_t bytes = NumElements(out->weight.shape) * DTypeSize(d.dtype);
    if (static_cast<uint64_t>(bytes) != d.value_bytes || (bytes > 0 && d.value == nullptr)) {
      return Status::Corrupt("holds " + std::to_string(d.value_bytes) + " bytes, its shape " +
                             ShapeString(out->weight.shape) + " needs " + std::to_string(bytes));
    }
    const char* value = static_cast<const char*>(d.value);
    out->value.assign(value, value + bytes);
    return Status();
  }
  if (d.layout != MOSAIC_LAYOUT_STRIP && d.layout != MOSAIC_LAYOUT_ROW) {
    return Status::Corrupt("unknown layout " + std::to_string(d.layout));
  }
  MOSAIC_RETURN_IF_ERROR(CheckBlocks(d, out->weight.shape));
  out->weight.blocking = BlockingOf(d);
  out->weight.transposed = d.layout == MOSAIC_LAYOUT_STRIP && d.transposed;
  return Status();
}

Status CheckValues(const Body& body, const std::vector<ModelTensor>& tensors) {
  for (const Value& v : body.values) {
    if (v.tensor < 0) continue;
    if (static_cast<size_t>(v.tensor) >= tensors.size()) {
      return Status::Corrupt("value " + Quoted(v.name) + " refers to tensor " +
                             std::to_string(v.tensor) + " of " + std::to_string(tensors.size()));
    }
    const ModelTensor& t = tensors[static_cast<size_t>(v.tensor)];
    if ((v.dtype != MOSAIC_UNDEFINED && v.dtype != t.weight.dtype) ||
        (v.has_shape && Shape(v.dims) != t.weight.shape)) {
      return Status::Corrupt("value " + Quoted(v.name) + " and tensor " + Quoted(t.name) +
                             " differ in type or shape");
    }
  }
  return Status();
}

}  // namespace

Status Model::Load(const std::string& name, std::string_view graph, const MosaicTensorDesc* tensors,
                   int ntensors, std::unique_ptr<Model>* out) {
  const std::string context = "model " + Quoted(name);
  auto model = std::make_unique<Model>();
  model->name = name;
  MOSAIC_RETURN_IF_ERROR(DecodeGraph(graph, &model->graph).In(context));
  model->tensors.resize(static_cast<size_t>(ntensors));
  for (int i = 0; i < ntensors; ++i) {
    ModelTensor& t = model->tensors[static_cast<size_t>(i)];
    t.name = tensors[i].name == nullptr ? "" : tensors[i].name;
    MOSAIC_RETURN_IF_ERROR(LoadTensor(tensors[i], &t).In(context + ": tensor " + Quoted(t.name)));
  }
  model->stored_tensors = model->tensors.size();
  MOSAIC_RETURN_IF_ERROR(CheckValues(model->graph, model->tensors).In(context));
  for (const Body& body : model->graph.bodies) {
    MOSAIC_RETURN_IF_ERROR(CheckValues(body, model->tensors).In(context));
  }
  MOSAIC_RETURN_IF_ERROR(name.empty() ? BuildPlan(model.get())
                                      : BuildPlan(model.get()).In(context));
  *out = std::move(model);
  return Status();
}

}  // namespace mosaic
