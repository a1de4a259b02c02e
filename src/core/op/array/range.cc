// Range: start, start + delta, ... up to limit, which is not included.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

using RangeTypes = Types<float, double, int16_t, int32_t, int64_t>;

// How many elements there are; kMaxTensorBytes + 1 where more than any tensor has.
template <typename T>
int64_t Count(T start, T limit, T delta) {
  constexpr int64_t kTooMany = kMaxTensorBytes + 1;
  if (delta > 0 ? !(start < limit) : !(start > limit)) return 0;
  if constexpr (std::is_integral_v<T>) {
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
  Status Prepare(OpContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<RangeTypes>(c.inputs[0], "an input"));
    for (const Tensor& t : c.inputs) {
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c.inputs[0], t));
      if (t.size() != 1) {
        return Status::BadModel("inputs must be scalars, one has shape " + ShapeString(t.shape()));
      }
    }
    int64_t count = 0;
    bool defined = true;
    Dispatch(RangeTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T start = *c.inputs[0].data<T>(), limit = *c.inputs[1].data<T>();
      const T delta = *c.inputs[2].data<T>();
      defined = start == start && limit == limit && delta == delta && delta != 0;
      if (defined) count = Count(start, limit, delta);
    });
    if (!defined) return Status::Invalid("delta is 0, or an input is not a number");
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, c.inputs[0].dtype(), {count}, &c.outputs[0]));
    c.units = count;
    c.unit_cost = 2;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    Dispatch(RangeTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T start = *c.inputs[0].data<T>(), delta = *c.inputs[2].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin; i < end; ++i) {
        if constexpr (std::is_integral_v<T>) {
          // The sum lies between start and limit; the product alone may wrap.
          y[i] = static_cast<T>(static_cast<uint64_t>(int64_t{start}) +
                                static_cast<uint64_t>(i) * static_cast<uint64_t>(int64_t{delta}));
        } else {
          y[i] = static_cast<T>(start + static_cast<double>(i) * delta);
        }
      }
    });
  }
};

}  // namespace

extern const OpDef kRange = {"Range", 11, 17, &MakePlain<RangeOp, 3, 3>};

}  // namespace mosaic
