// OneHotEncoder: a new last dimension of all categories, 1 at that of the element. Numbers are looked up as integers.
#include <algorithm>

#include "core/op/ml/label_table.h"

namespace mosaic {
namespace {

class OneHotEncoder : public LookupOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    auto op = std::make_unique<OneHotEncoder>();
    op->keys_ = LabelList(node, "cats_strings", "cats_int64s", "", "");
    op->last_ = true;
    op->zeros_ = node.Int("zeros", 1) != 0;
    if (op->keys_.lists() != 1) {
      return Status::BadModel("one of \"cats_strings\" and \"cats_int64s\" is needed");
    }
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    const bool strings = keys_.dtype(c) == MOSAIC_STRING;
    if (!strings) MOSAIC_RETURN_IF_ERROR(CheckType<MlTypes>(c.dtype(0), "an input"));
    if (strings != (c.dtype(0) == MOSAIC_STRING)) return UnsupportedType("an input", c.dtype(0));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    Dims dims = c.dims(0);
    dims.push_back(keys_.Length(c));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(dims)));
    c.ItemsOf(0);
    return Status();
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    const int64_t n = std::max<int64_t>(1, keys_.size(c));
    c.OnePhase(Chunks(c.inputs[0].size(), Elements(n)), 2.0 * static_cast<double>(Elements(n) * (n + 50)));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const LabelTable found = table(c);
    const int64_t n = keys_.size(c), elements = Elements(std::max<int64_t>(1, n));
    for (int64_t i = begin * elements; i < std::min(end * elements, c.inputs[0].size()); ++i) {
      float* out = c.outputs[0].mutable_data<float>() + i * n;
      std::fill(out, out + n, 0.0f);
      const int64_t at = found.Find(Category(c.inputs[0], i));
      if (at >= 0) {
        out[at] = 1;
      } else if (!zeros_) {
        return Status::Invalid("element " + std::to_string(i) + " is none of the categories");
      }
    }
    return Status();
  }

 private:
  static int64_t Elements(int64_t n) { return std::max<int64_t>(1, 16384 / n); }  // of a unit
  static StringElement Category(const Tensor& x, int64_t i) {
    if (x.dtype() == MOSAIC_STRING) return LabelOf(x, i);
    int64_t category = 0;
    Dispatch(MlTypes(), x.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      category = ConvertTo<int64_t>(x.data<T>()[i]);
    });
    return LabelOfNumber(category);
  }

  bool zeros_ = true;
};

}  // namespace

extern const OpDef kOneHotEncoder = {kMlDomain, "OneHotEncoder", 1, 5, &OneHotEncoder::Make};

}  // namespace mosaic
