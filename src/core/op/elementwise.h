// Bases of the elementwise operators. A unit is one element of the output.
//
//   UnaryOp<Fn>     y = f(x), the same type
//   BinaryOp<Fn>    y = f(a, b) with numpy's broadcasting; y of a's type, or bool
//   VariadicOp<Fn>  y = f(f(a, b), c) ... over any number of inputs, broadcasting
//
// Fn is a small functor over compute types (element.h) with
//   using List = Types<...>           the types it has
//   static constexpr double kCost     rough floating-point operations of one call
//   template <typename T> T operator()(T ...) const
// and, for functions that kernels fuse too, static constexpr Activation kFused: float32 is then
// computed by that one implementation, so that fusing does not change a bit.
#pragma once

#include <type_traits>
#include <utility>

#include "core/kernel/activation.h"
#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {

template <typename Fn, typename = void>
struct IsFused : std::false_type {};
template <typename Fn>
struct IsFused<Fn, std::void_t<decltype(Fn::kFused)>> : std::true_type {};

template <typename Fn, typename T>
void MapUnary(const Fn& fn, const T* x, T* y, int64_t n) {
  if constexpr (std::is_same_v<T, float> && IsFused<Fn>::value) {
    Activate(Fn::kFused, x, y, n);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = Store<T>(fn(Load(x[i])));
  }
}

template <typename Fn>
class UnaryOp : public Op {
 public:
  explicit UnaryOp(Fn fn = Fn()) : fn_(fn) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(x, "an input"));
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), x.shape(), &c.outputs[0]));
    c.units = x.size();
    c.unit_cost = Fn::kCost;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      MapUnary(fn_, x + begin, y + begin, end - begin);
    });
  }

  ItemRule Items(const OpContext& c) const override { return ElementwiseItems(c); }

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

// Makes the output, of the shape that the inputs [0, count) broadcast to, and the walk over them.
inline Status PrepareBroadcast(OpContext& c, size_t count, int dtype, double cost) {
  Shape shape = c.inputs[0].shape();
  for (size_t i = 1; i < count; ++i) {
    MOSAIC_RETURN_IF_ERROR(BroadcastShapes(shape, c.inputs[i].shape(), &shape));
  }
  c.outputs.resize(1);
  MOSAIC_RETURN_IF_ERROR(NewTensor(c, dtype, shape, &c.outputs[0]));
  std::vector<StridedWalk::Operand> operands;
  for (size_t i = 0; i < count; ++i) {
    operands.push_back({BroadcastStrides(c.inputs[i].shape(), shape), 0});
  }
  c.scratch = std::make_shared<StridedWalk>(shape, std::move(operands));
  c.units = c.outputs[0].size();
  c.unit_cost = cost;
  return Status();
}

// Fn::kPredicate: the result is bool. Fn::kDivides: no divisor of an integer type may be 0.
template <typename Fn>
class BinaryOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    const Tensor &a = c.inputs[0], &b = c.inputs[1];
    MOSAIC_RETURN_IF_ERROR(CheckSameType(a, b));
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(a, "an input"));
    MOSAIC_RETURN_IF_ERROR(
        PrepareBroadcast(c, 2, Fn::kPredicate ? MOSAIC_BOOL : a.dtype(), Fn::kCost));
    if constexpr (Fn::kDivides) {
      if (c.units > 0 && HasIntegerZero(b)) return Status::Invalid("integer division by zero");
    }
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using Y = std::conditional_t<Fn::kPredicate, Bool, T>;
      const T *a = c.inputs[0].data<T>(), *b = c.inputs[1].data<T>();
      Y* y = c.outputs[0].mutable_data<Y>();
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        MapRun(a + offset[0], walk.run_stride(0), b + offset[1], walk.run_stride(1), y + at, n,
               Fn());
      });
    });
  }

  ItemRule Items(const OpContext& c) const override { return ElementwiseItems(c); }

 private:
  static bool HasIntegerZero(const Tensor& t) {
    bool zero = false;
    Dispatch(typename Fn::List(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if constexpr (std::is_integral_v<T>) {
        for (int64_t i = 0; i < t.size(); ++i) zero = zero || t.data<T>()[i] == 0;
      }
    });
    return zero;
  }
};

template <typename Fn>
class VariadicOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    for (const Tensor& t : c.inputs) {
      if (!t.defined()) return Status::BadModel("an input is omitted");
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c.inputs[0], t));
    }
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.inputs[0], "an input"));
    return PrepareBroadcast(c, c.inputs.size(), c.inputs[0].dtype(),
                            Fn::kCost * static_cast<double>(c.inputs.size()));
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        const T* first = c.inputs[0].data<T>() + offset[0];
        for (int64_t i = 0; i < n; ++i) y[at + i] = first[i * walk.run_stride(0)];
        for (size_t k = 1; k < c.inputs.size(); ++k) {
          const T* x = c.inputs[k].data<T>() + offset[k];
          MapRun(y + at, 1, x, walk.run_stride(k), y + at, n, Fn());
        }
      });
    });
  }

  ItemRule Items(const OpContext& c) const override { return ElementwiseItems(c); }
};

// Signed integer arithmetic that wraps, as unsigned arithmetic does.
template <typename T, typename F>
T Wrapping(T a, T b, F f) {
  // At least 32 bits wide, or promotion to int would bring signed overflow back.
  using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
  return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
}

}  // namespace mosaic
