// ReverseSequence: for every element of a batch, its first sequence_lens steps in reverse order.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

class ReverseSequenceOp : public Op {
 public:
  explicit ReverseSequenceOp(bool batch_first) : batch_first_(batch_first) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(1), "sequence_lens"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    if (c.in(0).rank() < 2) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) +
                              " has no batch and time");
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    if (!c.in(1).ranked) return Status();
    const int batch = batch_first_ ? 0 : 1;
    if (c.in(1).rank() != 1) {
      return Status::BadModel("sequence_lens must have one dimension, has shape " +
                              ShapeString(c.dims(1)));
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(0)[static_cast<size_t>(batch)], c.dims(1)[0],
                                          "batch and sequence_lens differ in length"));
    const int at = c.item_axis(0);
    if (c.Itemised(0) && c.Itemised(1)) {
      if (at != batch) {
        c.Mix();
      } else {
        c.out(0).item_axis = at;
      }
    } else {
      c.ItemsOf(0, at >= 2);
    }
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& shape = c.inputs[0].shape();
    const double places = static_cast<double>(std::max<int64_t>(shape[0] * shape[1], 1));
    const double row = std::max(static_cast<double>(c.inputs[0].size()) / places, 1.0);
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk * (2 + 40 / row));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    Status status;
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    DispatchSize(c.inputs[0].dtype(),
                 [&](auto type) { status = Fill<typename decltype(type)::T>(c, begin, end); });
    return status;
  }

 private:
  template <typename T>
  Status Fill(Call& c, int64_t at, int64_t end) const {
    const Shape& shape = c.inputs[0].shape();
    const int64_t steps = shape[batch_first_ ? 1 : 0];
    const int64_t inner = c.inputs[0].size() / shape[0] / shape[1];
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    while (at < end) {
      const int64_t i = at % inner, n = std::min(inner - i, end - at);
      const int64_t second = at / inner % shape[1], first = at / inner / shape[1];
      const int64_t step = batch_first_ ? second : first, batch = batch_first_ ? first : second;
      const int64_t length = c.inputs[1].data<int64_t>()[batch];
      if (length < 0 || length > steps) {
        return Status::Invalid("a sequence of " + std::to_string(length) + " steps is given for " +
                               std::to_string(steps));
      }
      const int64_t from = step < length ? length - 1 - step : step;
      const int64_t row = batch_first_ ? batch * shape[1] + from : from * shape[1] + batch;
      std::copy(x + row * inner + i, x + row * inner + i + n, y + at);
      at += n;
    }
    return Status();
  }

  bool batch_first_;
};

Status MakeReverseSequence(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  const int64_t batch = node.Int("batch_axis", 1), time = node.Int("time_axis", 0);
  if (batch < 0 || batch > 1 || time != 1 - batch) {
    return Status::BadModel("batch_axis and time_axis must be 0 and 1");
  }
  *out = std::make_unique<ReverseSequenceOp>(batch == 0);
  return Status();
}

}  // namespace

extern const OpDef kReverseSequence = {kOnnxDomain, "ReverseSequence", 10, 25,
                                       &MakeReverseSequence};

}  // namespace mosaic
