// Runs a case as the database does: import, blocks into a store, plan, execution in steps with
// pages handed in; and compares the outputs with the expected ones.
#pragma once

#include <string>

#include "conformance/onnx_case.h"
#include "core/util/status.h"

namespace mosaic::conformance {

struct Totals {
  int64_t runs = 0, blocks = 0;
};

// OK where every data set gives its expected outputs, with all operands as inputs, and with all but
// the first as weights: laid out as the importer does, and each of the other ways. INTERNAL: a
// difference; else the code of the refusal.
Status RunCase(const Case& c, Totals* totals);

// Whether actual has the type, shape and elements of expected: floats within 1e-3 relative plus
// 1e-5 absolute (ONNX's own runner: 1e-3 and 1e-7), bfloat16 within a unit, NaN equals NaN; all
// else exactly.
Status Compare(const Tensor& actual, const Tensor& expected);

}  // namespace mosaic::conformance
