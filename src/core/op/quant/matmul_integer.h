// MatMulInteger with what follows it in quantised models.
#pragma once

#include <memory>

#include "core/op/op.h"

namespace mosaic {

// The sums as float32, times a scale (input 4: one, or one for each column), plus a bias (input 5,
// may be omitted: one for each column); rounded after each step, as by Cast, Mul and Add.
std::unique_ptr<Op> MakeScaledMatMulInteger(const Node& node);

}  // namespace mosaic
