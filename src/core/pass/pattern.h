// The steps of a body as a graph that passes look for patterns in: who reads and who makes a value,
// which values are constants. A pass takes steps that together are one, if nothing else reads what
// lies between them, and puts one step in the place of the last.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

class Pattern {
 public:
  static constexpr size_t kOutput = static_cast<size_t>(-1);  // as a reader: an output of the body
  static constexpr size_t kNone = static_cast<size_t>(-2);

  Pattern(const Model& model, const BodyPlan& body);

  // Also the steps whose bodies read it.
  const std::vector<size_t>& readers(int value) const {
    return readers_[static_cast<size_t>(value)];
  }
  // The step that makes the value; kNone.
  size_t maker(int value) const { return makers_[static_cast<size_t>(value)]; }
  const Node& node(size_t step) const { return body_.steps[step].node; }
  bool Is(size_t step, const char* op_type) const;
  // The value's maker if it is of this type, else kNone.
  size_t Maker(int value, const char* op_type) const;
  // Its only reader, if it is of this type, else kNone.
  size_t OnlyReader(int value, const char* op_type) const;
  bool ReadOnce(int value) const { return readers(value).size() == 1; }

  // The other operand of a node of two.
  static int Other(const Node& node, int value) {
    return node.inputs[node.inputs[0] == value ? 1 : 0];
  }
  const Fact& fact(int value) const { return body_.facts[static_cast<size_t>(value)]; }
  const ModelTensor* Constant(int value) const;
  // A constant float32 of one element that broadcasts to anything of one dimension or more.
  bool Scalar(int value, float* out) const;
  bool IsScalar(int value, float want, float tolerance = 0) const;
  // A constant int64 of one element.
  bool Integer(int value, int64_t* out) const;

 private:
  const Model& model_;
  const BodyPlan& body_;
  std::vector<std::vector<size_t>> readers_;
  std::vector<size_t> makers_;
};

// Steps that become one.
struct Fusion {
  std::vector<size_t> taken;  // the last one in the order of steps is replaced
  Node node;
  std::unique_ptr<Op> op;
};

// Replaces what a matcher finds. Match(last, &fusion): whether steps that end in this one are a
// pattern. Asked from the last step to the first, so that the largest pattern wins.
template <typename Matcher>
void FuseAll(Matcher* matcher, BodyPlan* body);
void Apply(std::vector<Fusion> found, BodyPlan* body);

template <typename Matcher>
void FuseAll(Matcher* matcher, BodyPlan* body) {
  std::vector<bool> used(body->steps.size(), false);
  std::vector<Fusion> found;
  for (size_t i = body->steps.size(); i-- > 0;) {
    Fusion f;
    if (used[i] || !matcher->Match(i, &f)) continue;
    bool free = true;
    for (size_t t : f.taken) free = free && !used[t];
    if (!free) continue;
    for (size_t t : f.taken) used[t] = true;
    found.push_back(std::move(f));
  }
  Apply(std::move(found), body);
}

}  // namespace mosaic
