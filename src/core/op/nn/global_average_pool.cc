// GlobalAveragePool: the mean of every channel (dimensions 0 and 1 stay, the others become 1). A
// unit is one mean, summed in double.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class GlobalAveragePoolOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(x, "an input"));
    if (x.rank() < 3) {
      return Status::BadModel("the input must have at least 3 dimensions, has shape " +
                              ShapeString(x.shape()));
    }
    Shape out = x.shape();
    std::fill(out.begin() + 2, out.end(), 1);
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), out, &c.outputs[0]));
    c.units = c.outputs[0].size();
    if (c.units > 0 && x.size() == 0) {
      return Status::Invalid("a channel of no elements has no mean; the input has shape " +
                             ShapeString(x.shape()));
    }
    c.unit_cost = c.units > 0 ? 2.0 * static_cast<double>(x.size() / c.units) : 0;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const int64_t n = c.inputs[0].size() / std::max<int64_t>(c.units, 1);
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end; ++u) {
        const T* x = c.inputs[0].data<T>() + u * n;
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(Load(x[i]));
        c.outputs[0].mutable_data<T>()[u] =
            Store<T>(static_cast<ComputeType<T>>(sum / static_cast<double>(n)));
      }
    });
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }
};

}  // namespace

extern const OpDef kGlobalAveragePool = {"GlobalAveragePool", 9, 17,
                                         &MakePlain<GlobalAveragePoolOp, 1, 1>};

}  // namespace mosaic
