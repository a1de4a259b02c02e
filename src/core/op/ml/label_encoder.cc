// LabelEncoder and CategoryMapper: each element becomes the value of the key that equals it, or a default.
#include <algorithm>
#include <cmath>

#include "core/op/ml/label_table.h"

namespace mosaic {
namespace {

class Encoder : public LookupOp {
 public:
  static Status MakeLabelEncoder(const Node& node, std::unique_ptr<Op>* out);
  static Status MakeCategoryMapper(const Node& node, std::unique_ptr<Op>* out);

  Status Infer(InferContext& c) const override {
    const LabelList &from = keys(c.dtype(0)), &to = values(c.dtype(0));
    const int key = from.dtype(c), value = to.dtype(c);
    for (const LabelList* list : {&from, &to}) MOSAIC_RETURN_IF_ERROR(list->Check(c));
    if (key != c.dtype(0)) {
      return Status::BadModel(std::string("an input of type ") + DTypeName(c.dtype(0)) +
                              " is looked up among keys of type " + DTypeName(key));
    }
    for (int dtype : {key, value}) {
      if (dtype != MOSAIC_STRING && !HasType(LabelTypes(), dtype)) return UnsupportedType("keys or values", dtype);
    }
    if (Differ(from.Length(c), to.Length(c))) {
      return Status::BadModel("there are " + from.Length(c).ToString() + " keys and " +
                              to.Length(c).ToString() + " values");
    }
    if (default_tensor_ >= 0) {
      const size_t i = static_cast<size_t>(default_tensor_);
      if (c.dtype(i) != value || (c.in(i).ranked && Differ(Product(c.dims(i)), 1))) {
        return Status::BadModel(std::string("default_tensor is ") + DTypeName(c.dtype(i)) + " of shape " +
                                ShapeString(c.dims(i)) + ", not one value of type " + DTypeName(value));
      }
    }
    return InferSame(c, value);
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    c.OnePhase(Chunks(c.inputs[0].size(), kChunk), 100 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const LabelTable found = table(c);
    Tensor& out = c.outputs[0];
    const StringElement otherwise = Default(c);
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, c.inputs[0].size()); ++i) {
      const int64_t at = found.Find(LabelOf(c.inputs[0], i));
      StoreLabel(at < 0 ? otherwise : found.value(at), &out, i);
    }
    return Status();
  }

 private:
  StringElement Default(const Call& c) const {
    if (default_tensor_ >= 0) return LabelOf(c.inputs[static_cast<size_t>(default_tensor_)], 0);
    const int dtype = c.outputs[0].dtype();
    if (dtype == MOSAIC_STRING) {
      return {default_string_.data(), static_cast<int64_t>(default_string_.size())};
    }
    if (dtype == MOSAIC_FLOAT || dtype == MOSAIC_DOUBLE) {
      StringElement label = LabelOfNumber(static_cast<double>(default_float_));
      if (default_float_ == 0 && std::signbit(default_float_)) label.size = INT64_MIN;  // -0
      return label;
    }
    return LabelOfNumber(default_int_);
  }

  int default_tensor_ = -1;
  std::string default_string_;
  float default_float_ = -0.0f;
  int64_t default_int_ = -1;
};

Status Encoder::MakeLabelEncoder(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
  auto op = std::make_unique<Encoder>();
  op->default_string_ = node.String("default_string", "_Unused");
  op->default_int_ = node.Int("default_int64", -1);
  op->default_float_ = node.Float("default_float", -0.0f);
  op->default_tensor_ = node.AttributeInput("default_tensor");
  if (node.Find("classes_strings") != nullptr) {  // version 1
    op->keys_ = LabelList(node, "classes_strings", "", "", "");
    op->values_ = LabelList::Indexes(static_cast<int64_t>(node.Strings("classes_strings").size()));
    op->both_ways_ = op->last_ = true;
  } else {
    op->keys_ = LabelList(node, "keys_strings", "keys_int64s", "keys_floats", "keys_tensor");
    op->values_ = LabelList(node, "values_strings", "values_int64s", "values_floats", "values_tensor");
    if (op->keys_.lists() != 1 || op->values_.lists() != 1) {
      return Status::BadModel("it has " + std::to_string(op->keys_.lists()) + " lists of keys and " +
                              std::to_string(op->values_.lists()) + " of values");
    }
  }
  *out = std::move(op);
  return Status();
}

Status Encoder::MakeCategoryMapper(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
  auto op = std::make_unique<Encoder>();
  op->default_string_ = node.String("default_string", "_Unused");
  op->default_int_ = node.Int("default_int64", -1);
  op->keys_ = LabelList(node, "cats_strings", "", "", "");
  op->values_ = LabelList(node, "", "cats_int64s", "", "");
  op->both_ways_ = op->last_ = true;
  if (op->keys_.lists() == 0 || op->values_.lists() == 0) {
    return Status::BadModel("\"cats_strings\" and \"cats_int64s\" are needed");
  }
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kCategoryMapper = {kMlDomain, "CategoryMapper", 1, 5, &Encoder::MakeCategoryMapper};
extern const OpDef kLabelEncoder = {kMlDomain, "LabelEncoder", 4, 5, &Encoder::MakeLabelEncoder};

}  // namespace mosaic
