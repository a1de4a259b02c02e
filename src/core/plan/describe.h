// A model's interface as JSON, for mosaic.model.description.
#pragma once

#include <string>

#include "core/plan/model.h"

namespace mosaic {

// {"opset": n, "operators": {type: count}, "inputs": [{"name", "dtype", "shape"}], "outputs": [...]}.
// A symbolic dimension is its name, or "?".
std::string DescribeModel(const Model& model);

}  // namespace mosaic
