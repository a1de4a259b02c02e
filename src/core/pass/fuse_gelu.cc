#include "core/pass/fuse_gelu.h"

#include <cmath>

#include "core/pass/pattern.h"

namespace mosaic {
namespace {

bool Near(float a, double b) { return std::fabs(static_cast<double>(a) - b) <= 1e-6 * b; }

// A product as its factors: those that are scalars together, and the others.
struct Factors {
  float scalar = 1;
  std::vector<int> values;
};

class GeluMatcher {
 public:
  GeluMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  // 0.5 * x * Add(1, f)
  bool Match(size_t last, Fusion* out) {
    if (!p_.Is(last, "Mul")) return false;
    taken_ = {last};
    Factors f;
    Collect(p_.node(last), &f);
    if (f.values.size() != 2 || f.scalar != 0.5F) return false;
    const std::vector<size_t> before = taken_;
    for (size_t i : {0, 1}) {
      taken_ = before;
      const int x = f.values[i];
      const Fact& fact = p_.fact(x);
      if (fact.dtype != MOSAIC_FLOAT || !fact.ranked || fact.dims.empty()) continue;
      const int inner = OnePlus(f.values[1 - i]);
      if (inner < 0) continue;
      if (IsErf(inner, x)) return Finish("none", x, last, out);
      if (IsTanh(inner, x)) return Finish("tanh", x, last, out);
    }
    return false;
  }

 private:
  // Also the factors of factors that nothing else reads. A division by a scalar is a factor, too.
  void Collect(const Node& product, Factors* f) {
    for (size_t i : {0, 1}) {
      const int v = product.inputs[i];
      float s;
      if (p_.Scalar(v, &s)) {
        f->scalar = product.op_type == "Div" && i == 1 ? f->scalar / s : f->scalar * s;
        continue;
      }
      const size_t step = TakeProduct(v);
      if (step != Pattern::kNone) {
        Collect(p_.node(step), f);
      } else {
        f->values.push_back(v);
      }
    }
  }
  Factors FactorsOf(int value) {
    Factors f;
    const size_t step = TakeProduct(value);
    if (step == Pattern::kNone) {
      f.values.push_back(value);
    } else {
      Collect(p_.node(step), &f);
    }
    return f;
  }

  // What is added to 1, or -1.
  int OnePlus(int value) {
    const size_t add = Take(value, "Add");
    if (add == Pattern::kNone) return -1;
    const Node& n = p_.node(add);
    for (size_t i : {0, 1}) {
      if (p_.IsScalar(n.inputs[i], 1)) return n.inputs[1 - i];
    }
    return -1;
  }

  bool IsErf(int value, int x) {
    const size_t erf = Take(value, "Erf");
    if (erf == Pattern::kNone) return false;
    const Factors f = FactorsOf(p_.node(erf).inputs[0]);
    return f.values == std::vector<int>{x} && Near(f.scalar, M_SQRT1_2);
  }

  bool IsTanh(int value, int x) {
    const size_t tanh = Take(value, "Tanh");
    if (tanh == Pattern::kNone) return false;
    const Factors f = FactorsOf(p_.node(tanh).inputs[0]);
    if (f.values.size() != 1 || !Near(f.scalar, std::sqrt(2 / M_PI))) return false;
    const size_t add = Take(f.values[0], "Add");
    if (add == Pattern::kNone) return false;
    const Node& n = p_.node(add);
    for (size_t i : {0, 1}) {
      if (n.inputs[i] == x) return IsCube(n.inputs[1 - i], x);
    }
    return false;
  }

  // 0.044715 x^3
  bool IsCube(int value, int x) {
    const Factors f = FactorsOf(value);
    if (!Near(f.scalar, 0.044715)) return false;
    if (f.values == std::vector<int>{x, x, x}) return true;
    if (f.values.size() != 1) return false;
    const size_t pow = Take(f.values[0], "Pow");
    return pow != Pattern::kNone && p_.node(pow).inputs[0] == x &&
           p_.IsScalar(p_.node(pow).inputs[1], 3);
  }

  // Mul, or Div by a scalar.
  size_t TakeProduct(int value) {
    const size_t div = p_.Maker(value, "Div");
    float s;
    if (div != Pattern::kNone && p_.Scalar(p_.node(div).inputs[1], &s)) return Take(value, "Div");
    return Take(value, "Mul");
  }
  // A value that is read once only, and made by a node of this type.
  size_t Take(int value, const char* op_type) {
    const size_t step = p_.Maker(value, op_type);
    if (step == Pattern::kNone || !p_.ReadOnce(value)) return Pattern::kNone;
    taken_.push_back(step);
    return step;
  }

  bool Finish(const char* form, int x, size_t last, Fusion* out) {
    out->taken = taken_;
    out->node = Node();
    out->node.name = p_.node(last).name;
    out->node.op_type = "Gelu";
    out->node.inputs = {x};
    out->node.outputs = p_.node(last).outputs;
    out->node.attributes = {{"approximate", std::string(form)}};
    return FindOp("", "Gelu")->make(out->node, &out->op).ok();
  }

  Pattern p_;
  std::vector<size_t> taken_;
};

}  // namespace

void FuseGelu(const Model& model, BodyPlan* body) {
  GeluMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
