// Inference through the bodies of If, Loop and Scan.
#include <algorithm>

#include "core/op/control/control.h"
#include "core/op/op_support.h"
#include "core/plan/infer_body.h"

namespace mosaic {
namespace {

// What a body gives, if its inputs are so.
Status InferInner(const Model& model, int body, const InferOptions& options,
                  const std::vector<Fact>& around, std::vector<Fact> inputs,
                  std::vector<Fact>* outputs) {
  const BodyPlan& inner = model.bodies[static_cast<size_t>(body) + 1];
  if (inputs.size() != inner.inputs.size()) {
    return Status::BadModel("the body takes " + std::to_string(inner.inputs.size()) +
                            " inputs, it is given " + std::to_string(inputs.size()));
  }
  if (options.body_steps != nullptr) {
    *options.body_steps -= static_cast<int64_t>(inner.steps.size() + inner.values.size() / 8) + 1;
    if (*options.body_steps < 0) {
      return Status::Limit("loops within loops take more than " + std::to_string(kBodySteps) +
                           " steps until what they carry along is known");
    }
  }
  std::vector<Fact> facts(inner.values.size());
  for (int v : inner.captures) {
    facts[static_cast<size_t>(v)] =
        around[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)];
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    facts[static_cast<size_t>(inner.inputs[i])] = std::move(inputs[i]);
  }
  MOSAIC_RETURN_IF_ERROR(InferBody(model, inner, options, &facts, nullptr));
  outputs->clear();
  for (int v : inner.outputs) outputs->push_back(facts[static_cast<size_t>(v)]);
  return Status();
}

bool CountsItems(const Dim& d, const std::string& items) {
  return !items.empty() && (d.is_unknown() || d.DependsOn(items));
}
// Whether the elements may depend on how many items there are. As long as they are known as such,
// InferContext::Finish sees to what is made of them; where that is forgotten, they count as mixed.
bool CountsItems(const Fact& f, const std::string& items) {
  if (f.ints == nullptr) return false;
  return std::any_of(f.ints->begin(), f.ints->end(),
                     [&](const Dim& d) { return CountsItems(d, items); });
}
void ForgetInts(const std::string& items, Fact* f) {
  if (CountsItems(*f, items)) f->item_axis = kMixed;
  f->ints.reset();
}

bool SameInts(const Fact& a, const Fact& b) {
  if (a.ints == nullptr || b.ints == nullptr || a.ints->size() != b.ints->size()) return false;
  for (size_t i = 0; i < a.ints->size(); ++i) {
    if (!Same((*a.ints)[i], (*b.ints)[i])) return false;
  }
  return true;
}

// What is known where it may be either.
Fact Either(const Fact& a, const Fact& b, const std::string& items) {
  Fact f;
  f.dtype = a.dtype;
  if (a.element == b.element) f.element = a.element;
  f.item_axis = a.item_axis == b.item_axis ? a.item_axis : kMixed;
  if (SameInts(a, b)) {
    f.ints = a.ints;
  } else if (CountsItems(a, items) || CountsItems(b, items)) {
    f.item_axis = kMixed;
  }
  if (!a.ranked || !b.ranked || a.rank() != b.rank()) {
    if (f.item_axis >= 0) f.item_axis = kMixed;
    return f;
  }
  f.ranked = true;
  static thread_local int64_t fresh = 0;
  for (size_t d = 0; d < a.dims.size(); ++d) {
    if (Same(a.dims[d], b.dims[d])) {
      f.dims.push_back(a.dims[d]);
    } else if (CountsItems(a.dims[d], items) || CountsItems(b.dims[d], items)) {
      f.dims.push_back(Dim());
      f.item_axis = kMixed;  // which of them it is may be told from the elements
    } else {
      f.dims.push_back(Dim::Symbol("?either" + std::to_string(++fresh)));
    }
  }
  return f;
}

// Whether what is known of a is true of b.
bool Covers(const Fact& a, const Fact& b, const std::string& items) {
  if (a.item_axis != kMixed && a.item_axis != b.item_axis) return false;
  if (a.element != MOSAIC_UNDEFINED && a.element != b.element) return false;
  if (a.ints != nullptr ? !SameInts(a, b) : a.item_axis != kMixed && CountsItems(b, items))
    return false;
  if (!a.ranked) return true;
  if (!b.ranked || a.rank() != b.rank()) return false;
  for (size_t d = 0; d < a.dims.size(); ++d) {
    if (!a.dims[d].is_unknown() && !Same(a.dims[d], b.dims[d])) return false;
  }
  return true;
}

bool Itemised(const std::vector<Fact>& around, const BodyPlan& inner) {
  for (int v : inner.captures) {
    const Fact& f = around[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)];
    if (f.item_axis != kShared && f.item_axis != kUnstated) return true;
  }
  return false;
}

// Carried along: its elements are another iteration's, as far as it is not known that they are the
// same (ints).
Fact Carried(Fact f) {
  f.value = Tensor();
  f.index.reset();
  f.spread_axis = -1;
  return f;
}
// Elements differ from one iteration to the next.
Fact Varying(Fact f, const std::string& items) {
  f = Carried(std::move(f));
  ForgetInts(items, &f);
  return f;
}

bool DependsOnShapes(const Status& s) {
  return s.code() == MOSAIC_E_BAD_MODEL || s.code() == MOSAIC_E_INVALID ||
         s.code() == MOSAIC_E_LIMIT;
}

// Of these types, and no more.
std::vector<Fact> Unknown(const std::vector<Fact>& facts, const std::string& items) {
  std::vector<Fact> unknown(facts.size());
  for (size_t i = 0; i < facts.size(); ++i) {
    unknown[i].dtype = facts[i].dtype;
    unknown[i].element = facts[i].element;
    const bool shared = facts[i].item_axis == kShared && !CountsItems(facts[i], items);
    unknown[i].item_axis = shared ? kShared : kMixed;
  }
  return unknown;
}

Status InferIf(const Model& model, const ControlOp& op, const InferOptions& options,
               const std::vector<Fact>& around, const Fact& condition, std::vector<Fact>* outputs) {
  if (condition.dtype != MOSAIC_BOOL) return UnsupportedType("a condition", condition.dtype);
  std::vector<Fact> other;
  const Status yes = InferInner(model, op.body(), options, around, {}, outputs);
  const Status no = InferInner(model, op.else_body(), options, around, {}, &other);
  // A branch may be for other shapes than these: if it is taken, it fails then.
  if (!yes.ok() && (!DependsOnShapes(yes) || !no.ok())) return yes;
  if (!no.ok() && !DependsOnShapes(no)) return no;
  if (!yes.ok()) *outputs = Unknown(other, options.item_symbol);
  if (!no.ok()) other = Unknown(*outputs, options.item_symbol);
  if (outputs->size() != other.size()) {
    return Status::BadModel("its branches give " + std::to_string(outputs->size()) + " and " +
                            std::to_string(other.size()) + " outputs");
  }
  const bool known = condition.value.defined() && condition.value.raw() != nullptr && condition.value.size() == 1;
  for (size_t i = 0; i < other.size(); ++i) {
    if (known) {
      if (*condition.value.data<uint8_t>() == 0) (*outputs)[i] = other[i];
      continue;
    }
    if ((*outputs)[i].dtype != other[i].dtype) {
      return Status::BadModel("its branches give different types");
    }
    (*outputs)[i] = Either((*outputs)[i], other[i], options.item_symbol);
    // Which branch it is must not depend on the items.
    if (condition.item_axis != kShared) (*outputs)[i].item_axis = kMixed;
  }
  return Status();
}

// Iterates until what is known of what is carried along is true after one more iteration. Of each
// value less becomes known a few times, until nothing is; so rounds are few times the values (one
// may change the next, as in a shift register).
Status Settle(const Model& model, int body, const InferOptions& options,
              const std::vector<Fact>& around, const std::vector<Fact>& first,
              const std::vector<Fact>& rest, size_t skip, std::vector<Fact>* carried,
              std::vector<Fact>* outputs) {
  std::vector<int> changes(carried->size());
  for (bool settled = false; !settled;) {
    std::vector<Fact> inputs = first;
    for (const Fact& f : *carried) inputs.push_back(Carried(f));
    for (const Fact& f : rest) inputs.push_back(f);
    MOSAIC_RETURN_IF_ERROR(InferInner(model, body, options, around, std::move(inputs), outputs));
    if (outputs->size() < skip + carried->size()) {
      return Status::BadModel("the body gives fewer outputs than are carried along");
    }
    settled = true;
    for (size_t i = 0; i < carried->size(); ++i) {
      Fact& known = (*carried)[i];
      const Fact& next = (*outputs)[skip + i];
      if (next.dtype != known.dtype) {
        return Status::BadModel("a value that is carried along changes its type");
      }
      if (Covers(known, next, options.item_symbol)) continue;
      settled = false;
      Fact less = Either(known, next, options.item_symbol);
      if (++changes[i] > 2) {
        less.ranked = false;
        less.dims.clear();
        ForgetInts(options.item_symbol, &less);
        if (less.item_axis != kShared) less.item_axis = kMixed;
      }
      known = std::move(less);
    }
  }
  return Status();
}

Status CheckCollected(const Fact& one) {
  if (one.dtype != MOSAIC_SEQUENCE) return Status();
  return Status::Unsupported("sequences are not collected over iterations");
}

Fact Stacked(const Fact& one, const Dim& length, size_t axis, const std::string& items) {
  Fact f = Varying(one, items);
  if (!f.ranked) return f;
  axis = std::min(axis, f.dims.size());
  f.dims.insert(f.dims.begin() + static_cast<std::ptrdiff_t>(axis), length);
  if (f.item_axis >= static_cast<int>(axis)) ++f.item_axis;
  return f;
}

Dim FreshLength(const InferOptions& options) {
  static thread_local int64_t fresh = 0;
  return options.item_symbol.empty() ? Dim() : Dim::Symbol("?length" + std::to_string(++fresh));
}

Status InferLoop(const Model& model, const ControlOp& op, const InferOptions& options,
                 const std::vector<Fact>& around, const std::vector<Fact>& in,
                 std::vector<Fact>* outputs) {
  Fact iteration = Fact::Of(MOSAIC_INT64, {}), condition = Fact::Of(MOSAIC_BOOL, {});
  iteration.item_axis = condition.item_axis = kShared;
  std::vector<Fact> carried(
      in.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(in.size())), in.end());
  const size_t n = carried.size();
  std::vector<Fact> given;
  MOSAIC_RETURN_IF_ERROR(
      Settle(model, op.body(), options, around, {iteration, condition}, {}, 1, &carried, &given));
  outputs->assign(carried.begin(), carried.end());
  // How often it runs depends on items, or on how many there are.
  bool counts_items = given[0].item_axis != kShared;
  for (size_t i = 0; i < 2 && i < in.size(); ++i) {
    if (in[i].dtype == MOSAIC_UNDEFINED) continue;
    counts_items = counts_items || in[i].item_axis != kShared;
    counts_items = counts_items || CountsItems(in[i], options.item_symbol);
  }
  for (size_t i = 0; i < n; ++i)
    (*outputs)[i] = Carried(Either(carried[i], given[i + 1], options.item_symbol));
  for (size_t i = n + 1; i < given.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(CheckCollected(given[i]));
    outputs->push_back(Stacked(given[i], FreshLength(options), 0, options.item_symbol));
  }
  for (Fact& f : *outputs) {
    if (counts_items) f.item_axis = kMixed;
  }
  return Status();
}

Status InferScan(const Model& model, const ControlOp& op, const InferOptions& options,
                 const std::vector<Fact>& around, const std::vector<Fact>& in,
                 std::vector<Fact>* outputs) {
  const size_t scans = op.scan_inputs(), states = in.size() - scans;
  std::vector<Fact> carried(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(states)), rest;
  Dim length = FreshLength(options);
  bool counts_items = false;  // how often it runs depends on how many items there are
  for (size_t i = 0; i < scans; ++i) {
    Fact f = Varying(in[states + i], options.item_symbol);
    if (!f.ranked) {
      counts_items = counts_items || f.item_axis != kShared;
    } else {
      int axis = 0;
      const int64_t given = i < op.input_axes().size() ? op.input_axes()[i] : 0;
      MOSAIC_RETURN_IF_ERROR(NormalizeAxis(given, f.rank(), &axis));
      length = f.dims[static_cast<size_t>(axis)];
      counts_items =
          counts_items || f.item_axis == axis || CountsItems(length, options.item_symbol);
      f.dims.erase(f.dims.begin() + axis);
      if (f.item_axis == axis) f.item_axis = kMixed;
      if (f.item_axis > axis) --f.item_axis;
    }
    rest.push_back(std::move(f));
  }
  std::vector<Fact> given;
  MOSAIC_RETURN_IF_ERROR(Settle(model, op.body(), options, around, {}, rest, 0, &carried, &given));
  outputs->clear();
  for (size_t i = 0; i < states; ++i)
    outputs->push_back(Carried(Either(carried[i], given[i], options.item_symbol)));
  for (size_t i = states; i < given.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(CheckCollected(given[i]));
    const int64_t axis = i - states < op.output_axes().size() ? op.output_axes()[i - states] : 0;
    const int64_t rank = given[i].rank() + 1;
    outputs->push_back(Stacked(
        given[i], length, static_cast<size_t>(std::max<int64_t>(0, axis < 0 ? axis + rank : axis)),
        options.item_symbol));
  }
  for (Fact& f : *outputs) {
    if (counts_items) f.item_axis = kMixed;
  }
  return Status();
}

}  // namespace

Status InferControl(const Model& model, const BodyPlan& body, const Step& step,
                    const InferOptions& options, const std::vector<Fact>& facts,
                    std::vector<Fact>* outputs) {
  (void)body;
  const auto& op = static_cast<const ControlOp&>(*step.op);
  std::vector<Fact> in;
  for (int v : step.node.inputs) in.push_back(v < 0 ? Fact() : facts[static_cast<size_t>(v)]);
  // Constants that bodies make are not worth their while: bodies run more often than they change.
  InferOptions inner = options;
  inner.fold_elements = std::min<int64_t>(options.fold_elements, 1024);
  if (op.kind() == ControlKind::kIf) {
    MOSAIC_RETURN_IF_ERROR(InferIf(model, op, inner, facts, in[0], outputs));
  } else if (op.kind() == ControlKind::kLoop) {
    MOSAIC_RETURN_IF_ERROR(InferLoop(model, op, inner, facts, in, outputs));
  } else {
    MOSAIC_RETURN_IF_ERROR(InferScan(model, op, inner, facts, in, outputs));
  }
  if (outputs->size() < step.node.outputs.size()) {
    return Status::BadModel("has " + std::to_string(step.node.outputs.size()) +
                            " outputs, its body gives " + std::to_string(outputs->size()));
  }
  outputs->resize(step.node.outputs.size());
  // An iteration may use items, but no more is proven than the bodies prove.
  const bool itemised = Itemised(facts, model.bodies[static_cast<size_t>(op.body()) + 1]);
  for (Fact& f : *outputs) {
    ForgetInts(options.item_symbol, &f);
    if (f.item_axis == kUnstated) f.item_axis = itemised ? kMixed : kShared;
    if (options.item_symbol.empty()) f.item_axis = kShared;
  }
  return Status();
}

}  // namespace mosaic
