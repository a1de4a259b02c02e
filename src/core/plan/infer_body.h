// Inference over the steps of a body, in symbols or with numbers.
#pragma once

#include <string>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

// What is known of a value that is constant: all of it where it is inline.
Fact FactOf(const ModelTensor& tensor);

// Of one inference: some hundred times what the bodies of real models take, and some seconds.
inline constexpr int64_t kBodySteps = int64_t{1} << 17;
// Elementary operations that a step of inference stands for.
inline constexpr double kStepWork = 1e4;
// And that are done at most for what is computed early: nothing interrupts it.
inline constexpr double kFoldWork = 2e8;

struct InferOptions {
  std::string item_symbol;    // "": concrete
  int64_t fold_elements = 0;  // results of known inputs are computed now, up to so many elements
  Arena* arena = nullptr;     // for those
  double* fold_work = nullptr;  // elementary operations that may still be done for those; null: any
  // Steps of bodies (and some for their values) that may still be inferred, beyond which it is an error (54000): bodies within
  // bodies, each settled in rounds, would take exponential time. Null: no bound.
  int64_t* body_steps = nullptr;
};

// Fills (*facts)[v] for the values of a body whose inputs' and captures' facts are set. mixer: the
// index of the first step whose outputs mix items though its inputs did not, if any; may be null.
// Errors are those of the operators, with the node.
Status InferBody(const Model& model, const BodyPlan& body, const InferOptions& options,
                 std::vector<Fact>* facts, int* mixer);
// One step of it. REQUIRES: the facts of its inputs are set.
Status InferStep(const Model& model, const BodyPlan& body, const Step& step,
                 const InferOptions& options, std::vector<Fact>* facts, bool* deferred);

// plan/infer_control.cc: of a step with bodies (If, Loop, Scan).
Status InferControl(const Model& model, const BodyPlan& body, const Step& step,
                    const InferOptions& options, const std::vector<Fact>& facts,
                    std::vector<Fact>* outputs);

}  // namespace mosaic
