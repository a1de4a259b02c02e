// Range: start, start + delta, ... up to limit, which is not included.
#include <algorithm>
#include <cmath>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

using RangeTypes = Types<float, double, Float16, BFloat16, int16_t, int32_t, int64_t>;
constexpr int64_t kChunk = 8192;

// How many elements there are; kMaxTensorBytes + 1 where more than any array has.
template <typename V>
int64_t Count(V start, V limit, V delta) {
  constexpr int64_t kTooMany = kMaxTensorBytes + 1;
  if (delta > 0 ? !(start < limit) : !(start > limit)) return 0;
  if constexpr (std::is_integral_v<V>) {
    // Differences of int64 values fit unsigned ones.
    const uint64_t from = static_cast<uint64_t>(int64_t{start});
    const uint64_t to = static_cast<uint64_t>(int64_t{limit});
    const uint64_t step = static_cast<uint64_t>(int64_t{delta});
    const uint64_t n = delta > 0 ? (to - from - 1) / step + 1 : (from - to - 1) / (0 - step) + 1;
    return n > static_cast<uint64_t>(kTooMany) ? kTooMany : static_cast<int64_t>(n);
  } else {
    const double n = std::ceil((static_cast<double>(limit) - start) / delta);
    return n < static_cast<double>(kTooMany) ? static_cast<int64_t>(n) : kTooMany;
  }
}

class RangeOp : public Op {
 public:
  explicit RangeOp(const Node& node) : stash_(node.Int("stash_type", MOSAIC_FLOAT)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<RangeTypes>(c.dtype(0), "an input"));
    // Sums of 16-bit floats are rounded once, at the end.
    if (HasType(Types<Float16, BFloat16>(), c.dtype(0)) && stash_ != MOSAIC_FLOAT) {
      return Status::Unsupported("stash_type " + std::to_string(stash_) +
                                 " is not supported, only float32");
    }
    bool known = true;
    for (size_t i = 0; i < 3; ++i) {
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
      const int64_t n = LengthOf(c.in(i));
      if (n >= 0 && n != 1) {
        return Status::BadModel("inputs must be scalars, one has shape " + ShapeString(c.dims(i)));
      }
      known = known && c.in(i).value.defined() && c.in(i).value.raw() != nullptr;
    }
    Dim count = c.NewDim();
    if (known) {
      MOSAIC_RETURN_IF_ERROR(CountOf(c, &count));
    } else {
      CountOfSizes(c, &count);
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {count}));
    Dims start, delta;
    if (c.Known(0, &start) && c.Known(2, &delta) && start.size() == 1 && start[0].Is(0) &&
        delta.size() == 1 && delta[0].Is(1)) {
      IndexOfRange(c, count);
    }
    return Status();
  }

  Status Start(Call& c) const override {
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), 2 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    Dispatch(RangeTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using V = ComputeType<T>;
      const V start = Load(*c.inputs[0].data<T>()), delta = Load(*c.inputs[2].data<T>());
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin; i < end; ++i) {
        if constexpr (std::is_integral_v<V>) {
          // The sum lies between start and limit; the product alone may wrap.
          y[i] = static_cast<V>(static_cast<uint64_t>(int64_t{start}) +
                                static_cast<uint64_t>(i) * static_cast<uint64_t>(int64_t{delta}));
        } else {
          y[i] = Store<T>(static_cast<V>(start + static_cast<double>(i) * delta));
        }
      }
    });
    return Status();
  }

 private:
  static Status CountOf(const InferContext& c, Dim* count) {
    bool defined = true;
    Dispatch(RangeTypes(), c.dtype(0), [&](auto type) {
      using T = typename decltype(type)::T;
      const auto start = Load(*c.in(0).value.data<T>()), limit = Load(*c.in(1).value.data<T>());
      const auto delta = Load(*c.in(2).value.data<T>());
      defined = start == start && limit == limit && delta == delta && delta != 0;
      if (defined) *count = Count(start, limit, delta);
    });
    return defined ? Status() : Status::Invalid("delta is 0, or an input is not a number");
  }

  // In symbols, of integers that follow from shapes.
  static void CountOfSizes(const InferContext& c, Dim* count) {
    Dims start, limit, delta;
    if (!c.Known(0, &start) || !c.Known(1, &limit) || !c.Known(2, &delta)) return;
    if (start.size() != 1 || limit.size() != 1 || delta.size() != 1) return;
    if (!delta[0].is_number() || delta[0].Is(0)) return;
    const bool up = delta[0].number() > 0;
    const Dim span = up ? limit[0] - start[0] : start[0] - limit[0];
    const Dim n = CeilDiv(span, up ? delta[0] : Dim(0) - delta[0]);
    if (!n.is_unknown()) *count = Max(n, 0);
  }

  int64_t stash_;
};

}  // namespace

extern const OpDef kRange = {kOnnxDomain, "Range", 27, 27, &MakeOf<RangeOp, 3, 3>};

}  // namespace mosaic
