// Det: determinants of square matrices, by elimination with the largest pivot of each column, in
// float64.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit that converts

struct State {
  int64_t n = 0, matrices = 0, results_at = 0;
};

class DetOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims& x = c.dims(0);
    if (x.size() < 2)
      return Status::BadModel("an input of shape " + ShapeString(x) + " has no matrices");
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[x.size() - 2], x.back(), "a matrix is not square"));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), Dims(x.begin(), x.end() - 2)));
    c.ItemsOf(0, c.item_axis(0) < c.in(0).rank() - 2);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.n = c.inputs[0].shape().back();
    s.matrices = c.outputs[0].size();
    ReserveScratch(&c, c.inputs[0].size() * 8);
    s.results_at = ReserveScratch(&c, s.matrices * 8);
    c.phases.push_back(Phase{(c.inputs[0].size() + kChunk - 1) / kChunk, 2.0 * kChunk});
    // A step of elimination for each column; one that writes the result.
    c.phases.push_back(Phase{s.matrices * (s.n + 1), static_cast<double>(s.n * s.n + 10)});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      double* a = ScratchAt<double>(c, 0);
      if (phase == 0) {
        const int64_t last = std::min(end * kChunk, c.inputs[0].size());
        for (int64_t i = begin * kChunk; i < last; ++i) {
          a[i] = static_cast<double>(Load(c.inputs[0].data<T>()[i]));
        }
        return;
      }
      for (int64_t u = begin; u < end; ++u) {
        const int64_t matrix = u / (s.n + 1), step = u % (s.n + 1);
        double& result = ScratchAt<double>(c, s.results_at)[matrix];
        if (step == 0) result = 1;
        if (step < s.n) {
          result *= Eliminate(a + matrix * s.n * s.n, s.n, step);
        } else {
          c.outputs[0].mutable_data<T>()[matrix] = Store<T>(static_cast<ComputeType<T>>(result));
        }
      }
    });
    return Status();
  }

 private:
  // Clears column k below the diagonal; the pivot, with the sign of the exchange.
  static double Eliminate(double* a, int64_t n, int64_t k) {
    int64_t best = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::fabs(a[i * n + k]) > std::fabs(a[best * n + k])) best = i;
    }
    const double pivot = a[best * n + k];
    if (pivot == 0) return 0;
    if (best != k) std::swap_ranges(a + k * n + k, a + (k + 1) * n, a + best * n + k);
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / pivot;
      for (int64_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
    return best == k ? pivot : -pivot;
  }
};

}  // namespace

extern const OpDef kDet = {kOnnxDomain, "Det", 22, 25, &MakePlain<DetOp, 1, 1>};

}  // namespace mosaic
