#include "core/plan/model.h"

#include <cstring>

#include "core/graph/graph_format.h"
#include "core/plan/build.h"
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
// convolutions M x (C, kernel) and of recurrences (directions, gates) x K, both transposed, and those
// of transposed convolutions K x (M, kernel).
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

// The elements of an inline tensor of strings: the length of each as uint32, then all characters.
Status DecodeStrings(ModelTensor* t) {
  const int64_t n = NumElements(t->weight.shape);
  const int64_t size = static_cast<int64_t>(t->value.size());
  int64_t at = n > size / 4 ? size + 1 : 4 * n;
  t->strings.clear();
  for (int64_t i = 0; i < n && at <= size; ++i) {
    uint32_t length;
    std::memcpy(&length, t->value.data() + 4 * i, 4);
    t->strings.push_back({t->value.data() + at, length});
    at += length;
  }
  if (at != size) return Status::Corrupt("its strings do not fit its " + std::to_string(size) + " bytes");
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

std::string DescribeStep(const BodyPlan& body, const Step& step) {
  Body names;
  for (int v : step.node.outputs) {
    if (v >= 0) names.values.resize(std::max(names.values.size(), static_cast<size_t>(v) + 1));
    if (v >= 0) names.values[static_cast<size_t>(v)].name = body.values[static_cast<size_t>(v)].name;
  }
  return Describe(names, step.node);
}

namespace {

bool FitsForm(const WeightStream& s, const StreamedWeight& w) {
  const Shape& shape = w.shape;
  switch (s.form) {
    case WeightForm::kMatrix:
      return shape.size() == 2;
    case WeightForm::kConvolution:
      if (!s.transposed) return shape.size() > 2 && w.blocking.rows == shape[0];
      return shape.size() > 2 && w.blocking.cols == shape[0] &&
             (s.groups == 1 || w.blocking.cols / s.groups % MOSAIC_STRIP_COLS == 0);
    case WeightForm::kRecurrence:
      return shape.size() == 3 && w.blocking.rows == shape[2];
  }
  return false;
}

}  // namespace

int StreamedTensor(const Model& model, const BodyPlan& body, const Node& node, const Op& op,
                   size_t i) {
  const int tensor = node.inputs[i] < 0 ? -1 : body.values[static_cast<size_t>(node.inputs[i])].tensor;
  if (tensor < 0) return -1;
  const ModelTensor& t = model.tensors[static_cast<size_t>(tensor)];
  for (const WeightStream& s : op.streams()) {
    if (static_cast<size_t>(s.input) != i || t.layout != s.layout) continue;
    if (s.layout == MOSAIC_LAYOUT_STRIP && s.transposed != t.weight.transposed) continue;
    if (s.layout == MOSAIC_LAYOUT_STRIP && !FitsForm(s, t.weight)) continue;
    // A row of the table is all that one index of dimension 0 has.
    if (s.layout == MOSAIC_LAYOUT_ROW &&
        (t.weight.shape.empty() || t.weight.blocking.rows != t.weight.shape[0])) {
      continue;
    }
    return tensor;
  }
  return -1;
}

int AddConstant(Model* model, const std::string& name, const Tensor& value) {
  ModelTensor t;
  t.name = name;
  t.weight.dtype = value.dtype();
  t.weight.shape = value.shape();
  if (value.dtype() == MOSAIC_STRING) {
    const StringElement* strings = value.data<StringElement>();
    for (int64_t i = 0; i < value.size(); ++i) {
      const uint32_t length = static_cast<uint32_t>(strings[i].size);
      const char* bytes = reinterpret_cast<const char*>(&length);
      t.value.insert(t.value.end(), bytes, bytes + 4);
    }
    for (int64_t i = 0; i < value.size(); ++i) {
      t.value.insert(t.value.end(), strings[i].data, strings[i].data + strings[i].size);
    }
    (void)DecodeStrings(&t).ok();
  } else {
    const char* bytes = value.data<char>();
    t.value.assign(bytes, bytes + value.bytes());
  }
  model->tensors.push_back(std::move(t));
  return static_cast<int>(model->tensors.size()) - 1;
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
  model->stored_tensors = model->tensors.size();
  MOSAIC_RETURN_IF_ERROR(CheckValues(model->graph, model->tensors).In(context));
  for (const Body& body : model->graph.bodies) {
    MOSAIC_RETURN_IF_ERROR(CheckValues(body, model->tensors).In(context));
  }
  MOSAIC_RETURN_IF_ERROR(name.empty() ? BuildPlan(model.get()) : BuildPlan(model.get()).In(context));
  *out = std::move(model);
  return Status();
}

}  // namespace mosaic
