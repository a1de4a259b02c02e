// Inference over the steps of a body, in symbols or with numbers.
#pragma once

#include <string>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

// What is known of a value that is constant: all of it where it is inline.
Fact FactOf(const ModelTensor& tensor);

struct InferOptions {
  std::string item_symbol;   // "": concrete
  int64_t fold_elements = 0;  // results of known inputs are computed now, up to so many elements
  Arena* arena = nullptr;     // for those
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
