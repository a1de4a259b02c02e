// A body that is being executed: its values, and how far it has come. The executor keeps a stack
// of them: the graph's own, and one for each If, Loop or Scan that is under way.
#pragma once

#include <memory>
#include <vector>

#include "core/run/sizing.h"

namespace mosaic {

// What an If, Loop or Scan remembers between the runs of its body (run/control.h).
struct ControlState {
  bool active = false;
  int64_t iteration = 0, length = 0;  // length: of a Scan, or at most of a Loop
  bool condition = true;              // of a Loop
  std::vector<Tensor> carried;
  std::vector<std::vector<Tensor>> collected;  // per output that is collected: one of each iteration
};

struct Frame {
  const BodyPlan* body = nullptr;
  Sizing* sizing = nullptr;
  std::vector<Tensor> values;
  size_t step = 0;
  // The step under way.
  Call* call = nullptr;
  std::unique_ptr<Call> own_call;  // of a step that could not be sized before
  size_t phase = 0;
  int64_t unit = 0;
  bool held = false;  // the blocks of the phase were handed in, and stay
  Tensor scratch;
  Tensor prepared;         // of the step, where it is a PreparingOp
  bool preparing = false;  // the call is the one that prepares
  ControlState control;
};

}  // namespace mosaic
