// FeatureVectorizer: rows of several inputs joined, as float32. Input k gives inputdimensions[k] features: what it
// has beyond them is left out, what it lacks is 0.
#include <algorithm>

#include "core/op/ml/ml_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

struct State {
  std::vector<int64_t> starts;  // of the inputs' features in a row of the output; then its length
};

class FeatureVectorizer : public Op {
 public:
  explicit FeatureVectorizer(std::vector<int64_t> sizes) : sizes_(std::move(sizes)) {}

  Status Infer(InferContext& c) const override {
    int64_t width = 0;
    for (int64_t n : sizes_) width += n;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      MOSAIC_RETURN_IF_ERROR(CheckType<MlTypes>(c.dtype(i), "an input"));
    }
    if (!c.Ranked()) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    Dim rows;
    bool two = true;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      const Dims& dims = c.dims(i);
      if (dims.empty()) return Status::BadModel("input " + std::to_string(i) + " is a scalar");
      const Dim n = dims.size() == 1 ? Dim(1) : dims[0];
      if (i == 0) {
        rows = n;
      } else {
        MOSAIC_RETURN_IF_ERROR(c.RequireEqual(rows, n, "the rows of inputs 0 and " + std::to_string(i)));
      }
      two = two && dims.size() == 2;
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, {rows, width}));
    c.ItemsBroadcast();
    if (c.itemised() && (!two || c.out(0).item_axis != 0)) c.Mix();
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.starts.push_back(0);
    for (int64_t n : sizes_) s.starts.push_back(s.starts.back() + n);
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), 6 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    const int64_t width = s.starts.back();
    float* out = c.outputs[0].mutable_data<float>();
    const int64_t last = std::min(end * kChunk, c.outputs[0].size());
    for (int64_t at = begin * kChunk; at < last;) {
      const int64_t row = at / width, column = at % width;
      const auto next = std::upper_bound(s.starts.begin(), s.starts.end(), column);
      const size_t input = static_cast<size_t>(next - s.starts.begin()) - 1;
      const int64_t n = std::min(*next - column, last - at);
      Copy(c.inputs[input], row, column - s.starts[input], n, out + at);
      at += n;
    }
    return Status();
  }

 private:
  static void Copy(const Tensor& x, int64_t row, int64_t column, int64_t n, float* out) {
    const int64_t has = x.rank() == 1 ? x.size() : x.size() / std::max<int64_t>(x.dim(0), 1);
    const int64_t copied = std::clamp<int64_t>(has - column, 0, n);
    Dispatch(MlTypes(), x.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* from = x.data<T>() + row * has + column;
      for (int64_t i = 0; i < copied; ++i) out[i] = static_cast<float>(from[i]);
    });
    std::fill(out + copied, out + n, 0.0f);
  }

  std::vector<int64_t> sizes_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  const std::vector<int64_t> sizes = node.Ints("inputdimensions");
  const int inputs = static_cast<int>(sizes.size());
  if (sizes.empty()) return Status::BadModel("\"inputdimensions\" is needed");
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, inputs, inputs));
  int64_t width = 0;
  for (int64_t n : sizes) {
    if (n < 0 || n > INT32_MAX || (width += n) > INT32_MAX) {
      return Status::BadModel("\"inputdimensions\" has " + std::to_string(n));
    }
  }
  *out = std::make_unique<FeatureVectorizer>(sizes);
  return Status();
}

}  // namespace

extern const OpDef kFeatureVectorizer = {kMlDomain, "FeatureVectorizer", 1, 5, &Make};

}  // namespace mosaic
