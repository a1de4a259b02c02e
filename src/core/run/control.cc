#include "core/run/control.h"

#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

// Outputs of iterations that are kept to be stacked: what is kept of each is not bounded by its size.
constexpr int64_t kMaxCollected = int64_t{1} << 20;

Status ReadCondition(const Tensor& t, bool* out) {
  if (t.dtype() != MOSAIC_BOOL || t.size() != 1) {
    return Status::Invalid("a condition is one bool, it has shape " + ShapeString(t.shape()));
  }
  *out = *t.data<uint8_t>() != 0;
  return Status();
}

Tensor Scalar(Arena* arena, int dtype, int64_t value) {
  Tensor t = arena->New(dtype, {});
  if (dtype == MOSAIC_BOOL) {
    *t.mutable_data<uint8_t>() = value != 0;
  } else {
    *t.mutable_data<int64_t>() = value;
  }
  return t;
}

int64_t At(const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; }

// Index i along an axis, which goes.
Tensor SliceAt(const Tensor& t, int axis, int64_t i, Arena* arena, Copies* copies) {
  Shape shape = t.shape();
  shape.erase(shape.begin() + axis);
  if (axis == 0) return t.Slice(i, 1).Reshaped(shape);
  Tensor out = arena->New(t.dtype(), shape);
  copies->Add(Copy::Take(t, axis, i, out));
  return out;
}

// The arrays along a new axis, in this order or reversed. They are all of one shape and type.
Status Stack(std::vector<Tensor> parts, int64_t axis, bool reversed, Arena* arena, Copies* copies,
             Tensor* out) {
  const Tensor first = parts[0];
  Shape shape = first.shape();
  int at = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, first.rank() + 1, &at));
  shape.insert(shape.begin() + at, static_cast<int64_t>(parts.size()));
  MOSAIC_RETURN_IF_ERROR(CheckShape(shape, first.dtype()));
  *out = arena->New(first.dtype(), shape);
  Copy all;
  for (int d = 0; d < at; ++d) all.outer *= first.dim(d);
  all.bytes = all.outer == 0 ? 0 : first.bytes() / all.outer;
  all.from_outer = all.bytes;
  all.to_outer = static_cast<int64_t>(parts.size()) * all.bytes;
  all.to = *out;
  all.parts = std::move(parts);
  if (reversed) std::reverse(all.parts.begin(), all.parts.end());
  copies->Add(std::move(all));
  return Status();
}

size_t Carried(const ControlOp& op, const std::vector<Tensor>& inputs) {
  if (op.kind() == ControlKind::kScan) return inputs.size() - op.scan_inputs();
  return inputs.size() < 2 ? 0 : inputs.size() - 2;
}

// The next iteration, or the outputs.
Status Iterate(const ControlOp& op, const std::vector<Tensor>& inputs, size_t outputs, Arena* arena,
               Copies* copies, ControlState* s, ControlNext* next) {
  *next = ControlNext();
  if (s->iteration < s->length && s->condition) {
    next->body = op.body();
    if (op.kind() == ControlKind::kLoop) {
      next->inputs.push_back(Scalar(arena, MOSAIC_INT64, s->iteration));
      next->inputs.push_back(Scalar(arena, MOSAIC_BOOL, 1));
    }
    for (const Tensor& t : s->carried) next->inputs.push_back(t);
    for (size_t i = 0; i < op.scan_inputs(); ++i) {
      const Tensor& t = inputs[inputs.size() - op.scan_inputs() + i];
      int axis = 0;
      MOSAIC_RETURN_IF_ERROR(NormalizeAxis(At(op.input_axes(), i), t.rank(), &axis));
      const bool reversed = At(op.input_directions(), i) != 0;
      next->inputs.push_back(
          SliceAt(t, axis, reversed ? s->length - 1 - s->iteration : s->iteration, arena, copies));
    }
    return Status();
  }
  next->outputs = s->carried;
  next->carried = s->carried.size();
  const bool scan = op.kind() == ControlKind::kScan;
  for (size_t i = 0; i + s->carried.size() < outputs; ++i) {
    const int64_t axis = scan ? At(op.output_axes(), i) : 0;
    Tensor all;
    if (i < s->collected.size() && !s->collected[i].empty()) {
      MOSAIC_RETURN_IF_ERROR(Stack(std::move(s->collected[i]), axis,
                                   scan && At(op.output_directions(), i) != 0, arena, copies,
                                   &all));
    } else {
      next->nothing = true;
    }
    next->outputs.push_back(std::move(all));
  }
  *s = ControlState();
  return Status();
}

}  // namespace

Status BeginControl(const ControlOp& op, const std::vector<Tensor>& inputs, size_t outputs,
                    Arena* arena, Copies* copies, ControlState* s, ControlNext* next) {
  *s = ControlState();
  *next = ControlNext();
  s->active = true;
  if (op.kind() == ControlKind::kIf) {
    bool condition = false;
    MOSAIC_RETURN_IF_ERROR(ReadCondition(inputs[0], &condition));
    next->body = condition ? op.body() : op.else_body();
    return Status();
  }
  const size_t carried = Carried(op, inputs);
  if (op.kind() == ControlKind::kLoop) {
    s->length = INT64_MAX;
    if (!inputs.empty() && inputs[0].defined()) {
      std::vector<int64_t> trips;
      MOSAIC_RETURN_IF_ERROR(ReadInts(inputs[0], "a trip count", &trips));
      if (trips.size() != 1) return Status::Invalid("a trip count is one number");
      s->length = trips[0];
    }
    if (inputs.size() > 1 && inputs[1].defined()) {
      MOSAIC_RETURN_IF_ERROR(ReadCondition(inputs[1], &s->condition));
    }
    s->carried.assign(inputs.end() - static_cast<std::ptrdiff_t>(carried), inputs.end());
  } else {
    s->carried.assign(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(carried));
    for (size_t i = 0; i < op.scan_inputs(); ++i) {
      const Tensor& t = inputs[carried + i];
      int axis = 0;
      MOSAIC_RETURN_IF_ERROR(NormalizeAxis(At(op.input_axes(), i), t.rank(), &axis));
      if (i > 0 && t.dim(axis) != s->length) {
        return Status::Invalid("scan inputs have lengths " + std::to_string(s->length) + " and " +
                               std::to_string(t.dim(axis)));
      }
      s->length = t.dim(axis);
    }
  }
  return Iterate(op, inputs, outputs, arena, copies, s, next);
}

Status ContinueControl(const ControlOp& op, const std::vector<Tensor>& inputs,
                       std::vector<Tensor> given, size_t outputs, Arena* arena, Copies* copies,
                       ControlState* s, ControlNext* next) {
  *next = ControlNext();
  if (op.kind() == ControlKind::kIf) {
    next->outputs = std::move(given);
    *s = ControlState();
    return Status();
  }
  const size_t skip = op.kind() == ControlKind::kLoop ? 1 : 0, carried = s->carried.size();
  if (skip == 1) MOSAIC_RETURN_IF_ERROR(ReadCondition(given[0], &s->condition));
  if (given.size() < skip + carried) return Status::Invalid("a body gave too few outputs");
  for (size_t i = 0; i < carried; ++i) s->carried[i] = given[skip + i];
  s->collected.resize(given.size() - skip - carried);
  if (static_cast<int64_t>(s->collected.size()) > kMaxCollected / (s->iteration + 1)) {
    return Status::Limit("more than " + std::to_string(kMaxCollected) +
                         " outputs of iterations that are collected");
  }
  for (size_t i = 0; i < s->collected.size(); ++i) {
    std::vector<Tensor>& all = s->collected[i];
    const Tensor& last = given[skip + carried + i];
    if (!last.defined() || last.dtype() == MOSAIC_SEQUENCE) {
      return Status::Invalid("an iteration gives no array where outputs are collected");
    }
    if (!all.empty() && (all[0].shape() != last.shape() || all[0].dtype() != last.dtype())) {
      return Status::Invalid("iterations give shapes " + ShapeString(all[0].shape()) + " and " +
                             ShapeString(last.shape()));
    }
    all.push_back(last);
  }
  ++s->iteration;
  return Iterate(op, inputs, outputs, arena, copies, s, next);
}

}  // namespace mosaic
