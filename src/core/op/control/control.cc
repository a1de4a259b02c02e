#include "core/op/control/control.h"

#include "core/op/op_support.h"

namespace mosaic {
namespace {

int BodyOf(const Node& node, const char* name) {
  for (const auto& [attribute, body] : node.bodies) {
    if (attribute == name) return body;
  }
  return -1;
}

template <ControlKind kKind, int kMinInputs>
Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kMinInputs, 1 << 20, 1 << 20));
  auto op = std::make_unique<ControlOp>(kKind, node);
  if (op->body() < 0 || (kKind == ControlKind::kIf && op->else_body() < 0)) {
    return Status::BadModel("a graph-valued attribute is missing");
  }
  const size_t scans = op->scan_inputs();
  if (kKind == ControlKind::kScan && (scans < 1 || scans > node.inputs.size())) {
    return Status::BadModel("num_scan_inputs is " + std::to_string(scans) + ", the node has " +
                            std::to_string(node.inputs.size()) + " inputs");
  }
  *out = std::move(op);
  return Status();
}

}  // namespace

ControlOp::ControlOp(ControlKind kind, const Node& node)
    : kind_(kind),
      scan_inputs_(static_cast<size_t>(std::max<int64_t>(0, node.Int("num_scan_inputs", 0)))),
      input_axes_(node.Ints("scan_input_axes")),
      output_axes_(node.Ints("scan_output_axes")),
      input_directions_(node.Ints("scan_input_directions")),
      output_directions_(node.Ints("scan_output_directions")) {
  body_ = BodyOf(node, kind == ControlKind::kIf ? "then_branch" : "body");
  if (kind == ControlKind::kIf) else_body_ = BodyOf(node, "else_branch");
}

extern const OpDef kIf = {kOnnxDomain, "If", 25, 25, &Make<ControlKind::kIf, 1>};
extern const OpDef kLoop = {kOnnxDomain, "Loop", 25, 25, &Make<ControlKind::kLoop, 0>};
extern const OpDef kScan = {kOnnxDomain, "Scan", 25, 25, &Make<ControlKind::kScan, 1>};

}  // namespace mosaic
