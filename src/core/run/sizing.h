// A plan for inputs of given shapes: what each step has to do, and how much memory that takes.
//
// Made once per combination of shapes and kept: the next run of these shapes only hands in its
// pointers. Where a shape depends on elements, the steps that need it are sized as they are
// reached.
#pragma once

#include <memory>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

struct StepSizing {
  std::unique_ptr<Call> call;  // started; null where it is known, not sized, or a control step
  bool known = false;          // its outputs follow from shapes alone: Sizing::known
};

struct Sizing {
  std::vector<Tensor> signature;  // shapes of the inputs, then of the captures; no elements
  std::vector<StepSizing> steps;
  std::vector<Tensor> known;  // per value; memory of arena
  Arena arena;
  bool complete = true;  // everything is sized
  double work = 0;       // elementary operations that making it took, roughly
  int64_t peak = 0;      // most bytes of activations in use at a time, as far as it is sized
};

// Whether an operator can have a weight as a stream here: what it holds must fit in a request.
bool CanStream(const Model& model, const Step& step, size_t input, int64_t max_blocks);

// inputs, captures: of the body, in their order; only types and shapes are looked at. Errors are
// those of the operators, with the node.
Status MakeSizing(const Model& model, const BodyPlan& body, const std::vector<Tensor>& inputs,
                  const std::vector<Tensor>& captures, int64_t max_blocks,
                  std::unique_ptr<Sizing>* out);

// Starts a call of a step whose outputs are inferred. tensors: of its inputs (undefined where it is
// omitted or streamed); weights are set here.
Status StartStep(const Model& model, const Step& step, const std::vector<Tensor>& tensors,
                 const std::vector<Fact>& inputs, const std::vector<Fact>& outputs,
                 int64_t max_blocks, Call* call);

// The sizings of a body, the one used last first.
class SizingCache {
 public:
  static constexpr size_t kKept = 8;
  // Finds one, or null.
  Sizing* Find(const std::vector<Tensor>& inputs, const std::vector<Tensor>& captures);
  Sizing* Add(std::unique_ptr<Sizing> sizing);
  int64_t bytes() const;  // that are kept, about

 private:
  std::vector<std::unique_ptr<Sizing>> kept_;
};

}  // namespace mosaic
