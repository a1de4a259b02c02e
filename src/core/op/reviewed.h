// Which versions of ONNX's own operator set are read beyond the one that every definition was compared
// with (kReviewedOpset): where a version changes few operators, those are what was reviewed.
#pragma once

#include "core/op/op.h"

namespace mosaic {

// Versions 26 (ONNX 1.21) and 27 (1.22) bring operators, and a form of Range; test/data/onnx_versions.txt
// has them all, and a test holds the registry to it.
constexpr int kNewestOpset = 27;

// Whether nodes of this version of the operator's domain are what the definition computes.
inline bool IsReviewed(const OpDef& def, int version) {
  if (*def.domain == '\0' && def.max_opset >= kReviewedOpset) return version <= kNewestOpset;
  return version <= def.max_opset;
}

}  // namespace mosaic
