#include "core/pass/fuse_integers.h"

#include "core/op/quant/matmul_integer.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class IntegerMatcher {
 public:
  IntegerMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  // [Add(]Mul(Cast(MatMulInteger), scale)[, bias)]
  bool Match(size_t last, Fusion* out) {
    out->taken = {last};
    if (p_.Is(last, "Mul")) return MatchScaled(last, -1, last, out);
    if (!p_.Is(last, "Add")) return false;
    for (size_t i : {0, 1}) {
      const int product = p_.node(last).inputs[i];
      const size_t mul = p_.Maker(product, "Mul");
      if (mul == Pattern::kNone || !p_.ReadOnce(product)) continue;
      out->taken = {last, mul};
      if (MatchScaled(mul, p_.node(last).inputs[1 - i], last, out)) return true;
    }
    return false;
  }

 private:
  bool MatchScaled(size_t mul, int bias, size_t last, Fusion* out) {
    for (size_t i : {0, 1}) {
      const int value = p_.node(mul).inputs[i], scale = p_.node(mul).inputs[1 - i];
      const size_t cast = p_.Maker(value, "Cast");
      if (cast == Pattern::kNone || !p_.ReadOnce(value) ||
          p_.node(cast).Int("to", 0) != MOSAIC_FLOAT) {
        continue;
      }
      const int sums = p_.node(cast).inputs[0];
      const size_t product = p_.Maker(sums, "MatMulInteger");
      if (product == Pattern::kNone || !p_.ReadOnce(sums)) continue;
      const Fact& fact = p_.fact(sums);
      if (!fact.ranked || fact.dims.empty() || !fact.dims.back().is_number()) continue;
      const int64_t columns = fact.dims.back().number();
      if (!IsRow(scale, columns, true) || (bias >= 0 && !IsRow(bias, columns, false))) continue;
      out->taken.push_back(cast);
      out->taken.push_back(product);
      out->node = p_.node(product);
      out->node.op_type += bias < 0 ? " + Cast + Mul" : " + Cast + Mul + Add";
      out->node.inputs.resize(4, -1);
      out->node.inputs.push_back(scale);
      if (bias >= 0) out->node.inputs.push_back(bias);
      out->node.outputs = p_.node(last).outputs;
      out->op = MakeScaledMatMulInteger(out->node);
      return true;
    }
    return false;
  }

  // A float32 for each column, or one for all.
  bool IsRow(int value, int64_t columns, bool or_one) const {
    const Fact& f = p_.fact(value);
    if (f.dtype != MOSAIC_FLOAT || !f.ranked || f.rank() > 1) return false;
    if (f.rank() == 0) return or_one;
    return f.dims[0].Is(columns) || (or_one && f.dims[0].Is(1));
  }

  Pattern p_;
};

}  // namespace

void FuseIntegers(const Model& model, BodyPlan* body) {
  IntegerMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
