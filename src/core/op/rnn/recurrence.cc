// RNN, GRU and LSTM, forward, reverse and bidirectional, with all attributes, sequence lengths,
// initial states and peepholes.
//
// X * W for all steps at once, then for each step H * R and the cell. Items are rows of both
// products, so an item's bits do not depend on the others. Computed in float32.
#include <algorithm>
#include <cmath>
#include <optional>

#include "core/op/op_support.h"
#include "core/op/product/strip_product.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

enum class Cell { kRnn, kGru, kLstm };

int GatesOf(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

// An activation with its parameters.
struct Function {
  std::string name;
  float alpha = 0, beta = 0;

  float operator()(float x) const {
    switch (name[0]) {
      case 'S':
        if (name == "Sigmoid")
          return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
        if (name == "Softsign") return x / (1 + std::fabs(x));
        if (name == "Softplus")
          return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
        return alpha * std::tanh(beta * x);  // ScaledTanh
      case 'T':
        if (name == "Tanh") return std::tanh(x);
        return x > alpha ? x : 0;  // ThresholdedRelu
      case 'R':
        return x < 0 ? 0 : x;
      case 'L':
        return x < 0 ? alpha * x : x;  // LeakyRelu
      case 'H':
        return std::clamp(alpha * x + beta, 0.0F, 1.0F);  // HardSigmoid
      case 'E':
        return x < 0 ? alpha * std::expm1(x) : x;  // Elu
      default:
        return alpha * x + beta;  // Affine
    }
  }
};

Status MakeFunction(const std::string& name, Function* f) {
  static const struct {
    const char* name;
    float alpha, beta;
  } kKnown[] = {{"Relu", 0, 0},          {"Tanh", 0, 0},
                {"Sigmoid", 0, 0},       {"Affine", 1, 0},
                {"LeakyRelu", 0.01F, 0}, {"ThresholdedRelu", 1, 0},
                {"ScaledTanh", 1, 1},    {"HardSigmoid", 0.2F, 0.5F},
                {"Elu", 1, 0},           {"Softsign", 0, 0},
                {"Softplus", 0, 0}};
  for (const auto& k : kKnown) {
    if (name != k.name) continue;
    *f = {name, k.alpha, k.beta};
    return Status();
  }
  return Status::Unsupported("activation " + name + " is not supported");
}

struct State {
  int64_t steps = 0, items = 0, inputs = 0, hidden = 0, directions = 1;
  std::optional<StripProduct> input_product, state_product;
  // Scratch: float32 copies of the operands, then what a direction works on.
  int64_t x_at = 0, w_at = 0, r_at = 0, gates_at = 0, state_gates_at = 0, h_at = 0, c_at = 0;
  int64_t pack_at = 0, reset_at = 0;
  std::vector<int64_t> phase_step;  // per phase: step * 4 + kind; see Kind
  std::vector<int64_t> phase_direction;
};

// What a phase does.
enum Kind { kConvert = 0, kInputProduct = 1, kStateProduct = 2, kCell = 3 };

int64_t Reserve(Call* c, int64_t floats) {
  const int64_t at = c->scratch_bytes;
  c->scratch_bytes += (floats * 4 + 63) / 64 * 64;
  return at;
}

class Recurrence : public Op {
 public:
  Recurrence(Cell cell, const Node& node)
      : cell_(cell),
        hidden_(node.Int("hidden_size", 0)),
        direction_(node.String("direction", "forward")),
        clip_(node.Float("clip", 0)),
        input_forget_(node.Int("input_forget", 0) != 0),
        linear_before_reset_(node.Int("linear_before_reset", 0) != 0),
        batch_first_(node.Int("layout", 0) != 0) {}

  Status Init(const Node& node) {
    if (direction_ != "forward" && direction_ != "reverse" && direction_ != "bidirectional") {
      return Status::BadModel("attribute direction is \"" + direction_ + "\"");
    }
    const size_t per = cell_ == Cell::kLstm ? 3 : cell_ == Cell::kGru ? 2 : 1;
    std::vector<std::string> names = node.Strings("activations");
    if (names.empty()) {
      for (size_t d = 0; d < Directions(); ++d) {
        if (cell_ != Cell::kRnn) names.push_back("Sigmoid");
        names.push_back("Tanh");
        if (cell_ == Cell::kLstm) names.push_back("Tanh");
      }
    }
    if (names.size() != per * Directions()) {
      return Status::BadModel("has " + std::to_string(names.size()) + " activations, " +
                              std::to_string(per * Directions()) + " are needed");
    }
    const std::vector<float> alpha = node.Floats("activation_alpha");
    const std::vector<float> beta = node.Floats("activation_beta");
    size_t next_alpha = 0, next_beta = 0;
    for (const std::string& name : names) {
      Function f;
      MOSAIC_RETURN_IF_ERROR(MakeFunction(name, &f));
      const bool has_beta = name == "Affine" || name == "ScaledTanh" || name == "HardSigmoid";
      const bool has_alpha =
          has_beta || name == "LeakyRelu" || name == "ThresholdedRelu" || name == "Elu";
      if (has_alpha && next_alpha < alpha.size()) f.alpha = alpha[next_alpha++];
      if (has_beta && next_beta < beta.size()) f.beta = beta[next_beta++];
      functions_.push_back(f);
    }
    return Status();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<float, double, Float16>>(c.dtype(0), "an input")));
    const int dtype = c.dtype(0);
    if (!c.in(0).ranked || !c.in(2).ranked) {
      for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, dtype);
      return Status();
    }
    const Dims &x = c.dims(0), &r = c.dims(2);
    if (x.size() != 3 || c.in(1).rank() != 3 || r.size() != 3) {
      return Status::BadModel("X, W and R have shapes " + ShapeString(x) + ", " +
                              ShapeString(c.dims(1)) + " and " + ShapeString(r));
    }
    const Dim steps = x[batch_first_ ? 1 : 0], items = x[batch_first_ ? 0 : 1], hidden = r[2];
    const Dim directions = static_cast<int64_t>(Directions());
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[2], c.dims(1)[2], "X and W do not fit"));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(r[0], directions, "R does not fit the direction"));
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(c.dims(1)[1], hidden * Dim(GatesOf(cell_)), "W and R do not fit"));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(r[1], c.dims(1)[1], "W and R do not fit"));
    if (hidden_ > 0)
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(hidden, hidden_, "hidden_size and R do not fit"));
    for (size_t i : {5, 6}) {
      if (!c.Has(i) || !c.in(i).ranked) continue;
      if (c.in(i).rank() != 3)
        return Status::BadModel("an initial state has shape " + ShapeString(c.dims(i)));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(i)[batch_first_ ? 0 : 1], items,
                                            "an initial state and X do not fit"));
      MOSAIC_RETURN_IF_ERROR(
          c.RequireEqual(c.dims(i)[2], hidden, "an initial state and R do not fit"));
    }
    Dims all = {steps, directions, items, hidden}, last = {directions, items, hidden};
    if (batch_first_) {
      all = {items, steps, directions, hidden};
      last = {items, directions, hidden};
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, all));
    for (size_t o = 1; o < c.outputs(); ++o) MOSAIC_RETURN_IF_ERROR(c.Set(o, dtype, last));
    StateItems(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& x = c.inputs[0].shape();
    s.steps = x[batch_first_ ? 1 : 0];
    s.items = x[batch_first_ ? 0 : 1];
    s.inputs = x[2];
    s.hidden = c.inputs[2].dim(2);
    s.directions = static_cast<int64_t>(Directions());
    const int64_t gates = GatesOf(cell_) * s.hidden;
    const Blocking w = StripProduct::DenseBlocking(s.inputs, gates);
    const Blocking r = StripProduct::DenseBlocking(s.hidden, gates);
    s.input_product.emplace(s.steps * s.items, w, c.working_set);
    s.state_product.emplace(s.items, r, c.working_set);
    s.x_at = Reserve(&c, s.steps * s.items * s.inputs);
    s.w_at = Reserve(&c, s.directions * gates * s.inputs);
    s.r_at = Reserve(&c, s.directions * gates * s.hidden);
    s.gates_at = Reserve(&c, s.steps * s.items * gates);
    s.state_gates_at = Reserve(&c, s.items * gates);
    s.h_at = Reserve(&c, s.items * s.hidden);
    s.c_at = Reserve(&c, s.items * s.hidden);
    s.reset_at = Reserve(&c, s.items * s.hidden);
    s.pack_at = Reserve(
        &c, StripProduct::kPackBlocks * std::max(w.payload_bytes(), r.payload_bytes()) / 4 + 16);
    AddPhase(c, &s, 0, 0, kConvert,
             s.steps * s.items + 2 * s.directions * gates + s.directions * s.items,
             static_cast<double>(s.inputs + s.hidden));
    for (int64_t d = 0; d < s.directions; ++d) {
      AddPhase(c, &s, d, 0, kInputProduct, s.input_product->units(), s.input_product->unit_cost(),
               s.input_product->grain());
      for (int64_t t = 0; t < s.steps; ++t) {
        AddPhase(c, &s, d, t, kStateProduct, s.state_product->units(), s.state_product->unit_cost(),
                 s.state_product->grain());
        AddPhase(c, &s, d, t, kCell, s.items, 60.0 * static_cast<double>(gates));
        if (cell_ == Cell::kGru && !linear_before_reset_) {
          // The reset gate acts on the state before its product: once more, with that.
          AddPhase(c, &s, d, t, kStateProduct + 8, s.state_product->units(),
                   s.state_product->unit_cost(), s.state_product->grain());
          AddPhase(c, &s, d, t, kCell + 8, s.items, 40.0 * static_cast<double>(gates));
        }
      }
      if (s.steps == 0) AddPhase(c, &s, d, 0, kCell + 16, s.items, static_cast<double>(s.hidden));
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    const size_t p = static_cast<size_t>(phase);
    const int64_t d = s.phase_direction[p], t = s.phase_step[p] / 32, kind = s.phase_step[p] % 32;
    const int64_t gates = GatesOf(cell_) * s.hidden;
    if (phase == 0) {
      MOSAIC_RETURN_IF_ERROR(CheckLengths(c));
      for (int64_t u = begin; u < end; ++u) Convert(c, u);
      return Status();
    }
    if (kind == kInputProduct) {
      if (begin == 0) ReadInitial(c, d);
      s.input_product->RunDense(
          {At(c, s.x_at), s.inputs, At(c, s.gates_at), gates, nullptr, Activation::kNone}, begin,
          end, At(c, s.w_at) + d * gates * s.inputs, 1, s.inputs,
          reinterpret_cast<char*>(At(c, s.pack_at)), nullptr);
    } else if (kind == kStateProduct || kind == kStateProduct + 8) {
      const float* h = kind == kStateProduct ? At(c, s.h_at) : At(c, s.reset_at);
      s.state_product->RunDense(
          {h, s.hidden, At(c, s.state_gates_at), gates, nullptr, Activation::kNone}, begin, end,
          At(c, s.r_at) + d * gates * s.hidden, 1, s.hidden,
          reinterpret_cast<char*>(At(c, s.pack_at)), nullptr);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        if (kind == kCell + 16) {
          if (c.outputs.size() > 1) WriteLast(c, d, i);
        } else {
          Step(c, d, t, i, kind != kCell);
        }
      }
    }
    return Status();
  }

 private:
  size_t Directions() const { return direction_ == "bidirectional" ? 2 : 1; }
  static float* At(const Call& c, int64_t offset) {
    return reinterpret_cast<float*>(static_cast<char*>(c.scratch) + offset);
  }
  static void AddPhase(Call& c, State* s, int64_t d, int64_t t, int64_t kind, int64_t units,
                       double cost, int64_t grain = 1) {
    c.phases.push_back(Phase{units, cost, grain});
    s->phase_step.push_back(t * 32 + kind);
    s->phase_direction.push_back(d);
  }

  void StateItems(InferContext& c) const {
    if (!c.itemised()) return;
    const int x_axis = batch_first_ ? 0 : 1;
    if (c.item_axis(0) != x_axis) return c.Mix();
    for (size_t i = 1; i < c.inputs(); ++i) {
      if (!c.Itemised(i)) continue;
      const bool right =
          i == 4 ? c.item_axis(i) == 0 : (i == 5 || i == 6) && c.item_axis(i) == x_axis;
      if (!right) return c.Mix();
    }
    if (c.Has(4) && !c.Itemised(4)) return c.Mix();
    c.out(0).item_axis = batch_first_ ? 0 : 2;
    for (size_t o = 1; o < c.outputs(); ++o) c.out(o).item_axis = x_axis;
  }

  static Status CheckLengths(const Call& c) {
    const State& s = c.state<State>();
    if (!c.Given(4)) return Status();
    if (c.inputs[4].size() != s.items || c.inputs[4].dtype() != MOSAIC_INT32) {
      return Status::Invalid("sequence_lens has shape " + ShapeString(c.inputs[4].shape()));
    }
    for (int64_t i = 0; i < s.items; ++i) {
      const int32_t n = c.inputs[4].data<int32_t>()[i];
      if (n < 0 || n > s.steps) {
        return Status::Invalid("a sequence of length " + std::to_string(n) + ", there are " +
                               std::to_string(s.steps) + " steps");
      }
    }
    return Status();
  }

  // A row of X (step by step), of W, of R.
  void Convert(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t gates = GatesOf(cell_) * s.hidden, rows = s.steps * s.items;
    const auto copy = [&](size_t input, int64_t row, int64_t length, float* to) {
      const int64_t size = DTypeSize(c.inputs[input].dtype());
      ConvertElements(c.inputs[input].dtype(), c.inputs[input].data<char>() + row * length * size,
                      MOSAIC_FLOAT, to, length);
    };
    if (unit < rows) {
      const int64_t t = unit / s.items, i = unit % s.items;
      copy(0, batch_first_ ? i * s.steps + t : unit, s.inputs, At(c, s.x_at) + unit * s.inputs);
      return;
    }
    unit -= rows;
    if (unit < s.directions * gates)
      return copy(1, unit, s.inputs, At(c, s.w_at) + unit * s.inputs);
    unit -= s.directions * gates;
    if (unit < s.directions * gates) copy(2, unit, s.hidden, At(c, s.r_at) + unit * s.hidden);
  }

  float Value(const Call& c, size_t input, int64_t i) const {
    float v = 0;
    const int64_t size = DTypeSize(c.inputs[input].dtype());
    ConvertElements(c.inputs[input].dtype(), c.inputs[input].data<char>() + i * size, MOSAIC_FLOAT,
                    &v, 1);
    return v;
  }

  void ReadInitial(Call& c, int64_t d) const {
    const State& s = c.state<State>();
    for (size_t which : {5, 6}) {
      float* to = At(c, which == 5 ? s.h_at : s.c_at);
      for (int64_t i = 0; i < s.items; ++i) {
        for (int64_t j = 0; j < s.hidden; ++j) {
          const int64_t row = batch_first_ ? i * s.directions + d : d * s.items + i;
          const bool given = c.Given(which) && (which == 5 || cell_ == Cell::kLstm);
          to[i * s.hidden + j] = given ? Value(c, which, row * s.hidden + j) : 0;
        }
      }
    }
  }

  // Biases of gate g, unit j: of the input and of the state.
  float Bias(const Call& c, int64_t d, int64_t g, int64_t j, bool state) const {
    if (!c.Given(3)) return 0;
    const int64_t h = c.state<State>().hidden, gates = GatesOf(cell_);
    return Value(c, 3, d * 2 * gates * h + (state ? gates * h : 0) + g * h + j);
  }
  float Clip(float x) const { return clip_ > 0 ? std::clamp(x, -clip_, clip_) : x; }

  // The cell of one item; "again": of GRU, with the product of the state that was reset.
  void Step(Call& c, int64_t d, int64_t t, int64_t item, bool again) const {
    const State& s = c.state<State>();
    const int64_t length = c.Given(4) ? c.inputs[4].data<int32_t>()[item] : s.steps;
    const bool backward = direction_ == "reverse" || d == 1;
    const bool two = cell_ == Cell::kGru && !linear_before_reset_;
    const bool last_of_step = !two || again;
    if (t >= length) {  // behind the end: outputs are 0, the state stays
      if (last_of_step) {
        WriteStep(c, d, t, item, nullptr);
        if (t == s.steps - 1) WriteLast(c, d, item);
      } else {
        std::fill_n(At(c, s.reset_at) + item * s.hidden, s.hidden, 0.0F);
      }
      return;
    }
    const int64_t at = backward ? length - 1 - t : t;
    const int64_t gates = GatesOf(cell_) * s.hidden;
    float* x = At(c, s.gates_at) + (at * s.items + item) * gates;
    const float* r = At(c, s.state_gates_at) + item * gates;
    float* h = At(c, s.h_at) + item * s.hidden;
    if (cell_ == Cell::kLstm) {
      Lstm(c, d, item, x, r, h);
    } else if (cell_ == Cell::kRnn) {
      for (int64_t j = 0; j < s.hidden; ++j) {
        h[j] = functions_[static_cast<size_t>(d)](
            Clip(x[j] + r[j] + Bias(c, d, 0, j, false) + Bias(c, d, 0, j, true)));
      }
    } else {
      Gru(c, d, item, x, r, h, again);
    }
    if (!last_of_step) return;
    WriteStep(c, d, at, item, h);
    if (t == s.steps - 1) WriteLast(c, d, item);
  }

  void Lstm(Call& c, int64_t d, int64_t item, const float* x, const float* r, float* h) const {
    const State& s = c.state<State>();
    const int64_t n = s.hidden;
    float* state = At(c, s.c_at) + item * n;
    const Function* f = &functions_[static_cast<size_t>(3 * d)];
    const auto peephole = [&](int64_t which, int64_t j) {
      return c.Given(7) ? Value(c, 7, (d * 3 + which) * n + j) : 0.0F;
    };
    const auto gate = [&](int64_t g, int64_t j) {
      return x[g * n + j] + r[g * n + j] + Bias(c, d, g, j, false) + Bias(c, d, g, j, true);
    };
    for (int64_t j = 0; j < n; ++j) {  // gates: input, output, forget, cell
      const float before = state[j];
      const float i = f[0](Clip(gate(0, j) + peephole(0, j) * before));
      const float forget = input_forget_ ? 1 - i : f[0](Clip(gate(2, j) + peephole(2, j) * before));
      const float g = f[1](Clip(gate(3, j)));
      state[j] = forget * before + i * g;
      const float o = f[0](Clip(gate(1, j) + peephole(1, j) * state[j]));
      h[j] = o * f[2](state[j]);
    }
  }

  void Gru(Call& c, int64_t d, int64_t item, float* x, const float* r, float* h, bool again) const {
    const State& s = c.state<State>();
    const int64_t n = s.hidden;
    float* reset = At(c, s.reset_at) + item * n;
    const Function* f = &functions_[static_cast<size_t>(2 * d)];
    const auto gate = [&](int64_t g, int64_t j) {
      return f[0](
          Clip(x[g * n + j] + r[g * n + j] + Bias(c, d, g, j, false) + Bias(c, d, g, j, true)));
    };
    for (int64_t j = 0; j < n; ++j) {  // gates: update, reset, hidden
      if (linear_before_reset_) {
        const float z = gate(0, j), y = gate(1, j);
        const float g = f[1](Clip(x[2 * n + j] + Bias(c, d, 2, j, false) +
                                  y * (r[2 * n + j] + Bias(c, d, 2, j, true))));
        h[j] = (1 - z) * g + z * h[j];
      } else if (!again) {
        // Kept in the place of the gate's own sum until the second product is there.
        const float z = gate(0, j), y = gate(1, j);
        x[j] = z;
        reset[j] = y * h[j];
      } else {
        const float z = x[j];
        const float g = f[1](
            Clip(x[2 * n + j] + r[2 * n + j] + Bias(c, d, 2, j, false) + Bias(c, d, 2, j, true)));
        h[j] = (1 - z) * g + z * h[j];
      }
    }
  }

  void WriteRow(Call& c, size_t output, int64_t row, const float* values) const {
    if (output >= c.outputs.size() || !c.outputs[output].defined()) return;
    const State& s = c.state<State>();
    Tensor& y = c.outputs[output];
    const int64_t size = DTypeSize(y.dtype());
    if (values == nullptr) {
      std::fill_n(y.mutable_data<char>() + row * s.hidden * size, s.hidden * size, 0);
    } else {
      ConvertElements(MOSAIC_FLOAT, values, y.dtype(),
                      y.mutable_data<char>() + row * s.hidden * size, s.hidden);
    }
  }
  void WriteStep(Call& c, int64_t d, int64_t t, int64_t item, const float* h) const {
    const State& s = c.state<State>();
    WriteRow(c, 0,
             batch_first_ ? (item * s.steps + t) * s.directions + d
                          : (t * s.directions + d) * s.items + item,
             h);
  }
  void WriteLast(Call& c, int64_t d, int64_t item) const {
    const State& s = c.state<State>();
    const int64_t row = batch_first_ ? item * s.directions + d : d * s.items + item;
    WriteRow(c, 1, row, At(c, s.h_at) + item * s.hidden);
    WriteRow(c, 2, row, At(c, s.c_at) + item * s.hidden);
  }

  Cell cell_;
  int64_t hidden_;
  std::string direction_;
  float clip_;
  bool input_forget_, linear_before_reset_, batch_first_;
  std::vector<Function> functions_;
};

template <Cell kCell, int kInputs, int kOutputs>
Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, kInputs, kOutputs));
  auto op = std::make_unique<Recurrence>(kCell, node);
  MOSAIC_RETURN_IF_ERROR(op->Init(node));
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kGru = {kOnnxDomain, "GRU", 22, 25, &Make<Cell::kGru, 6, 2>};
extern const OpDef kLstm = {kOnnxDomain, "LSTM", 22, 25, &Make<Cell::kLstm, 8, 3>};
extern const OpDef kRnn = {kOnnxDomain, "RNN", 22, 25, &Make<Cell::kRnn, 6, 2>};

}  // namespace mosaic
