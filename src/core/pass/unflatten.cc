#include "core/pass/unflatten.h"

#include "core/op/op.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class FlatMatcher {
 public:
  FlatMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  // Reshape(operator(Flatten(x)), Shape(x))
  bool Match(size_t last, Fusion* out) {
    if (!p_.Is(last, "Reshape") || p_.node(last).inputs.size() != 2) return false;
    for (const char* type : {"Softmax", "LogSoftmax", "Hardmax"}) {
      if (Flat(last, type, out)) return true;
    }
    return false;
  }

 private:
  bool Flat(size_t last, const char* type, Fusion* out) {
    const int result = p_.node(last).inputs[0], shape = p_.node(last).inputs[1];
    const size_t op = p_.Maker(result, type), sizes = p_.Maker(shape, "Shape");
    if (op == Pattern::kNone || sizes == Pattern::kNone || !p_.ReadOnce(result)) return false;
    const int flat = p_.node(op).inputs[0];
    const size_t flatten = p_.Maker(flat, "Flatten");
    if (flatten == Pattern::kNone || !p_.ReadOnce(flat)) return false;
    const int x = p_.node(flatten).inputs[0];
    const Fact& fact = p_.fact(x);
    // Shape may have attributes that take a part.
    if (p_.node(sizes).inputs[0] != x || !p_.node(sizes).attributes.empty() || !fact.ranked)
      return false;
    const int64_t rank = fact.rank(), axis = p_.node(flatten).Int("axis", 1);
    if (rank < 1 || (axis != -1 && axis != rank - 1) || p_.node(op).Int("axis", -1) != -1)
      return false;
    out->taken = {last, op, flatten};
    if (p_.ReadOnce(shape)) out->taken.push_back(sizes);
    out->node = p_.node(op);
    out->node.inputs = {x};
    out->node.outputs = p_.node(last).outputs;
    return FindOp("", type)->make(out->node, &out->op).ok();
  }

  Pattern p_;
};

}  // namespace

void Unflatten(const Model& model, BodyPlan* body) {
  FlatMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
