// NonZero: the coordinates of the elements that are not zero, one column for each, in order.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements of a unit

// Phases: count in every chunk; make the result; write the coordinates.
class NonZeroOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<AllTypes>(c.dtype(0), "an input"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_INT64);
      return Status();
    }
    return c.Set(0, MOSAIC_INT64, {Rank(c.in(0).rank()), c.NewDim()});
  }

  Status Start(Call& c) const override {
    const int64_t chunks = Chunks(c.inputs[0].size(), kChunk);
    c.scratch_bytes = (chunks + 1) * int64_t{sizeof(int64_t)};
    c.OnePhase(chunks, 4 * kChunk);
    c.phases.push_back({1, static_cast<double>(chunks)});
    c.phases.push_back({chunks, static_cast<double>((4 + 16 * c.inputs[0].rank()) * kChunk)});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    int64_t* counts = static_cast<int64_t*>(c.scratch);
    if (phase == 1) return MakeResult(c, counts);
    Dispatch(AllTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end; ++u) {
        if (phase == 0) {
          counts[u] = Each<T>(c.inputs[0], u, [](int64_t) {});
        } else {
          Write<T>(c, u, counts[u]);
        }
      }
    });
    return Status();
  }

 private:
  static int64_t Rank(int rank) { return std::max(rank, 1); }

  // Calls f(i) for the elements of a chunk that are not zero; their number.
  template <typename T, typename F>
  static int64_t Each(const Tensor& x, int64_t chunk, F&& f) {
    const T* data = x.data<T>();
    const int64_t end = std::min((chunk + 1) * kChunk, x.size());
    int64_t n = 0;
    for (int64_t i = chunk * kChunk; i < end; ++i) {
      if (Load(data[i]) == ComputeType<T>(0)) continue;
      f(i);
      ++n;
    }
    return n;
  }

  // Turns counts into first columns.
  static Status MakeResult(Call& c, int64_t* counts) {
    int64_t total = 0;
    for (int64_t u = 0; u < c.phases[0].units; ++u) {
      const int64_t n = counts[u];
      counts[u] = total;
      total += n;
    }
    return c.Allocate(0, MOSAIC_INT64, {Rank(c.inputs[0].rank()), total});
  }

  template <typename T>
  static void Write(Call& c, int64_t chunk, int64_t column) {
    const Shape& shape = c.inputs[0].shape();
    const int64_t total = c.outputs[0].dim(1);
    int64_t* y = c.outputs[0].mutable_data<int64_t>();
    Each<T>(c.inputs[0], chunk, [&](int64_t i) {
      if (shape.empty()) y[column] = 0;
      for (size_t d = shape.size(); d-- > 0; i /= shape[d]) {
        y[static_cast<int64_t>(d) * total + column] = i % shape[d];
      }
      ++column;
    });
  }
};

}  // namespace

extern const OpDef kNonZero = {kOnnxDomain, "NonZero", 13, 25, &MakePlain<NonZeroOp, 1, 1>};

}  // namespace mosaic
