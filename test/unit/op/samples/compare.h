// Whether results are the same, or near what they should be.
#pragma once

#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace mosaic::samples {

// From so many ulps on they are of the largest element of the result: its elements are sums that may cancel.
constexpr double kOfLargest = 16;

// The same type, shape and bits (NaN of any kind equals NaN), also of strings and sequences.
bool SameElements(const Tensor& a, const Tensor& b);
// "" where each element is near what it should be, else the first that is not.
std::string Differs(const Tensor& out, const std::vector<double>& want, double ulps);
std::string Differs(const Tensor& out, const Tensor& want, double ulps);

}  // namespace mosaic::samples
