#include "core/run/batch.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/op/op_support.h"
#include "core/util/quote.h"

namespace mosaic {
BatchRun::BatchRun(const Model& model, int max_blocks)
    : model_(model), executor_(model, max_blocks) {}

void BatchRun::Renew() {
  inputs_.clear();
  outputs_.clear();
  ordered_.clear();
  copies_.Clear();
  limit_ = target_ = INT64_MAX;
  executor_.Renew();
}

void BatchRun::SetMemoryLimit(int64_t limit, int64_t target) {
  limit_ = limit;
  target_ = std::min(limit, target);
  executor_.SetMemoryLimit(limit);
}

int BatchRun::InputAxis(size_t i) const {
  return model_.items.independent ? model_.items.inputs[i] : 0;
}

Status BatchRun::CheckInput(size_t i, const Tensor& t, int64_t items) const {
  const Value& v = model_.graph.values[static_cast<size_t>(model_.graph.inputs[i])];
  auto who = [&] { return "model " + Quoted(model_.name) + ": input " + Quoted(v.name); };
  if (!t.defined() || (t.size() > 0 && t.raw() == nullptr)) {
    return Status::Invalid(who() + " was given an impossible type, shape or size");
  }
  if (v.dtype != MOSAIC_UNDEFINED && t.dtype() != v.dtype) {
    return Status::Invalid(who() + " takes " + DTypeName(v.dtype) + " elements, " +
                           DTypeName(t.dtype()) + " were given");
  }
  const int axis = InputAxis(i);
  bool fits = true;
  if (v.has_shape) {
    fits = v.dims.size() == t.shape().size();
    for (size_t d = 0; fits && d < v.dims.size(); ++d) {
      const bool counts = static_cast<int>(d) == axis && items > 1 && v.dims[d] == 1;
      fits = v.dims[d] == kSymbolic || v.dims[d] == t.shape()[d] || counts;
    }
  }
  if (!fits) {
    return Status::Invalid(who() + " takes shape " + ShapeString(v.dims, v.dim_names) + ", shape " +
                           ShapeString(t.shape()) + " was given");
  }
  if (items > 1 && (t.rank() <= axis || t.dim(axis) != items)) {
    return Status::Invalid(who() + ": shape " + ShapeString(t.shape()) + " is not a batch of " +
                           std::to_string(items) + " items");
  }
  return Status();
}

// The parts of an axis, one after another, as one array.
Tensor BatchRun::Unstack(const Tensor& stacked, int axis) {
  Tensor whole = executor_.arena()->New(stacked.dtype(), stacked.shape());
  copies_.Add(Copy::Unstack(stacked, axis, whole));
  return whole;
}

// In memory of its own, and ready when all copies are done.
Tensor BatchRun::CopyOf(const Tensor& t) {
  Tensor copy = executor_.arena()->New(t.dtype(), t.shape());
  Copy c;
  c.parts = {t};
  c.to = copy;
  c.bytes = t.bytes();
  copies_.Add(std::move(c));
  return copy;
}

// Arrays beside those of a run: parts of inputs, outputs of all items.
template <typename F>
Status BatchRun::Within(F&& f) {
  try {
    return f();
  } catch (const MemoryLimitExceeded& e) {
    return Status(MOSAIC_E_NOMEM, "model " + Quoted(model_.name) + ": inputs and outputs would take " +
                                      std::to_string(e.need()) + " bytes, the limit is " + std::to_string(e.limit()),
                  "", "Predict fewer items at a time; a superuser can raise pg_mosaic.predict_memory.");
  }
}

Status BatchRun::Start(std::vector<Tensor> inputs, int64_t items, bool stacked) {
  return Within([&] { return TryStart(std::move(inputs), items, stacked); });
}

Status BatchRun::TryStart(std::vector<Tensor> inputs, int64_t items, bool stacked) {
  outputs_.clear();
  ordered_.clear();
  inputs_.clear();
  copies_.Clear();
  running_ = false;
  executor_.Reset();
  characters_ = Arena::Mark();
  executor_.arena()->ReleaseCharacters();
  executor_.arena()->StartPeak();
  if (items < 1 || inputs.size() != model_.graph.inputs.size()) {
    return Status::Invalid("model " + Quoted(model_.name) + " takes " +
                           std::to_string(model_.graph.inputs.size()) + " inputs, " +
                           std::to_string(inputs.size()) + " were given for " +
                           std::to_string(items) + " items");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(CheckInput(i, inputs[i], items));
  }
  for (size_t i = 0; stacked && items > 1 && i < inputs.size(); ++i) {
    if (InputAxis(i) > 0) inputs[i] = Unstack(inputs[i], InputAxis(i));
  }
  inputs_ = std::move(inputs);
  items_ = items;
  done_ = 0;
  outputs_.assign(model_.graph.outputs.size(), Tensor());
  ordered_.assign(outputs_.size(), Tensor());
  MOSAIC_RETURN_IF_ERROR(CheckNames());
  MOSAIC_RETURN_IF_ERROR(ChooseWay());
  return StartPart();
}

// Dimensions of one name have one size, and all inputs as many items: the plan took them to.
Status BatchRun::CheckNames() const {
  struct Seen {
    size_t input;
    int64_t size;
  };
  std::map<std::string, Seen> seen;  // "": of the axes that count items
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Value& v = model_.graph.values[static_cast<size_t>(model_.graph.inputs[i])];
    for (size_t d = 0; v.has_shape && d < v.dims.size(); ++d) {
      const bool counts = static_cast<int>(d) == InputAxis(i);
      const bool items = counts && model_.items.independent;
      if (!items && (v.dims[d] != kSymbolic || v.dim_names[d].empty())) continue;
      const bool one_by_one = counts && !items && items_ > 1;
      const int64_t size = one_by_one ? 1 : inputs_[i].dim(static_cast<int>(d));
      const auto [found, first] = seen.emplace(items ? "" : v.dim_names[d], Seen{i, size});
      if (first || found->second.size == size) continue;
      const auto name = [&](size_t k) {
        return Quoted(model_.graph.values[static_cast<size_t>(model_.graph.inputs[k])].name);
      };
      const std::string what =
          items ? "the number of items" : "dimension " + Quoted(v.dim_names[d]);
      return Status::Invalid("model " + Quoted(model_.name) + ": " + what + " is " +
                             std::to_string(found->second.size) + " in input " +
                             name(found->second.input) + " and " + std::to_string(size) +
                             " in input " + name(i));
    }
  }
  return Status();
}

// The most items at a time that fit.
Status BatchRun::ChooseWay() {
  group_ = items_;
  way_ = Way::kAtOnce;
  if (items_ == 1) return Status();
  if (!model_.items.independent || inputs_.empty()) {
    way_ = Way::kEach;
    group_ = 1;
    return Status();
  }
  MOSAIC_RETURN_IF_ERROR(Fitting(inputs_, items_, target_, &group_));
  if (group_ == items_) return Status();
  way_ = Way::kGroups;
  // Groups of one size reuse each other's memory.
  const int64_t runs = (items_ + group_ - 1) / group_;
  group_ = (items_ + runs - 1) / runs;
  return Status();
}

Status BatchRun::Fitting(const std::vector<Tensor>& inputs, int64_t items, int64_t bytes,
                         int64_t* out) {
  *out = items;
  while (*out > 1) {
    std::vector<Tensor> shapes;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Shape shape = inputs[i].shape();
      shape[static_cast<size_t>(InputAxis(i))] = *out;
      shapes.push_back(Tensor::Borrow(inputs[i].dtype(), shape, nullptr));
    }
    int64_t peak = 0;
    MOSAIC_RETURN_IF_ERROR(executor_.Size(shapes, &peak));
    if (peak <= bytes) break;
    // In proportion; fewer in any case.
    const double part = static_cast<double>(bytes) / static_cast<double>(peak);
    const int64_t fewer = static_cast<int64_t>(static_cast<double>(*out) * part);
    *out = std::clamp<int64_t>(fewer, 1, *out - 1);
  }
  return Status();
}

// The next part, of fewer items where these find no memory. REQUIRES: no part is under way, nor are
// copies that hold the outputs of the last.
Status BatchRun::StartPart() {
  for (;;) {
    const Status status = Within([&] { return TryPart(); });
    running_ = status.ok();
    if (status.code() != MOSAIC_E_NOMEM || !TakeFewer()) return status;
  }
}

// Nothing is held or due of a part that does not start.
Status BatchRun::TryPart() {
  executor_.Reset();
  executor_.arena()->ReleaseCharacters(characters_);
  part_ = std::min(group_, items_ - done_);
  if (part_ == items_) return executor_.Start(inputs_);
  std::vector<Tensor> part;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Tensor& whole = inputs_[i];
    Shape shape = whole.shape();
    shape[static_cast<size_t>(InputAxis(i))] = part_;
    part.push_back(InputAxis(i) == 0 ? whole.Slice(done_, part_)
                                     : executor_.arena()->New(whole.dtype(), shape));
  }
  MOSAIC_RETURN_IF_ERROR(executor_.Start(part));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (InputAxis(i) == 0) continue;
    copies_.Add(Copy::Take(inputs_[i], InputAxis(i), done_, part[i]));
  }
  return Status();
}

void BatchRun::Resume(const Checkpoint& from) {
  if (way_ == Way::kAtOnce && from.items == items_) executor_.Resume(from);
}

void BatchRun::KeepAt(size_t step, Arena* arena, Checkpoint* out) {
  if (way_ != Way::kAtOnce) return;
  out->items = items_;
  executor_.KeepAt(step, arena, out);
}

Status BatchRun::Step(Outcome* outcome) {
  *outcome = Outcome::kMore;
  if (!copies_.done()) {
    copies_.Advance();
  } else {
    const Status status = Proceed(outcome);
    if (status.code() != MOSAIC_E_NOMEM || !TakeFewer()) MOSAIC_RETURN_IF_ERROR(status);
  }
  if (running_ || !copies_.done()) return Status();
  if (done_ < items_) return StartPart();
  inputs_.clear();
  *outcome = Outcome::kDone;
  return Status();
}

// After a part that found no memory: what it needs is not known before where shapes depend on
// elements, and the outputs of all items are held beside it. False: one item needs too much.
bool BatchRun::TakeFewer() {
  if (part_ == 1 || way_ == Way::kEach) return false;
  running_ = false;
  way_ = Way::kGroups;
  group_ = (part_ + 1) / 2;
  return true;
}

Status BatchRun::Proceed(Outcome* outcome) {
  MOSAIC_RETURN_IF_ERROR(executor_.Step(outcome));
  if (*outcome != Outcome::kDone) return Status();
  running_ = false;
  *outcome = Outcome::kMore;
  return FinishPart();
}

Status BatchRun::FinishPart() {
  const Status taken = Within([&] { return TakeOutputs(); });
  executor_.Reset();  // copies hold what they read
  if (taken.ok()) {
    done_ += part_;
    const auto refers = [](const Tensor& t) {
      return t.dtype() == MOSAIC_STRING || t.dtype() == MOSAIC_SEQUENCE;
    };
    if (std::any_of(outputs_.begin(), outputs_.end(), refers)) {
      characters_ = executor_.arena()->CharactersMark();
    }
    return taken;
  }
  copies_.Clear();  // they are of this part, which is run again: no output counts as begun
  if (done_ == 0) outputs_.assign(outputs_.size(), Tensor());
  return taken;
}

Status BatchRun::TakeOutputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Tensor& part = executor_.output(i);
    if (part_ == items_) {
      // What belongs to the model or to the caller is copied: it may go before the output does.
      outputs_[i] = part.owned() || part.dtype() == MOSAIC_SEQUENCE ? part : CopyOf(part);
    } else {
      MOSAIC_RETURN_IF_ERROR(Join(i, part));
    }
  }
  return Status();
}

Status BatchRun::Join(size_t i, const Tensor& part) {
  const int axis = way_ == Way::kEach ? 0 : model_.items.outputs[i];
  Tensor& whole = outputs_[i];
  if (axis < 0) {  // the same for all items
    if (!whole.defined()) whole = CopyOf(part);
    return Status();
  }
  Tensor piece = part;
  if (piece.rank() == 0) piece = piece.Reshaped({1});
  const int64_t per_item = piece.dim(axis) / part_;
  Shape shape = piece.shape();
  shape[static_cast<size_t>(axis)] = per_item * items_;
  if (!whole.defined()) {
    MOSAIC_RETURN_IF_ERROR(CheckShape(shape, piece.dtype()));
    whole = executor_.arena()->New(piece.dtype(), shape);
  }
  if (whole.shape() != shape || whole.dtype() != piece.dtype()) {
    const Value& v = model_.graph.values[static_cast<size_t>(model_.graph.outputs[i])];
    return Status::Unsupported("model " + Quoted(model_.name) + ": output " + Quoted(v.name) +
                               " has another shape for each item of the batch, " +
                               ShapeString(part.shape()) + " for item " + std::to_string(done_ + 1))
        .WithHint("Predict the items one by one.");
  }
  copies_.Add(Copy::Put(piece, axis, per_item * done_, whole));
  return Status();
}

Status BatchRun::ItemOutput(size_t i, bool keep_axis, Shape* item, Tensor* all, bool* more) {
  return Within([&] { return TryItemOutput(i, keep_axis, item, all, more); });
}

Status BatchRun::TryItemOutput(size_t i, bool keep_axis, Shape* item, Tensor* all, bool* more) {
  const Tensor& whole = outputs_[i];
  const bool each = way_ == Way::kEach || !model_.items.independent;
  const int axis =
      each ? (whole.rank() > 0 && whole.dim(0) % items_ == 0 ? 0 : -1) : model_.items.outputs[i];
  *more = false;
  *item = whole.shape();
  *all = whole;
  if (axis >= 0) (*item)[static_cast<size_t>(axis)] /= items_;
  if (axis != 0 && items_ > 1) {
    Tensor& ordered = ordered_[i];
    if (!ordered.defined()) {
      Shape shape = *item;
      shape.insert(shape.begin(), items_);
      MOSAIC_RETURN_IF_ERROR(CheckShape(shape, whole.dtype()));
      ordered = executor_.arena()->New(whole.dtype(), shape);
      copies_.Add(axis < 0 ? Copy::Repeat(whole, ordered) : Copy::Stack(whole, axis, ordered));
    } else if (!copies_.done()) {
      copies_.Advance();
    }
    *more = !copies_.done();
    *all = ordered;
  }
  if (axis >= 0 && (*item)[static_cast<size_t>(axis)] == 1 && !keep_axis) item->erase(item->begin() + axis);
  return Status();
}

}  // namespace mosaic
