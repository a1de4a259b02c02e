// Bases of the elementwise operators. A unit is kElementChunk elements of the output.
//
//   UnaryOp<Fn>     y = f(x), the same type
//   TestOp<Fn>      y = f(x), bool
//   BinaryOp<Fn>    y = f(a, b) with numpy's broadcasting; y of a's type, or bool
//   VariadicOp<Fn>  y = f(f(a, b), c) ... over any number of inputs, broadcasting
//
// Fn is a small functor over compute types (element.h) with
//   using List = Types<...>           the types it has
//   static constexpr double kCost     rough floating-point operations of one call
//   template <typename T> T operator()(T ...) const
// and, where a vector kernel has the function, static constexpr Unary, Binary or Comparison
// kKernel. A unary kernel computes float32 (and the 16-bit types by it), with fn.parameters() if it
// takes any; fusing does not change a bit, as products end with the same one. The others have the
// bits of the plain loops. With
//   static Dim OfDims(Dim ..., bool real)
// it also says what it makes of sizes (size_arithmetic.h).
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include "core/kernel/binary.h"
#include "core/kernel/unary.h"
#include "core/op/math/size_arithmetic.h"
#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {

constexpr int64_t kElementChunk = 4096;

// One phase over the elements of output 0. Those of 16 bits become floats and back.
inline void StartElements(Call& c, double cost) {
  const int dtype = c.outputs[0].dtype();
  if (dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16) cost += 8;
  c.OnePhase((c.outputs[0].size() + kElementChunk - 1) / kElementChunk,
             cost * static_cast<double>(kElementChunk));
}
// The elements of units [begin, end): *first to the result.
inline int64_t ElementRange(const Call& c, int64_t* begin, int64_t end) {
  *begin *= kElementChunk;
  return std::min(end * kElementChunk, c.outputs[0].size());
}

template <typename Fn, typename = void>
struct HasKernel : std::false_type {};
template <typename Fn>
struct HasKernel<Fn, std::void_t<decltype(Fn::kKernel)>> : std::true_type {};

template <typename Fn, typename = void>
struct HasParameters : std::false_type {};
template <typename Fn>
struct HasParameters<Fn, std::void_t<decltype(&Fn::parameters)>> : std::true_type {};

template <typename Fn, typename = void>
struct HasDims : std::false_type {};
template <typename Fn>
struct HasDims<Fn, std::void_t<decltype(&Fn::OfDims)>> : std::true_type {};

// What the function makes of numbers of items (item_index.h).
template <typename Fn, typename = void>
struct HasIndex : std::false_type {};
template <typename Fn>
struct HasIndex<Fn, std::void_t<decltype(Fn::kFollowIndex)>> : std::true_type {};

// compute(x, y, n) of floats, for T that are floats, or 16-bit types, which become such in parts: x
// may be y.
template <typename T, typename F>
void ByFloats(const T* x, T* y, int64_t n, const F& compute) {
  if constexpr (std::is_same_v<T, float>) {
    compute(x, y, n);
  } else {
    constexpr int64_t kPart = 256;
    float part[kPart];
    for (int64_t i = 0; i < n; i += kPart) {
      const int64_t count = std::min(kPart, n - i);
      for (int64_t k = 0; k < count; ++k) part[k] = Load(x[i + k]);
      compute(part, part, count);
      for (int64_t k = 0; k < count; ++k) y[i + k] = Store<T>(part[k]);
    }
  }
}

template <typename Fn, typename T>
void MapUnary(const Fn& fn, const T* x, T* y, int64_t n) {
  if constexpr (std::is_same_v<ComputeType<T>, float> && HasKernel<Fn>::value) {
    UnaryParameters parameters;
    if constexpr (HasParameters<Fn>::value) parameters = fn.parameters();
    ByFloats(x, y, n, [&](const float* from, float* to, int64_t count) {
      ComputeUnary(Fn::kKernel, parameters, from, to, count);
    });
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = Store<T>(fn(Load(x[i])));
  }
}

template <typename Fn>
class UnaryOp : public Op {
 public:
  explicit UnaryOp(Fn fn = Fn()) : fn_(fn) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    if constexpr (HasDims<Fn>::value) FollowSizes(c, &Fn::OfDims);
    return Status();
  }
  Status Start(Call& c) const override {
    StartElements(c, Fn::kCost);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      MapUnary(fn_, x + begin, y + begin, end - begin);
    });
    return Status();
  }
  bool in_place(int) const override { return true; }

 private:
  Fn fn_;
};

template <typename Fn>
class TestOp : public Op {
 public:
  explicit TestOp(Fn fn = Fn()) : fn_(fn) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
    return InferSame(c, MOSAIC_BOOL);
  }
  Status Start(Call& c) const override {
    StartElements(c, Fn::kCost);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      Bool* y = c.outputs[0].mutable_data<Bool>();
      for (int64_t i = begin; i < end; ++i) y[i] = Store<Bool>(fn_(Load(x[i])));
    });
    return Status();
  }

 private:
  Fn fn_;
};

// y[i] = f(a[i * sa], b[i * sb]); the common strides get loops of their own.
template <typename A, typename B, typename Y, typename F>
void MapRun(const A* a, int64_t sa, const B* b, int64_t sb, Y* y, int64_t n, F&& f) {
  if (sa == 1 && sb == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = Store<Y>(f(Load(a[i]), Load(b[i])));
  } else if (sa == 1 && sb == 0) {
    const auto v = Load(*b);
    for (int64_t i = 0; i < n; ++i) y[i] = Store<Y>(f(Load(a[i]), v));
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = Store<Y>(f(Load(a[i * sa]), Load(b[i * sb])));
  }
}

// The same for Fn, by its kernel where it has one and the run is worth it.
constexpr int64_t kKernelRun = 16;

template <typename Fn, typename T, typename Y>
void MapBinary(const T* a, int64_t sa, const T* b, int64_t sb, Y* y, int64_t n) {
  constexpr bool kPlainType = std::is_same_v<T, ComputeType<T>>;  // neither of 16 bits nor bool
  if constexpr (HasKernel<Fn>::value && kPlainType) {
    if (n >= kKernelRun && (sa == 0 || sa == 1) && (sb == 0 || sb == 1)) {
      constexpr int kType = ElementTraits<T>::kDType;
      const Operand x{a, 0, static_cast<int>(sa)}, z{b, 0, static_cast<int>(sb)};
      if constexpr (Fn::kPredicate) {
        uint8_t* bytes = reinterpret_cast<uint8_t*>(y);
        ComputeComparison(Fn::kKernel, kType, Fn::kSwapped ? z : x, Fn::kSwapped ? x : z, 1, n,
                          bytes, n);
      } else {
        ComputeBinary(Fn::kKernel, kType, x, z, 1, n, y, n);
      }
      return;
    }
  }
  MapRun(a, sa, b, sb, y, n, Fn());
}

// Output 0 has the shape that all inputs broadcast to: the walk over them.
inline void StartBroadcast(Call& c, double cost) {
  const Shape& shape = c.outputs[0].shape();
  std::vector<StridedWalk::Operand> operands;
  for (const Tensor& t : c.inputs) operands.push_back({BroadcastStrides(t.shape(), shape), 0});
  c.NewState<StridedWalk>(shape, std::move(operands));
  StartElements(c, cost);
}

// Fn::kPredicate: the result is bool. Fn::kDivides: no divisor of an integer type may be 0.
template <typename Fn>
class BinaryOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(InferBroadcast(c, Fn::kPredicate ? MOSAIC_BOOL : c.dtype(0)));
    if constexpr (HasDims<Fn>::value) FollowSizes(c, &Fn::OfDims);
    if constexpr (HasIndex<Fn>::value) Fn::kFollowIndex(c);
    return Status();
  }
  Status Start(Call& c) const override {
    StartBroadcast(c, Fn::kCost);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    end = ElementRange(c, &begin, end);
    bool zero = false;
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using Y = std::conditional_t<Fn::kPredicate, Bool, T>;
      const T *a = c.inputs[0].data<T>(), *b = c.inputs[1].data<T>();
      Y* y = c.outputs[0].mutable_data<Y>();
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        const T* divisor = b + offset[1];
        if constexpr (Fn::kDivides && std::is_integral_v<T>) {
          for (int64_t i = 0; i < n; ++i) zero = zero || divisor[i * walk.run_stride(1)] == 0;
          if (zero) return;
        }
        MapBinary<Fn>(a + offset[0], walk.run_stride(0), divisor, walk.run_stride(1), y + at, n);
      });
    });
    return zero ? Status::Invalid("integer division by zero") : Status();
  }
  // Only an input that is not broadcast is as large as the output.
  bool in_place(int) const override { return !Fn::kPredicate; }
};

template <typename Fn>
class VariadicOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    for (size_t i = 0; i < c.inputs(); ++i) {
      if (!c.Has(i)) return Status::BadModel("an input is omitted");
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
    }
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(InferBroadcast(c, c.dtype(0)));
    if constexpr (HasDims<Fn>::value) FoldSizes(c, &Fn::OfDims);
    return Status();
  }
  Status Start(Call& c) const override {
    StartBroadcast(c, Fn::kCost * static_cast<double>(c.inputs.size()));
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    end = ElementRange(c, &begin, end);
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        const T* first = c.inputs[0].data<T>() + offset[0];
        for (int64_t i = 0; i < n; ++i) y[at + i] = first[i * walk.run_stride(0)];
        for (size_t k = 1; k < c.inputs.size(); ++k) {
          const T* x = c.inputs[k].data<T>() + offset[k];
          MapBinary<Fn>(y + at, 1, x, walk.run_stride(k), y + at, n);
        }
        Finish(y + at, n, c.inputs.size());
      });
    });
    return Status();
  }

 private:
  // Fn::Finish(v, k): the result of k inputs folded to v.
  template <typename F, typename = void>
  struct HasFinish : std::false_type {};
  template <typename F>
  struct HasFinish<F, std::void_t<decltype(F::Finish(1.0F, size_t{}))>> : std::true_type {};

  template <typename T>
  static void Finish(T* y, int64_t n, size_t inputs) {
    if constexpr (HasFinish<Fn>::value) {
      for (int64_t i = 0; i < n; ++i) y[i] = Store<T>(Fn::Finish(Load(y[i]), inputs));
    }
  }
};

// Signed integer arithmetic that wraps, as unsigned arithmetic does.
template <typename T, typename F>
T Wrapping(T a, T b, F f) {
  // At least 32 bits wide, or promotion to int would bring signed overflow back.
  using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
  return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
}

}  // namespace mosaic
