// MeanVarianceNormalization: (x - mean) / (sqrt(var) + 1e-9) over the axes (default 0, 2, 3). Sums
// are in double, of parts of kPart elements in the order of the axes.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kPart = 32768;

// A group is what has a mean; a unit one of its parts.
struct Groups {
  StridedWalk kept, members;
  int64_t groups, count, parts;
};
struct Moments {
  double sum, squares;
};

class MvnOp : public Op {
 public:
  explicit MvnOp(const Node& node) : axes_(node.Ints("axes")) {
    if (!HasAttribute(node, "axes")) axes_ = {0, 2, 3};
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes_, c.in(0).rank(), &marked));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    c.ItemsOf(0, c.Itemised(0) && !marked[static_cast<size_t>(c.item_axis(0))]);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes_, c.inputs[0].rank(), &marked));
    const Strides dense = RowMajorStrides(x);
    Shape kept, members;
    Strides kept_strides, member_strides;
    for (size_t d = 0; d < marked.size(); ++d) {
      (marked[d] ? members : kept).push_back(x[d]);
      (marked[d] ? member_strides : kept_strides).push_back(dense[d]);
    }
    const int64_t groups = NumElements(kept), count = NumElements(members);
    const int64_t parts = (count + kPart - 1) / kPart;
    c.NewState<Groups>(Groups{StridedWalk(kept, {{kept_strides, 0}}),
                              StridedWalk(members, {{member_strides, 0}}), groups, count, parts});
    const Phase all{c.inputs[0].size() == 0 ? 0 : groups * parts,
                    3.0 * static_cast<double>(std::min(count, kPart))};
    c.phases = {all, all, all};
    c.scratch_bytes = groups * parts * static_cast<int64_t>(sizeof(Moments));
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      for (int64_t u = begin; u < end; ++u) Part<typename decltype(type)::T>(c, phase, u);
    });
    return Status();
  }

 private:
  // The sums of the parts; the squares; the results.
  template <typename T>
  static void Part(Call& c, int phase, int64_t u) {
    const Groups& g = c.state<Groups>();
    Moments* moments = static_cast<Moments*>(c.scratch);
    const int64_t group = u / g.parts, at = u % g.parts * kPart;
    double sum = 0, squares = 0;
    for (int64_t p = group * g.parts; p < (group + 1) * g.parts && phase > 0; ++p) {
      sum += moments[p].sum;
      if (phase == 2) squares += moments[p].squares;
    }
    const double n = static_cast<double>(g.count), mean = sum / n;
    const double divisor = std::sqrt(squares / n) + 1e-9;
    double total = 0;
    int64_t base = 0;
    g.kept.ForEachRun(group, group + 1,
                      [&](int64_t, const int64_t* offset, int64_t) { base = offset[0]; });
    const int64_t stride = g.members.run_stride(0);
    g.members.ForEachRun(at, std::min(at + kPart, g.count),
                         [&](int64_t, const int64_t* offset, int64_t run) {
                           const T* x = c.inputs[0].data<T>() + base + offset[0];
                           T* y = c.outputs[0].mutable_data<T>() + base + offset[0];
                           for (int64_t i = 0; i < run; ++i) {
                             const double e = static_cast<double>(Load(x[i * stride])) - mean;
                             if (phase == 2) {
                               y[i * stride] = Store<T>(static_cast<ComputeType<T>>(e / divisor));
                             } else {
                               total += phase == 0 ? e : e * e;
                             }
                           }
                         });
    if (phase == 0) moments[u].sum = total;
    if (phase == 1) moments[u].squares = total;
  }

  std::vector<int64_t> axes_;
};

}  // namespace

extern const OpDef kMeanVarianceNormalization = {kOnnxDomain, "MeanVarianceNormalization", 13, 25,
                                                 &MakeOf<MvnOp, 1, 1>};

}  // namespace mosaic
