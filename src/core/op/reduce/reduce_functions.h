// What the reductions do with their elements, Fn, and how it becomes a ReduceFunction. Over compute
// types V (element.h):
//   using List                       the types it has
//   static constexpr Reduction kKernel
//   static constexpr bool kOfNothing a reduction of no elements has a value
//   template <V> using Acc           the accumulator
//   template <V> Acc<V> Start()
//   Add(Acc&, V), Merge(Acc&, const Acc&)
//   template <V> V Finish(Acc, int64_t n)
//   static constexpr bool kOfSizes   it has OfDims(Dim, Dim)
//
// Floating point is accumulated in double; integers are in 64 bits and wrap.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/graph/dim.h"
#include "core/op/reduce/reduction.h"
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
  static constexpr Reduction kKernel = Reduction::kSum;
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
  static constexpr Reduction kKernel = Reduction::kMean;
  static constexpr bool kOfNothing = false;
  template <typename V, typename A>
  static V Finish(A sum, int64_t n) {
    return static_cast<V>(sum / static_cast<A>(n));
  }
};

struct SumSquare : OtherSum {
  static constexpr Reduction kKernel = Reduction::kSumSquare;
  template <typename A, typename V>
  static void Add(A& sum, V x) {
    sum = Plus(sum, Times(static_cast<A>(x), static_cast<A>(x)));
  }
};

struct L1 : OtherSum {
  static constexpr Reduction kKernel = Reduction::kL1;
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
  static constexpr Reduction kKernel = Reduction::kL2;
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
  static constexpr Reduction kKernel = Reduction::kLogSum;
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
  static constexpr Reduction kKernel = Reduction::kLogSumExp;
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
  static constexpr Reduction kKernel = Reduction::kProd;
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
  static constexpr Reduction kKernel = kMax ? Reduction::kMax : Reduction::kMin;
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

template <typename Fn, typename T>
struct TypedReducer {
  using V = ComputeType<T>;
  using Acc = typename Fn::template Acc<V>;
  static_assert(sizeof(Acc) <= kMaxAccumulator);

  static void Start(void* lanes, int64_t n) {
    for (int64_t k = 0; k < n; ++k) static_cast<Acc*>(lanes)[k] = Fn::template Start<V>();
  }
  static void Add(void* lanes, const void* x, int64_t stride, int64_t at, int64_t n) {
    Acc* acc = static_cast<Acc*>(lanes);
    const T* run = static_cast<const T*>(x);
    int64_t i = 0;
    for (; i < n && (at + i) % kLanes != 0; ++i)
      Fn::Add(acc[(at + i) % kLanes], Load(run[i * stride]));
    for (; i + kLanes <= n; i += kLanes) {
      for (int k = 0; k < kLanes; ++k) Fn::Add(acc[k], Load(run[(i + k) * stride]));
    }
    for (int k = 0; i < n; ++i, ++k) Fn::Add(acc[k], Load(run[i * stride]));
  }
  static void Merge(void* a, const void* b) {
    Fn::Merge(*static_cast<Acc*>(a), *static_cast<const Acc*>(b));
  }
  static void Finish(const void* a, int64_t count, void* result) {
    *static_cast<T*>(result) = Store<T>(Fn::template Finish<V>(*static_cast<const Acc*>(a), count));
  }
  static constexpr Reducer kReducer = {sizeof(Acc), &Start, &Add, &Merge, &Finish};
};

template <typename Fn>
const ReduceFunction& FunctionOf() {
  static constexpr auto of_dims = [] {
    Dim (*f)(const Dim&, const Dim&) = nullptr;
    if constexpr (Fn::kOfSizes) f = &Fn::OfDims;
    return f;
  }();
  static constexpr ReduceFunction f = {
      Fn::kKernel, Fn::kOfNothing, of_dims,
      [](int dtype) { return CheckType<typename Fn::List>(dtype, "an input"); },
      [](int dtype) -> const Reducer& {
        const Reducer* r = nullptr;
        Dispatch(typename Fn::List(), dtype,
                 [&](auto type) { r = &TypedReducer<Fn, typename decltype(type)::T>::kReducer; });
        return *r;
      }};
  return f;
}

}  // namespace reduce
}  // namespace mosaic
