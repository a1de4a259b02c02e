#include "core/pass/pattern.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mosaic {

Pattern::Pattern(const Model& model, const BodyPlan& body)
    : model_(model), body_(body), readers_(body.values.size()), makers_(body.values.size(), kNone) {
  for (size_t i = 0; i < body.steps.size(); ++i) {
    const Node& node = body.steps[i].node;
    for (int v : node.inputs) {
      if (v >= 0) readers_[static_cast<size_t>(v)].push_back(i);
    }
    for (int v : node.outputs) {
      if (v >= 0) makers_[static_cast<size_t>(v)] = i;
    }
    for (const auto& [name, b] : node.bodies) {
      const BodyPlan& inner = model.bodies[static_cast<size_t>(b) + 1];
      for (int v : inner.captures) {
        readers_[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)].push_back(i);
      }
    }
  }
  for (int v : body.outputs) readers_[static_cast<size_t>(v)].push_back(kOutput);
}

bool Pattern::Is(size_t step, const char* op_type) const {
  if (step == kOutput || step == kNone) return false;
  const Node& n = node(step);
  return n.op_type == op_type && n.domain.empty() && n.outputs[0] >= 0;
}

size_t Pattern::Maker(int value, const char* op_type) const {
  const size_t step = value < 0 ? kNone : maker(value);
  return Is(step, op_type) && node(step).outputs[0] == value ? step : kNone;
}

size_t Pattern::OnlyReader(int value, const char* op_type) const {
  return ReadOnce(value) && Is(readers(value)[0], op_type) ? readers(value)[0] : kNone;
}

const ModelTensor* Pattern::Constant(int value) const {
  const int tensor = value < 0 ? -1 : body_.values[static_cast<size_t>(value)].tensor;
  return tensor < 0 ? nullptr : &model_.tensors[static_cast<size_t>(tensor)];
}

bool Pattern::Scalar(int value, float* out) const {
  const ModelTensor* t = Constant(value);
  if (t == nullptr || !t->is_inline() || t->weight.dtype != MOSAIC_FLOAT ||
      t->weight.shape.size() > 1 || t->value.size() != sizeof(*out)) {
    return false;
  }
  std::memcpy(out, t->value.data(), sizeof(*out));
  return true;
}

bool Pattern::IsScalar(int value, float want, float tolerance) const {
  float v;
  return Scalar(value, &v) && (v == want || std::fabs(v - want) <= tolerance);
}

bool Pattern::Integer(int value, int64_t* out) const {
  const ModelTensor* t = Constant(value);
  if (t == nullptr || !t->is_inline() || t->weight.dtype != MOSAIC_INT64 ||
      t->value.size() != sizeof(*out)) {
    return false;
  }
  std::memcpy(out, t->value.data(), sizeof(*out));
  return true;
}

void Apply(std::vector<Fusion> found, BodyPlan* body) {
  std::vector<bool> gone(body->steps.size(), false);
  for (Fusion& f : found) {
    const size_t last = *std::max_element(f.taken.begin(), f.taken.end());
    for (size_t t : f.taken) gone[t] = t != last;
    body->steps[last].node = std::move(f.node);
    body->steps[last].op = std::move(f.op);
  }
  std::vector<Step> kept;
  for (size_t i = 0; i < body->steps.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(body->steps[i]));
  }
  body->steps = std::move(kept);
}

}  // namespace mosaic
