// Unique: the different elements, or the different slices along an axis: in ascending order, or in
// that of their first occurrences; where each occurs first; which of them each is; and how often
// each occurs. A NaN equals itself and is the greatest.
#include <algorithm>

#include "core/op/array/merge_sort.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // slices, or elements, of a unit

struct State {
  AxisView view;
  MergeSort sort;
  int64_t slice = 1;     // elements of a slice
  int64_t found = 0;     // different ones, of the run
  uint32_t current = 0;  // the first occurrence of the one that is gone through
  // Parts of the scratch memory, in elements of 32 bits behind the sort's: per slice its first
  // equal one, and of that its number; per number the first occurrence.
  int64_t n = 0;
};

struct Scratch {
  uint32_t *first, *number, *place;
};

using Elements = Types<float, double, Float16, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                       uint16_t, uint32_t, uint64_t, Bool>;

class UniqueOp : public Op {
 public:
  explicit UniqueOp(const Node& node)
      : flat_(!HasAttribute(node, "axis")),
        axis_(node.Int("axis", 0)),
        sorted_(node.Int("sorted", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) {
      MOSAIC_RETURN_IF_ERROR(CheckType<Elements>(c.dtype(0), "an input"));
    }
    const Dim found = c.NewDim();
    for (size_t o = 1; o < 4; ++o) {
      Dim n = o == 2 ? c.NewDim() : found;
      if (o == 2 && c.in(0).ranked) {
        int axis = 0;
        if (!flat_) MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
        n = flat_ ? Product(c.dims(0)) : c.dims(0)[static_cast<size_t>(axis)];
      }
      MOSAIC_RETURN_IF_ERROR(c.Set(o, MOSAIC_INT64, {n}));
    }
    if (flat_) return c.Set(0, c.dtype(0), {found});
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    Dims out = c.dims(0);
    out[static_cast<size_t>(axis)] = found;
    return c.Set(0, c.dtype(0), std::move(out));
  }

  // Phases: those of the sort; find equal ones; number the different ones; make the results; fill
  // those that go by slice; fill the first.
  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Tensor& x = c.inputs[0];
    if (flat_) {
      s.view.size = x.size();
    } else {
      MOSAIC_RETURN_IF_ERROR(ViewAxis(x.shape(), axis_, &s.view));
    }
    s.n = s.view.size;
    s.slice = s.view.outer * s.view.inner;
    const int64_t run =
        std::clamp<int64_t>((int64_t{1} << 17) / std::max<int64_t>(s.slice, 1), 2, MergeSort::kRun);
    s.sort = MergeSort(1, s.n, s.n, run);
    c.scratch_bytes = s.sort.scratch_bytes() + 3 * s.n * int64_t{sizeof(uint32_t)};
    const double compare = 4 * static_cast<double>(std::min<int64_t>(s.slice, 64));
    c.phases.clear();
    for (int level = 0; level < s.sort.phases(); ++level) {
      c.phases.push_back(s.sort.PhaseOf(level, compare));
    }
    const int64_t chunks = std::max<int64_t>(1, Chunks(s.n, kChunk));
    c.phases.push_back({s.n, compare});
    c.phases.push_back({chunks, 8 * kChunk});
    c.phases.push_back({1, 1});
    c.phases.push_back({chunks, 8 * kChunk});
    c.phases.push_back({chunks, 12 * kChunk});
    c.phases.push_back({Chunks(x.size(), kChunk), 16 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const int sorting = c.state<State>().sort.phases();
    switch (phase - sorting) {
      case 1:
        Number(c, begin, end);
        return Status();
      case 2:
        return MakeResults(c);
      case 3:
        ClearCounts(c, begin, end);
        return Status();
      case 4:
        FillBySlice(c, begin, end);
        return Status();
      case 5:
        FillValues(c, begin * kChunk, std::min(end * kChunk, c.outputs[0].size()));
        return Status();
      default:
        break;
    }
    if (c.inputs[0].dtype() == MOSAIC_STRING) {
      Order<StringElement>(c, phase, begin, end);
    } else {
      Dispatch(Elements(), c.inputs[0].dtype(),
               [&](auto type) { Order<typename decltype(type)::T>(c, phase, begin, end); });
    }
    return Status();
  }

 private:
  static Scratch Parts(const Call& c) {
    const State& s = c.state<State>();
    uint32_t* rest =
        reinterpret_cast<uint32_t*>(static_cast<char*>(c.scratch) + s.sort.scratch_bytes());
    return {rest, rest + s.n, rest + 2 * s.n};
  }

  // -1, 0, 1: slice a is less than, equal to, greater than b.
  template <typename T>
  static int Compare(const State& s, const T* x, int64_t a, int64_t b) {
    for (int64_t o = 0; o < s.view.outer; ++o) {
      const T* p = x + (o * s.n + a) * s.view.inner;
      const T* q = x + (o * s.n + b) * s.view.inner;
      for (int64_t i = 0; i < s.view.inner; ++i) {
        if constexpr (std::is_same_v<T, StringElement>) {
          const int order = p[i].view().compare(q[i].view());
          if (order != 0) return order;
        } else {
          const auto v = Load(p[i]), w = Load(q[i]);
          if (Ascends(v, w)) return -1;
          if (Ascends(w, v)) return 1;
        }
      }
    }
    return 0;
  }

  // The sort, and going through its order to find equal ones.
  template <typename T>
  static void Order(Call& c, int phase, int64_t begin, int64_t end) {
    State& s = c.state<State>();
    const T* x = c.inputs[0].data<T>();
    if (phase < s.sort.phases()) {
      s.sort.Run(phase, begin, end, c.scratch, [&](int64_t, uint32_t a, uint32_t b) {
        const int order = Compare(s, x, a, b);
        return order != 0 ? order < 0 : a < b;
      });
      return;
    }
    const uint32_t* order = s.sort.Order(c.scratch, 0);
    for (int64_t p = begin; p < end; ++p) {
      // Of equal ones the first occurrence comes first.
      if (p == 0 || Compare(s, x, order[p - 1], order[p]) != 0) s.current = order[p];
      Parts(c).first[order[p]] = s.current;
    }
  }

  void Number(Call& c, int64_t begin, int64_t end) const {
    State& s = c.state<State>();
    const Scratch parts = Parts(c);
    const uint32_t* order = s.sort.Order(c.scratch, 0);
    if (begin == 0) s.found = 0;
    for (int64_t p = begin * kChunk; p < std::min(end * kChunk, s.n); ++p) {
      const uint32_t i = sorted_ ? order[p] : static_cast<uint32_t>(p);
      if (parts.first[i] != i) continue;
      parts.place[s.found] = i;
      parts.number[i] = static_cast<uint32_t>(s.found++);
    }
  }

  Status MakeResults(Call& c) const {
    const State& s = c.state<State>();
    Shape shape = {s.found};
    if (!flat_) {
      shape = c.inputs[0].shape();
      shape[static_cast<size_t>(s.view.axis)] = s.found;
    }
    MOSAIC_RETURN_IF_ERROR(c.Allocate(0, c.inputs[0].dtype(), shape));
    for (size_t o = 1; o < c.outputs.size(); ++o) {
      if (o == 2 && c.outputs[2].defined()) continue;
      MOSAIC_RETURN_IF_ERROR(c.Allocate(o, MOSAIC_INT64, {o == 2 ? s.n : s.found}));
    }
    return Status();
  }

  static int64_t* Integers(Call& c, size_t o) {
    return o < c.outputs.size() ? c.outputs[o].mutable_data<int64_t>() : nullptr;
  }

  static void ClearCounts(Call& c, int64_t begin, int64_t end) {
    int64_t* counts = Integers(c, 3);
    end = std::min(end * kChunk, c.state<State>().found);
    if (counts != nullptr && begin * kChunk < end)
      std::fill(counts + begin * kChunk, counts + end, 0);
  }

  static void FillBySlice(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const Scratch parts = Parts(c);
    int64_t *indices = Integers(c, 1), *inverse = Integers(c, 2), *counts = Integers(c, 3);
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, s.n); ++i) {
      const uint32_t first = parts.first[i], number = parts.number[first];
      if (indices != nullptr && first == static_cast<uint32_t>(i)) indices[number] = i;
      if (inverse != nullptr) inverse[i] = number;
      if (counts != nullptr) ++counts[number];
    }
  }

  static void FillValues(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const uint32_t* place = Parts(c).place;
    DispatchSize(c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t at = begin; at < end; ++at) {
        const int64_t i = at % s.view.inner, row = at / s.view.inner;
        y[at] = x[(row / s.found * s.n + place[row % s.found]) * s.view.inner + i];
      }
    });
  }

  bool flat_;
  int64_t axis_;
  bool sorted_;
};

}  // namespace

extern const OpDef kUnique = {kOnnxDomain, "Unique", 11, 25, &MakeOf<UniqueOp, 1, 1, 4>};

}  // namespace mosaic
