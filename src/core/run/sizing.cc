#include "core/run/sizing.h"

#include <algorithm>

#include "core/op/run_op.h"
#include "core/plan/infer_body.h"
#include "core/tensor/capacity.h"

namespace mosaic {
namespace {

constexpr int64_t kFoldElements = 1024;  // arithmetic on shapes

bool AllSized(const Step& step, const std::vector<Fact>& facts) {
  Shape shape;
  for (size_t i = 0; i < step.node.outputs.size(); ++i) {
    if (step.node.outputs[i] < 0) continue;
    const Fact& f = facts[static_cast<size_t>(step.node.outputs[i])];
    if (!f.ranked || !NumbersOf(f.dims, &shape)) return false;
  }
  return true;
}

// Where the elements of a fact's value lie is known only for constants.
Tensor ShapeOf(const Model& model, const BodyPlan& body, int v, const Fact& f) {
  const int tensor = body.values[static_cast<size_t>(v)].tensor;
  if (tensor >= 0 && model.tensors[static_cast<size_t>(tensor)].is_inline()) {
    return model.tensors[static_cast<size_t>(tensor)].AsTensor();
  }
  if (f.value.defined()) return f.value;
  Shape shape;
  if (!f.ranked || !NumbersOf(f.dims, &shape)) return Tensor();
  return Tensor::Borrow(f.dtype, shape, nullptr);
}

// Memory in use along the steps: storage is shared by views and by steps that work in place.
class Memory {
 public:
  explicit Memory(size_t values) : storage_(values, -1) {}

  void Define(int v, int64_t bytes) {
    storage_[static_cast<size_t>(v)] = static_cast<int>(users_.size());
    users_.push_back(1);
    bytes_.push_back(ArenaCapacity(bytes));
    Count(bytes_.back());
  }
  void Share(int v, int of) {
    const int s = storage_[static_cast<size_t>(of)];
    storage_[static_cast<size_t>(v)] = s;
    if (s >= 0) ++users_[static_cast<size_t>(s)];
  }
  void Release(int v) {
    int& s = storage_[static_cast<size_t>(v)];
    if (s >= 0 && --users_[static_cast<size_t>(s)] == 0) used_ -= bytes_[static_cast<size_t>(s)];
    s = -1;
  }
  bool Alone(int v) const {
    const int s = storage_[static_cast<size_t>(v)];
    return s >= 0 && users_[static_cast<size_t>(s)] == 1;
  }
  bool Has(int v) const { return storage_[static_cast<size_t>(v)] >= 0; }
  void Count(int64_t bytes) {
    used_ += bytes;
    peak_ = std::max(peak_, used_);
  }
  int64_t peak() const { return peak_; }

 private:
  std::vector<int> storage_;  // per value
  std::vector<int> users_;
  std::vector<int64_t> bytes_;
  int64_t used_ = 0, peak_ = 0;
};

void CountStep(const Model& model, const BodyPlan& body, const Step& step, const StepSizing& sized,
               Memory* memory) {
  if (sized.call != nullptr) {
    const Call& call = *sized.call;
    for (size_t k = 0; k < step.node.inputs.size(); ++k) {
      const int v = step.node.inputs[k];
      const int tensor = v < 0 ? -1 : body.values[static_cast<size_t>(v)].tensor;
      if (tensor < 0 || memory->Has(v) || call.weights[k] != nullptr) continue;
      const ModelTensor& t = model.tensors[static_cast<size_t>(tensor)];
      if (!t.is_inline()) memory->Define(v, NumElements(t.weight.shape) * DTypeSize(t.weight.dtype));
    }
    for (size_t o = 0; o < call.outputs.size(); ++o) {
      const int v = step.node.outputs[o];
      if (v < 0 || !call.outputs[o].defined()) continue;
      const int view = o == 0 ? step.op->view_of() : -1;
      int from = view >= 0 ? step.node.inputs[static_cast<size_t>(view)] : -1;
      for (size_t k = 0; o == 0 && from < 0 && k < step.node.inputs.size(); ++k) {
        const int x = step.node.inputs[k];
        const bool last = std::find(step.releases.begin(), step.releases.end(), x) != step.releases.end();
        if (x >= 0 && last && step.op->in_place(static_cast<int>(k)) && memory->Alone(x) &&
            call.inputs[k].bytes() == call.outputs[0].bytes()) {
          from = x;
        }
      }
      if (from >= 0) {
        memory->Share(v, from);
      } else {
        memory->Define(v, call.outputs[o].bytes());
      }
    }
    if (call.scratch_bytes > 0) {
      memory->Count(ArenaCapacity(call.scratch_bytes));
      memory->Count(-ArenaCapacity(call.scratch_bytes));
    }
  }
  for (int v : step.releases) memory->Release(v);
}

}  // namespace

bool CanStream(const Model& model, const Step& step, size_t input, int64_t max_blocks) {
  const int tensor = step.streams[input];
  if (tensor < 0) return false;
  for (const WeightStream& s : step.op->streams()) {
    if (static_cast<size_t>(s.input) != input || !s.held) continue;
    return model.tensors[static_cast<size_t>(tensor)].weight.blocking.blocks() <= max_blocks;
  }
  return true;
}

Status StartStep(const Model& model, const Step& step, const std::vector<Tensor>& tensors,
                 const std::vector<Fact>& inputs, const std::vector<Fact>& outputs,
                 int64_t max_blocks, Call* call) {
  call->inputs = tensors;
  call->weights.assign(tensors.size(), nullptr);
  for (size_t k = 0; k < tensors.size(); ++k) {
    if (!CanStream(model, step, k, max_blocks)) continue;
    call->weights[k] = &model.tensors[static_cast<size_t>(step.streams[k])].weight;
    call->inputs[k] = Tensor();
  }
  call->facts = inputs;
  call->working_set = model.weight_bytes;
  const Status status = StartCall(*step.op, outputs, step.wanted, call);
  call->facts.clear();
  return status;
}

Status MakeSizing(const Model& model, const BodyPlan& body, const std::vector<Tensor>& inputs,
                  const std::vector<Tensor>& captures, int64_t max_blocks,
                  std::unique_ptr<Sizing>* out) {
  auto sizing = std::make_unique<Sizing>();
  std::vector<Fact> facts(body.values.size());
  auto give = [&](int v, const Tensor& t) {
    Fact& f = facts[static_cast<size_t>(v)];
    f.dtype = t.dtype();
    f.ranked = t.defined() && t.dtype() != MOSAIC_SEQUENCE;
    if (f.ranked) f.dims = DimsOf(t.shape());
    f.item_axis = kShared;
    sizing->signature.push_back(Tensor::Borrow(t.dtype(), t.shape(), nullptr));
  };
  for (size_t i = 0; i < inputs.size(); ++i) give(body.inputs[i], inputs[i]);
  for (size_t i = 0; i < captures.size(); ++i) give(body.captures[i], captures[i]);
  InferOptions options;
  options.fold_elements = kFoldElements;
  options.arena = &sizing->arena;
  int64_t steps = kBodySteps;
  options.body_steps = &steps;
  double fold_work = kFoldWork;
  options.fold_work = &fold_work;
  for (size_t v = 0; v < body.values.size(); ++v) {
    const int tensor = body.values[v].tensor;
    if (tensor >= 0) facts[v] = FactOf(model.tensors[static_cast<size_t>(tensor)]);
  }
  Memory memory(body.values.size());
  sizing->steps.resize(body.steps.size());
  sizing->known.resize(body.values.size());
  for (size_t i = 0; i < body.steps.size(); ++i) {
    const Step& step = body.steps[i];
    StepSizing& sized = sizing->steps[i];
    bool ready = true;  // types and shapes of the inputs are known
    for (int v : step.node.inputs) {
      ready = ready && (v < 0 || facts[static_cast<size_t>(v)].dtype != MOSAIC_UNDEFINED);
    }
    bool deferred = !ready;
    if (ready) MOSAIC_RETURN_IF_ERROR(InferStep(model, body, step, options, &facts, &deferred));
    sized.known = ready && step.node.bodies.empty();
    for (int v : step.node.outputs) {
      if (v < 0) continue;
      const Tensor& value = facts[static_cast<size_t>(v)].value;
      sized.known = sized.known && value.defined();
      sizing->known[static_cast<size_t>(v)] = value;
    }
    if (!sized.known && !deferred && AllSized(step, facts)) {
      std::vector<Tensor> tensors;
      std::vector<Fact> in, given;
      bool shapes = true;
      for (int v : step.node.inputs) {
        tensors.push_back(v < 0 ? Tensor() : ShapeOf(model, body, v, facts[static_cast<size_t>(v)]));
        in.push_back(v < 0 ? Fact() : facts[static_cast<size_t>(v)]);
        shapes = shapes && (v < 0 || tensors.back().defined());
      }
      for (int v : step.node.outputs) given.push_back(v < 0 ? Fact() : facts[static_cast<size_t>(v)]);
      if (shapes) {
        sized.call = std::make_unique<Call>();
        MOSAIC_RETURN_IF_ERROR(
            StartStep(model, step, tensors, in, given, max_blocks, sized.call.get())
                .In(DescribeStep(body, step)));
      }
    }
    sizing->complete = sizing->complete && (sized.known || sized.call != nullptr);
    CountStep(model, body, step, sized, &memory);
  }
  sizing->work = static_cast<double>(kBodySteps - steps + static_cast<int64_t>(body.steps.size())) * kStepWork + kFoldWork - fold_work;
  sizing->peak = memory.peak();
  *out = std::move(sizing);
  return Status();
}

Sizing* SizingCache::Find(const std::vector<Tensor>& inputs, const std::vector<Tensor>& captures) {
  for (size_t i = 0; i < kept_.size(); ++i) {
    const std::vector<Tensor>& s = kept_[i]->signature;
    bool same = s.size() == inputs.size() + captures.size();
    for (size_t k = 0; same && k < s.size(); ++k) {
      const Tensor& t = k < inputs.size() ? inputs[k] : captures[k - inputs.size()];
      same = s[k].dtype() == t.dtype() && s[k].shape() == t.shape();
    }
    if (!same) continue;
    std::rotate(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(i),
                kept_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    return kept_[0].get();
  }
  return nullptr;
}

Sizing* SizingCache::Add(std::unique_ptr<Sizing> sizing) {
  if (kept_.size() == kKept) kept_.pop_back();
  kept_.insert(kept_.begin(), std::move(sizing));
  return kept_[0].get();
}

int64_t SizingCache::bytes() const {
  constexpr int64_t kState = 256;  // of an operator, with phases and shapes that are no arrays
  int64_t n = 0;
  for (const std::unique_ptr<Sizing>& sizing : kept_) {
    n += sizing->arena.bytes() + static_cast<int64_t>(sizing->known.size() * sizeof(Tensor));
    for (const StepSizing& step : sizing->steps) {
      n += static_cast<int64_t>(sizeof(StepSizing));
      if (step.call == nullptr) continue;
      const Call& c = *step.call;
      n += kState + static_cast<int64_t>(sizeof(Call) + c.facts.size() * sizeof(Fact) +
                                         (c.inputs.size() + c.outputs.size()) * sizeof(Tensor));
    }
  }
  return n;
}

}  // namespace mosaic
