// com.microsoft: SkipLayerNormalization and SkipSimplifiedLayerNormalization: the sum of input,
// skip and bias, normalised along the last dimension.
//
//   inputs    input, skip, gamma, [beta,] bias; skip broadcasts to the input
//   outputs   result, mean, 1 / sqrt(var + epsilon) (both float32), the sum
#include "core/op/nn/layer_norm.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;
constexpr size_t kSumOutput = 3;

class SkipNormOp : public LayerNormOp {
 public:
  SkipNormOp(bool centred, const Node& node)
      : LayerNormOp(centred, -1, node.Float("epsilon", 1e-12F),
                    RowNormPlaces{2, centred ? 3 : -1, 1, 2}),
        bias_(centred ? 4 : 3) {}

  Status Infer(InferContext& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(InferLayer(c, &axis));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    if (c.Has(bias_)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, bias_));
    c.SetUnranked(kSumOutput, c.dtype(0));
    if (axis < 0) return Status();
    MOSAIC_RETURN_IF_ERROR(c.Set(kSumOutput, c.dtype(0), c.dims(0)));
    for (size_t i : {size_t{1}, bias_}) {
      if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckAdded(c, i));
    }
    if (!c.Ranked()) return Status();
    c.ItemsBroadcast();
    if (c.itemised() && c.out(0).item_axis == axis) c.Mix();
    return Status();
  }

  Status Start(Call& c) const override {
    const Tensor& x = c.inputs[0];
    c.phases = {Phase{(x.size() + kChunk - 1) / kChunk, 3.0 * kChunk}};
    return StartLayer(c, 1, SumIsOutput(c) ? 0 : x.bytes());
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (phase > 0) return LayerNormOp::Run(c, phase, begin, end);
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      Add<typename decltype(type)::T>(c, begin * kChunk,
                                      std::min(end * kChunk, c.inputs[0].size()));
    });
    return Status();
  }

 protected:
  const void* source(const Call& c) const override {
    return SumIsOutput(c) ? c.outputs[kSumOutput].raw() : c.scratch;
  }

 private:
  static bool SumIsOutput(const Call& c) {
    return c.outputs.size() > kSumOutput && c.outputs[kSumOutput].defined();
  }

  static Status CheckAdded(InferContext& c, size_t i) {
    if (!c.in(i).ranked) return Status();
    const Dims &x = c.dims(0), &added = c.dims(i);
    bool fits = added.size() <= x.size();
    for (size_t d = 0; fits && d < added.size(); ++d) {
      fits = added[d].Is(1) || c.RequireEqual(added[d], x[x.size() - added.size() + d], "").ok();
    }
    if (fits) return Status();
    return Status::BadModel("shape " + ShapeString(added) + " cannot be added to shape " +
                            ShapeString(x));
  }

  // x + skip + bias, rounded once where the type is computed as float32.
  template <typename T>
  void Add(Call& c, int64_t begin, int64_t end) const {
    const Tensor& x = c.inputs[0];
    const bool biased = c.Given(bias_);
    const StridedWalk walk(
        x.shape(), {{BroadcastStrides(c.inputs[1].shape(), x.shape()), 0},
                    {BroadcastStrides(biased ? c.inputs[bias_].shape() : Shape(), x.shape()), 0}});
    const T* input = x.data<T>();
    T* sum = static_cast<T*>(const_cast<void*>(source(c)));
    walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const T* skip = c.inputs[1].data<T>() + offset[0];
      const T* bias = biased ? c.inputs[bias_].data<T>() + offset[1] : nullptr;
      for (int64_t i = 0; i < n; ++i) {
        auto v = Load(input[at + i]) + Load(skip[i * walk.run_stride(0)]);
        if (biased) v += Load(bias[i * walk.run_stride(1)]);
        sum[at + i] = Store<T>(v);
      }
    });
  }

  size_t bias_;
};

template <bool kCentred>
Status MakeSkip(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, kCentred ? 5 : 4, 4));
  *out = std::make_unique<SkipNormOp>(kCentred, node);
  return Status();
}

}  // namespace

extern const OpDef kSkipLayerNormalization = {kMicrosoftDomain, "SkipLayerNormalization", 1, 1,
                                              &MakeSkip<true>};
extern const OpDef kSkipSimplifiedLayerNormalization = {
    kMicrosoftDomain, "SkipSimplifiedLayerNormalization", 1, 1, &MakeSkip<false>};

}  // namespace mosaic
