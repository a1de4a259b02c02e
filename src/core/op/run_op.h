// One call of an operator from beginning to end, at once: for constants that are known early, and
// for tests.
#pragma once

#include <vector>

#include "core/op/op.h"

namespace mosaic {

// Sets call->outputs to arrays of the inferred shapes (undefined where they could not be told, and
// where "wanted" is false), and lets the op start. inputs, weights are set; facts are of this call.
// Memory is taken by the caller: outputs have no elements yet.
Status StartCall(const Op& op, const std::vector<Fact>& outputs, const std::vector<bool>& wanted,
                 Call* call);
// Asks the op for the facts of its outputs.
Status InferOp(const Op& op, const std::vector<Fact>& inputs, size_t outputs,
               const std::string& item_symbol, std::vector<Fact>* out, bool* deferred);

// inputs: undefined where omitted. *outputs: one each, in memory of *arena. ranges: called for each
// phase to choose the end of the next range of units; null: all at once. *most_work: elementary operations, by the op's
// own costs, beyond which nothing is done and *out is empty; less what was done. Throws as Arena::New.
using ChooseEnd = int64_t (*)(int64_t begin, int64_t units);
Status RunOp(const Op& op, const std::vector<Tensor>& inputs, size_t outputs, Arena* arena,
             std::vector<Tensor>* out, ChooseEnd ranges = nullptr,
             double* most_work = nullptr);

}  // namespace mosaic
