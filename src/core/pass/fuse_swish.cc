#include "core/pass/fuse_swish.h"

#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class SwishMatcher {
 public:
  SwishMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  bool Match(size_t last, Fusion* out) {
    taken_ = {last};
    if (p_.Is(last, "Div") && p_.IsScalar(p_.node(last).inputs[1], 6)) {
      const size_t mul = Take(p_.node(last).inputs[0], "Mul");
      return mul != Pattern::kNone && Products(mul, last, false, out);
    }
    return p_.Is(last, "Mul") && Products(last, last, true, out);
  }

 private:
  // x * gate; whole: the gate is from 0 to 1.
  bool Products(size_t mul, size_t last, bool whole, Fusion* out) {
    const std::vector<size_t> before = taken_;
    for (size_t i : {0, 1}) {
      taken_ = before;
      const int x = p_.node(mul).inputs[i], gate = p_.node(mul).inputs[1 - i];
      const Fact& fact = p_.fact(x);
      if (fact.dtype != MOSAIC_FLOAT || !fact.ranked || fact.dims.empty()) continue;
      if (!whole && Clipped(gate, x)) return Finish("HardSwish", x, last, out);
      if (!whole) continue;
      if (const size_t s = Take(gate, "Sigmoid"); s != Pattern::kNone) {
        if (p_.node(s).inputs[0] == x) return Finish("Swish", x, last, out);
      } else if (const size_t h = Take(gate, "HardSigmoid"); h != Pattern::kNone) {
        const Node& n = p_.node(h);
        const float alpha = n.Float("alpha", 0.2F), beta = n.Float("beta", 0.5F);
        if (n.inputs[0] == x && alpha == 1.0F / 6 && beta == 0.5F) {
          return Finish("HardSwish", x, last, out);
        }
      } else if (const size_t d = Take(gate, "Div"); d != Pattern::kNone) {
        if (p_.IsScalar(p_.node(d).inputs[1], 6) && Clipped(p_.node(d).inputs[0], x)) {
          return Finish("HardSwish", x, last, out);
        }
      }
    }
    return false;
  }

  // Clip(x + 3, 0, 6)
  bool Clipped(int value, int x) {
    const size_t clip = Take(value, "Clip");
    if (clip == Pattern::kNone || p_.node(clip).inputs.size() != 3 ||
        !p_.IsScalar(p_.node(clip).inputs[1], 0) || !p_.IsScalar(p_.node(clip).inputs[2], 6)) {
      return false;
    }
    const size_t add = Take(p_.node(clip).inputs[0], "Add");
    if (add == Pattern::kNone) return false;
    const Node& n = p_.node(add);
    return (n.inputs[0] == x && p_.IsScalar(n.inputs[1], 3)) ||
           (n.inputs[1] == x && p_.IsScalar(n.inputs[0], 3));
  }

  // A value that is read once only, and made by a node of this type.
  size_t Take(int value, const char* op_type) {
    const size_t step = p_.Maker(value, op_type);
    if (step == Pattern::kNone || !p_.ReadOnce(value)) return Pattern::kNone;
    taken_.push_back(step);
    return step;
  }

  bool Finish(const char* op_type, int x, size_t last, Fusion* out) {
    out->taken = taken_;
    out->node = Node();
    out->node.name = p_.node(last).name;
    out->node.op_type = op_type;
    out->node.inputs = {x};
    out->node.outputs = p_.node(last).outputs;
    return FindOp("", op_type)->make(out->node, &out->op).ok();
  }

  Pattern p_;
  std::vector<size_t> taken_;
};

}  // namespace

void FuseSwish(const Model& model, BodyPlan* body) {
  SwishMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
