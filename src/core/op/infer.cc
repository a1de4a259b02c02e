#include "core/op/infer.h"

#include <algorithm>

#include "core/op/op_support.h"
#include "core/tensor/element.h"

namespace mosaic {
namespace {

// Integers of more elements are not followed: shapes and axes are short.
constexpr int64_t kMaxKnown = 1024;

bool IsIndexType(int dtype) { return dtype == MOSAIC_INT64 || dtype == MOSAIC_INT32; }

// Symbols of dimensions that nothing is known of, one for each place of a graph.
std::string FreshName() {
  static thread_local int64_t count = 0;
  return "?" + std::to_string(++count);
}

}  // namespace

Fact Fact::OfTensor(const Tensor& t) {
  Fact f = Of(t.dtype(), DimsOf(t.shape()));
  f.value = t;
  f.item_axis = kShared;
  if (t.dtype() == MOSAIC_SEQUENCE) {
    f.ranked = false;
    f.dims.clear();
    if (t.raw() == nullptr && t.owned() && !t.items().empty()) f.element = t.items()[0].dtype();
  }
  return f;
}

bool KnownDims(const Fact& f, Dims* out) {
  if (f.ints != nullptr) {
    *out = *f.ints;
    return true;
  }
  if (!f.value.defined() || f.value.raw() == nullptr || f.value.rank() > 1 ||
      f.value.size() > kMaxKnown || !IsIndexType(f.value.dtype())) {
    return false;
  }
  out->clear();
  Dispatch(Types<int32_t, int64_t>(), f.value.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    for (int64_t i = 0; i < f.value.size(); ++i) out->push_back(Dim(f.value.data<T>()[i]));
  });
  return true;
}

Status KnownInts(const Fact& f, const char* what, std::vector<int64_t>* out) {
  if (f.value.defined() && f.value.raw() != nullptr) return ReadInts(f.value, what, out);
  Dims dims;
  if (!KnownDims(f, &dims)) return Status::Internal(std::string(what) + " is not known");
  out->clear();
  for (const Dim& d : dims) {
    if (!d.is_number()) return Status::Internal(std::string(what) + " is not known");
    out->push_back(d.number());
  }
  return Status();
}

InferContext::InferContext(const std::vector<Fact>& inputs, size_t outputs,
                           const std::string& item_symbol)
    : in_(inputs), out_(outputs), item_symbol_(item_symbol) {
  for (const Fact& f : in_) itemised_ = itemised_ || f.item_axis >= 0;
}

Status InferContext::Set(size_t o, int dtype, Dims dims) {
  if (o >= out_.size()) return Status();
  Shape shape;
  if (dims.size() > MOSAIC_MAX_DIMS || NumbersOf(dims, &shape)) {
    if (dims.size() > Shape::kCapacity) dims.resize(Shape::kCapacity);  // refused all the same
    shape.resize(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) shape[i] = dims[i].is_number() ? dims[i].number() : 1;
    MOSAIC_RETURN_IF_ERROR(CheckShape(shape, dtype));
  }
  for (const Dim& d : dims) {
    if (d.is_too_large()) return Status::Limit("a dimension is too large");
    if (d.is_number() && d.number() < 0) {
      return Status::BadModel("negative dimension in shape " + ShapeString(dims));
    }
  }
  out_[o].dtype = dtype;
  out_[o].ranked = true;
  out_[o].dims = std::move(dims);
  return Status();
}

void InferContext::SetUnranked(size_t o, int dtype) {
  if (o < out_.size()) out_[o].dtype = dtype;
}

bool InferContext::Ranked() const {
  for (const Fact& f : in_) {
    if (f.dtype != MOSAIC_UNDEFINED && !f.ranked) return false;
  }
  return true;
}

Dim InferContext::NewDim() { return concrete() ? Dim() : Dim::Symbol(FreshName()); }

Status InferContext::RequireEqual(const Dim& a, const Dim& b, const std::string& what) {
  if (Differ(a, b)) {
    return Status::BadModel(what + ": " + a.ToString() + " and " + b.ToString());
  }
  if (!Same(a, b) && (CountsItems(a) || CountsItems(b))) Mix();
  return Status();
}

Status InferContext::Broadcast(const Dims& a, const Dims& b, Dims* out) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims result = longer;
  const size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    Dim& d = result[lead + i];
    const Dim& e = shorter[i];
    if (Same(d, e) || e.Is(1)) continue;
    if (d.Is(1)) {
      d = e;
      continue;
    }
    // Two numbers, neither of them 1. Certain difference of symbols is no error: one may be 1.
    if (d.is_number() && e.is_number()) {
      return Status::BadModel("shapes " + ShapeString(a) + " and " + ShapeString(b) +
                              " cannot be broadcast together");
    }
    if (CountsItems(d) || CountsItems(e)) Mix();
    // Of n and min(n, m) the other is 1, or they are equal: n is right in each case (m is no 0).
    if (AtMost(d, e) || AtMost(e, d)) {
      if (AtMost(d, e)) d = e;
    } else if (d.is_number() || e.is_number()) {
      d = d.is_number() ? d : e;  // the other one is 1 or the same
    } else {
      d = NewDim();
    }
  }
  *out = std::move(result);
  return Status();
}

void InferContext::ItemsBroadcast() {
  if (!itemised_ || out_.empty()) return;
  const int rank = out_[0].rank();
  int axis = kUnstated;
  for (const Fact& f : in_) {
    if (f.dtype == MOSAIC_UNDEFINED || f.item_axis < 0) continue;
    const int at = f.item_axis + rank - f.rank();
    if (axis != kUnstated && axis != at) return Mix();
    axis = at;
  }
  // Along the items' axis an input that is not itemised must not differ from item to item.
  for (const Fact& f : in_) {
    if (f.dtype == MOSAIC_UNDEFINED || f.item_axis >= 0) continue;
    const int at = axis - (rank - f.rank());
    if (at >= 0 && !f.dims[static_cast<size_t>(at)].Is(1)) return Mix();
  }
  for (Fact& o : out_) o.item_axis = axis;
}

void InferContext::ItemsAt(size_t i, int axis) {
  if (!itemised_) return;
  for (size_t k = 0; k < in_.size(); ++k) {
    if (k != i && Itemised(k)) return Mix();
  }
  if (axis < 0) return Mix();
  for (Fact& o : out_) o.item_axis = axis;
}

void InferContext::ItemsReshaped() {
  const Fact& x = in_[0];
  Fact& y = out_[0];
  const bool spread = x.spread_axis >= 0;
  if (!itemised_ && !spread) return;
  if (!y.ranked || (itemised_ && !Itemised(0))) return Mix();
  const size_t from = static_cast<size_t>(spread ? x.spread_axis : x.item_axis);
  const Dim before = Product(x.dims, 0, from) * (spread ? x.spread_outer : Dim(1));
  for (size_t a = 0; a < y.dims.size(); ++a) {
    const Dim here = Product(y.dims, 0, a);
    // What lies before stays before, and the items are still the outermost part of their axis.
    if (Same(here, before) && y.dims[a].DividedBy(items())) {
      y.item_axis = static_cast<int>(a);
      excused_ = 0;
      return;
    }
  }
  for (size_t a = 0; a < y.dims.size(); ++a) {
    const std::optional<Dim> outer = before.DividedBy(Product(y.dims, 0, a));
    if (outer && !CountsItems(*outer) && y.dims[a].DividedBy(*outer * items())) {
      y.spread_axis = static_cast<int>(a);
      y.spread_outer = *outer;
      break;
    }
  }
  Mix();
}

// Known in terms of the sizes of the model's inputs alone: then the elements that made them do not
// matter. (A symbol made on the way, ?n, may stand for what depends on elements.)
static bool OfDeclaredSizes(const Fact& f) {
  if (f.ints == nullptr) return false;
  return std::none_of(f.ints->begin(), f.ints->end(),
                      [](const Dim& d) { return d.is_unknown() || d.DependsOn("?"); });
}

bool InferContext::InputsCountItems() const {
  for (const Fact& in : in_) {
    for (const Dim& d : in.dims) {
      if (CountsItems(d)) return true;
    }
    for (size_t k = 0; in.ints != nullptr && k < in.ints->size(); ++k) {
      if (CountsItems((*in.ints)[k])) return true;
    }
  }
  return itemised_;
}

std::vector<Fact> InferContext::Finish(const std::vector<bool>& shape_inputs) {
  for (size_t i = 0; i < in_.size(); ++i) {
    if (in_[i].item_axis == kMixed && static_cast<int>(i) != excused_) mixed_ = true;
    // Elements that depend on how many items there are may decide shapes, and be followed; not
    // more.
    if (concrete() || in_[i].ints == nullptr || shape_inputs[i]) continue;
    bool counts = false;
    for (const Dim& d : *in_[i].ints) counts = counts || CountsItems(d);
    for (const Fact& o : out_) mixed_ = mixed_ || (counts && o.ints == nullptr);
  }
  for (Fact& o : out_) {
    if (concrete()) {
      o.item_axis = kShared;
      continue;
    }
    bool counts = false;
    for (const Dim& d : o.dims) counts = counts || CountsItems(d);
    if (o.item_axis == kUnstated) o.item_axis = itemised_ ? kMixed : kShared;
    if (o.ints != nullptr) o.item_axis = kShared;  // follows from shapes alone
    // Of an array of unknown rank nobody knows whether it counts items.
    if (!o.ranked && o.item_axis == kShared) counts = InputsCountItems();
    if (o.item_axis == kShared && counts) o.item_axis = kMixed;
    if (o.item_axis >= 0) {
      const size_t a = static_cast<size_t>(o.item_axis);
      if (a >= o.dims.size() || !o.dims[a].DividedBy(items())) o.item_axis = kMixed;
    }
    if (mixed_ && !OfDeclaredSizes(o)) o.item_axis = kMixed;
  }
  return std::move(out_);
}

}  // namespace mosaic
