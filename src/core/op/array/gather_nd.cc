// GatherND: slices of "data" at the tuples of indices that the last dimension of "indices" holds.
#include <algorithm>
#include <cstring>

#include "core/op/array/index_tuples.h"

namespace mosaic {
namespace {

constexpr int64_t kCopyBytes = 64 * 1024;  // that a unit copies, about

struct State {
  IndexTuples tuples;
  int64_t bytes = 0;     // of a slice
  int64_t pieces = 1;    // units of a slice, where it is long
  int64_t per_unit = 1;  // slices of a unit
};

class GatherNdOp : public Op {
 public:
  explicit GatherNdOp(const Node& node) : batch_dims_(node.Int("batch_dims", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(1), "indices"));
    int64_t depth = -1;
    if (c.Ranked()) MOSAIC_RETURN_IF_ERROR(CheckIndexTuples(c, batch_dims_, &depth));
    if (depth < 0) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &data = c.dims(0), &indices = c.dims(1);
    Dims out(indices.begin(), indices.end() - 1);
    const std::ptrdiff_t rest = static_cast<std::ptrdiff_t>(batch_dims_ + depth);
    out.insert(out.end(), data.begin() + rest, data.end());
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    StateItems(c, rest);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.tuples =
        IndexTuples::Of(c.inputs[0].shape(), c.inputs[1].shape(), static_cast<int>(batch_dims_));
    s.bytes = s.tuples.slice * DTypeSize(c.inputs[0].dtype());
    c.scratch_bytes = s.tuples.count * static_cast<int64_t>(sizeof(int64_t));
    c.OnePhase(Chunks(s.tuples.count, IndexTuples::kChunk),
               static_cast<double>(4 * IndexTuples::kChunk * std::max(s.tuples.depth, 1)));
    if (c.outputs[0].size() == 0) return Status();
    s.pieces = Chunks(s.bytes, kCopyBytes);
    s.per_unit = std::max<int64_t>(1, kCopyBytes / (s.bytes + 64));
    c.phases.push_back({Chunks(s.tuples.count, s.per_unit) * s.pieces, kCopyBytes / 4});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    int64_t* offsets = static_cast<int64_t*>(c.scratch);
    if (phase == 0) {
      return s.tuples.Offsets(c.inputs[1], begin * IndexTuples::kChunk,
                              std::min(end * IndexTuples::kChunk, s.tuples.count), offsets);
    }
    const int64_t size = DTypeSize(c.inputs[0].dtype());
    const char* x = c.inputs[0].data<char>();
    char* y = c.outputs[0].mutable_data<char>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u / s.pieces * s.per_unit, column = u % s.pieces * kCopyBytes;
      const int64_t n = s.pieces == 1 ? s.bytes : std::min(kCopyBytes, s.bytes - column);
      for (int64_t i = first; i < std::min(first + s.per_unit, s.tuples.count); ++i) {
        std::memcpy(y + i * s.bytes + column, x + offsets[i] * size + column,
                    static_cast<size_t>(n));
      }
    }
    return Status();
  }

 private:
  // rest: the dimensions of the data from which on slices are taken whole.
  void StateItems(InferContext& c, std::ptrdiff_t rest) const {
    if (!c.itemised()) return;
    int own = 0;
    if (batch_dims_ == 0 && c.item_axis(0) == 0 && TakesOwn(c, 1, c.dims(0)[0], true, &own)) {
      c.Excuse(1);
      return c.ItemsAt(0, own);
    }
    if (c.Itemised(0) && c.Itemised(1)) {  // as a batch dimension
      const int at = c.item_axis(0);
      if (at != c.item_axis(1) || at >= batch_dims_) return c.Mix();
      c.out(0).item_axis = at;
    } else if (c.Itemised(1)) {
      const int at = c.item_axis(1);
      c.ItemsAt(1, at >= batch_dims_ && at + 1 < c.in(1).rank() ? at : kMixed);
    } else {
      const int at = c.item_axis(0);
      const int shift = c.in(1).rank() - 1 - static_cast<int>(rest);
      c.ItemsAt(0, at >= rest ? at + shift : kMixed);
    }
  }

  int64_t batch_dims_;
};

}  // namespace

extern const OpDef kGatherNd = {kOnnxDomain, "GatherND", 13, 25, &MakeOf<GatherNdOp, 2, 2>};

}  // namespace mosaic
