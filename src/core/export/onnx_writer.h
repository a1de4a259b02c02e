// A stored graph as an ONNX model (onnx.proto), the way back of import/.
//
// The file has the operators and versions of the one that was imported; what the import did is not undone: functions are
// inlined, constants of Constant nodes are initializers, transposes of weights are folded, nodes that no output depends on are
// gone. Long lists of ai.onnx.ml (import/long_lists.h) become attributes again. Names stay, but where two graphs within each
// other used one twice.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/export/pieces.h"
#include "core/graph/graph.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

// Whether a tensor-valued attribute was a list in the file, so that its elements are written as such.
bool IsListAttribute(const Node& node, const std::string& attribute);

// The tensors whose elements are needed to write the graph, ascending: lists.
std::vector<int> ListTensors(const Graph& graph);

// Types of less than a byte: an element is a byte here, and a part of one in the file.
bool IsPacked(int dtype);
std::string PackElements(int dtype, std::string_view elements);

// The model in pieces. tensors are those of the graph; elements(i) are those of a list.
// Errors: UNSUPPORTED for types that have no form in the file, and for Optional without an element, whose type is not kept.
Status WriteOnnx(const Graph& graph, const std::vector<MosaicTensorDesc>& tensors,
                 const std::function<std::string(int)>& elements, FilePieces* out);

}  // namespace mosaic
