#include "core/plan/infer_body.h"

#include <algorithm>

#include "core/op/run_op.h"

namespace mosaic {
namespace {

constexpr double kStepFold = 1e7;  // elementary operations of a step whose result is computed early

int64_t KnownElements(const std::vector<Fact>& facts) {
  int64_t n = 0;
  for (const Fact& f : facts) {
    if (f.dtype == MOSAIC_UNDEFINED) continue;
    if (!f.value.defined() || f.value.raw() == nullptr || f.dtype == MOSAIC_SEQUENCE) return -1;
    n += f.value.size();
  }
  return n;
}

// Computes what follows from known inputs alone.
Status Fold(const Step& step, const std::vector<Fact>& inputs, const InferOptions& options,
            std::vector<Fact>* outputs) {
  const int64_t known = KnownElements(inputs);
  int64_t made = 0;
  Shape shape;
  for (const Fact& f : *outputs) {
    if (f.dtype == MOSAIC_SEQUENCE) return Status();
    if (f.ranked && NumbersOf(f.dims, &shape)) made += NumElements(shape);
  }
  if (options.arena == nullptr || known < 0 || known > options.fold_elements ||
      made > options.fold_elements) {
    return Status();
  }
  std::vector<Tensor> in, out;
  for (const Fact& f : inputs) in.push_back(f.value);
  double work = options.fold_work == nullptr ? kStepFold : std::min(kStepFold, *options.fold_work);
  const double before = work;
  MOSAIC_RETURN_IF_ERROR(RunOp(*step.op, in, outputs->size(), options.arena, &out, nullptr, &work));
  if (options.fold_work != nullptr) *options.fold_work -= before - work;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i].size() > options.fold_elements) return Status();
    (*outputs)[i] = Fact::OfTensor(out[i]);
  }
  return Status();
}

// Integers that are numbers throughout are known as an array as well.
void SetValue(const InferOptions& options, Fact* f) {
  if (f->ints == nullptr || f->value.defined() || options.arena == nullptr ||
      f->dtype != MOSAIC_INT64 || f->rank() > 1) {
    return;
  }
  Shape numbers;
  if (f->ints->size() > Shape::kCapacity || !NumbersOf(*f->ints, &numbers)) return;
  Tensor t = options.arena->New(
      MOSAIC_INT64, f->rank() == 0 ? Shape() : Shape{static_cast<int64_t>(numbers.size())});
  std::copy(numbers.begin(), numbers.end(), t.mutable_data<int64_t>());
  f->value = t;
}

// What follows from inputs of which one is of unknown type.
Fact UnknownOf(const std::vector<Fact>& inputs) {
  Fact f;
  f.item_axis = kShared;
  for (const Fact& in : inputs) {
    const bool shared = in.item_axis == kShared && in.ints == nullptr;
    if (!shared && (in.dtype != MOSAIC_UNDEFINED || in.item_axis != kUnstated))
      f.item_axis = kMixed;
  }
  return f;
}

}  // namespace

Fact FactOf(const ModelTensor& tensor) {
  if (tensor.is_inline()) return Fact::OfTensor(tensor.AsTensor());
  Fact f = Fact::Of(tensor.weight.dtype, DimsOf(tensor.weight.shape));
  f.item_axis = kShared;
  return f;
}

Status InferStep(const Model& model, const BodyPlan& body, const Step& step,
                 const InferOptions& options, std::vector<Fact>* facts, bool* deferred) {
  std::vector<Fact> inputs, outputs;
  *deferred = false;
  bool typed = true;  // of each input that is given; else it would be taken for omitted
  for (int v : step.node.inputs) {
    inputs.push_back(v < 0 ? Fact() : (*facts)[static_cast<size_t>(v)]);
    typed = typed && (v < 0 || inputs.back().dtype != MOSAIC_UNDEFINED);
  }
  Status status;
  if (!step.node.bodies.empty()) {
    status = InferControl(model, body, step, options, *facts, &outputs);
    *deferred = true;
  } else if (!typed) {
    outputs.assign(step.node.outputs.size(), UnknownOf(inputs));
    *deferred = true;
  } else {
    status = InferOp(*step.op, inputs, step.node.outputs.size(), options.item_symbol, &outputs,
                     deferred);
    if (status.ok()) status = Fold(step, inputs, options, &outputs);
  }
  if (!status.ok()) return status.In(DescribeStep(body, step));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int v = step.node.outputs[i];
    if (v < 0) continue;
    SetValue(options, &outputs[i]);
    (*facts)[static_cast<size_t>(v)] = std::move(outputs[i]);
  }
  return Status();
}

Status InferBody(const Model& model, const BodyPlan& body, const InferOptions& options,
                 std::vector<Fact>* facts, int* mixer) {
  for (size_t v = 0; v < body.values.size(); ++v) {
    const int tensor = body.values[v].tensor;
    if (tensor >= 0) (*facts)[v] = FactOf(model.tensors[static_cast<size_t>(tensor)]);
  }
  if (mixer != nullptr) *mixer = -1;
  for (size_t i = 0; i < body.steps.size(); ++i) {
    const Step& step = body.steps[i];
    bool deferred = false;
    MOSAIC_RETURN_IF_ERROR(InferStep(model, body, step, options, facts, &deferred));
    if (mixer == nullptr || *mixer >= 0) continue;
    for (int v : step.node.outputs) {
      if (v < 0) continue;
      // Numbers of items, and spread ones, mix nothing before an operator takes them for something
      // else.
      const Fact& f = (*facts)[static_cast<size_t>(v)];
      const bool followed = f.index != nullptr || f.spread_axis >= 0;
      if (f.item_axis == kMixed && !followed) *mixer = static_cast<int>(i);
    }
  }
  return Status();
}

}  // namespace mosaic
