#include "core/op/run_op.h"

#include <algorithm>
#include <cstring>

#include "core/op/op_support.h"
#include "core/op/preparing.h"

namespace mosaic {

Status Call::Allocate(size_t output, int dtype, const Shape& shape) {
  MOSAIC_RETURN_IF_ERROR(CheckShape(shape, dtype));
  if (output < outputs.size()) outputs[output] = arena->New(dtype, shape);
  return Status();
}

Status InferOp(const Op& op, const std::vector<Fact>& inputs, size_t outputs,
               const std::string& item_symbol, std::vector<Fact>* out, bool* deferred) {
  InferContext c(inputs, outputs, item_symbol);
  MOSAIC_RETURN_IF_ERROR(op.Infer(c));
  std::vector<bool> shape_inputs(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    shape_inputs[i] = op.shape_input(static_cast<int>(i));
  }
  *deferred = c.deferred();
  *out = c.Finish(shape_inputs);
  return Status();
}

namespace {

// Results are written into memory that is often new, and each page of it costs as much as thousands
// of operations. Which phase writes them is not known, so each of a few counts them, up to what
// keeps its units short; of many (as of a convolution, for each image) each writes a part.
void CostMemory(Call* call) {
  constexpr double kByteCost = 0.5, kMost = 2e6;
  double bytes = 0;
  for (const Tensor& o : call->outputs) bytes += o.defined() ? static_cast<double>(o.bytes()) : 0;
  bytes *= std::min(1.0, 4.0 / static_cast<double>(std::max<size_t>(call->phases.size(), 1)));
  for (Phase& p : call->phases) {
    if (p.units > 0)
      p.unit_cost += std::min(kByteCost * bytes / static_cast<double>(p.units), kMost);
  }
}

}  // namespace

Status StartCall(const Op& op, const std::vector<Fact>& outputs, const std::vector<bool>& wanted,
                 Call* call) {
  call->outputs.assign(outputs.size(), Tensor());
  call->phases.clear();
  call->scratch_bytes = 0;
  Shape shape;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!wanted[i] || !outputs[i].ranked || !NumbersOf(outputs[i].dims, &shape)) continue;
    call->outputs[i] = Tensor::Borrow(outputs[i].dtype, shape, nullptr);
  }
  MOSAIC_RETURN_IF_ERROR(op.Start(*call));
  CostMemory(call);
  return Status();
}

namespace {

template <typename F>
Status RunPhases(const Call& call, ChooseEnd ranges, F&& run) {
  for (size_t p = 0; p < call.phases.size(); ++p) {
    const int64_t units = call.phases[p].units;
    for (int64_t at = 0; at < units;) {
      const int64_t end = ranges == nullptr ? units : ranges(at, units);
      MOSAIC_RETURN_IF_ERROR(run(static_cast<int>(p), at, end));
      at = end;
    }
  }
  return Status();
}

Status Prepare(const PreparingOp& op, const Call& of, ChooseEnd ranges, Tensor* prepared) {
  Call call;
  call.inputs = of.inputs;
  call.weights = of.weights;
  call.arena = of.arena;
  int64_t bytes = 0;
  MOSAIC_RETURN_IF_ERROR(op.StartPreparing(call, &bytes));
  *prepared = of.arena->New(MOSAIC_UINT8, {bytes});
  std::memset(prepared->mutable_raw(), 0, static_cast<size_t>(bytes));
  call.outputs = {*prepared};
  return RunPhases(call, ranges, [&](int phase, int64_t begin, int64_t end) {
    return op.RunPreparing(call, phase, begin, end);
  });
}

}  // namespace

Status RunOp(const Op& op, const std::vector<Tensor>& inputs, size_t outputs, Arena* arena,
             std::vector<Tensor>* out, ChooseEnd ranges, double* most_work) {
  Call call;
  out->clear();
  for (const Tensor& t : inputs) {
    call.inputs.push_back(t);
    call.weights.push_back(nullptr);
    call.facts.push_back(t.defined() ? Fact::OfTensor(t) : Fact());
  }
  std::vector<Fact> facts;
  bool deferred = false;
  MOSAIC_RETURN_IF_ERROR(InferOp(op, call.facts, outputs, "", &facts, &deferred));
  call.arena = arena;
  MOSAIC_RETURN_IF_ERROR(StartCall(op, facts, std::vector<bool>(outputs, true), &call));
  double work = 0;
  for (const Phase& p : call.phases) work += static_cast<double>(p.units) * p.unit_cost;
  if (most_work != nullptr && work > *most_work) return Status();
  if (most_work != nullptr) *most_work -= work;
  for (size_t i = 0; i < outputs; ++i) {
    Tensor& o = call.outputs[i];
    if (!o.defined()) continue;
    if (i == 0 && op.view_of() >= 0) {
      o = inputs[static_cast<size_t>(op.view_of())].Reshaped(o.shape());
    } else {
      o = arena->New(o.dtype(), o.shape());
    }
  }
  Tensor scratch;
  if (call.scratch_bytes > 0) {
    scratch = arena->New(MOSAIC_UINT8, {call.scratch_bytes});
    call.scratch = scratch.mutable_raw();
  }
  Tensor prepared;
  if (const PreparingOp* preparing = AsPreparing(op)) {
    MOSAIC_RETURN_IF_ERROR(Prepare(*preparing, call, ranges, &prepared));
    preparing->UsePrepared(call, prepared.raw());
  }
  MOSAIC_RETURN_IF_ERROR(RunPhases(call, ranges, [&](int phase, int64_t begin, int64_t end) {
    return op.Run(call, phase, begin, end);
  }));
  for (const Tensor& o : call.outputs) {
    if (!o.defined()) return Status::Internal("an output was not made");
  }
  *out = std::move(call.outputs);
  return Status();
}

}  // namespace mosaic
