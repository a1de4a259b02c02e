// CastMap: the values of a map from integers as an array [1, C], in the order of their keys
// (DENSE), or each at its key (SPARSE), with 0 where there is none ("0.f", of strings, as in ONNX
// Runtime).
#include <algorithm>

#include "core/op/ml/map_rows.h"
#include "core/op/ml/ml_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 2048;        // elements of a unit
constexpr int64_t kMostSorted = 65536;  // entries that are put in order, in one unit

class CastMap : public Op {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
    auto op = std::make_unique<CastMap>();
    const std::string to = node.String("cast_to", "TO_FLOAT"),
                      form = node.String("map_form", "DENSE");
    op->to_ = to == "TO_FLOAT"    ? MOSAIC_FLOAT
              : to == "TO_INT64"  ? MOSAIC_INT64
              : to == "TO_STRING" ? MOSAIC_STRING
                                  : MOSAIC_UNDEFINED;
    if (op->to_ == MOSAIC_UNDEFINED) return Status::BadModel("cast_to is " + Quoted(to));
    if (form != "DENSE" && form != "SPARSE") return Status::BadModel("map_form is " + Quoted(form));
    op->places_ = form == "DENSE" ? 0 : node.Int("max_map", 1);
    if (form == "SPARSE" && op->places_ < 1) {
      return Status::BadModel("max_map is " + std::to_string(op->places_));
    }
    MOSAIC_RETURN_IF_ERROR(MapTypesOf(node, &op->types_));
    if (op->types_.key != MOSAIC_INT64) return UnsupportedType("a key", op->types_.key);
    if (op->types_.value != MOSAIC_FLOAT && op->types_.value != MOSAIC_STRING) {
      return UnsupportedType("a value", op->types_.value);
    }
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferMap(c, &rows, &known));
    if (places_ > 0) rows = places_;
    if (places_ == 0 && !known) rows = c.NewDim();
    return c.Set(0, to_, {1, rows});
  }

  Status Start(Call& c) const override {
    const int64_t n = c.inputs[0].dim(0);
    if (places_ == 0) {
      if (n > kMostSorted) {
        return Status::Limit("a map has more than " + std::to_string(kMostSorted) + " entries");
      }
      c.scratch_bytes = n * static_cast<int64_t>(sizeof(Entry));
      c.OnePhase(1, 100.0 * static_cast<double>(n));
      return Status();
    }
    c.phases = {Phase{Chunks(places_, kChunk), kChunk}, Phase{Chunks(n, kChunk), 200 * kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (places_ == 0) return Dense(c);
    if (phase == 0) {
      for (int64_t i = begin * kChunk; i < std::min(end * kChunk, places_); ++i)
        Clear(&c.outputs[0], i);
      return Status();
    }
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, c.inputs[0].dim(0)); ++i) {
      int64_t key;
      MOSAIC_RETURN_IF_ERROR(IntegerKey(KeyAt(c.inputs[0], i), &key));
      if (key < 0) return Status::Invalid("the key " + std::to_string(key) + " is below 0");
      if (key < places_) MOSAIC_RETURN_IF_ERROR(Put(c, ValueAt(c.inputs[0], i), key));
    }
    return Status();
  }

 private:
  struct Entry {
    int64_t key, row;
  };

  Status Dense(Call& c) const {
    const int64_t n = c.inputs[0].dim(0);
    Entry* entries = static_cast<Entry*>(c.scratch);
    for (int64_t i = 0; i < n; ++i) {
      MOSAIC_RETURN_IF_ERROR(IntegerKey(KeyAt(c.inputs[0], i), &entries[i].key));
      entries[i].row = i;
    }
    std::sort(entries, entries + n, [](const Entry& a, const Entry& b) {
      return a.key != b.key ? a.key < b.key : a.row < b.row;
    });
    for (int64_t i = 0; i < n; ++i) {
      MOSAIC_RETURN_IF_ERROR(Put(c, ValueAt(c.inputs[0], entries[i].row), i));
    }
    return Status();
  }

  void Clear(Tensor* out, int64_t at) const {
    if (to_ == MOSAIC_FLOAT) out->mutable_data<float>()[at] = 0;
    if (to_ == MOSAIC_INT64) out->mutable_data<int64_t>()[at] = 0;
    if (to_ == MOSAIC_STRING) out->mutable_data<StringElement>()[at] = {"0.f", 3};
  }

  Status Put(Call& c, StringElement value, int64_t at) const {
    Tensor& out = c.outputs[0];
    if (types_.value == MOSAIC_STRING) {
      if (to_ == MOSAIC_STRING) out.mutable_data<StringElement>()[at] = value;
      if (to_ == MOSAIC_INT64)
        return ParseNumbers(&value, 1, to_, out.mutable_data<int64_t>() + at);
      if (to_ == MOSAIC_FLOAT) return ParseNumbers(&value, 1, to_, out.mutable_data<float>() + at);
      return Status();
    }
    float number;
    MOSAIC_RETURN_IF_ERROR(ParseNumbers(&value, 1, MOSAIC_FLOAT, &number));
    if (to_ == MOSAIC_FLOAT) out.mutable_data<float>()[at] = number;
    if (to_ == MOSAIC_INT64) out.mutable_data<int64_t>()[at] = ConvertTo<int64_t>(number);
    if (to_ == MOSAIC_STRING) {  // with six digits behind the point
      char text[64];
      const auto end =
          std::to_chars(text, text + sizeof(text), number, std::chars_format::fixed, 6);
      const int64_t size = end.ptr - text;
      char* to = c.arena->Characters(static_cast<size_t>(size));
      std::copy_n(text, size, to);
      out.mutable_data<StringElement>()[at] = {to, size};
    }
    return Status();
  }

  int to_ = MOSAIC_FLOAT;
  int64_t places_ = 0;  // of SPARSE; 0: DENSE
  MapTypes types_;
};

}  // namespace

extern const OpDef kCastMap = {kMlDomain, "CastMap", 1, 5, &CastMap::Make};

}  // namespace mosaic
