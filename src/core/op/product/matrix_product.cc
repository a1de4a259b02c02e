#include "core/op/product/matrix_product.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "core/op/op_support.h"
#include "core/op/product/plain_product.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kConvertChunk = 8192;  // elements of a unit that converts
constexpr int64_t kPlainDepth = 16384;   // of k in a unit of a plain product

enum class Part { kConvertA, kConvertB, kProduct, kPlain };

struct State {
  ProductConfig config;                 // of these operands
  int64_t n = 0, k = 0, m = 0;          // of one product
  Shape batch;                          // dimensions of the products; empty where there is one
  Shape a_strides, b_strides;           // per dimension of batch, in matrices; 0 where broadcast
  std::optional<StripProduct> product;  // where it is computed in float32
  std::optional<StridedWalk> a_walk;    // where A is transposed or converted first
  bool b_converted = false, fused = false, convert_sum = false;
  int64_t a_at = 0, b_at = 0, sum_at = 0, pack_at = 0;  // in the scratch memory
  int64_t addend_row = 0, addend_col = 0;               // strides of C, 0 where it is broadcast
  int64_t depths = 1;                                   // a plain product's pieces of k
  std::vector<Part> parts;                              // per phase

  int64_t products() const { return NumElements(batch); }
  // Which matrix of A and of B the product reads.
  void Operands(int64_t index, int64_t* a_matrix, int64_t* b_matrix) const {
    *a_matrix = *b_matrix = 0;
    for (size_t d = batch.size(); d-- > 0;) {
      *a_matrix += index % batch[d] * a_strides[d];
      *b_matrix += index % batch[d] * b_strides[d];
      index /= batch[d];
    }
  }
};

// A vector has nothing to transpose, as ONNX Runtime has it.
ProductConfig Effective(ProductConfig config, size_t a_rank, size_t b_rank) {
  config.trans_a = config.trans_a && a_rank > 1;
  config.trans_b = config.trans_b && b_rank > 1;
  return config;
}

Shape Leading(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

// Strides, in matrices, of leading dimensions broadcast to batch.
Shape MatrixStrides(const Shape& leading, const Shape& batch) {
  Shape strides(batch.size(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i < leading.size(); ++i) {
    const int64_t d = leading[leading.size() - 1 - i];
    if (d != 1) strides[batch.size() - 1 - i] = stride;
    stride *= d;
  }
  return strides;
}

// The operands as matrices with leading dimensions; sizes of the product. turned: A's matrices are
// read as they lie, transposed; else its rows follow one another, as they are or once they are
// converted.
Status SetSizes(const ProductConfig& config, Shape a, Shape b, bool turned, State* s) {
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  s->n = a[a.size() - (config.trans_a ? 1 : 2)];
  s->k = a[a.size() - (config.trans_a ? 2 : 1)];
  s->m = b[b.size() - (config.trans_b ? 2 : 1)];
  const Shape a_leading = Leading(a), b_leading = Leading(b);
  if (NumElements(b_leading) == 1 && !turned) {
    s->n *= NumElements(a_leading);  // one product: all rows of A meet the same B
    return Status();
  }
  MOSAIC_RETURN_IF_ERROR(BroadcastShapes(a_leading, b_leading, &s->batch));
  s->a_strides = MatrixStrides(a_leading, s->batch);
  s->b_strides = MatrixStrides(b_leading, s->batch);
  return Status();
}

// A's elements in the order of rows of k, where they are not so already as float32.
void SetWalk(const ProductConfig& config, const Tensor& a, State* s) {
  Shape shape = a.shape();
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  Strides strides = RowMajorStrides(shape);
  if (config.trans_a) {
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
  }
  s->a_walk.emplace(shape, std::vector<StridedWalk::Operand>{{strides, 0}});
}

void AddPhase(Call* c, State* s, Part part, const Phase& phase) {
  c->phases.push_back(phase);
  s->parts.push_back(part);
}

Phase ConvertPhase(int64_t elements) {
  return Phase{(elements + kConvertChunk - 1) / kConvertChunk, 2.0 * kConvertChunk};
}

// Elements [begin, end) of a walk over x as float32.
void ConvertRange(const StridedWalk& walk, const Tensor& x, int64_t begin, int64_t end, float* to) {
  Dispatch(FloatTypes(), x.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const T* from = x.data<T>();
    const int64_t stride = walk.run_stride(0);
    walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const T* run = from + offset[0];
      for (int64_t i = 0; i < n; ++i) to[at + i] = static_cast<float>(Load(run[i * stride]));
    });
  });
}

// ---- float32 ----

void StartFloat(const ProductConfig& config, Call& c, State* s) {
  const Tensor &a = c.inputs[0], &y = c.outputs[0];
  if (config.trans_a || a.dtype() != MOSAIC_FLOAT) {
    SetWalk(config, a, s);
    s->a_at = ReserveScratch(&c, a.size() * static_cast<int64_t>(sizeof(float)));
    AddPhase(&c, s, Part::kConvertA, ConvertPhase(a.size()));
  }
  const StreamedWeight* w = c.weight(1);
  const Blocking b = w != nullptr ? w->blocking : StripProduct::DenseBlocking(s->k, s->m);
  if (w == nullptr) {
    s->b_converted = c.inputs[1].dtype() != MOSAIC_FLOAT;
    if (s->b_converted) {
      s->b_at = ReserveScratch(&c, c.inputs[1].size() * static_cast<int64_t>(sizeof(float)));
      AddPhase(&c, s, Part::kConvertB, ConvertPhase(c.inputs[1].size()));
    }
    s->pack_at = ReserveScratch(&c, StripProduct::kPackBlocks * b.payload_bytes());
  }
  s->convert_sum = y.dtype() != MOSAIC_FLOAT;
  if (s->convert_sum)
    s->sum_at = ReserveScratch(&c, y.size() * static_cast<int64_t>(sizeof(float)));
  const bool bias = config.addend && s->addend_row == 0 && (s->addend_col == 1 || s->m == 1);
  s->fused = !s->convert_sum && config.alpha == 1 &&
             (!config.addend || (config.beta == 1 && bias && c.inputs[2].dtype() == MOSAIC_FLOAT));
  s->product.emplace(s->n, b, c.working_set);
  const double cost = w != nullptr ? s->product->unit_cost()
                                   : s->product->dense_unit_cost(config.trans_b ? 1 : s->m);
  Phase phase{s->products() * s->product->units(), cost, s->product->grain()};
  phase.stream = w != nullptr ? 0 : -1;
  AddPhase(&c, s, Part::kProduct, phase);
}

// What the kernel has not done to a tile of the sums: alpha, beta * C, activation, conversion.
void FinishTile(const ProductConfig& config, Call& c, float* sums, int64_t index, const Tile& t) {
  const State& s = c.state<State>();
  Tensor& y = c.outputs[0];
  for (int64_t i = t.row; i < t.row + t.rows; ++i) {
    float* sum = sums + i * s.m;
    for (int64_t j = t.col; j < t.col + t.cols; ++j) {
      sum[j] *= config.alpha;
      if (!config.addend) continue;
      const int64_t at = i * s.addend_row + j * s.addend_col;
      Dispatch(FloatTypes(), c.inputs[2].dtype(), [&](auto type) {
        using T = typename decltype(type)::T;
        sum[j] += config.beta * static_cast<float>(Load(c.inputs[2].data<T>()[at]));
      });
    }
    Activate(config.activation, sum + t.col, sum + t.col, t.cols);
    if (!s.convert_sum) continue;
    const int64_t at = (index * s.n + i) * s.m + t.col;
    ConvertElements(MOSAIC_FLOAT, sum + t.col, y.dtype(),
                    y.mutable_data<char>() + at * DTypeSize(y.dtype()), t.cols);
  }
}

// Units [begin, end) of one product.
void RunFloat(const ProductConfig& config, Call& c, int64_t index, int64_t begin, int64_t end) {
  State& s = c.state<State>();
  int64_t a_matrix, b_matrix;
  s.Operands(index, &a_matrix, &b_matrix);
  const float* a = s.a_walk ? ScratchAt<float>(c, s.a_at) : c.inputs[0].data<float>();
  float* sums =
      (s.convert_sum ? ScratchAt<float>(c, s.sum_at) : c.outputs[0].mutable_data<float>()) +
      index * s.n * s.m;
  const StripProduct::Operands x{a + a_matrix * s.n * s.k,
                                 s.k,
                                 sums,
                                 s.m,
                                 s.fused && config.addend ? c.inputs[2].data<float>() : nullptr,
                                 s.fused ? config.activation : Activation::kNone};
  std::function<void(const Tile&)> done;
  if (!s.fused) done = [&](const Tile& t) { FinishTile(config, c, sums, index, t); };
  if (c.weight(1) != nullptr) return s.product->Run(x, begin, end, c.blocks, done);
  const float* b = s.b_converted ? ScratchAt<float>(c, s.b_at) : c.inputs[1].data<float>();
  s.product->RunDense(x, begin, end, b + b_matrix * s.k * s.m, config.trans_b ? 1 : s.m,
                      config.trans_b ? s.k : 1, ScratchAt<char>(c, s.pack_at), done);
}

// ---- float64 and integers ----

void StartPlain(Call& c, State* s) {
  s->depths = std::max<int64_t>(1, (s->k + kPlainDepth - 1) / kPlainDepth);
  const int64_t units = s->products() * PlainUnits(s->n, s->m) * s->depths;
  AddPhase(&c, s, Part::kPlain,
           Phase{units, 4.0 * static_cast<double>(std::min(s->k, kPlainDepth) * kPlainColumns)});
}

void RunPlainUnit(const ProductConfig& config, Call& c, int64_t u) {
  const State& s = c.state<State>();
  const int64_t depth = u % s.depths, piece = u / s.depths, per_product = PlainUnits(s.n, s.m);
  int64_t a_matrix, b_matrix;
  s.Operands(piece / per_product, &a_matrix, &b_matrix);
  const PlainUnit unit(s.m, piece % per_product);
  Dispatch(PlainProductTypes(), c.inputs[0].dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const Strided<T> a{c.inputs[0].data<T>() + a_matrix * s.n * s.k, config.trans_a ? 1 : s.k,
                       config.trans_a ? s.n : 1};
    const Strided<T> b{c.inputs[1].data<T>() + b_matrix * s.k * s.m, config.trans_b ? 1 : s.m,
                       config.trans_b ? s.k : 1};
    T* out = c.outputs[0].mutable_data<T>() + piece / per_product * s.n * s.m;
    PlainProduct(a, b, depth * kPlainDepth, std::min(s.k, (depth + 1) * kPlainDepth), s.m, unit,
                 out);
    if (depth + 1 < s.depths) return;
    for (int64_t j = unit.begin; j < unit.end; ++j) {
      T& y = out[unit.row * s.m + j];
      if constexpr (std::is_floating_point_v<T>) y *= static_cast<T>(config.alpha);
      if (!config.addend) continue;
      T add = c.inputs[2].data<T>()[unit.row * s.addend_row + j * s.addend_col];
      if constexpr (std::is_floating_point_v<T>) add *= static_cast<T>(config.beta);
      y = WrappingAdd(y, add);
    }
  });
}

// Where C lies for row i and column j of a single product.
void SetAddend(const Shape& addend, State* s) {
  const int64_t rows = addend.size() == 2 ? addend[0] : 1;
  const int64_t cols = addend.empty() ? 1 : addend.back();
  s->addend_row = rows == 1 ? 0 : cols;
  s->addend_col = cols == 1 ? 0 : 1;
}

}  // namespace

// ---- inference ----

namespace {

struct Operand {
  Dims leading;
  Dim rows, cols;
  bool vector = false;
  int item_axis;  // in a matrix: rank - 2 rows, rank - 1 columns; after transposing
};

Operand OperandOf(const Fact& f, bool left, bool transposed) {
  Operand o;
  Dims dims = f.dims;
  o.item_axis = f.item_axis;
  o.vector = dims.size() == 1;
  if (o.vector) {
    dims.insert(left ? dims.begin() : dims.end(), Dim(1));
    if (left && o.item_axis >= 0) ++o.item_axis;
  }
  o.leading.assign(dims.begin(), dims.end() - 2);
  o.rows = dims[dims.size() - 2];
  o.cols = dims[dims.size() - 1];
  if (transposed) {
    std::swap(o.rows, o.cols);
    const int rank = static_cast<int>(dims.size());
    if (o.item_axis >= rank - 2) o.item_axis = 2 * rank - 3 - o.item_axis;
  }
  return o;
}

// Where the items of the operands go; kMixed where they meet.
int ItemAxisOf(const Operand& a, const Operand& b, int rank, bool a_itemised, bool b_itemised) {
  const int a_rank = static_cast<int>(a.leading.size()) + 2;
  const int b_rank = static_cast<int>(b.leading.size()) + 2;
  int axis = kUnstated;
  if (a_itemised) {
    if (a.item_axis == a_rank - 1) return kMixed;  // along k
    axis = a.item_axis + rank - a_rank;
    if (!b_itemised && a.item_axis < a_rank - 2) {  // leading: B is the same for all items
      const int at = axis - (rank - b_rank);
      if (at >= 0 && !b.leading[static_cast<size_t>(at)].Is(1)) return kMixed;
    }
  }
  if (b_itemised) {
    if (b.item_axis == b_rank - 2) return kMixed;
    const int b_axis = b.item_axis + rank - b_rank;
    if (a_itemised && (b_axis != axis || axis >= rank - 2)) return kMixed;
    if (!a_itemised && b.item_axis < b_rank - 2) {
      const int at = b_axis - (rank - a_rank);
      if (at >= 0 && !a.leading[static_cast<size_t>(at)].Is(1)) return kMixed;
    }
    axis = b_axis;
  }
  return axis;
}

}  // namespace

Status MatrixProductOp::Infer(InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
  if (config_.addend) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
  const int dtype = c.dtype(0);
  if (!HasType(PlainProductTypes(), dtype))
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(dtype, "A"));
  if (HasType(NumericTypes(), dtype) && !IsFloat(dtype) &&
      (config_.alpha != 1 || (config_.addend && config_.beta != 1))) {
    return Status::Unsupported("alpha and beta other than 1 are not supported for integers");
  }
  if (!c.Ranked()) {
    c.SetUnranked(0, dtype);
    return Status();
  }
  if (config_.matrices && (c.in(0).rank() != 2 || c.in(1).rank() != 2)) {
    return Status::BadModel("A and B must be matrices, have shapes " + ShapeString(c.dims(0)) +
                            " and " + ShapeString(c.dims(1)));
  }
  if (c.in(0).rank() == 0 || c.in(1).rank() == 0) {
    return Status::BadModel("a scalar cannot be multiplied");
  }
  const ProductConfig config = Effective(config_, c.dims(0).size(), c.dims(1).size());
  const Operand a = OperandOf(c.in(0), true, config.trans_a);
  const Operand b = OperandOf(c.in(1), false, config.trans_b);
  const std::string transposed = config.trans_a || config.trans_b
                                     ? std::string(" (transA ") + (config.trans_a ? "1" : "0") +
                                           ", transB " + (config.trans_b ? "1)" : "0)")
                                     : "";
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(a.cols, b.rows,
                                        "shapes " + ShapeString(c.dims(0)) + " and " +
                                            ShapeString(c.dims(1)) + " do not fit" + transposed));
  Dims out;
  MOSAIC_RETURN_IF_ERROR(c.Broadcast(a.leading, b.leading, &out));
  const int rank = static_cast<int>(out.size()) + 2;
  int axis = ItemAxisOf(a, b, rank, c.Itemised(0), c.Itemised(1));
  if (!a.vector) out.push_back(a.rows);
  if (!b.vector) out.push_back(b.cols);
  if (axis >= 0 && ((a.vector && axis == rank - 2) || (b.vector && axis == rank - 1)))
    axis = kMixed;
  if (axis == rank - 1 && a.vector) --axis;
  MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, out));
  if (config_.addend) {
    Dims with_addend;
    const Status fits = c.Broadcast(out, c.dims(2), &with_addend);
    bool same = fits.ok() && with_addend.size() == out.size();
    for (size_t i = 0; same && i < out.size(); ++i) same = !Differ(out[i], with_addend[i]);
    if (!same) {
      return Status::BadModel("C of shape " + ShapeString(c.dims(2)) + " cannot be broadcast to " +
                              ShapeString(out));
    }
    // What is added must be of the item, or the same for all.
    const int at = axis < 0 ? axis : axis - (rank - c.in(2).rank());
    if (c.Itemised(2) ? c.item_axis(2) != at
                      : at >= 0 && axis >= 0 && !c.dims(2)[static_cast<size_t>(at)].Is(1)) {
      axis = kMixed;
    }
  }
  if (axis == kMixed) c.Mix();
  if (axis >= 0) c.out(0).item_axis = axis;
  const bool rows_apart = config_.matrices && !config_.trans_a && c.item_axis(1) == kShared;
  if (rows_apart && c.in(0).spread_axis == 0 &&
      (!c.Has(2) || (c.item_axis(2) == kShared && (c.in(2).rank() < 2 || c.dims(2)[0].Is(1))))) {
    c.out(0).spread_axis = 0;
    c.out(0).spread_outer = c.in(0).spread_outer;
  }
  return Status();
}

Status MatrixProductOp::Start(Call& c) const {
  State& s = c.NewState<State>();
  s.config = Effective(config_, c.shape(0).size(), c.shape(1).size());
  const bool plain = HasType(PlainProductTypes(), c.outputs[0].dtype()) && c.weight(1) == nullptr;
  MOSAIC_RETURN_IF_ERROR(SetSizes(s.config, c.shape(0), c.shape(1), plain && s.config.trans_a, &s));
  if (config_.addend) SetAddend(c.inputs[2].shape(), &s);
  if (plain) {
    StartPlain(c, &s);
  } else {
    StartFloat(s.config, c, &s);
  }
  return Status();
}

void MatrixProductOp::Blocks(const Call& c, int, int64_t begin, int64_t end,
                             std::vector<int32_t>* out) const {
  c.state<State>().product->Blocks(begin, end, out);
}

Status MatrixProductOp::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  State& s = c.state<State>();
  switch (s.parts[static_cast<size_t>(phase)]) {
    case Part::kConvertA:
      ConvertRange(*s.a_walk, c.inputs[0], begin * kConvertChunk,
                   std::min(end * kConvertChunk, c.inputs[0].size()), ScratchAt<float>(c, s.a_at));
      return Status();
    case Part::kConvertB: {
      const int64_t first = begin * kConvertChunk, size = DTypeSize(c.inputs[1].dtype());
      ConvertElements(c.inputs[1].dtype(), c.inputs[1].data<char>() + first * size, MOSAIC_FLOAT,
                      ScratchAt<float>(c, s.b_at) + first,
                      std::min(end * kConvertChunk, c.inputs[1].size()) - first);
      return Status();
    }
    case Part::kPlain:
      for (int64_t u = begin; u < end; ++u) RunPlainUnit(s.config, c, u);
      return Status();
    case Part::kProduct:
      break;
  }
  const int64_t per_product = s.product->units();
  for (int64_t u = begin; u < end;) {
    const int64_t index = u / per_product, first = index * per_product;
    const int64_t stop = std::min(end, first + per_product);
    RunFloat(s.config, c, index, u - first, stop - first);
    u = stop;
  }
  return Status();
}

std::unique_ptr<Op> MatrixProductOp::WithEpilogue(bool bias, Activation f) const {
  if (config_.activation != Activation::kNone) return nullptr;
  if (bias && (config_.addend || config_.alpha != 1)) return nullptr;
  ProductConfig config = config_;
  if (bias) {
    config.addend = true;
    config.beta = 1;
  }
  config.activation = f;
  return std::make_unique<MatrixProductOp>(config);
}

}  // namespace mosaic
