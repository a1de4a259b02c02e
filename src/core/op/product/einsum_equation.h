// The equation of Einsum: "bij,bjk->bik", which letter names which dimension of which operand.
#pragma once

#include <string>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

struct EinsumEquation {
  // Letters by their code; kEllipsis stands for any number of leading ones, broadcast. Expanded,
  // the dimensions of the ellipsis are the labels from kBroadcast on.
  static constexpr int kEllipsis = -1, kBroadcast = 256;

  std::vector<std::vector<int>> operands;
  std::vector<int> output;

  // Without "->", the output has the letters that occur once, in the order of their codes, after
  // the ellipsis. Errors: BAD_MODEL.
  static Status Parse(const std::string& equation, EinsumEquation* out);
  // The same as text.
  std::string ToString() const;
  // Replaces the ellipses for operands of these ranks. Errors: BAD_MODEL where they do not fit.
  Status Expand(const std::vector<int>& ranks);
};

}  // namespace mosaic
