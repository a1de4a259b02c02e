// Einsum of one or two operands (more are taken pairwise, lower/product.cc). Letters that both
// operands have and the output has not are summed over; two operands of a floating-point type with
// such letters are a batch of matrix products, in the order of kernel/strip_gemm.h; anything else
// is summed element by element. Which of the two it is follows from the equation and the type
// alone.
#include <algorithm>
#include <optional>

#include "core/op/op_support.h"
#include "core/op/product/einsum_equation.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;   // elements of a unit that moves
constexpr int64_t kDepth = 32768;  // products of a unit that sums

enum class Part { kLeft, kRight, kProduct, kStore, kSums, kTotals };

struct State {
  std::vector<Part> parts;  // per phase
  // As products: [batch, n, k] x [batch, k, m].
  int64_t batch = 1, n = 1, k = 1, m = 1;
  std::optional<StridedWalk> left, right, store;
  std::optional<StripProduct> product;
  int64_t left_at = 0, right_at = 0, product_at = 0, pack_at = 0;
  // Element by element: where each output's operands begin, and what is summed.
  std::optional<StridedWalk> outer, inner;
  int64_t depth = 1, pieces = 1, per_unit = 1, sums_at = 0;
};

bool Has(const std::vector<int>& labels, int l) {
  return std::find(labels.begin(), labels.end(), l) != labels.end();
}

// Steps of a dense operand along some labels: a label that occurs twice walks the diagonal, one
// that is not there, or whose dimension is repeated, stays.
StridedWalk::Operand StepsOf(const std::vector<int>& labels, const Shape& shape,
                             const std::vector<int>& along) {
  const Strides dense = RowMajorStrides(shape);
  StridedWalk::Operand o;
  o.strides = Strides(along.size());
  for (size_t i = 0; i < along.size(); ++i) {
    for (size_t d = 0; d < labels.size(); ++d) {
      if (labels[d] == along[i] && shape[d] != 1) o.strides[i] += dense[d];
    }
  }
  return o;
}

class EinsumOp : public Op {
 public:
  EinsumOp(EinsumEquation equation, size_t operands)
      : equation_(std::move(equation)), operands_(operands) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an operand"));
    if (operands_ == 2) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    EinsumEquation e = equation_;
    std::vector<int> ranks;
    for (size_t i = 0; i < operands_; ++i) ranks.push_back(c.in(i).rank());
    MOSAIC_RETURN_IF_ERROR(e.Expand(ranks));
    std::vector<std::pair<int, Dim>> sizes;
    for (size_t i = 0; i < operands_; ++i) {
      for (size_t d = 0; d < e.operands[i].size(); ++d) {
        MOSAIC_RETURN_IF_ERROR(Meet(c, e.operands[i][d], c.dims(i)[d], &sizes));
      }
    }
    Dims out;
    for (int l : e.output) out.push_back(SizeOf(sizes, l));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    StateItems(c, e);
    return Status();
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    if (c.outputs[0].size() == 0) return Status();
    EinsumEquation e = equation_;
    std::vector<int> ranks;
    for (size_t i = 0; i < operands_; ++i) ranks.push_back(c.inputs[i].rank());
    MOSAIC_RETURN_IF_ERROR(e.Expand(ranks));
    std::vector<int> summed, batch, rows, cols;
    bool alone = false;
    for (size_t i = 0; i < operands_; ++i) {
      for (int l : e.operands[i]) {
        const bool both = operands_ == 2 && Has(e.operands[1 - i], l), kept = Has(e.output, l);
        std::vector<int>* list = !kept ? &summed : both ? &batch : i == 0 ? &rows : &cols;
        alone = alone || (!kept && !both);
        if (!Has(*list, l)) list->push_back(l);
      }
    }
    const bool product = operands_ == 2 && HasType(FloatTypes(), c.inputs[0].dtype()) &&
                         c.inputs[0].dtype() != MOSAIC_DOUBLE && !alone && !summed.empty() &&
                         (!rows.empty() || !cols.empty());
    if (product) {
      StartProduct(c, e, batch, rows, summed, cols);
    } else {
      StartSums(c, e, summed);
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    switch (s.parts[static_cast<size_t>(phase)]) {
      case Part::kLeft:
        Gather(*s.left, c.inputs[0], begin, end, s.batch * s.n * s.k,
               ScratchAt<float>(c, s.left_at));
        break;
      case Part::kRight:
        Gather(*s.right, c.inputs[1], begin, end, s.batch * s.k * s.m,
               ScratchAt<float>(c, s.right_at));
        break;
      case Part::kProduct:
        RunProducts(c, begin, end);
        break;
      case Part::kStore:
        Store(c, begin, end);
        break;
      case Part::kSums:
      case Part::kTotals:
        Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
          using T = typename decltype(type)::T;
          s.parts[static_cast<size_t>(phase)] == Part::kSums ? Sums<T>(c, begin, end)
                                                             : Totals<T>(c, begin, end);
        });
        break;
    }
    return Status();
  }

 private:
  // ---- inference ----

  static Dim SizeOf(const std::vector<std::pair<int, Dim>>& sizes, int label) {
    for (const auto& [l, d] : sizes) {
      if (l == label) return d;
    }
    return Dim(1);
  }

  // A dimension meets the others of its letter: equal, or one of them 1.
  static Status Meet(InferContext& c, int label, const Dim& d,
                     std::vector<std::pair<int, Dim>>* sizes) {
    for (auto& [l, size] : *sizes) {
      if (l != label) continue;
      Dims joined;
      MOSAIC_RETURN_IF_ERROR(c.Broadcast({size}, {d}, &joined));
      size = joined[0];
      return Status();
    }
    sizes->emplace_back(label, d);
    return Status();
  }

  // Items stay apart where their letter is kept and no other operand differs along it.
  void StateItems(InferContext& c, const EinsumEquation& e) const {
    if (!c.itemised()) return;
    int label = kUnstated;
    for (size_t i = 0; i < operands_; ++i) {
      if (!c.Itemised(i)) continue;
      const int l = e.operands[i][static_cast<size_t>(c.item_axis(i))];
      if ((label != kUnstated && label != l) ||
          std::count(e.operands[i].begin(), e.operands[i].end(), l) > 1) {
        return c.Mix();
      }
      label = l;
    }
    for (size_t i = 0; i < operands_; ++i) {
      for (size_t d = 0; d < e.operands[i].size() && !c.Itemised(i); ++d) {
        if (e.operands[i][d] == label && !c.dims(i)[d].Is(1)) return c.Mix();
      }
    }
    const auto at = std::find(e.output.begin(), e.output.end(), label);
    if (at == e.output.end()) return c.Mix();
    c.out(0).item_axis = static_cast<int>(at - e.output.begin());
  }

  // ---- start ----

  static int64_t SizeIn(const Call& c, const EinsumEquation& e, int label) {
    int64_t size = 1;
    for (size_t i = 0; i < e.operands.size(); ++i) {
      for (size_t d = 0; d < e.operands[i].size(); ++d) {
        if (e.operands[i][d] == label && c.inputs[i].dim(static_cast<int>(d)) != 1) {
          size = c.inputs[i].dim(static_cast<int>(d));
        }
      }
    }
    return size;
  }
  static Shape SizesIn(const Call& c, const EinsumEquation& e, const std::vector<int>& labels) {
    Shape shape;
    for (int l : labels) shape.push_back(SizeIn(c, e, l));
    return shape;
  }

  static void Add(Call& c, Part part, const Phase& phase) {
    c.phases.push_back(phase);
    c.state<State>().parts.push_back(part);
  }
  static Phase Moves(int64_t elements) {
    return Phase{(elements + kChunk - 1) / kChunk, 3.0 * kChunk};
  }

  static std::vector<int> Joined(std::vector<int> a, const std::vector<int>& b,
                                 const std::vector<int>& d) {
    a.insert(a.end(), b.begin(), b.end());
    a.insert(a.end(), d.begin(), d.end());
    return a;
  }

  static void StartProduct(Call& c, const EinsumEquation& e, const std::vector<int>& batch,
                           const std::vector<int>& rows, const std::vector<int>& summed,
                           const std::vector<int>& cols) {
    State& s = c.state<State>();
    s.batch = NumElements(SizesIn(c, e, batch));
    s.n = NumElements(SizesIn(c, e, rows));
    s.k = NumElements(SizesIn(c, e, summed));
    s.m = NumElements(SizesIn(c, e, cols));
    const std::vector<int> left = Joined(batch, rows, summed), right = Joined(batch, summed, cols);
    const Shape left_shape = SizesIn(c, e, left), right_shape = SizesIn(c, e, right);
    s.left.emplace(left_shape, std::vector<StridedWalk::Operand>{
                                   StepsOf(e.operands[0], c.inputs[0].shape(), left)});
    s.right.emplace(right_shape, std::vector<StridedWalk::Operand>{
                                     StepsOf(e.operands[1], c.inputs[1].shape(), right)});
    const std::vector<int> made = Joined(batch, rows, cols);
    s.store.emplace(c.outputs[0].shape(), std::vector<StridedWalk::Operand>{
                                              StepsOf(made, SizesIn(c, e, made), e.output)});
    const Blocking b = StripProduct::DenseBlocking(s.k, s.m);
    s.left_at = ReserveScratch(&c, s.batch * s.n * s.k * 4);
    s.right_at = ReserveScratch(&c, s.batch * s.k * s.m * 4);
    s.product_at = ReserveScratch(&c, c.outputs[0].size() * 4);
    s.pack_at = ReserveScratch(&c, StripProduct::kPackBlocks * b.payload_bytes());
    s.product.emplace(s.n, b, c.working_set);
    Add(c, Part::kLeft, Moves(s.batch * s.n * s.k));
    Add(c, Part::kRight, Moves(s.batch * s.k * s.m));
    Add(c, Part::kProduct,
        Phase{s.batch * s.product->units(), s.product->dense_unit_cost(s.m), s.product->grain()});
    Add(c, Part::kStore, Moves(c.outputs[0].size()));
  }

  void StartSums(Call& c, const EinsumEquation& e, const std::vector<int>& summed) const {
    State& s = c.state<State>();
    std::vector<StridedWalk::Operand> outer, inner;
    for (size_t i = 0; i < operands_; ++i) {
      outer.push_back(StepsOf(e.operands[i], c.inputs[i].shape(), e.output));
      inner.push_back(StepsOf(e.operands[i], c.inputs[i].shape(), summed));
    }
    const Shape depth = SizesIn(c, e, summed);
    s.depth = NumElements(depth);
    s.outer.emplace(c.outputs[0].shape(), std::move(outer));
    s.inner.emplace(depth, std::move(inner));
    s.pieces = std::max<int64_t>(1, (s.depth + kDepth - 1) / kDepth);
    s.per_unit = std::max<int64_t>(1, kDepth / std::max<int64_t>(1, s.depth));
    const int64_t outputs = c.outputs[0].size();
    if (s.pieces > 1) s.sums_at = ReserveScratch(&c, outputs * s.pieces * 8);
    const int64_t units =
        s.pieces > 1 ? outputs * s.pieces : (outputs + s.per_unit - 1) / s.per_unit;
    Add(c, Part::kSums, Phase{units, 4.0 * kDepth});
    if (s.pieces > 1) {
      Add(c, Part::kTotals, Phase{outputs, 2.0 * static_cast<double>(s.pieces)});
    }
  }

  // ---- products ----

  static void Gather(const StridedWalk& walk, const Tensor& x, int64_t begin, int64_t end,
                     int64_t elements, float* to) {
    Dispatch(FloatTypes(), x.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const int64_t stride = walk.run_stride(0);
      walk.ForEachRun(begin * kChunk, std::min(end * kChunk, elements),
                      [&](int64_t at, const int64_t* offset, int64_t n) {
                        const T* run = x.data<T>() + offset[0];
                        for (int64_t i = 0; i < n; ++i) {
                          to[at + i] = static_cast<float>(Load(run[i * stride]));
                        }
                      });
    });
  }

  static void RunProducts(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t units = s.product->units();
    while (begin < end) {
      const int64_t index = begin / units, first = begin % units;
      const int64_t last = std::min(units, first + end - begin);
      const StripProduct::Operands x{ScratchAt<float>(c, s.left_at) + index * s.n * s.k,
                                     s.k,
                                     ScratchAt<float>(c, s.product_at) + index * s.n * s.m,
                                     s.m,
                                     nullptr,
                                     Activation::kNone};
      s.product->RunDense(x, first, last, ScratchAt<float>(c, s.right_at) + index * s.k * s.m, s.m,
                          1, ScratchAt<char>(c, s.pack_at), nullptr);
      begin += last - first;
    }
  }

  static void Store(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const float* from = ScratchAt<float>(c, s.product_at);
    Dispatch(FloatTypes(), c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      const int64_t stride = s.store->run_stride(0);
      s.store->ForEachRun(begin * kChunk, std::min(end * kChunk, c.outputs[0].size()),
                          [&](int64_t at, const int64_t* offset, int64_t n) {
                            const float* run = from + offset[0];
                            for (int64_t i = 0; i < n; ++i) {
                              y[at + i] =
                                  mosaic::Store<T>(static_cast<ComputeType<T>>(run[i * stride]));
                            }
                          });
    });
  }

  // ---- element by element ----

  // Sums are of float64, or of integers that wrap.
  template <typename T>
  using SumOf = std::conditional_t<std::is_floating_point_v<ComputeType<T>>, double, uint64_t>;

  template <typename T>
  SumOf<T> SumPiece(const Call& c, const int64_t* base, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const T* a = c.inputs[0].data<T>() + base[0];
    const T* b = operands_ == 2 ? c.inputs[1].data<T>() + base[1] : nullptr;
    const int64_t step_a = s.inner->run_stride(0);
    const int64_t step_b = operands_ == 2 ? s.inner->run_stride(1) : 0;
    SumOf<T> sum = 0;
    s.inner->ForEachRun(begin, end, [&](int64_t, const int64_t* offset, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        SumOf<T> v = static_cast<SumOf<T>>(Load(a[offset[0] + i * step_a]));
        if (b != nullptr) v *= static_cast<SumOf<T>>(Load(b[offset[1] + i * step_b]));
        sum += v;
      }
    });
    return sum;
  }

  template <typename T>
  void Sums(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    T* y = c.outputs[0].mutable_data<T>();
    const int64_t per_unit = s.pieces > 1 ? 1 : s.per_unit;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u / s.pieces * per_unit, piece = u % s.pieces;
      const int64_t last = std::min(first + per_unit, c.outputs[0].size());
      s.outer->ForEachRun(first, last, [&](int64_t at, const int64_t* offset, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          int64_t base[2] = {0, 0};
          for (size_t o = 0; o < operands_; ++o) base[o] = offset[o] + i * s.outer->run_stride(o);
          const SumOf<T> sum =
              SumPiece<T>(c, base, piece * kDepth, std::min(s.depth, (piece + 1) * kDepth));
          if (s.pieces > 1) {
            ScratchAt<SumOf<T>>(c, s.sums_at)[at * s.pieces + piece] = sum;
          } else {
            y[at + i] = mosaic::Store<T>(static_cast<ComputeType<T>>(sum));
          }
        }
      });
    }
  }

  template <typename T>
  static void Totals(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const SumOf<T>* sums = ScratchAt<SumOf<T>>(c, s.sums_at);
    for (int64_t at = begin; at < end; ++at) {
      SumOf<T> total = 0;
      for (int64_t p = 0; p < s.pieces; ++p) total += sums[at * s.pieces + p];
      c.outputs[0].mutable_data<T>()[at] = mosaic::Store<T>(static_cast<ComputeType<T>>(total));
    }
  }

  EinsumEquation equation_;
  size_t operands_;
};

Status MakeEinsum(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 2));
  EinsumEquation equation;
  MOSAIC_RETURN_IF_ERROR(EinsumEquation::Parse(node.String("equation", ""), &equation));
  if (equation.operands.size() != node.inputs.size()) {
    return Status::BadModel("the equation has " + std::to_string(equation.operands.size()) +
                            " operands, the node " + std::to_string(node.inputs.size()));
  }
  *out = std::make_unique<EinsumOp>(std::move(equation), node.inputs.size());
  return Status();
}

}  // namespace

extern const OpDef kEinsum = {kOnnxDomain, "Einsum", 12, 25, &MakeEinsum};

}  // namespace mosaic
