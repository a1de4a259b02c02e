// MatMul: numpy's matmul. Matrices are the last two dimensions, the others are broadcast; a vector
// is a row on the left and a column on the right. Floating-point products are computed in float32
// whatever the type, in the order of kernel/strip_gemm.h also where B is an activation.
#include <algorithm>
#include <optional>

#include "core/tensor/convert.h"
#include "core/op/op_support.h"
#include "core/op/plain_product.h"
#include "core/op/strip_product.h"

namespace mosaic {
namespace {

struct State {
  int64_t n = 0, k = 0, m = 0;          // of one product
  Shape batch;                          // dimensions of the products; empty where there is one
  Shape a_strides, b_strides;           // per dimension of batch, in matrices; 0 where broadcast
  std::optional<StripProduct> product;  // where the type is floating
  Tensor a, b, pack;                    // float32; b undefined where it is streamed
  Tensor sum;                           // float32: the output itself, or what is converted into it

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

// The leading dimensions of a shape of rank >= 2.
Shape Leading(const Shape& s) { return Shape(s.begin(), s.end() - 2); }

// Strides, in matrices, of leading dimensions broadcast to batch.
Shape BroadcastStrides(const Shape& leading, const Shape& batch) {
  Shape strides(batch.size(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i < leading.size(); ++i) {
    const int64_t d = leading[leading.size() - 1 - i];
    if (d != 1) strides[batch.size() - 1 - i] = stride;
    stride *= d;
  }
  return strides;
}

class MatMul : public Op {
 public:
  MatMul() = default;
  MatMul(bool bias, Activation f) : bias_(bias), activation_(f) {}

  int streamed_input() const override { return 1; }
  std::unique_ptr<Op> Fused(bool bias, Activation f) const override {
    return std::make_unique<MatMul>(bias, f);
  }

  Status Prepare(OpContext& c) const override {
    auto state = std::make_shared<State>();
    Shape out;
    MOSAIC_RETURN_IF_ERROR(CheckShapes(c, state.get(), &out));
    const int dtype = c.inputs[0].dtype();
    const int b_dtype = c.streamed != nullptr ? c.streamed->dtype : c.inputs[1].dtype();
    if (dtype != b_dtype) {
      return Status::BadModel(std::string("A and B are of different types, ") + DTypeName(dtype) +
                              " and " + DTypeName(b_dtype));
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, dtype, out, &c.outputs[0]));
    if (HasType(IntegerProductTypes(), dtype)) {
      c.units = state->products() * PlainUnits(state->n, state->m);
      c.unit_cost = 2.0 * static_cast<double>(state->k * kPlainColumns);
    } else if (HasType(FloatTypes(), dtype)) {
      PrepareFloat(c, state.get());
    } else {
      return UnsupportedType("A", dtype);
    }
    c.scratch = std::move(state);
    return Status();
  }

  void Blocks(const OpContext& c, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    c.state<State>().product->Blocks(begin, end, out);
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    if (c.streamed != nullptr) return RunFloat(c, 0, begin, end);
    const int64_t per_product = s.product ? s.product->units() : PlainUnits(s.n, s.m);
    for (int64_t u = begin; u < end;) {
      const int64_t index = u / per_product, first = index * per_product;
      const int64_t stop = std::min(end, first + per_product);
      if (s.product) {
        RunFloat(c, index, u - first, stop - first);
      } else {
        RunInteger(c, index, u - first, stop - first);
      }
      u = stop;
    }
  }

  ItemRule Items(const OpContext& c) const override {
    const int a_rank = c.inputs[0].rank();
    const int b_rank = static_cast<int>(WeightShape(c).size());
    bool independent;
    if (c.batched[0] && c.batched[1]) {
      independent = a_rank == b_rank && a_rank >= 3;
    } else if (c.batched[0]) {  // items are rows, or the first of the leading dimensions
      independent = a_rank >= 2 && a_rank >= b_rank &&
                    (b_rank < 3 || b_rank < a_rank || WeightShape(c)[0] == 1);
    } else {
      independent = b_rank >= 3 && b_rank >= a_rank && (a_rank < b_rank || c.inputs[0].dim(0) == 1);
    }
    return independent ? ItemRule::kIndependent : ItemRule::kMixes;
  }

 private:
  static const Shape& WeightShape(const OpContext& c) {
    return c.streamed != nullptr ? c.streamed->shape : c.inputs[1].shape();
  }

  static Status CheckShapes(const OpContext& c, State* s, Shape* out) {
    Shape a = c.inputs[0].shape(), b = WeightShape(c);
    if (a.empty() || b.empty()) return Status::BadModel("a scalar cannot be multiplied");
    const bool row = a.size() == 1, column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    s->n = a[a.size() - 2];
    s->k = a[a.size() - 1];
    s->m = b[b.size() - 1];
    if (s->k != b[b.size() - 2]) {
      return Status::BadModel("shapes " + ShapeString(c.inputs[0].shape()) + " and " +
                              ShapeString(WeightShape(c)) + " do not fit");
    }
    const Shape a_leading = Leading(a), b_leading = Leading(b);
    MOSAIC_RETURN_IF_ERROR(BroadcastShapes(a_leading, b_leading, out));
    if (NumElements(b_leading) == 1) {
      s->n *= NumElements(a_leading);  // one product: all rows of A meet the same B
    } else {
      s->batch = *out;
      s->a_strides = BroadcastStrides(a_leading, s->batch);
      s->b_strides = BroadcastStrides(b_leading, s->batch);
    }
    if (!row) out->push_back(a[a.size() - 2]);
    if (!column) out->push_back(s->m);
    return Status();
  }

  static void PrepareFloat(OpContext& c, State* s) {
    s->a = ToFloat32(c.inputs[0], c.arena);
    Blocking w;
    if (c.streamed != nullptr) {
      w = c.streamed->blocking;
    } else {
      w = StripProduct::DenseBlocking(s->k, s->m);
      s->b = ToFloat32(c.inputs[1], c.arena);
      s->pack = c.arena->New(MOSAIC_UINT8, {StripProduct::kPackBlocks * w.payload_bytes()});
    }
    const Tensor& y = c.outputs[0];
    s->sum = y.dtype() == MOSAIC_FLOAT ? y : c.arena->New(MOSAIC_FLOAT, y.shape());
    s->product.emplace(s->n, w, c.working_set);
    c.units = s->products() * s->product->units();
    c.unit_cost = s->product->unit_cost();
    c.grain = s->product->grain();
  }

  void RunFloat(OpContext& c, int64_t index, int64_t begin, int64_t end) const {
    State& s = c.state<State>();
    int64_t a_matrix, b_matrix;
    s.Operands(index, &a_matrix, &b_matrix);
    float* sum = s.sum.mutable_data<float>() + index * s.n * s.m;
    const float* bias = bias_ ? c.inputs[2].data<float>() : nullptr;
    const StripProduct::Operands x{
        s.a.data<float>() + a_matrix * s.n * s.k, s.k, sum, s.m, bias, activation_};
    std::function<void(const Tile&)> done;
    const int dtype = c.outputs[0].dtype();
    auto convert = [&](const Tile& t) {
      for (int64_t i = t.row; i < t.row + t.rows; ++i) {
        const int64_t at = (index * s.n + i) * s.m + t.col;
        ConvertElements(MOSAIC_FLOAT, sum + i * s.m + t.col, dtype,
                        c.outputs[0].mutable_data<char>() + at * DTypeSize(dtype), t.cols);
      }
    };
    if (dtype != MOSAIC_FLOAT) done = std::cref(convert);
    if (c.streamed != nullptr) return s.product->Run(x, begin, end, c.blocks, done);
    s.product->RunDense(x, begin, end, s.b.data<float>() + b_matrix * s.k * s.m, s.m, 1,
                        s.pack.mutable_data<char>(), done);
  }

  static void RunInteger(OpContext& c, int64_t index, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    int64_t a_matrix, b_matrix;
    s.Operands(index, &a_matrix, &b_matrix);
    Dispatch(IntegerProductTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const Strided<T> a{c.inputs[0].data<T>() + a_matrix * s.n * s.k, s.k, 1};
      const Strided<T> b{c.inputs[1].data<T>() + b_matrix * s.k * s.m, s.m, 1};
      T* out = c.outputs[0].mutable_data<T>() + index * s.n * s.m;
      for (int64_t u = begin; u < end; ++u) PlainProduct(a, b, s.k, s.m, PlainUnit(s.m, u), out);
    });
  }

  const bool bias_ = false;
  const Activation activation_ = Activation::kNone;
};

}  // namespace

extern const OpDef kMatMul = {"MatMul", 9, 17, MakePlain<MatMul, 2, 2>};

}  // namespace mosaic
