// MeanVarianceNormalization: (x - mean) / (sqrt(var) + 1e-9) over the axes (default 0, 2, 3). Sums
// are in double, of parts of kPart elements in the order of the axes.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kPart = 32768, kGroups = 1024;

// A group is what has a mean; a unit of the first phases one of its parts.
struct Groups {
  StridedWalk kept, members;
  StridedWalk group_of;  // over all elements, in their order: the group of each
  int64_t groups, count, parts;
};
struct Moments {
  double sum, squares;
};
struct Found {
  double mean, divisor;
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
    const int64_t parts = (count + kPart - 1) / kPart, size = c.inputs[0].size();
    const Strides of_kept = RowMajorStrides(kept);
    Strides of_group;
    for (size_t d = 0, at = 0; d < marked.size(); ++d)
      of_group.push_back(marked[d] ? 0 : of_kept[at++]);
    c.NewState<Groups>(Groups{StridedWalk(kept, {{kept_strides, 0}}),
                              StridedWalk(members, {{member_strides, 0}}),
                              StridedWalk(x, {{of_group, 0}}), groups, count, parts});
    // Where members do not lie together, each run of them is on a page of its own.
    const int64_t together = !members.empty() && member_strides.back() == 1 ? members.back() : 1;
    const double met = static_cast<double>(std::min(count, kPart));
    const Phase all{size == 0 ? 0 : groups * parts,
                    3 * met + 500 * met / static_cast<double>(std::max<int64_t>(together, 1))};
    c.phases = {all, all,
                Phase{size == 0 ? 0 : (groups + kGroups - 1) / kGroups,
                      static_cast<double>(kGroups * (2 * parts + 40))},
                Phase{(size + kPart - 1) / kPart, 8.0 * kPart}};
    c.scratch_bytes = groups * parts * static_cast<int64_t>(sizeof(Moments)) +
                      groups * static_cast<int64_t>(sizeof(Found));
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (phase == 2) {
      const int64_t groups = c.state<Groups>().groups;
      for (int64_t g = begin * kGroups; g < std::min(end * kGroups, groups); ++g) Find(c, g);
      return Status();
    }
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase == 3)
        return Results<T>(c, begin * kPart, std::min(end * kPart, c.inputs[0].size()));
      for (int64_t u = begin; u < end; ++u) Part<T>(c, phase, u);
    });
    return Status();
  }

 private:
  static Moments* MomentsOf(Call& c) { return static_cast<Moments*>(c.scratch); }
  static Found* FoundOf(Call& c) {
    const Groups& g = c.state<Groups>();
    return reinterpret_cast<Found*>(MomentsOf(c) + g.groups * g.parts);
  }
  static double Mean(Call& c, int64_t group) {
    const Groups& g = c.state<Groups>();
    double sum = 0;
    for (int64_t p = group * g.parts; p < (group + 1) * g.parts; ++p) sum += MomentsOf(c)[p].sum;
    return sum / static_cast<double>(g.count);
  }

  // Phase 0: the sum of a part; 1: that of the squares.
  template <typename T>
  static void Part(Call& c, int phase, int64_t u) {
    const Groups& g = c.state<Groups>();
    const int64_t group = u / g.parts, at = u % g.parts * kPart;
    const double mean = phase == 0 ? 0 : Mean(c, group);
    double total = 0;
    int64_t base = 0;
    g.kept.ForEachRun(group, group + 1,
                      [&](int64_t, const int64_t* offset, int64_t) { base = offset[0]; });
    const int64_t stride = g.members.run_stride(0);
    g.members.ForEachRun(at, std::min(at + kPart, g.count),
                         [&](int64_t, const int64_t* offset, int64_t run) {
                           const T* x = c.inputs[0].data<T>() + base + offset[0];
                           for (int64_t i = 0; i < run; ++i) {
                             const double e = static_cast<double>(Load(x[i * stride])) - mean;
                             total += phase == 0 ? e : e * e;
                           }
                         });
    (phase == 0 ? MomentsOf(c)[u].sum : MomentsOf(c)[u].squares) = total;
  }

  static void Find(Call& c, int64_t group) {
    const Groups& g = c.state<Groups>();
    double squares = 0;
    for (int64_t p = group * g.parts; p < (group + 1) * g.parts; ++p)
      squares += MomentsOf(c)[p].squares;
    FoundOf(c)[group] = {Mean(c, group), std::sqrt(squares / static_cast<double>(g.count)) + 1e-9};
  }

  // In the order of elements: new memory is met page by page.
  template <typename T>
  static void Results(Call& c, int64_t begin, int64_t end) {
    const Groups& g = c.state<Groups>();
    const Found* found = FoundOf(c);
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    const int64_t stride = g.group_of.run_stride(0);
    g.group_of.ForEachRun(begin, end, [&](int64_t at, const int64_t* group, int64_t run) {
      for (int64_t i = 0; i < run; ++i) {
        const Found& f = found[group[0] + i * stride];
        const double e = static_cast<double>(Load(x[at + i])) - f.mean;
        y[at + i] = Store<T>(static_cast<ComputeType<T>>(e / f.divisor));
      }
    });
  }

  std::vector<int64_t> axes_;
};

}  // namespace

extern const OpDef kMeanVarianceNormalization = {kOnnxDomain, "MeanVarianceNormalization", 13, 25,
                                                 &MakeOf<MvnOp, 1, 1>};

}  // namespace mosaic
