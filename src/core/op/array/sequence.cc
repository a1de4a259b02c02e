// Operators on sequences: SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase,
// SequenceAt, SequenceLength. The arrays of a sequence are shared, not copied.
#include "core/op/array/sequence.h"

#include <algorithm>

namespace mosaic {

Status CheckSequence(const InferContext& c, size_t i) {
  return c.dtype(i) == MOSAIC_SEQUENCE
             ? Status()
             : Status::BadModel(std::string("input of type ") + DTypeName(c.dtype(i)) +
                                " is no sequence");
}

Status CheckLength(int64_t n) {
  if (n <= kMaxSequence) return Status();
  return Status::Limit("a sequence would have " + std::to_string(n) + " arrays; the limit is " +
                       std::to_string(kMaxSequence));
}

Status GiveSequence(Call& c, std::vector<Tensor> items) {
  for (const Tensor& t : items) {
    if (t.dtype() == MOSAIC_SEQUENCE) return Status::Unsupported("a sequence of sequences");
  }
  MOSAIC_RETURN_IF_ERROR(CheckLength(static_cast<int64_t>(items.size())));
  Tensor held;
  if (!items.empty()) held = c.arena->New(MOSAIC_UINT8, {static_cast<int64_t>(items.size() * sizeof(Tensor))});
  c.outputs[0] = Tensor::Sequence(std::move(items), held);
  return Status();
}

Status SequenceItems(const Call& c, const std::vector<Tensor>** out) {
  const Tensor& sequence = c.inputs[0];
  if (sequence.dtype() != MOSAIC_SEQUENCE || IsEmptyOptional(sequence)) {
    return Status::Invalid("the optional value is empty or no sequence");
  }
  *out = &sequence.items();
  return Status();
}

Status SequencePosition(const Call& c, size_t i, int64_t count, int64_t fallback, int64_t* out) {
  *out = fallback;
  if (c.Given(i)) {
    Dispatch(IndexTypes(), c.inputs[i].dtype(),
             [&](auto type) { *out = *c.inputs[i].data<typename decltype(type)::T>(); });
  }
  const int64_t position = *out;
  if (position < 0) *out += count;
  if (*out >= 0 && *out < count) return Status();
  return Status::Invalid("position " + std::to_string(position) + " is out of range for " +
                         std::to_string(count));
}

namespace {

Status CheckPosition(const InferContext& c, size_t i) {
  if (!c.Has(i)) return Status();
  MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(i), "a position"));
  if (LengthOf(c.in(i)) < 0 || LengthOf(c.in(i)) == 1) return Status();
  return Status::BadModel("a position must be one element");
}

class SequenceEmptyOp : public SequenceOp {
 public:
  explicit SequenceEmptyOp(const Node& node)
      : element_(static_cast<int>(node.Int("dtype", MOSAIC_FLOAT))) {}
  Status Infer(InferContext& c) const override {
    SetSequence(c, element_);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    c.outputs[0] = Tensor::Sequence({});
    return Status();
  }

 private:
  int element_;
};

class SequenceConstructOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    for (size_t i = 0; i < c.inputs(); ++i) {
      if (!c.Has(i)) return Status::BadModel("an input is omitted");
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
    }
    if (c.dtype(0) == MOSAIC_SEQUENCE) return UnsupportedType("an array of a sequence", c.dtype(0));
    SetSequence(c, c.dtype(0));
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    return GiveSequence(c, c.inputs);
  }
};

class SequenceInsertOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSequence(c, 0));
    MOSAIC_RETURN_IF_ERROR(CheckPosition(c, 2));
    if (c.dtype(1) == MOSAIC_SEQUENCE) return UnsupportedType("an array of a sequence", c.dtype(1));
    const int element = c.in(0).element;
    if (element != MOSAIC_UNDEFINED && element != c.dtype(1)) {
      return Status::BadModel(std::string("an array of ") + DTypeName(c.dtype(1)) +
                              " does not fit a sequence of " + DTypeName(element));
    }
    SetSequence(c, c.dtype(1));
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    const std::vector<Tensor>* given = nullptr;
    MOSAIC_RETURN_IF_ERROR(SequenceItems(c, &given));
    std::vector<Tensor> items = *given;
    const int64_t n = static_cast<int64_t>(items.size());
    int64_t at = n;
    if (c.Given(2)) MOSAIC_RETURN_IF_ERROR(InsertPosition(c, n, &at));
    items.insert(items.begin() + at, c.inputs[1]);
    return GiveSequence(c, std::move(items));
  }

 private:
  // -n counts from the back, n is behind the last one.
  static Status InsertPosition(const Call& c, int64_t n, int64_t* at) {
    Dispatch(IndexTypes(), c.inputs[2].dtype(),
             [&](auto type) { *at = *c.inputs[2].data<typename decltype(type)::T>(); });
    if (*at == n) return Status();
    return SequencePosition(c, 2, n, n, at);
  }
};

class SequenceEraseOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSequence(c, 0));
    MOSAIC_RETURN_IF_ERROR(CheckPosition(c, 1));
    SetSequence(c, c.in(0).element);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    const std::vector<Tensor>* given = nullptr;
    MOSAIC_RETURN_IF_ERROR(SequenceItems(c, &given));
    std::vector<Tensor> items = *given;
    const int64_t n = static_cast<int64_t>(items.size());
    int64_t at = 0;
    MOSAIC_RETURN_IF_ERROR(SequencePosition(c, 1, n, n - 1, &at));
    items.erase(items.begin() + at);
    return GiveSequence(c, std::move(items));
  }
};

class SequenceAtOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSequence(c, 0));
    MOSAIC_RETURN_IF_ERROR(CheckPosition(c, 1));
    c.SetUnranked(0, c.in(0).element);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    const std::vector<Tensor>* items = nullptr;
    MOSAIC_RETURN_IF_ERROR(SequenceItems(c, &items));
    int64_t at = 0;
    MOSAIC_RETURN_IF_ERROR(SequencePosition(c, 1, static_cast<int64_t>(items->size()), 0, &at));
    c.outputs[0] = (*items)[static_cast<size_t>(at)];
    return Status();
  }
};

class SequenceLengthOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSequence(c, 0));
    return c.Set(0, MOSAIC_INT64, {});
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    const std::vector<Tensor>* items = nullptr;
    MOSAIC_RETURN_IF_ERROR(SequenceItems(c, &items));
    *c.outputs[0].mutable_data<int64_t>() = static_cast<int64_t>(items->size());
    return Status();
  }
};

}  // namespace

extern const OpDef kSequenceAt = {kOnnxDomain, "SequenceAt", 11, 25,
                                  &MakePlain<SequenceAtOp, 2, 2>};
extern const OpDef kSequenceConstruct = {kOnnxDomain, "SequenceConstruct", 11, 25,
                                         &MakePlain<SequenceConstructOp, 1, kMaxSequence>};
extern const OpDef kSequenceEmpty = {kOnnxDomain, "SequenceEmpty", 11, 25,
                                     &MakeOf<SequenceEmptyOp, 0, 0>};
extern const OpDef kSequenceErase = {kOnnxDomain, "SequenceErase", 11, 25,
                                     &MakePlain<SequenceEraseOp, 1, 2>};
extern const OpDef kSequenceInsert = {kOnnxDomain, "SequenceInsert", 11, 25,
                                      &MakePlain<SequenceInsertOp, 2, 3>};
extern const OpDef kSequenceLength = {kOnnxDomain, "SequenceLength", 11, 25,
                                      &MakePlain<SequenceLengthOp, 1, 1>};

}  // namespace mosaic
