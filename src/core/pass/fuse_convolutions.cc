#include "core/pass/fuse_convolutions.h"

#include <limits>

#include "core/op/conv/conv.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

constexpr size_t kMostSteps = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Function {
  const char* op_type;
  Unary f;
  float alpha, beta;  // where the node has no attributes
};
constexpr Function kFunctions[] = {
    {"Relu", Unary::kRelu, 1, 0},
    {"LeakyRelu", Unary::kLeakyRelu, 0.01F, 0},
    {"Sigmoid", Unary::kSigmoid, 1, 0},
    {"Tanh", Unary::kTanh, 1, 0},
    {"HardSigmoid", Unary::kHardSigmoid, 0.2F, 0.5F},
    {"HardSwish", Unary::kHardSwish, 1.0F / 6, 0.5F},
    {"Swish", Unary::kSilu, 1, 0},
    {"Elu", Unary::kElu, 1, 0},
    {"Softplus", Unary::kSoftplus, 1, 0},
    {"Mish", Unary::kMish, 1, 0},
    {"Clip", Unary::kClip, -kInfinity, kInfinity},
};

// What follows one convolution, step by step.
class Tail {
 public:
  Tail(const Pattern& pattern, const std::vector<bool>& used, size_t conv)
      : p_(pattern), used_(used), node_(pattern.node(conv)), end_(node_.outputs[0]) {
    node_.inputs.resize(3, -1);
    taken_.push_back(conv);
  }

  // Whether a step was taken on.
  bool Next() {
    const std::vector<size_t>& readers = p_.readers(end_);
    if (readers.size() != 1 || readers[0] == Pattern::kOutput || used_[readers[0]]) return false;
    const size_t step = readers[0];
    const Node& n = p_.node(step);
    if (!n.domain.empty() || n.outputs[0] < 0 || steps_.size() == kMostSteps) return false;
    EpilogueStep s;
    std::vector<int> operands;
    if (!TakeFunction(n, &s) && !TakeOperand(n, &s, &operands) && !TakeNorm(n, &s, &operands)) {
      return false;
    }
    s.input = static_cast<int>(node_.inputs.size());
    node_.inputs.insert(node_.inputs.end(), operands.begin(), operands.end());
    node_.op_type += " + " + n.op_type;
    steps_.push_back(s);
    taken_.push_back(step);
    end_ = n.outputs[0];
    return true;
  }

  bool Finish(Fusion* out) {
    if (steps_.empty()) return false;
    node_.outputs = {end_};
    out->node = std::move(node_);
    out->taken = std::move(taken_);
    return MakeConv(out->node, ConvEpilogue(steps_), &out->op).ok();
  }

 private:
  const Dims& dims() const { return p_.fact(end_).dims; }

  bool TakeFunction(const Node& n, EpilogueStep* s) const {
    for (const Function& f : kFunctions) {
      if (n.op_type != f.op_type) continue;
      s->function = f.f;
      s->parameters = {n.Float("alpha", f.alpha), n.Float("beta", f.beta)};
      if (f.f != Unary::kClip) return true;
      float* const bounds[] = {&s->parameters.alpha, &s->parameters.beta};
      for (size_t i = 1; i < n.inputs.size(); ++i) {
        if (n.inputs[i] >= 0 && !p_.Scalar(n.inputs[i], bounds[i - 1])) return false;
      }
      return n.inputs[0] == end_;
    }
    return false;
  }

  bool TakeOperand(const Node& n, EpilogueStep* s, std::vector<int>* operands) const {
    if ((n.op_type != "Mul" && n.op_type != "Add") || n.inputs[0] == n.inputs[1]) return false;
    const int other = Pattern::Other(n, end_);
    const bool add = n.op_type == "Add";
    *operands = {other};
    if (IsOfFilters(other)) {
      s->kind = add ? EpilogueStep::Kind::kAdd : EpilogueStep::Kind::kMul;
      return true;
    }
    const Fact& f = p_.fact(other);
    if (!add || p_.Constant(other) != nullptr || f.dtype != MOSAIC_FLOAT || !f.ranked ||
        f.dims.size() != dims().size()) {
      return false;
    }
    for (size_t d = 0; d < f.dims.size(); ++d) {
      if (!Same(f.dims[d], dims()[d])) return false;
    }
    s->kind = EpilogueStep::Kind::kAddArray;
    return true;
  }

  // A constant of one element, or of one for each filter: [M, 1, 1] or [1, M, 1, 1].
  bool IsOfFilters(int value) const {
    const ModelTensor* t = p_.Constant(value);
    if (t == nullptr || t->weight.dtype != MOSAIC_FLOAT) return false;
    const Shape& shape = t->weight.shape;
    if (shape.size() > dims().size()) return false;
    const size_t before = dims().size() - shape.size();  // dimensions that it has not
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] != 1 && !(d + before == 1 && dims()[1].Is(shape[d]))) return false;
    }
    return true;
  }

  bool TakeNorm(const Node& n, EpilogueStep* s, std::vector<int>* operands) const {
    if (n.op_type != "BatchNormalization" || n.inputs.size() != 5) return false;
    for (size_t i = 1; i < 5; ++i) {
      const ModelTensor* t = p_.Constant(n.inputs[i]);
      if (t == nullptr || t->weight.dtype != MOSAIC_FLOAT || t->weight.shape.size() != 1 ||
          !dims()[1].Is(t->weight.shape[0])) {
        return false;
      }
      operands->push_back(n.inputs[i]);
    }
    s->kind = EpilogueStep::Kind::kNormalize;
    s->epsilon = static_cast<double>(n.Float("epsilon", 1e-5F));
    return true;
  }

  const Pattern& p_;
  const std::vector<bool>& used_;
  Node node_;
  int end_;
  std::vector<EpilogueStep> steps_;
  std::vector<size_t> taken_;
};

}  // namespace

void FuseConvolutions(const Model& model, BodyPlan* body) {
  const Pattern pattern(model, *body);
  std::vector<bool> used(body->steps.size(), false);
  std::vector<Fusion> found;
  for (size_t i = 0; i < body->steps.size(); ++i) {
    if (!pattern.Is(i, "Conv")) continue;
    const Fact& fact = pattern.fact(pattern.node(i).outputs[0]);
    if (fact.dtype != MOSAIC_FLOAT || !fact.ranked || fact.dims.size() < 3) continue;
    Tail tail(pattern, used, i);
    while (tail.Next()) {
    }
    Fusion fusion;
    if (!tail.Finish(&fusion)) continue;
    for (size_t t : fusion.taken) used[t] = true;
    found.push_back(std::move(fusion));
  }
  Apply(std::move(found), body);
}

}  // namespace mosaic
