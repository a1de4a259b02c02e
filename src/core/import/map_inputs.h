// Inputs that are maps: arrays of strings [n, 2], a key and its value in each row, which two
// operators read (op/ml/map_rows.h).
#pragma once

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/onnx_model.h"

namespace mosaic {

// Tells the operators that read them the types of the maps. problems: of each map that anything
// else reads.
void ResolveMaps(const std::vector<OnnxMap>& maps, Graph* graph,
                 std::vector<std::string>* problems);

}  // namespace mosaic
