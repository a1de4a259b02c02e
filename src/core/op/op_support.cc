#include "core/op/op_support.h"

#include <algorithm>

namespace mosaic {

bool HasInput(const Node& node, size_t i) { return i < node.inputs.size() && node.inputs[i] >= 0; }

bool HasOutput(const Node& node, size_t i) {
  return i < node.outputs.size() && node.outputs[i] >= 0;
}

bool HasAttribute(const Node& node, const char* name) { return node.Find(name) != nullptr; }

namespace {

std::string Range(int min, int max) {
  if (min == max) return std::to_string(min);
  return std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

Status CheckArity(const Node& node, int min_inputs, int max_inputs, int max_outputs) {
  const size_t given = node.inputs.size();
  bool complete = given <= static_cast<size_t>(max_inputs);
  for (int i = 0; i < min_inputs; ++i)
    complete = complete && HasInput(node, static_cast<size_t>(i));
  if (!complete) {
    return Status::BadModel("takes " + Range(min_inputs, max_inputs) + " inputs, has " +
                            std::to_string(given));
  }
  if (node.outputs.empty() || node.outputs.size() > static_cast<size_t>(max_outputs)) {
    return Status::BadModel("has " + Range(1, max_outputs) + " outputs, " +
                            std::to_string(node.outputs.size()) + " are named");
  }
  return Status();
}

Status UnsupportedType(const char* what, int dtype) {
  return Status::Unsupported(std::string(what) + " of type " + DTypeName(dtype) +
                             " is not supported");
}

Status CheckSameType(const InferContext& c, size_t a, size_t b) {
  if (c.dtype(a) == c.dtype(b)) return Status();
  return Status::BadModel(std::string("inputs are of different types, ") + DTypeName(c.dtype(a)) +
                          " and " + DTypeName(c.dtype(b)));
}

Status RequireShape(InferContext& c, size_t i, const std::string& what, const Dims& shape) {
  if (!c.Has(i) || !c.in(i).ranked) return Status();
  const Dims& given = c.dims(i);
  const std::string message =
      what + " of shape " + ShapeString(given) + " is not of shape " + ShapeString(shape);
  if (given.size() != shape.size()) return Status::BadModel(message);
  for (size_t d = 0; d < shape.size(); ++d) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(given[d], shape[d], message));
  }
  return Status();
}

Status RequireScalar(InferContext& c, size_t i, const std::string& what) {
  if (!c.Has(i) || !c.in(i).ranked || c.in(i).rank() == 0) return Status();
  const std::string message = what + " must be one element, has shape " + ShapeString(c.dims(i));
  if (c.in(i).rank() > 1) return Status::BadModel(message);
  return c.RequireEqual(c.dims(i)[0], 1, message);
}

Status NormalizeAxis(int64_t axis, int rank, int* out) {
  if (axis < -rank || axis >= rank) {
    return Status::BadModel("axis " + std::to_string(axis) + " is out of range for rank " +
                            std::to_string(rank));
  }
  *out = static_cast<int>(axis < 0 ? axis + rank : axis);
  return Status();
}

Status MarkAxes(const std::vector<int64_t>& axes, int rank, std::vector<bool>* marked) {
  marked->assign(static_cast<size_t>(rank), false);
  for (int64_t axis : axes) {
    int a = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, rank, &a));
    if ((*marked)[static_cast<size_t>(a)]) {
      return Status::BadModel("axis " + std::to_string(axis) + " is named twice");
    }
    (*marked)[static_cast<size_t>(a)] = true;
  }
  return Status();
}

Status ReadInts(const Tensor& t, const char* what, std::vector<int64_t>* out) {
  if (t.rank() > 1) {
    return Status::BadModel(std::string(what) + " must have one dimension, has shape " +
                            ShapeString(t.shape()));
  }
  const bool known = Dispatch(Types<int32_t, int64_t>(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    out->assign(t.data<T>(), t.data<T>() + t.size());
  });
  return known ? Status() : UnsupportedType(what, t.dtype());
}

Status CheckShape(const Shape& shape, int dtype) {
  if (shape.size() > MOSAIC_MAX_DIMS) {
    return Status::Limit("a result would have " + std::to_string(shape.size()) +
                         " dimensions; the limit is " + std::to_string(MOSAIC_MAX_DIMS));
  }
  const int64_t limit = kMaxTensorBytes / std::max(DTypeSize(dtype), 1);
  // Empty dimensions count as 1, so that no partial product overflows anywhere else.
  int64_t size = 1;
  for (int64_t d : shape) {
    if (d < 0) return Status::BadModel("negative dimension in shape " + ShapeString(shape));
    if (d > limit / size) {
      return Status::Limit("a result of shape " + ShapeString(shape) + " and type " +
                           DTypeName(dtype) + " would exceed " + std::to_string(kMaxTensorBytes) +
                           " bytes");
    }
    size *= std::max<int64_t>(d, 1);
  }
  return Status();
}

Status BroadcastShapes(const Shape& a, const Shape& b, Shape* out) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& d = result[lead + i];
    if (d == 1) {
      d = shorter[i];
    } else if (shorter[i] != 1 && shorter[i] != d) {
      return Status::BadModel("shapes " + ShapeString(a) + " and " + ShapeString(b) +
                              " cannot be broadcast together");
    }
  }
  *out = std::move(result);
  return Status();
}

Status InferBroadcast(InferContext& c, int dtype) {
  if (!c.Ranked()) {
    c.SetUnranked(0, dtype);
    return Status();
  }
  Dims dims = c.dims(0);
  for (size_t i = 1; i < c.inputs(); ++i) {
    if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(c.Broadcast(dims, c.dims(i), &dims));
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(dims)));
  c.ItemsBroadcast();
  return Status();
}

Status InferSame(InferContext& c) { return InferSame(c, c.dtype(0)); }

Status InferSame(InferContext& c, int dtype) {
  if (!c.in(0).ranked) {
    c.SetUnranked(0, dtype);
    return Status();
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, c.dims(0)));
  c.ItemsOf(0);
  return Status();
}

}  // namespace mosaic
