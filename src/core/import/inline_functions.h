// Model-local functions: every call is replaced by the function's nodes.
#pragma once

#include "core/import/onnx_model.h"
#include "core/util/status.h"

namespace mosaic {

// Errors: LIMIT where functions are nested too deeply or would make too many nodes; UNSUPPORTED
// where a function uses another version of an operator set than the model.
Status InlineFunctions(OnnxModel* model);

}  // namespace mosaic
