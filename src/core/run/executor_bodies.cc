// The executor's way through If, Loop and Scan.
#include "core/op/op_support.h"
#include "core/plan/infer_body.h"
#include "core/run/executor.h"

namespace mosaic {

Status Executor::ControlStep(Frame& f) {
  const mosaic::Step& step = step_of(f);
  const auto& op = static_cast<const ControlOp&>(*step.op);
  std::vector<Tensor> inputs;
  for (int v : step.node.inputs) {
    inputs.push_back(v < 0 ? Tensor() : f.values[static_cast<size_t>(v)]);
  }
  ControlNext next;
  const Status status =
      BeginControl(op, inputs, step.node.outputs.size(), &arena_, &copies_, &f.control, &next);
  return status.ok() ? UseControl(next) : Named(f, status);
}

// What a body would have given that never ran: arrays without elements along the new axis, of the
// shape that the plan took them to have; what is not known of that is as declared, and 0 where it
// is free.
Status Executor::AddNothing(const Frame& f, ControlNext* next) {
  const mosaic::Step& step = step_of(f);
  const auto& op = static_cast<const ControlOp&>(*step.op);
  const BodyPlan& body = model_.bodies[static_cast<size_t>(op.body()) + 1];
  std::vector<Fact> facts(f.body->values.size()), given;
  for (size_t v = 0; v < facts.size(); ++v) {
    const int tensor = f.body->values[v].tensor;
    if (tensor >= 0) {
      facts[v] = FactOf(model_.tensors[static_cast<size_t>(tensor)]);
    } else if (f.values[v].defined() && f.values[v].dtype() != MOSAIC_SEQUENCE) {
      facts[v] = Fact::OfTensor(f.values[v]);
    }
  }
  InferOptions options;
  int64_t steps = kBodySteps;
  options.body_steps = &steps;
  if (!InferControl(model_, *f.body, step, options, facts, &given).ok()) given.clear();
  spent_ += static_cast<double>(kBodySteps - steps) * kStepWork;
  for (size_t o = next->carried; o < next->outputs.size(); ++o) {
    if (next->outputs[o].defined()) continue;
    const size_t i = o + (op.kind() == ControlKind::kScan ? 0 : 1);
    if (i >= body.outputs.size()) return Status::Invalid("a body gave too few outputs");
    const Value& declared = body.values[static_cast<size_t>(body.outputs[i])];
    const Fact fact = o < given.size() ? given[o] : Fact();
    const int dtype = fact.dtype != MOSAIC_UNDEFINED ? fact.dtype : declared.dtype;
    if (dtype == MOSAIC_UNDEFINED)
      return Status::Invalid("a body that never ran has outputs of no type");
    const int64_t axis =
        op.kind() == ControlKind::kScan && o - next->carried < op.output_axes().size()
            ? op.output_axes()[o - next->carried]
            : 0;
    Shape shape;
    int at = 0;
    const size_t rank = fact.ranked          ? fact.dims.size()
                        : declared.has_shape ? declared.dims.size() + 1
                                             : 1;
    if (rank > Shape::kCapacity)
      return Status::Limit("an array of " + std::to_string(rank) + " dimensions");
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, static_cast<int>(rank), &at));
    for (size_t d = 0; d < rank; ++d) {
      const size_t one = d < static_cast<size_t>(at) ? d : d - 1;  // of an iteration's
      int64_t size = 0;
      if (d == static_cast<size_t>(at)) {
        size = 0;
      } else if (fact.ranked && fact.dims[d].is_number()) {
        size = fact.dims[d].number();
      } else if (declared.has_shape && one < declared.dims.size() &&
                 declared.dims[one] != kSymbolic) {
        size = declared.dims[one];
      }
      shape.push_back(size);
    }
    MOSAIC_RETURN_IF_ERROR(CheckShape(shape, dtype));
    next->outputs[o] = arena_.New(dtype, shape);
  }
  return Status();
}

Status Executor::UseControl(ControlNext& next) {
  Frame& f = top();
  if (next.body >= 0) {
    const Status status = EnterBody(next.body, next.inputs);
    return status.ok() ? status : Named(f, status);
  }
  const mosaic::Step& step = step_of(f);
  if (next.nothing) {
    const Status status = AddNothing(f, &next);
    if (!status.ok()) return Named(f, status);
  }
  for (size_t o = 0; o < step.node.outputs.size(); ++o) {
    const int v = step.node.outputs[o];
    if (v >= 0) f.values[static_cast<size_t>(v)] = next.outputs[o];
  }
  FinishStep(f);
  return Status();
}

// All steps of the frame on top are done.
Status Executor::LeaveBody(Outcome* outcome) {
  Frame& f = top();
  for (int v : f.body->outputs) {
    if (!FetchConstant(f, v)) return AdvanceLoad(outcome);
  }
  std::vector<Tensor> given;
  for (int v : f.body->outputs) {
    given.push_back(f.values[static_cast<size_t>(v)]);
    if (!given.back().defined()) return Status::Internal("an output was not computed");
  }
  frames_.pop_back();
  if (frames_.empty()) {
    outputs_ = std::move(given);
    stage_ = Stage::kIdle;
    *outcome = Outcome::kDone;
    return Status();
  }
  Frame& outer = top();
  const mosaic::Step& step = step_of(outer);
  std::vector<Tensor> inputs;
  for (int v : step.node.inputs) {
    inputs.push_back(v < 0 ? Tensor() : outer.values[static_cast<size_t>(v)]);
  }
  const auto& op = static_cast<const ControlOp&>(*step.op);
  spent_ += 50 * static_cast<double>(given.size());
  ControlNext next;
  const Status status = ContinueControl(op, inputs, std::move(given), step.node.outputs.size(),
                                        &arena_, &copies_, &outer.control, &next);
  return status.ok() ? UseControl(next) : Named(outer, status);
}

}  // namespace mosaic
