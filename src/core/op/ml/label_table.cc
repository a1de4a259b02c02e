#include "core/op/ml/label_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/op/ml/carver.h"
#include "core/util/quote.h"

namespace mosaic {

StringElement LabelOfNumber(int64_t n) { return {nullptr, n}; }

StringElement LabelOfNumber(double x) {
  if (std::isnan(x)) x = std::numeric_limits<double>::quiet_NaN();
  if (x == 0) x = 0;  // -0 equals 0
  int64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return {nullptr, bits};
}

StringElement LabelOf(const Tensor& t, int64_t i) {
  StringElement label;
  if (t.dtype() == MOSAIC_STRING) {
    label = t.data<StringElement>()[i];
    if (label.data == nullptr) label.data = "";
    return label;
  }
  Dispatch(LabelTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const T v = t.data<T>()[i];
    if constexpr (std::is_integral_v<T>) {
      label = LabelOfNumber(static_cast<int64_t>(v));
    } else {
      label = LabelOfNumber(static_cast<double>(v));
    }
  });
  return label;
}

void StoreLabel(StringElement label, Tensor* t, int64_t i) {
  if (t->dtype() == MOSAIC_STRING) {
    t->mutable_data<StringElement>()[i] = label;
    return;
  }
  Dispatch(LabelTypes(), t->dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    if constexpr (std::is_integral_v<T>) {
      t->mutable_data<T>()[i] = static_cast<T>(label.size);
    } else {
      double x;
      std::memcpy(&x, &label.size, sizeof x);
      t->mutable_data<T>()[i] = static_cast<T>(x);
    }
  });
}

// ---- lists ----

LabelList::LabelList(const Node& node, const std::string& strings, const std::string& ints,
                     const std::string& floats, const std::string& tensor) {
  if (!strings.empty() && node.Find(strings.c_str()) != nullptr) {
    strings_ = node.Strings(strings.c_str());
    dtype_ = MOSAIC_STRING;
    ++lists_;
  }
  for (const auto& [name, dtype] : {std::make_pair(ints, int{MOSAIC_INT64}), std::make_pair(floats, int{MOSAIC_FLOAT})}) {
    if (name.empty()) continue;
    if (node.Find(name.c_str()) == nullptr && node.AttributeInput(name.c_str()) < 0) continue;
    numbers_ = NumberList(node, name);
    dtype_ = dtype;
    ++lists_;
  }
  if (!tensor.empty()) tensor_ = node.AttributeInput(tensor.c_str());
  lists_ += tensor_ >= 0;
}

Status LabelList::Check(const InferContext& c) const {
  const bool fits = tensor_ >= 0 || (dtype_ != MOSAIC_INT64 && dtype_ != MOSAIC_FLOAT) || count_ >= 0 ||
                    (dtype_ == MOSAIC_INT64 ? numbers_.Readable<int64_t>(c) : numbers_.Readable<double>(c));
  return fits ? Status() : Status::BadModel(Quoted(numbers_.name()) + " is of another type");
}

int LabelList::dtype(const InferContext& c) const {
  return tensor_ >= 0 ? c.dtype(static_cast<size_t>(tensor_)) : dtype_;
}

Dim LabelList::Length(const InferContext& c) const {
  if (count_ >= 0) return count_;
  if (tensor_ >= 0) {
    const Fact& f = c.in(static_cast<size_t>(tensor_));
    return f.ranked ? Product(f.dims) : Dim::Unknown();
  }
  return dtype_ == MOSAIC_STRING ? Dim(static_cast<int64_t>(strings_.size())) : numbers_.Length(c);
}

int64_t LabelList::size(const Call& c) const {
  if (count_ >= 0) return count_;
  if (tensor_ >= 0) return c.inputs[static_cast<size_t>(tensor_)].size();
  return dtype_ == MOSAIC_STRING ? static_cast<int64_t>(strings_.size()) : numbers_.size(c);
}

StringElement LabelList::At(const Call& c, int64_t i) const {
  if (count_ >= 0) return LabelOfNumber(i);
  if (tensor_ >= 0) return LabelOf(c.inputs[static_cast<size_t>(tensor_)], i);
  if (dtype_ == MOSAIC_STRING) {
    const std::string& s = strings_[static_cast<size_t>(i)];
    return {s.data(), static_cast<int64_t>(s.size())};
  }
  if (dtype_ == MOSAIC_INT64) return LabelOfNumber(numbers_.At<int64_t>(c, i));
  return LabelOfNumber(numbers_.At<double>(c, i));
}

// ---- the table ----

namespace {

struct TableParts {
  int64_t capacity = 1;
  uint32_t* slots;
  StringElement *labels, *values;
  TableParts(Carver* m, int64_t n) {
    while (capacity < 2 * n) capacity *= 2;
    slots = m->Take<uint32_t>(capacity);
    labels = m->Take<StringElement>(n);
    values = m->Take<StringElement>(n);
  }
};

bool SameLabel(StringElement a, StringElement b) {
  if (a.size != b.size || (a.data == nullptr) != (b.data == nullptr)) return false;
  return a.data == nullptr || a.size == 0 || std::memcmp(a.data, b.data, static_cast<size_t>(a.size)) == 0;
}

uint64_t HashOf(StringElement label) {
  uint64_t h = static_cast<uint64_t>(label.size) * 0x9E3779B97F4A7C15u;
  for (int64_t i = 0; label.data != nullptr && i < label.size; ++i) {
    h = (h ^ static_cast<unsigned char>(label.data[i])) * 0x100000001B3u;
  }
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
  return h ^ (h >> 32);
}

}  // namespace

int64_t LabelTable::Bytes(int64_t n) {
  Carver m(nullptr);
  (void)TableParts(&m, n);
  return m.bytes();
}

LabelTable::LabelTable(void* memory, int64_t n) {
  Carver m(memory);
  const TableParts parts(&m, n);
  capacity_ = parts.capacity;
  slots_ = parts.slots;
  labels_ = parts.labels;
  values_ = parts.values;
}

uint32_t* LabelTable::Slot(StringElement label) const {
  for (uint64_t i = HashOf(label);; ++i) {
    uint32_t* slot = slots_ + (i & static_cast<uint64_t>(capacity_ - 1));
    if (*slot == 0 || SameLabel(labels_[*slot - 1], label)) return slot;
  }
}

void LabelTable::Add(int64_t i, StringElement label, StringElement value, bool last) {
  labels_[i] = label;
  values_[i] = value;
  uint32_t* slot = Slot(label);
  if (*slot == 0 || last) *slot = static_cast<uint32_t>(i) + 1;
}

int64_t LabelTable::Find(StringElement label) const { return int64_t{*Slot(label)} - 1; }

// ---- operators ----

Status LookupOp::StartPreparing(Call& c, int64_t* bytes) const {
  const int64_t n = keys(c.inputs[0].dtype()).size(c);
  if (n > INT32_MAX) return Status::Limit("more than 2^31 - 1 keys");
  *bytes = LabelTable::Bytes(n);
  c.OnePhase(Chunks(n, kChunk), 100 * kChunk);
  return Status();
}

Status LookupOp::RunPreparing(Call& c, int, int64_t begin, int64_t end) const {
  const LabelList &from = keys(c.inputs[0].dtype()), &to = values(c.inputs[0].dtype());
  const int64_t n = from.size(c);
  LabelTable table(c.outputs[0].mutable_raw(), n);
  for (int64_t i = begin * kChunk; i < std::min(end * kChunk, n); ++i) {
    table.Add(i, from.At(c, i), to.lists() > 0 ? to.At(c, i) : StringElement(), last_);
  }
  return Status();
}

void LookupOp::UsePrepared(Call& c, const void* prepared) const {
  c.state<State>().table = prepared;
}

}  // namespace mosaic
