// Conv with what follows it.
#pragma once

#include <memory>

#include "core/op/conv/conv_epilogue.h"

namespace mosaic {

// A Conv; inputs behind the third are those of the epilogue. Where it has any, all are float32.
Status MakeConv(const Node& node, ConvEpilogue epilogue, std::unique_ptr<Op>* out);

}  // namespace mosaic
