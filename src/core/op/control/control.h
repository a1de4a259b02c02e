// If, Loop and Scan: operators whose work is other graphs. They only check their nodes; the
// executor runs their bodies (run/control.h) and plan/infer_control.cc tells what they give.
#pragma once

#include <vector>

#include "core/op/op.h"

namespace mosaic {

enum class ControlKind { kIf, kLoop, kScan };

class ControlOp : public Op {
 public:
  ControlOp(ControlKind kind, const Node& node);

  ControlKind kind() const { return kind_; }
  // Indexes in Graph::bodies: of If then_branch and else_branch, else the body and -1.
  int body() const { return body_; }
  int else_body() const { return else_body_; }
  // Of Scan. Axes and directions are one for each scan input (output); reverse is 1.
  size_t scan_inputs() const { return scan_inputs_; }
  const std::vector<int64_t>& input_axes() const { return input_axes_; }
  const std::vector<int64_t>& output_axes() const { return output_axes_; }
  const std::vector<int64_t>& input_directions() const { return input_directions_; }
  const std::vector<int64_t>& output_directions() const { return output_directions_; }

  // Never asked: see above.
  Status Infer(InferContext&) const override { return Status::Internal("a body was not inferred"); }

 private:
  ControlKind kind_;
  int body_ = -1, else_body_ = -1;
  size_t scan_inputs_ = 0;
  std::vector<int64_t> input_axes_, output_axes_, input_directions_, output_directions_;
};

}  // namespace mosaic
