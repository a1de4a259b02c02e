// Runs samples: with any cut of the units, and unit by unit for those who measure.
#pragma once

#include <vector>

#include "core/op/preparing.h"
#include "core/op/run_op.h"
#include "op/samples/sample.h"

namespace mosaic::samples {

inline Status MakeOp(const Node& node, std::unique_ptr<Op>* op) {
  const OpDef* def = FindOp(node.domain, node.op_type);
  return def == nullptr ? Status::Internal("no such operator") : def->make(node, op);
}

inline std::vector<Tensor> MakeInputs(const Sample& s, Arena* arena, uint64_t seed, bool special) {
  std::vector<Tensor> inputs;
  for (const Given& g : s.inputs) inputs.push_back(MakeTensor(g, arena, seed + 1000 * inputs.size(), special));
  return inputs;
}

// Of a sample whose inputs are there. ranges: as of RunOp.
inline Status RunSample(const Sample& s, const std::vector<Tensor>& inputs, Arena* arena, std::vector<Tensor>* out,
                        ChooseEnd ranges = nullptr) {
  std::unique_ptr<Op> op;
  MOSAIC_RETURN_IF_ERROR(MakeOp(s.node, &op));
  return RunOp(*op, inputs, s.outputs, arena, out, ranges);
}
inline int64_t OneUnit(int64_t begin, int64_t) { return begin + 1; }

}  // namespace mosaic::samples
