// The elements of a tensor as mosaic.tensor.value has them.
#pragma once

#include <string>

#include "core/import/graph_builder.h"

namespace mosaic {

// Row-major, of the type and the shape that the graph sees; of strings the length of each as
// uint32, then all characters. REQUIRES: data can be read in that type (ElementReader).
Status ReadDense(const GraphTensor& t, std::string* out);

}  // namespace mosaic
