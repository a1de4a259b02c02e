#include "core/infer/model.h"

#include "core/graph/graph_format.h"
#include "core/tensor/convert.h"
#include "core/infer/fusion.h"
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
  if (strip && (shape.size() != 2 || shape[d.transposed ? 1 : 0] != d.rows)) {
    return Status::Corrupt(what);
  }
  // Kernels read strips of two types; rows are copied, and may be converted.
  const bool readable =
      !strip || d.stored_dtype == MOSAIC_FLOAT || d.stored_dtype == MOSAIC_BFLOAT16;
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

Status CheckValues(const Graph& graph, const std::vector<ModelTensor>& tensors) {
  for (const Value& v : graph.values) {
    if (v.tensor < 0) continue;
    if (static_cast<size_t>(v.tensor) >= tensors.size()) {
      return Status::Corrupt("value " + Quoted(v.name) + " refers to tensor " +
                             std::to_string(v.tensor) + " of " + std::to_string(tensors.size()));
    }
    const ModelTensor& t = tensors[static_cast<size_t>(v.tensor)];
    if ((v.dtype != MOSAIC_UNDEFINED && v.dtype != t.weight.dtype) ||
        (v.has_shape && v.dims != t.weight.shape)) {
      return Status::Corrupt("value " + Quoted(v.name) + " and tensor " + Quoted(t.name) +
                             " differ in type or shape");
    }
  }
  return Status();
}

}  // namespace

int Model::StreamedTensor(const Node& node, const Op& op) const {
  const int input = op.streamed_input();
  if (input < 0 || static_cast<size_t>(input) >= node.inputs.size()) return -1;
  const int value = node.inputs[static_cast<size_t>(input)];
  if (value < 0) return -1;
  const int tensor = graph.values[static_cast<size_t>(value)].tensor;
  if (tensor < 0) return -1;
  const ModelTensor& t = tensors[static_cast<size_t>(tensor)];
  if (t.layout == MOSAIC_LAYOUT_INLINE || t.layout != op.streamed_layout()) return -1;
  const bool fits = t.layout == MOSAIC_LAYOUT_STRIP
                        ? t.weight.transposed == op.streamed_transposed()
                        : !t.weight.shape.empty() && t.weight.blocking.rows == t.weight.shape[0];
  return fits ? tensor : -1;
}

Status MakeOps(const Graph& graph, std::vector<std::unique_ptr<Op>>* out) {
  std::string message;
  MosaicCode code = MOSAIC_OK;
  out->clear();
  out->resize(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpDef* def = FindOp(node.op_type, graph.opset);
    Status status = def != nullptr ? def->make(graph, node, &(*out)[i])
                                   : Status::Unsupported("operator is not supported at opset " +
                                                         std::to_string(graph.opset));
    if (status.ok()) continue;
    // A damaged model outweighs an unsupported one.
    if (code == MOSAIC_OK || code == MOSAIC_E_UNSUPPORTED) code = status.code();
    if (message.size() < 2000) {
      message += (message.empty() ? "" : "; ") + Describe(graph, node) + ": " + status.message();
    }
  }
  return code == MOSAIC_OK ? Status() : Status(code, message);
}

Status Model::MakePlan() {
  MOSAIC_RETURN_IF_ERROR(MakeOps(graph, &ops));
  nodes = graph.nodes;
  FuseProducts(this);
  last_use.assign(graph.values.size(), -1);
  streamed.assign(nodes.size(), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    for (int v : node.inputs) {
      if (v >= 0) last_use[static_cast<size_t>(v)] = static_cast<int>(i);
    }
    streamed[i] = StreamedTensor(node, *ops[i]);
  }
  for (int v : graph.outputs) last_use[static_cast<size_t>(v)] = kKept;
  weight_bytes = 0;
  for (const ModelTensor& t : tensors) {
    if (t.layout == MOSAIC_LAYOUT_INLINE) continue;
    weight_bytes += t.weight.blocking.blocks() * t.weight.blocking.payload_bytes();
  }
  return Status();
}

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
  MOSAIC_RETURN_IF_ERROR(CheckValues(model->graph, model->tensors).In(context));
  MOSAIC_RETURN_IF_ERROR(model->MakePlan().In(context));
  *out = std::move(model);
  return Status();
}

}  // namespace mosaic
