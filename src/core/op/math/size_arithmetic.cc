#include "core/op/math/size_arithmetic.h"

#include <algorithm>
#include <cmath>

#include "core/tensor/element.h"

namespace mosaic {
namespace {

constexpr double kWholeBelow = 16777216;  // 2^24
constexpr int64_t kMaxList = 1024;

bool WholeElements(const Tensor& t, Dims* out) {
  if (!t.defined() || t.raw() == nullptr || t.rank() > 1 || t.size() > kMaxList) return false;
  bool whole = true;
  out->clear();
  const bool real = Dispatch(Types<float, double>(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    for (int64_t i = 0; i < t.size() && whole; ++i) {
      const double v = static_cast<double>(t.data<T>()[i]);
      whole = std::fabs(v) < kWholeBelow && v == std::floor(v);
      if (whole) out->push_back(static_cast<int64_t>(v));
    }
  });
  return real && whole;
}

bool IsReal(const InferContext& c) { return IsFloat(c.dtype(0)); }

void State(InferContext& c, Dims sizes) {
  for (const Dim& d : sizes) {
    if (d.is_unknown()) return;
  }
  if (c.out(0).ranked && c.out(0).rank() <= 1) {
    c.out(0).ints = std::make_shared<const Dims>(std::move(sizes));
  }
}

}  // namespace

bool KnownSizes(const InferContext& c, size_t i, Dims* out) {
  if (!c.Has(i)) return false;
  return KnownDims(c.in(i), out) || WholeElements(c.in(i).value, out);
}

bool CommonLength(const Dims& a, const Dims& b, size_t* length) {
  *length = a.size() == 1 ? b.size() : a.size();
  return b.size() == 1 || b.size() == *length;
}

void FollowSizes(InferContext& c, Dim (*f)(const Dim&, bool)) {
  Dims x;
  if (c.concrete() || !KnownSizes(c, 0, &x)) return;
  for (Dim& d : x) d = f(d, IsReal(c));
  State(c, std::move(x));
}

void FoldSizes(InferContext& c, Dim (*f)(const Dim&, const Dim&, bool)) {
  Dims result;
  if (c.concrete() || !KnownSizes(c, 0, &result)) return;
  for (size_t k = 1; k < c.inputs(); ++k) {
    Dims b, folded;
    size_t length = 0;
    if (!KnownSizes(c, k, &b) || !CommonLength(result, b, &length)) return;
    for (size_t i = 0; i < length; ++i) {
      folded.push_back(f(Repeated(result, i), Repeated(b, i), IsReal(c)));
    }
    result = std::move(folded);
  }
  State(c, std::move(result));
}

void FollowSizes(InferContext& c, Dim (*f)(const Dim&, const Dim&, bool)) { FoldSizes(c, f); }

}  // namespace mosaic
