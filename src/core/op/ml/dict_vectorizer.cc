// DictVectorizer: the values of a map in the order of a vocabulary, [1, C]; 0 or "" for keys that
// the map has not. Keys that are not in the vocabulary are ignored.
#include <algorithm>
#include <cstring>

#include "core/op/ml/label_table.h"
#include "core/op/ml/map_rows.h"

namespace mosaic {
namespace {

class DictVectorizer : public LookupOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    auto op = std::make_unique<DictVectorizer>();
    op->keys_ = LabelList(node, "string_vocabulary", "int64_vocabulary", "", "");
    if (op->keys_.lists() != 1) {
      return Status::BadModel("one of \"string_vocabulary\" and \"int64_vocabulary\" is needed");
    }
    MOSAIC_RETURN_IF_ERROR(MapTypesOf(node, &op->types_));
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(keys_.Check(c));
    if (keys_.dtype(c) != types_.key) {
      return Status::BadModel(std::string("a vocabulary of type ") + DTypeName(keys_.dtype(c)) +
                              " is for keys of type " + DTypeName(types_.key));
    }
    if (types_.value != MOSAIC_STRING && !HasType(ValueTypes(), types_.value)) {
      return UnsupportedType("a value", types_.value);
    }
    Dim rows;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(InferMap(c, &rows, &known));
    return c.Set(0, types_.value, {1, keys_.Length(c)});
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    c.phases = {Phase{Chunks(c.outputs[0].size(), kChunk), kChunk},
                Phase{Chunks(c.inputs[0].dim(0), kChunk), 200 * kChunk},
                Phase{Chunks(c.outputs[0].size(), kChunk), 100 * kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Tensor& out = c.outputs[0];
    if (phase == 0) {
      const int64_t last = std::min(end * kChunk, out.size()), size = DTypeSize(out.dtype());
      if (out.dtype() == MOSAIC_STRING) {
        std::fill(out.mutable_data<StringElement>() + begin * kChunk,
                  out.mutable_data<StringElement>() + last, StringElement{"", 0});
      } else {
        std::memset(out.mutable_data<char>() + begin * kChunk * size, 0,
                    static_cast<size_t>((last - begin * kChunk) * size));
      }
      return Status();
    }
    const LabelTable found = table(c);
    if (phase == 2) {  // a key that the vocabulary has again, as ONNX Runtime
      for (int64_t i = begin * kChunk; i < std::min(end * kChunk, out.size()); ++i) {
        const int64_t first = found.Find(found.label(i)), size = DTypeSize(out.dtype());
        if (first == i) continue;
        std::memcpy(out.mutable_data<char>() + i * size, out.mutable_data<char>() + first * size,
                    static_cast<size_t>(size));
      }
      return Status();
    }
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, c.inputs[0].dim(0)); ++i) {
      StringElement key = KeyAt(c.inputs[0], i);
      if (types_.key == MOSAIC_INT64) {
        int64_t number;
        MOSAIC_RETURN_IF_ERROR(IntegerKey(key, &number));
        key = LabelOfNumber(number);
      }
      const int64_t at = found.Find(key);
      if (at >= 0) MOSAIC_RETURN_IF_ERROR(Put(ValueAt(c.inputs[0], i), &out, at));
    }
    return Status();
  }

 private:
  using ValueTypes = Types<float, double, int64_t>;

  static Status Put(StringElement value, Tensor* out, int64_t at) {
    if (out->dtype() == MOSAIC_STRING) {
      out->mutable_data<StringElement>()[at] = value;
      return Status();
    }
    Status status;
    Dispatch(ValueTypes(), out->dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      status = ParseNumbers(&value, 1, out->dtype(), out->mutable_data<T>() + at);
    });
    return status;
  }

  MapTypes types_;
};

}  // namespace

extern const OpDef kDictVectorizer = {kMlDomain, "DictVectorizer", 1, 5, &DictVectorizer::Make};

}  // namespace mosaic
