// ScatterND: a copy of "data" whose slices at tuples of indices are replaced by those of "updates",
// or combined with them; updates of one slice come in their order.
#include <algorithm>

#include "core/op/array/index_tuples.h"
#include "core/op/array/scatter.h"

namespace mosaic {
namespace {

constexpr int64_t kElements = 8192;  // that a unit updates, about

struct State {
  IndexTuples tuples;
  int64_t pieces = 1;    // units of a slice, where it is long
  int64_t per_unit = 1;  // slices of a unit
};

class ScatterNdOp : public Op {
 public:
  explicit ScatterNdOp(Reduction reduction) : reduction_(reduction) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckScatterTypes(c, reduction_));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    if (!c.Ranked()) return Status();
    int64_t depth = -1;
    MOSAIC_RETURN_IF_ERROR(CheckIndexTuples(c, 0, &depth));
    if (depth < 0) return Status();
    const Dims &data = c.dims(0), &indices = c.dims(1), &updates = c.dims(2);
    Dims expected(indices.begin(), indices.end() - 1);
    expected.insert(expected.end(), data.begin() + depth, data.end());
    bool fits = expected.size() == updates.size();
    for (size_t d = 0; fits && d < expected.size(); ++d) {
      fits = c.RequireEqual(expected[d], updates[d], "").ok();
    }
    if (!fits) {
      return Status::BadModel("updates of shape " + ShapeString(updates) + " should be of shape " +
                              ShapeString(expected));
    }
    StateItems(c, static_cast<int>(depth));
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.tuples = IndexTuples::Of(c.inputs[0].shape(), c.inputs[1].shape(), 0);
    c.scratch_bytes = s.tuples.count * static_cast<int64_t>(sizeof(int64_t));
    c.phases.assign(1, CopyPhase(c.inputs[0]));
    c.phases.push_back({Chunks(s.tuples.count, IndexTuples::kChunk),
                        static_cast<double>(4 * IndexTuples::kChunk * s.tuples.depth)});
    if (c.inputs[2].size() == 0) return Status();
    s.pieces = Chunks(s.tuples.slice, kElements);
    s.per_unit = std::max<int64_t>(1, kElements / (s.tuples.slice + 4));
    c.phases.push_back({Chunks(s.tuples.count, s.per_unit) * s.pieces, 2 * kElements});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    if (phase == 0) {
      RunCopyPhase(c, begin, end);
    } else if (phase == 1) {
      return s.tuples.Offsets(c.inputs[1], begin * IndexTuples::kChunk,
                              std::min(end * IndexTuples::kChunk, s.tuples.count),
                              static_cast<int64_t*>(c.scratch));
    } else {
      DispatchReduction(reduction_, c.inputs[0].dtype(), [&](auto type, auto reduction) {
        Put<typename decltype(type)::T, decltype(reduction)::value>(c, begin, end);
      });
    }
    return Status();
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  // Items stay apart where they lie within the slices, of data and updates alike.
  static void StateItems(InferContext& c, int depth) {
    if (!c.itemised()) return;
    const int at = c.item_axis(0), shift = c.in(1).rank() - 1 - depth;
    if (at < depth || c.Itemised(1) || c.item_axis(2) != at + shift) return c.Mix();
    c.out(0).item_axis = at;
  }

  template <typename T, Reduction kReduction>
  static void Put(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t* offsets = static_cast<const int64_t*>(c.scratch);
    const int64_t slice = s.tuples.slice;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u / s.pieces * s.per_unit, column = u % s.pieces * kElements;
      const int64_t n = s.pieces == 1 ? slice : std::min(kElements, slice - column);
      for (int64_t i = first; i < std::min(first + s.per_unit, s.tuples.count); ++i) {
        const T* from = c.inputs[2].data<T>() + i * slice + column;
        T* to = c.outputs[0].mutable_data<T>() + offsets[i] + column;
        for (int64_t j = 0; j < n; ++j) Combine<kReduction>(to + j, from[j]);
      }
    }
  }

  Reduction reduction_;
};

Status MakeScatterNd(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 3));
  Reduction reduction = Reduction::kNone;
  MOSAIC_RETURN_IF_ERROR(ReductionOf(node, &reduction));
  *out = std::make_unique<ScatterNdOp>(reduction);
  return Status();
}

}  // namespace

extern const OpDef kScatterNd = {kOnnxDomain, "ScatterND", 18, 25, &MakeScatterNd};

}  // namespace mosaic
