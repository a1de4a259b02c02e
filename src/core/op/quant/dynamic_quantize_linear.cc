// DynamicQuantizeLinear: scale and zero point of uint8 from the least and the largest element of
// the whole input (and 0), then QuantizeLinear. The scale depends on all items of a batch, so they
// are mixed.
#include <algorithm>
#include <cmath>

#include "core/kernel/quantize.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;

struct State {
  float least = 0, most = 0;
};

class DynamicQuantizeLinear : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(0), "an input"));
    if (c.in(0).ranked) {
      MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_UINT8, c.dims(0)));
    } else {
      c.SetUnranked(0, MOSAIC_UINT8);
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_FLOAT, {}));
    return c.Set(2, MOSAIC_UINT8, {});
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    const int64_t chunks = (c.inputs[0].size() + kChunk - 1) / kChunk;
    c.phases = {Phase{1, 1}, Phase{chunks, 2.0 * kChunk}, Phase{chunks, 8.0 * kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    const float* x = c.inputs[0].data<float>();
    const int64_t last = std::min(end * kChunk, c.inputs[0].size());
    if (phase == 0) {
      s = State();
      SetScale(c, s);  // of an empty input, too
    } else if (phase == 1) {
      Range(x + begin * kChunk, last - begin * kChunk, &s.least, &s.most);
      SetScale(c, s);
    } else {
      const float scale = *c.outputs[1].data<float>();
      Quantize(x + begin * kChunk, scale, *c.outputs[2].data<uint8_t>(), MOSAIC_UINT8,
               c.outputs[0].mutable_data<uint8_t>() + begin * kChunk, last - begin * kChunk);
    }
    return Status();
  }

 private:
  static void SetScale(Call& c, const State& s) {
    const float range = s.most - s.least, scale = range == 0 ? 1.0F : range / 255.0F;
    const float zero = std::nearbyint(std::clamp(-s.least / scale, 0.0F, 255.0F));
    *c.outputs[1].mutable_data<float>() = scale;
    // Of infinities neither a scale nor a zero can be made.
    *c.outputs[2].mutable_data<uint8_t>() = std::isnan(zero) ? uint8_t{0} : static_cast<uint8_t>(zero);
  }
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1, 3));
  if (node.outputs.size() != 3) return Status::BadModel("does not have 3 outputs");
  *out = std::make_unique<DynamicQuantizeLinear>();
  return Status();
}

}  // namespace

extern const OpDef kDynamicQuantizeLinear = {kOnnxDomain, "DynamicQuantizeLinear", 11, 25, &Make};

}  // namespace mosaic
