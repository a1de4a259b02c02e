// What If, Loop and Scan do between the runs of their bodies.
#pragma once

#include <vector>

#include "core/op/control/control.h"
#include "core/run/copies.h"
#include "core/run/frame.h"

namespace mosaic {

// Says what is to be done next: run this body with these inputs, or nothing more.
struct ControlNext {
  int body = -1;  // of Graph::bodies; -1: the step is done, outputs are set
  std::vector<Tensor> inputs, outputs;
  // No iteration ran: outputs behind the first so many, those carried along, are undefined.
  bool nothing = false;
  size_t carried = 0;
};

// copies: takes on those that have to be done before next is used.
//
// inputs: of the step (undefined where omitted); outputs: how many it has. Begins it. Errors:
// INVALID for inputs that do not fit (a condition of several elements, scan inputs of different
// lengths).
Status BeginControl(const ControlOp& op, const std::vector<Tensor>& inputs, size_t outputs,
                    Arena* arena, Copies* copies, ControlState* state, ControlNext* next);
// The body gave these outputs.
Status ContinueControl(const ControlOp& op, const std::vector<Tensor>& inputs,
                       std::vector<Tensor> given, size_t outputs, Arena* arena, Copies* copies,
                       ControlState* state, ControlNext* next);

}  // namespace mosaic
