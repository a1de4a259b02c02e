// A folder of operators, as the registry reads it.
#pragma once

#include "core/op/op.h"

namespace mosaic {

struct OpFamily {
  const OpDef* const* begin;
  const OpDef* const* end;
};

}  // namespace mosaic
