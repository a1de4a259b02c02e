// What the reductions do with their elements: the Fn of reduction.h.
//
// Floating point is accumulated in double; integers are in 64 bits and wrap.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/graph/dim.h"
#include "core/tensor/element.h"

namespace mosaic {
namespace reduce {

template <typename V>
using Wide = std::conditional_t<std::is_floating_point_v<V>, double,
                                std::conditional_t<std::is_signed_v<V>, int64_t, uint64_t>>;

template <typename A>
A Plus(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}
template <typename A>
A Times(A a, A b) {
  if constexpr (std::is_integral_v<A>) {
    return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

struct Sum {
  using List = NumericTypes;
  static constexpr bool kOfNothing = true;
  static constexpr bool kOfSizes = true;
  template <typename V>
  using Acc = Wide<V>;
  static Dim OfDims(const Dim& a, const Dim& b) { return a + b; }
  template <typename V>
  static Acc<V> Start() {
    return 0;
  }
  template <typename A, typename V>
  static void Add(A& sum, V x) {
    sum = Plus(sum, static_cast<A>(x));
  }
  template <typename A>
  static void Merge(A& sum, const A& more) {
    sum = Plus(sum, more);
  }
  template <typename V, typename A>
  static V Finish(A sum, int64_t) {
    return static_cast<V>(sum);
  }
};

// Sums of something else than the elements: not of sizes.
struct OtherSum : Sum {
  static constexpr bool kOfSizes = false;
};

struct Mean : OtherSum {
  static constexpr bool kOfNothing = false;
  template <typename V, typename A>
  static V Finish(A sum, int64_t n) {
    return static_cast<V>(sum / static_cast<A>(n));
  }
};

struct SumSquare : OtherSum {
  template <typename A, typename V>
  static void Add(A& sum, V x) {
    sum = Plus(sum, Times(static_cast<A>(x), static_cast<A>(x)));
  }
};

struct L1 : OtherSum {
  template <typename A, typename V>
  static void Add(A& sum, V x) {
    if constexpr (std::is_unsigned_v<V>) {
      sum = Plus(sum, static_cast<A>(x));
    } else {
      const A wide = static_cast<A>(x);
      sum = Plus(sum, wide < 0 ? Times(wide, A(-1)) : wide);
    }
  }
};

struct L2 : OtherSum {
  template <typename V>
  using Acc = double;
  template <typename V>
  static double Start() {
    return 0;
  }
  template <typename V>
  static void Add(double& sum, V x) {
    sum += static_cast<double>(x) * static_cast<double>(x);
  }
  template <typename V>
  static V Finish(double sum, int64_t) {
    return ConvertTo<V>(std::sqrt(sum));
  }
};

struct LogSum : OtherSum {
  template <typename V, typename A>
  static V Finish(A sum, int64_t) {
    return ConvertTo<V>(std::log(static_cast<double>(sum)));
  }
};

// The sum of exp(x - max), where max is the largest x so far.
struct LogSumExp {
  using List = NumericTypes;
  static constexpr bool kOfNothing = true;
  static constexpr bool kOfSizes = false;
  struct State {
    double max, sum;
  };
  template <typename V>
  using Acc = State;
  template <typename V>
  static State Start() {
    return {-std::numeric_limits<double>::infinity(), 0};
  }
  template <typename V>
  static void Add(State& a, V x) {
    const double v = static_cast<double>(x);
    if (v == a.max) {
      a.sum += std::isinf(v) && v < 0 ? 0 : 1;
    } else if (v > a.max) {
      a = {v, a.sum * std::exp(a.max - v) + 1};
    } else {
      a.sum += std::exp(v - a.max);  // of NaN: NaN
    }
  }
  static void Merge(State& a, const State& b) {
    if (a.max == b.max) {
      a.sum += b.sum;
    } else {
      const State &low = a.max < b.max ? a : b, &high = a.max < b.max ? b : a;
      a = {high.max, high.sum + low.sum * std::exp(low.max - high.max)};
    }
  }
  template <typename V>
  static V Finish(State a, int64_t) {
    return ConvertTo<V>(a.max + std::log(a.sum));
  }
};

struct Prod {
  using List = NumericTypes;
  static constexpr bool kOfNothing = true;
  static constexpr bool kOfSizes = true;
  template <typename V>
  using Acc = Wide<V>;
  static Dim OfDims(const Dim& a, const Dim& b) { return a * b; }
  template <typename V>
  static Acc<V> Start() {
    return 1;
  }
  template <typename A, typename V>
  static void Add(A& product, V x) {
    product = Times(product, static_cast<A>(x));
  }
  template <typename A>
  static void Merge(A& product, const A& more) {
    product = Times(product, more);
  }
  template <typename V, typename A>
  static V Finish(A product, int64_t) {
    return static_cast<V>(product);
  }
};

// Of no elements the lowest (highest) value, or infinity. NaN wins.
template <bool kMax>
struct Extremum {
  using List = AllTypes;
  static constexpr bool kOfNothing = true;
  static constexpr bool kOfSizes = true;
  template <typename V>
  using Acc = V;
  static Dim OfDims(const Dim& a, const Dim& b) { return kMax ? Max(a, b) : Min(a, b); }
  template <typename V>
  static V Start() {
    using Limits = std::numeric_limits<V>;
    if constexpr (Limits::has_infinity) return kMax ? -Limits::infinity() : Limits::infinity();
    return kMax ? Limits::lowest() : Limits::max();
  }
  template <typename V>
  static void Add(V& extreme, V x) {
    if ((kMax ? x > extreme : x < extreme) || x != x) extreme = x;
  }
  template <typename V>
  static void Merge(V& extreme, const V& other) {
    Add(extreme, other);
  }
  template <typename V>
  static V Finish(V extreme, int64_t) {
    return extreme;
  }
};

}  // namespace reduce
}  // namespace mosaic
