#include "core/pass/fuse_norms.h"

#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class NormMatcher {
 public:
  NormMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  // A normalisation whose last step is this one.
  bool Match(size_t last, Fusion* out) {
    taken_.clear();
    if (p_.Is(last, "Add") && MatchLayer(last, out)) return true;
    taken_.clear();
    return p_.Is(last, "Mul") && MatchRms(last, out);
  }

 private:
  // Add(Mul(Div(d, sqrt), scale), bias)
  bool MatchLayer(size_t last, Fusion* out) {
    const Node& add = p_.node(last);
    for (size_t i : {0, 1}) {
      taken_ = {last};
      int x;
      float epsilon;
      const int bias = add.inputs[1 - i];
      const size_t mul = Take(add.inputs[i], "Mul");
      if (mul == Pattern::kNone) continue;
      for (size_t k : {0, 1}) {
        taken_ = {last, mul};
        const int scale = p_.node(mul).inputs[1 - k];
        if (Centred(p_.node(mul).inputs[k], &x, &epsilon) && IsRow(scale, x) && IsRow(bias, x)) {
          return Finish("LayerNormalization", {x, scale, bias}, epsilon, last, out);
        }
      }
    }
    return false;
  }

  // Div(d, Sqrt(Add(mean of d^2, epsilon))), where d = Sub(x, mean of x), once or twice.
  bool Centred(int value, int* x, float* epsilon) {
    const size_t div = Take(value, "Div");
    if (div == Pattern::kNone) return false;
    const int d = p_.node(div).inputs[0];
    int squared;
    if (!RootOfMeanSquare(p_.node(div).inputs[1], &squared, epsilon)) return false;
    if (!MatchDifference(d, x)) return false;
    if (squared == d) return AllReaders(d);
    int again;
    return AllReaders(d) && MatchDifference(squared, &again) && AllReaders(squared) && again == *x;
  }

  bool MatchDifference(int d, int* x) {
    const size_t sub = p_.Maker(d, "Sub");
    if (sub == Pattern::kNone) return false;
    *x = p_.node(sub).inputs[0];
    const int mean = p_.node(sub).inputs[1];
    const size_t reduce = p_.Maker(mean, "ReduceMean");
    if (reduce == Pattern::kNone || p_.node(reduce).inputs[0] != *x || !IsLastAxis(reduce)) {
      return false;
    }
    Mark(sub);
    Mark(reduce);
    return AllReaders(mean);
  }

  // Sqrt(Add(ReduceMean(squares of *x), epsilon))
  bool RootOfMeanSquare(int value, int* x, float* epsilon) {
    const size_t root = Take(value, "Sqrt");
    const size_t add = root == Pattern::kNone ? root : Take(p_.node(root).inputs[0], "Add");
    if (add == Pattern::kNone) return false;
    for (size_t i : {0, 1}) {
      if (!p_.Scalar(p_.node(add).inputs[1 - i], epsilon)) continue;
      const size_t reduce = Take(p_.node(add).inputs[i], "ReduceMean");
      return reduce != Pattern::kNone && IsLastAxis(reduce) && Square(p_.node(reduce).inputs[0], x);
    }
    return false;
  }

  bool Square(int value, int* x) {
    const size_t pow = Take(value, "Pow"), mul = pow == Pattern::kNone ? Take(value, "Mul") : pow;
    if (mul == Pattern::kNone) return false;
    *x = p_.node(mul).inputs[0];
    const int by = p_.node(mul).inputs[1];
    return pow == Pattern::kNone ? by == *x : p_.IsScalar(by, 2);
  }

  // Mul(scale, x / root): as Div(x, root), Mul(x, Reciprocal(root)) or Mul(x, Div(1, root)).
  bool MatchRms(size_t last, Fusion* out) {
    for (size_t i : {0, 1}) {
      taken_ = {last};
      const int scale = p_.node(last).inputs[1 - i];
      int x;
      float epsilon;
      if (Uncentred(p_.node(last).inputs[i], &x, &epsilon) && IsRow(scale, x)) {
        return Finish("RMSNormalization", {x, scale}, epsilon, last, out);
      }
    }
    return false;
  }

  bool Uncentred(int value, int* x, float* epsilon) {
    const size_t div = Take(value, "Div");
    if (div != Pattern::kNone) {
      return RootOfMeanSquare(p_.node(div).inputs[1], x, epsilon) && p_.node(div).inputs[0] == *x;
    }
    const size_t mul = Take(value, "Mul");
    if (mul == Pattern::kNone) return false;
    const std::vector<size_t> before = taken_;
    for (size_t i : {0, 1}) {
      taken_ = before;
      const int inverse = p_.node(mul).inputs[1 - i];
      const size_t one = Take(inverse, "Reciprocal");
      const size_t quotient = one == Pattern::kNone ? Take(inverse, "Div") : one;
      if (quotient == Pattern::kNone) continue;
      const Node& n = p_.node(quotient);
      if (one == Pattern::kNone && !p_.IsScalar(n.inputs[0], 1)) continue;
      if (RootOfMeanSquare(n.inputs[one == Pattern::kNone ? 1 : 0], x, epsilon) &&
          p_.node(mul).inputs[i] == *x) {
        return true;
      }
    }
    return false;
  }

  // A value that is read once only, and made by a node of this type.
  size_t Take(int value, const char* op_type) {
    const size_t step = p_.Maker(value, op_type);
    if (step == Pattern::kNone || !p_.ReadOnce(value)) return Pattern::kNone;
    Mark(step);
    return step;
  }
  void Mark(size_t step) {
    for (size_t t : taken_) {
      if (t == step) return;
    }
    taken_.push_back(step);
  }
  // Whether all who read the value are taken.
  bool AllReaders(int value) const {
    for (size_t r : p_.readers(value)) {
      bool found = false;
      for (size_t t : taken_) found = found || t == r;
      if (!found) return false;
    }
    return true;
  }

  bool IsLastAxis(size_t reduce) const {
    const Node& n = p_.node(reduce);
    const Fact& x = p_.fact(n.inputs[0]);
    int64_t axis;
    if (n.inputs.size() != 2 || n.Int("keepdims", 1) != 1 || !p_.Integer(n.inputs[1], &axis)) {
      return false;
    }
    return axis == -1 || (x.ranked && axis == x.rank() - 1);
  }
  // A stored vector of the last dimension of x.
  bool IsRow(int value, int x) const {
    const ModelTensor* t = p_.Constant(value);
    const Fact& f = p_.fact(x);
    return t != nullptr && f.ranked && f.rank() > 0 && f.dtype == MOSAIC_FLOAT &&
           t->weight.dtype == MOSAIC_FLOAT && t->weight.shape.size() == 1 &&
           f.dims.back().Is(t->weight.shape[0]);
  }

  bool Finish(const char* op_type, std::vector<int> inputs, float epsilon, size_t last,
              Fusion* out) {
    out->taken = taken_;
    out->node = Node();
    out->node.name = p_.node(last).name;
    out->node.op_type = op_type;
    out->node.inputs = std::move(inputs);
    out->node.outputs = p_.node(last).outputs;
    out->node.attributes = {{"axis", int64_t{-1}}, {"epsilon", epsilon}};
    return FindOp("", op_type)->make(out->node, &out->op).ok();
  }

  Pattern p_;
  std::vector<size_t> taken_;
};

}  // namespace

void FuseNorms(const Model& model, BodyPlan* body) {
  NormMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
