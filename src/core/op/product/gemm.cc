// Gemm: Y = alpha * A' * B' + beta * C, where ' transposes if the attribute says so, and C is
// broadcast to n x m. Floating-point products are computed in float32 whatever the type.
#include <optional>

#include "core/tensor/convert.h"
#include "core/op/op_support.h"
#include "core/op/plain_product.h"
#include "core/op/strip_product.h"

namespace mosaic {
namespace {

struct State {
  std::optional<StripProduct> product;  // where the type is floating
  StripProduct::Operands x{};
  Tensor a, b, pack;  // float32; b undefined where it is streamed
  Tensor sum;         // float32: the output itself, or what is converted into it
  Tensor addend;      // of the output's type or float32
  int64_t addend_row = 0, addend_col = 0;  // its strides, 0 where it is broadcast
  bool fused = false;                      // the kernel adds C and nothing else is to be done
  int64_t n = 0, k = 0, m = 0;
};

class Gemm : public Op {
 public:
  explicit Gemm(const Node& node)
      : alpha_(node.Float("alpha", 1)),
        beta_(node.Float("beta", 1)),
        trans_a_(node.Int("transA", 0) != 0),
        trans_b_(node.Int("transB", 0) != 0),
        has_c_(HasInput(node, 2)) {}

  int streamed_input() const override { return 1; }
  std::unique_ptr<Op> Fused(bool bias, Activation f) const override {
    if (bias && (has_c_ || alpha_ != 1)) return nullptr;
    auto op = std::make_unique<Gemm>(*this);
    if (bias) op->beta_ = 1;
    op->activation_ = f;
    return op;
  }
  bool streamed_transposed() const override { return trans_b_; }

  Status Prepare(OpContext& c) const override {
    auto state = std::make_shared<State>();
    MOSAIC_RETURN_IF_ERROR(CheckShapes(c, state.get()));
    c.outputs.resize(1);
    const int dtype = c.inputs[0].dtype();
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, dtype, {state->n, state->m}, &c.outputs[0]));
    if (Given(c, 2)) MOSAIC_RETURN_IF_ERROR(SetAddend(c, state.get()));
    if (HasType(IntegerProductTypes(), dtype)) {
      MOSAIC_RETURN_IF_ERROR(PrepareInteger(c, *state));
    } else if (HasType(FloatTypes(), dtype)) {
      MOSAIC_RETURN_IF_ERROR(PrepareFloat(c, state.get()));
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
    State& s = c.state<State>();
    if (!s.product) return RunInteger(c, begin, end);
    std::function<void(const Tile&)> done;
    if (!s.fused) done = [this, &c](const Tile& t) { Finish(c, t); };
    if (!s.b.defined()) return s.product->Run(s.x, begin, end, c.blocks, done);
    s.product->RunDense(s.x, begin, end, s.b.data<float>(), trans_b_ ? 1 : s.m, trans_b_ ? s.k : 1,
                        s.pack.mutable_data<char>(), done);
  }

  ItemRule Items(const OpContext& c) const override {
    const bool rows_are_items = c.batched[0] && !trans_a_ && !c.batched[1];
    // What is added to a row must be of that item, or the same for all rows.
    const bool c_fits =
        !Given(c, 2) || c.batched[2] || c.inputs[2].rank() < 2 || c.inputs[2].dim(0) == 1;
    const bool c_is_rows = !Given(c, 2) || !c.batched[2] || c.inputs[2].rank() == 2;
    return rows_are_items && c_fits && c_is_rows ? ItemRule::kIndependent : ItemRule::kMixes;
  }

 private:
  static const Shape& WeightShape(const OpContext& c) {
    return c.streamed != nullptr ? c.streamed->shape : c.inputs[1].shape();
  }

  Status CheckShapes(const OpContext& c, State* s) const {
    const Shape &a = c.inputs[0].shape(), &b = WeightShape(c);
    if (a.size() != 2 || b.size() != 2) {
      return Status::BadModel("A and B must be matrices, have shapes " + ShapeString(a) + " and " +
                              ShapeString(b));
    }
    s->n = a[trans_a_ ? 1 : 0];
    s->k = a[trans_a_ ? 0 : 1];
    s->m = b[trans_b_ ? 0 : 1];
    if (s->k != b[trans_b_ ? 1 : 0]) {
      return Status::BadModel("shapes " + ShapeString(a) + " and " + ShapeString(b) +
                              " do not fit (transA " + (trans_a_ ? "1" : "0") + ", transB " +
                              (trans_b_ ? "1" : "0") + ")");
    }
    const int b_dtype = c.streamed != nullptr ? c.streamed->dtype : c.inputs[1].dtype();
    if (b_dtype != c.inputs[0].dtype()) {
      return Status::BadModel(std::string("A and B are of different types, ") +
                              DTypeName(c.inputs[0].dtype()) + " and " + DTypeName(b_dtype));
    }
    return Status();
  }

  Status SetAddend(OpContext& c, State* s) const {
    const Tensor& t = c.inputs[2];
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c.inputs[0], t));
    const int64_t rows = t.rank() == 2 ? t.dim(0) : 1;
    const int64_t cols = t.rank() >= 1 ? t.dim(t.rank() - 1) : 1;
    if (t.rank() > 2 || (rows != 1 && rows != s->n) || (cols != 1 && cols != s->m)) {
      return Status::BadModel("C of shape " + ShapeString(t.shape()) + " cannot be broadcast to " +
                              ShapeString({s->n, s->m}));
    }
    s->addend = t;
    s->addend_row = rows == 1 ? 0 : cols;
    s->addend_col = cols == 1 ? 0 : 1;
    return Status();
  }

  Status PrepareFloat(OpContext& c, State* s) const {
    s->a = ToFloat32(c.inputs[0], c.arena);
    if (trans_a_) {
      Tensor rows = c.arena->New(MOSAIC_FLOAT, {s->n, s->k});
      const float* from = s->a.data<float>();
      float* to = rows.mutable_data<float>();
      for (int64_t i = 0; i < s->n; ++i) {
        for (int64_t l = 0; l < s->k; ++l) to[i * s->k + l] = from[l * s->n + i];
      }
      s->a = std::move(rows);
    }
    Blocking w;
    if (c.streamed != nullptr) {
      w = c.streamed->blocking;
    } else {
      w = StripProduct::DenseBlocking(s->k, s->m);
      s->b = ToFloat32(c.inputs[1], c.arena);
      s->pack = c.arena->New(MOSAIC_UINT8, {StripProduct::kPackBlocks * w.payload_bytes()});
    }
    const bool float32 = c.outputs[0].dtype() == MOSAIC_FLOAT;
    s->sum = float32 ? c.outputs[0] : c.arena->New(MOSAIC_FLOAT, {s->n, s->m});
    if (s->addend.defined()) s->addend = ToFloat32(s->addend, c.arena);
    const bool bias =
        s->addend.defined() && s->addend_row == 0 && (s->addend_col == 1 || s->m == 1);
    s->fused = float32 && alpha_ == 1 && (!s->addend.defined() || (beta_ == 1 && bias));
    s->x = {s->a.data<float>(),
            s->k,
            s->sum.mutable_data<float>(),
            s->m,
            s->fused && bias ? s->addend.data<float>() : nullptr,
            s->fused ? activation_ : Activation::kNone};
    s->product.emplace(s->n, w, c.working_set);
    c.units = s->product->units();
    c.unit_cost = s->product->unit_cost();
    c.grain = s->product->grain();
    return Status();
  }

  void Finish(OpContext& c, const Tile& t) const {
    State& s = c.state<State>();
    for (int64_t i = t.row; i < t.row + t.rows; ++i) {
      float* sum = s.sum.mutable_data<float>() + i * s.m;
      for (int64_t j = t.col; j < t.col + t.cols; ++j) {
        sum[j] *= alpha_;
        if (s.addend.defined()) {
          sum[j] += beta_ * s.addend.data<float>()[i * s.addend_row + j * s.addend_col];
        }
      }
      Activate(activation_, sum + t.col, sum + t.col, t.cols);
      if (c.outputs[0].dtype() != MOSAIC_FLOAT) {
        const int dtype = c.outputs[0].dtype();
        ConvertElements(MOSAIC_FLOAT, sum + t.col, dtype,
                        c.outputs[0].mutable_data<char>() + (i * s.m + t.col) * DTypeSize(dtype),
                        t.cols);
      }
    }
  }

  Status PrepareInteger(OpContext& c, const State& s) const {
    if (alpha_ != 1 || (s.addend.defined() && beta_ != 1)) {
      return Status::Unsupported("alpha and beta other than 1 are not supported for integers");
    }
    c.units = PlainUnits(s.n, s.m);
    c.unit_cost = 2.0 * static_cast<double>(s.k * kPlainColumns);
    return Status();
  }

  void RunInteger(OpContext& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    Dispatch(IntegerProductTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const Strided<T> a{c.inputs[0].data<T>(), trans_a_ ? 1 : s.k, trans_a_ ? s.n : 1};
      const Strided<T> b{c.inputs[1].data<T>(), trans_b_ ? 1 : s.m, trans_b_ ? s.k : 1};
      T* out = c.outputs[0].mutable_data<T>();
      for (int64_t u = begin; u < end; ++u) {
        const PlainUnit unit(s.m, u);
        PlainProduct(a, b, s.k, s.m, unit, out);
        if (!s.addend.defined()) continue;
        for (int64_t j = unit.begin; j < unit.end; ++j) {
          T& y = out[unit.row * s.m + j];
          y = WrappingAdd(y, s.addend.data<T>()[unit.row * s.addend_row + j * s.addend_col]);
        }
      }
    });
  }

  float alpha_, beta_;
  bool trans_a_, trans_b_, has_c_;
  Activation activation_ = Activation::kNone;  // only where Fused made it
};

Status Make(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  *out = std::make_unique<Gemm>(node);
  return Status();
}

}  // namespace

extern const OpDef kGemm = {"Gemm", 9, 17, Make};

}  // namespace mosaic
