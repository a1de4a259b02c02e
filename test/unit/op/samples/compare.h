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
// How far a sum over the elements of these inputs may wander, of numbers about 1, however small it ends.
double ReachOfSums(const std::vector<Tensor>& inputs);
// "" where each element is near what it should be, else the first that is not. reach: that of sums.
// slack: what may be added for each element (Generator::slack), or empty.
std::string Differs(const Tensor& out, const std::vector<double>& want, double ulps, double reach,
                    const std::vector<double>& slack = {});
std::string Differs(const Tensor& out, const Tensor& want, double ulps, double reach,
                    const std::vector<double>& slack = {});

}  // namespace mosaic::samples
