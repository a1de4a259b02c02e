// RNN, GRU and LSTM, forward, reverse and bidirectional, with all attributes, sequence lengths,
// initial states and peepholes.
//
// X * W for all steps at once, then for each step H * R and the cell. Items are rows of both
// products, so an item's bits do not depend on the others. Computed in float32. W and R are packed
// into strips once: for all runs where they are constants that are not large, else for each.
#include <algorithm>
#include <cmath>
#include <optional>

#include "core/kernel/window_sum.h"
#include "core/op/op_support.h"
#include "core/op/preparing.h"
#include "core/op/product/strip_product.h"
#include "core/op/rnn/cell_function.h"
#include "core/op/rnn/packed_weights.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kMostKept = 8 << 20;  // bytes of packed weights
constexpr int64_t kRowPart = 65536;     // elements of X in a unit
constexpr double kLongStep = 1e6;       // elementary operations

enum class Cell { kRnn, kGru, kLstm };

int GatesOf(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

// What a phase does: checks the lengths; converts X and biases; then for each direction reads the
// initial states, multiplies X * W, and does all steps, one after another, in the order of their
// units.
enum class Kind { kLengths, kConvert, kInitial, kInputProduct, kSteps, kNoSteps };
constexpr int64_t kLengthChunk = 4096;  // of a unit that checks

struct PhaseOf {
  Kind kind;
  int64_t direction;
};

struct State {
  int64_t steps = 0, items = 0, inputs = 0, hidden = 0, directions = 1;
  std::optional<StripProduct> input_product, state_product;
  // Scratch: float32 copies of the operands, then what a direction works on.
  int64_t x_at = 0, bias_at = 0, gates_at = 0, state_gates_at = 0, h_at = 0, c_at = 0;
  int64_t reset_at = 0;
  // Packed, of this run, direction by direction: blocks of W in their order, of R by unit.
  std::vector<const void*> w_blocks, r_units;
  std::vector<PhaseOf> phases;
  int64_t row_parts = 1;  // units of a row of X
  int64_t per_step =
      1;  // units of a step: of the product of the state, then the items; GRU's may have both twice
};

class Recurrence : public PreparingOp {
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
      CellFunction f;
      MOSAIC_RETURN_IF_ERROR(CellFunction::Make(name, &f));
      if (f.has_alpha() && next_alpha < alpha.size()) f.set_alpha(alpha[next_alpha++]);
      if (f.has_beta() && next_beta < beta.size()) f.set_beta(beta[next_beta++]);
      functions_.push_back(f);
    }
    return Status();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<float, double, Float16>>(c.dtype(0), "an input")));
    const int dtype = c.dtype(0);
    for (size_t i : {1, 2, 3, 5, 6, 7}) {
      if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
    }
    if (c.Has(4)) MOSAIC_RETURN_IF_ERROR((CheckType<Types<int32_t>>(c.dtype(4), "sequence_lens")));
    if (!c.Ranked()) {
      for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, dtype);
      return Status();
    }
    const Dims &x = c.dims(0), &w = c.dims(1), &r = c.dims(2);
    if (x.size() != 3 || w.size() != 3 || r.size() != 3) {
      return Status::BadModel("X, W and R have shapes " + ShapeString(x) + ", " + ShapeString(w) +
                              " and " + ShapeString(r));
    }
    const Dim steps = x[batch_first_ ? 1 : 0], items = x[batch_first_ ? 0 : 1], hidden = r[2];
    const Dim directions = static_cast<int64_t>(Directions()), gates = hidden * Dim(GatesOf(cell_));
    const Dims state =
        batch_first_ ? Dims{items, directions, hidden} : Dims{directions, items, hidden};
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 1, "W", {directions, gates, x[2]}));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 2, "R", {directions, gates, hidden}));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 3, "B", {directions, gates * Dim(2)}));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 4, "sequence_lens", {items}));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 5, "initial_h", state));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 6, "initial_c", state));
    MOSAIC_RETURN_IF_ERROR(RequireShape(c, 7, "P", {directions, hidden * Dim(3)}));
    if (hidden_ > 0)
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(hidden, hidden_, "hidden_size and R do not fit"));
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
    const PackedWeights packed(s.directions, gates, s.inputs, s.hidden);
    s.input_product.emplace(s.steps * s.items, packed.w(), c.working_set);
    s.state_product.emplace(s.items, packed.r(), c.working_set);
    const auto reserve = [&](int64_t floats) { return ReserveScratch(&c, floats * 4); };
    s.x_at = reserve(s.steps * s.items * s.inputs);
    s.bias_at = reserve(2 * s.directions * gates);
    s.gates_at = reserve(s.steps * s.items * gates);
    s.state_gates_at = reserve(s.items * gates);
    s.h_at = reserve(s.items * s.hidden);
    s.c_at = reserve(s.items * s.hidden);
    s.reset_at = reserve(s.items * s.hidden);
    const double each = static_cast<double>(gates);
    if (c.Given(4)) {
      AddPhase(c, &s, 0, Kind::kLengths, (s.items + kLengthChunk - 1) / kLengthChunk, kLengthChunk);
    }
    s.row_parts = std::max<int64_t>(1, (s.inputs + kRowPart - 1) / kRowPart);
    AddPhase(c, &s, 0, Kind::kConvert,
             s.steps * s.items * s.row_parts + 2 * s.directions * GatesOf(cell_),
             static_cast<double>(std::max(std::min(s.inputs, kRowPart), s.hidden)));
    for (int64_t d = 0; d < s.directions; ++d) {
      AddPhase(c, &s, d, Kind::kInitial, s.items, 8.0 * static_cast<double>(s.hidden));
      AddPhase(c, &s, d, Kind::kInputProduct, s.input_product->units(),
               s.input_product->unit_cost(), s.input_product->grain());
      if (s.steps > 0) {
        AddSteps(c, &s, d, each);
      } else {
        AddPhase(c, &s, d, Kind::kNoSteps, s.items, static_cast<double>(s.hidden));
      }
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    const auto [kind, d] = s.phases[static_cast<size_t>(phase)];
    switch (kind) {
      case Kind::kLengths:
        return CheckLengths(c, begin * kLengthChunk, std::min(end * kLengthChunk, s.items));
      case Kind::kConvert:
        for (int64_t u = begin; u < end; ++u) Convert(c, u);
        break;
      case Kind::kInitial:
        for (int64_t i = begin; i < end; ++i) ReadInitial(c, d, i);
        break;
      case Kind::kInputProduct:
        InputProduct(c, d, GatesOf(cell_) * s.hidden, begin, end);
        break;
      case Kind::kSteps:
        Steps(c, d, begin, end);
        break;
      case Kind::kNoSteps:
        for (int64_t i = begin; i < end; ++i) WriteLast(c, d, i);
    }
    return Status();
  }

  // ---- W and R, packed ----

  bool prepares(int i) const override { return i == 1 || i == 2; }
  bool keeps(int64_t bytes) const override { return bytes <= kMostKept; }
  Status StartPreparing(Call& c, int64_t* bytes) const override {
    const PackedWeights& p =
        c.NewState<PackedWeights>(static_cast<int64_t>(Directions()), c.inputs[1].dim(1),
                                  c.inputs[1].dim(2), c.inputs[2].dim(2));
    *bytes = p.blocks() * p.payload();
    c.OnePhase(p.blocks(), p.block_cost());
    return Status();
  }
  Status RunPreparing(Call& c, int, int64_t begin, int64_t end) const override {
    const PackedWeights& p = c.state<PackedWeights>();
    for (int64_t u = begin; u < end; ++u) {
      p.Pack(c.inputs[1], c.inputs[2], u, c.outputs[0].mutable_data<char>() + u * p.payload());
    }
    return Status();
  }
  void UsePrepared(Call& c, const void* prepared) const override {
    State& s = c.state<State>();
    const PackedWeights p(s.directions, GatesOf(cell_) * s.hidden, s.inputs, s.hidden);
    std::vector<const void*> r_blocks;
    p.Find(prepared, &s.w_blocks, &r_blocks);
    std::vector<int32_t> indexes;
    const int64_t units = s.state_product->units(), each = Each(r_blocks, s);
    if (each > 0) s.state_product->Blocks(0, units, &indexes);
    s.r_units.assign(static_cast<size_t>(s.directions * units), nullptr);
    for (size_t u = 0; each > 0 && u < s.r_units.size(); ++u) {
      const int64_t at = static_cast<int64_t>(u);
      s.r_units[u] = r_blocks[static_cast<size_t>(at / units * each +
                                                  indexes[static_cast<size_t>(at % units)])];
    }
  }

 private:
  // Blocks of a direction.
  static int64_t Each(const std::vector<const void*>& blocks, const State& s) {
    return static_cast<int64_t>(blocks.size()) / s.directions;
  }
  // X * W of a direction.
  static void InputProduct(Call& c, int64_t direction, int64_t columns, int64_t begin,
                           int64_t end) {
    const State& s = c.state<State>();
    std::vector<int32_t> indexes;
    std::vector<const void*> payloads;
    if (!s.w_blocks.empty()) s.input_product->Blocks(begin, end, &indexes);
    for (int32_t i : indexes) {
      payloads.push_back(s.w_blocks[static_cast<size_t>(direction * Each(s.w_blocks, s) + i)]);
    }
    payloads.resize(static_cast<size_t>(end - begin));  // where k is 0 there are none
    s.input_product->Run(
        {At(c, s.x_at), s.inputs, At(c, s.gates_at), columns, nullptr, Activation::kNone}, begin,
        end, payloads.data(), nullptr);
  }

  size_t Directions() const { return direction_ == "bidirectional" ? 2 : 1; }
  static float* At(const Call& c, int64_t offset) {
    return reinterpret_cast<float*>(static_cast<char*>(c.scratch) + offset);
  }
  static void AddPhase(Call& c, State* s, int64_t d, Kind kind, int64_t units, double cost,
                       int64_t grain = 1) {
    c.phases.push_back(Phase{units, cost, grain});
    s->phases.push_back({kind, d});
  }

  // GRU's reset gate may act on the state before its product: then there is a second one, with
  // that.
  bool Twice() const { return cell_ == Cell::kGru && !linear_before_reset_; }
  // All steps in one phase: they are as many as the sequence is long.
  void AddSteps(Call& c, State* s, int64_t d, double gates) const {
    const int64_t products = s->state_product->units();
    s->per_step = (products + s->items) * (Twice() ? 2 : 1);
    if (s->per_step == 0) return;
    double cost = static_cast<double>(products) * s->state_product->unit_cost();
    cost += static_cast<double>(s->items) * 20.0 * gates;
    if (Twice()) cost *= 2;
    // Ranges of whole steps, unless one is long.
    const int64_t grain = cost < kLongStep ? s->per_step : s->state_product->grain();
    AddPhase(c, s, d, Kind::kSteps, s->steps * s->per_step, cost / static_cast<double>(s->per_step),
             grain);
  }

  void Steps(Call& c, int64_t d, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const int64_t gates = GatesOf(cell_) * s.hidden, products = s.state_product->units();
    for (int64_t u = begin; u < end;) {
      const int64_t t = u / s.per_step, round = products + s.items, at = u % s.per_step % round;
      const bool again = u % s.per_step >= round;
      const int64_t n = std::min((at < products ? products : round) - at, end - u);
      if (at < products) {
        const float* h = At(c, again ? s.reset_at : s.h_at);
        s.state_product->Run(
            {h, s.hidden, At(c, s.state_gates_at), gates, nullptr, Activation::kNone}, at, at + n,
            s.r_units.data() + d * products + at, nullptr);
      } else {
        for (int64_t i = at - products; i < at - products + n; ++i) Step(c, d, t, i, again);
      }
      u += n;
    }
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

  static Status CheckLengths(const Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    if (c.inputs[4].size() != s.items || c.inputs[4].dtype() != MOSAIC_INT32) {
      return Status::Invalid("sequence_lens has shape " + ShapeString(c.inputs[4].shape()));
    }
    for (int64_t i = begin; i < std::min(end, c.inputs[4].size()); ++i) {
      const int32_t n = c.inputs[4].data<int32_t>()[i];
      if (n < 0 || n > s.steps) {
        return Status::Invalid("a sequence of length " + std::to_string(n) + ", there are " +
                               std::to_string(s.steps) + " steps");
      }
    }
    return Status();
  }

  // Part of a row of X (step by step); the biases of a gate.
  void Convert(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t rows = s.steps * s.items, parts = rows * s.row_parts;
    const auto copy = [&](size_t input, int64_t first, int64_t n, float* to) {
      const int64_t size = DTypeSize(c.inputs[input].dtype());
      ConvertElements(c.inputs[input].dtype(), c.inputs[input].data<char>() + first * size,
                      MOSAIC_FLOAT, to, n);
    };
    if (unit < parts) {
      const int64_t row = unit / s.row_parts, at = unit % s.row_parts * kRowPart;
      const int64_t t = row / s.items, i = row % s.items;
      copy(0, (batch_first_ ? i * s.steps + t : row) * s.inputs + at,
           std::min(kRowPart, s.inputs - at), At(c, s.x_at) + row * s.inputs + at);
    } else if (float* to = At(c, s.bias_at) + (unit - parts) * s.hidden; c.Given(3)) {
      copy(3, (unit - parts) * s.hidden, s.hidden, to);
    } else {
      std::fill_n(to, s.hidden, 0.0F);
    }
  }

  float Value(const Call& c, size_t input, int64_t i) const {
    float v = 0;
    const int64_t size = DTypeSize(c.inputs[input].dtype());
    ConvertElements(c.inputs[input].dtype(), c.inputs[input].data<char>() + i * size, MOSAIC_FLOAT,
                    &v, 1);
    return v;
  }

  void ReadInitial(Call& c, int64_t d, int64_t item) const {
    const State& s = c.state<State>();
    const int64_t row = batch_first_ ? item * s.directions + d : d * s.items + item;
    for (size_t which : {5, 6}) {
      float* to = At(c, which == 5 ? s.h_at : s.c_at) + item * s.hidden;
      const bool given = c.Given(which) && (which == 5 || cell_ == Cell::kLstm);
      for (int64_t j = 0; j < s.hidden; ++j)
        to[j] = given ? Value(c, which, row * s.hidden + j) : 0;
    }
  }

  // Of all gates: of the input, or of the state.
  static const float* Biases(const Call& c, int64_t d, int64_t gates, bool state) {
    return At(c, c.state<State>().bias_at) + (2 * d + (state ? 1 : 0)) * gates;
  }
  void Clip(float* x, int64_t n) const {
    if (clip_ <= 0) return;
    for (int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], -clip_, clip_);
  }
  // r becomes the sums of some gates: both products, both biases.
  static void AddGates(const float* x, const float* of_input, const float* of_state, float* r,
                       int64_t n) {
    for (const float* addend : {x, of_input, of_state}) AddRow(addend, n, r);
  }

  // The cell of one item; "again": of GRU, with the product of the state that was reset.
  void Step(Call& c, int64_t d, int64_t t, int64_t item, bool again) const {
    const State& s = c.state<State>();
    const int64_t length = c.Given(4) ? c.inputs[4].data<int32_t>()[item] : s.steps;
    const bool backward = direction_ == "reverse" || d == 1;
    const bool last_of_step = !Twice() || again;
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
    float* r = At(c, s.state_gates_at) + item * gates;
    float* h = At(c, s.h_at) + item * s.hidden;
    if (cell_ == Cell::kLstm) {
      Lstm(c, d, item, x, r, h);
    } else if (cell_ == Cell::kRnn) {
      AddGates(x, Biases(c, d, gates, false), Biases(c, d, gates, true), r, gates);
      Clip(r, gates);
      functions_[static_cast<size_t>(d)].Apply(r, gates);
      std::copy_n(r, gates, h);
    } else {
      Gru(c, d, item, x, r, h, again);
    }
    if (!last_of_step) return;
    WriteStep(c, d, at, item, h);
    if (t == s.steps - 1) WriteLast(c, d, item);
  }

  // gates: input, output, forget, cell.
  void Lstm(Call& c, int64_t d, int64_t item, const float* x, float* r, float* h) const {
    const State& s = c.state<State>();
    const int64_t n = s.hidden;
    float* state = At(c, s.c_at) + item * n;
    const CellFunction* f = &functions_[static_cast<size_t>(3 * d)];
    float *in = r, *out = r + n, *forget = r + 2 * n, *cell = r + 3 * n;
    const auto peep = [&](int64_t which, float* gate) {
      for (int64_t j = 0; c.Given(7) && j < n; ++j) {
        gate[j] += Value(c, 7, (d * 3 + which) * n + j) * state[j];
      }
    };
    AddGates(x, Biases(c, d, 4 * n, false), Biases(c, d, 4 * n, true), r, 4 * n);
    peep(0, in);
    peep(2, forget);
    Clip(in, n);
    Clip(forget, 2 * n);  // and the cell
    f[0].Apply(in, n);
    if (input_forget_) {
      for (int64_t j = 0; j < n; ++j) forget[j] = 1 - in[j];
    } else {
      f[0].Apply(forget, n);
    }
    f[1].Apply(cell, n);
    for (int64_t j = 0; j < n; ++j) state[j] = forget[j] * state[j] + in[j] * cell[j];
    peep(1, out);
    Clip(out, n);
    f[0].Apply(out, n);
    std::copy_n(state, n, cell);
    f[2].Apply(cell, n);
    for (int64_t j = 0; j < n; ++j) h[j] = out[j] * cell[j];
  }

  // gates: update, reset, hidden.
  void Gru(Call& c, int64_t d, int64_t item, float* x, float* r, float* h, bool again) const {
    const State& s = c.state<State>();
    const int64_t n = s.hidden;
    float* reset = At(c, s.reset_at) + item * n;
    const CellFunction* f = &functions_[static_cast<size_t>(2 * d)];
    const float *wb = Biases(c, d, 3 * n, false), *rb = Biases(c, d, 3 * n, true);
    float* update = again ? x : r;
    float* hidden = r + 2 * n;
    if (!again) {
      AddGates(x, wb, rb, r, 2 * n);
      Clip(r, 2 * n);
      f[0].Apply(r, 2 * n);
    }
    if (again) {
      AddGates(x + 2 * n, wb + 2 * n, rb + 2 * n, hidden, n);
    } else if (linear_before_reset_) {
      for (int64_t j = 0; j < n; ++j) {
        hidden[j] = x[2 * n + j] + wb[2 * n + j] + r[n + j] * (hidden[j] + rb[2 * n + j]);
      }
    } else {
      // Kept in the place of the gate's own sum until the second product is there.
      std::copy_n(r, n, x);
      for (int64_t j = 0; j < n; ++j) reset[j] = r[n + j] * h[j];
      return;
    }
    Clip(hidden, n);
    f[1].Apply(hidden, n);
    for (int64_t j = 0; j < n; ++j) h[j] = (1 - update[j]) * hidden[j] + update[j] * h[j];
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
  std::vector<CellFunction> functions_;
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
