#include "op/samples/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "op/samples/oracles.h"

namespace mosaic::samples {
namespace {

// One unit in the last place of an element type at |v|.
double UlpOf(int dtype, double v) {
  const int bits = dtype == MOSAIC_DOUBLE ? 52 : dtype == MOSAIC_FLOAT16 ? 10 : dtype == MOSAIC_BFLOAT16 ? 7 : 23;
  const double least = dtype == MOSAIC_FLOAT16 ? 6e-8 : 1e-38;
  int exponent = 0;
  std::frexp(v, &exponent);
  return std::max(std::ldexp(1.0, exponent - 1 - bits), least);
}

// What may lie between an element of this type and what it should be.
double Allowed(int dtype, double want, double largest, double ulps) {
  if (!IsFloat(dtype)) return ulps >= 1 ? 1 : 0;  // rounded from floats that may differ
  const bool sum = ulps >= kOfLargest;
  const double at = sum ? largest : std::fabs(want);
  // 16-bit floats are computed in float32 and rounded once more, products of float64 as float32.
  if (dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16) return 1.01 * UlpOf(dtype, at) + ulps * UlpOf(MOSAIC_FLOAT, at);
  if (dtype == MOSAIC_DOUBLE) return ulps * (sum ? UlpOf(MOSAIC_FLOAT, at) : 64 * UlpOf(dtype, at));
  return ulps * UlpOf(dtype, at);
}

bool BothNan(const Tensor& a, const Tensor& b, int64_t i) { return std::isnan(ElementAt(a, i)) && std::isnan(ElementAt(b, i)); }

}  // namespace

bool SameElements(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  bool same = true;
  if (a.dtype() == MOSAIC_SEQUENCE) {
    same = a.items().size() == b.items().size();
    for (size_t i = 0; same && i < a.items().size(); ++i) same = SameElements(a.items()[i], b.items()[i]);
    return same;
  }
  if (a.dtype() == MOSAIC_STRING) {
    for (int64_t i = 0; same && i < a.size(); ++i) same = a.data<StringElement>()[i].view() == b.data<StringElement>()[i].view();
    return same;
  }
  if (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0) return true;
  const int64_t size = DTypeSize(a.dtype());
  for (int64_t i = 0; same && i < a.size(); ++i) {
    same = std::memcmp(a.data<char>() + i * size, b.data<char>() + i * size, static_cast<size_t>(size)) == 0 || BothNan(a, b, i);
  }
  return same;
}

double ReachOfSums(const std::vector<Tensor>& inputs) {
  int64_t most = 1;
  for (const Tensor& t : inputs) most = t.defined() && t.dtype() != MOSAIC_SEQUENCE ? std::max(most, t.size()) : most;
  return std::sqrt(static_cast<double>(most));
}

std::string Differs(const Tensor& out, const std::vector<double>& want, double ulps, double reach, const std::vector<double>& slack) {
  if (static_cast<int64_t>(want.size()) != out.size()) return std::to_string(want.size()) + " elements are expected";
  double largest = reach;
  for (double w : want) largest = std::isfinite(w) ? std::max(largest, std::fabs(w)) : largest;
  for (int64_t i = 0; i < out.size(); ++i) {
    const double got = ElementAt(out, i);
    double w = want[static_cast<size_t>(i)];
    if (out.dtype() == MOSAIC_FLOAT16 && std::fabs(w) >= 65520) w = std::copysign(INFINITY, w);
    if (!IsFloat(out.dtype())) w = out.dtype() == MOSAIC_BOOL ? w != 0 : std::trunc(w);
    if (std::isnan(w) ? std::isnan(got) : got == w) continue;
    const double allowed = Allowed(out.dtype(), w, largest, ulps) + (slack.empty() ? 0 : slack[static_cast<size_t>(i)]);
    if (std::isfinite(w) && std::isfinite(got) && std::fabs(got - w) <= allowed) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(got) + ", expected " + std::to_string(w) + " within " +
           std::to_string(allowed);
  }
  return "";
}

std::string Differs(const Tensor& out, const Tensor& want, double ulps, double reach, const std::vector<double>& slack) {
  if (SameElements(out, want)) return "";
  if (out.dtype() != want.dtype() || out.shape() != want.shape()) return "type or shape differ";
  if (!HasType(AllTypes(), out.dtype())) return "elements differ";
  std::vector<double> elements;
  for (int64_t i = 0; i < want.size(); ++i) elements.push_back(ElementAt(want, i));
  return Differs(out, elements, ulps, reach, slack);
}

}  // namespace mosaic::samples
