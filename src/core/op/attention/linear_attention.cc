// LinearAttention: a state of d_k x d_v for each head of keys and values, which every position
// changes and reads:
//
//   S = decay * S + beta * k (v - S^T k)     (without "delta": + k v)
//   o = scale * q^T S
//
// Sums are of float32, over d_k ascending; columns of the state do not depend on one another.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kColumns = 64;    // of the state in a unit
constexpr int64_t kWork = 1 << 18;  // elements of the state in a unit, about
constexpr int64_t kMostHeads = 1 << 16;
constexpr int64_t kMostWork = 1 << 18;  // keys of the heads of queries that read a state

enum Input : size_t { kQuery, kKey, kValue, kPast, kDecay, kBeta };

using HalfTypes = Types<float, Float16, BFloat16>;

float ElementOf(const Tensor& t, int64_t i) {
  float v = 0;
  Dispatch(HalfTypes(), t.dtype(),
           [&](auto type) { v = Load(t.data<typename decltype(type)::T>()[i]); });
  return v;
}
void SetElement(Tensor* t, int64_t i, float v) {
  Dispatch(HalfTypes(), t->dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    t->mutable_data<T>()[i] = Store<T>(v);
  });
}

struct State {
  int64_t batch = 0, length = 0, keys = 0, values = 0;  // keys, values: of a head
  int64_t columns = 1, parts = 0;                       // of the state in a unit; units of a state
};

class LinearAttention : public Op {
 public:
  LinearAttention(const Node& node, bool gated, bool delta)
      : queries_(node.Int("q_num_heads", 0)),
        heads_(node.Int("kv_num_heads", 0)),
        scale_(node.Float("scale", 0)),
        gated_(gated),
        delta_(delta) {}

  Status Check(const Node& node) const {
    if (heads_ < 1 || queries_ < 1 || queries_ % heads_ != 0) {
      return Status::BadModel("q_num_heads " + std::to_string(queries_) +
                              " is no multiple of kv_num_heads " + std::to_string(heads_));
    }
    if (queries_ > kMostHeads) {
      return Status::Limit("q_num_heads is " + std::to_string(queries_) + ", at most " +
                           std::to_string(kMostHeads) + " are supported");
    }
    const auto given = [&](size_t i) { return i < node.inputs.size() && node.inputs[i] >= 0; };
    if (gated_ && !given(kDecay)) return Status::BadModel("decay is missing");
    if (delta_ && !given(kBeta)) return Status::BadModel("beta is missing");
    return Status();
  }

  Status Infer(InferContext& c) const override {
    const int dtype = c.dtype(kQuery), state = c.Has(kPast) ? c.dtype(kPast) : dtype;
    for (size_t i = 0; i < c.inputs(); ++i) {
      if (!c.Has(i)) continue;
      MOSAIC_RETURN_IF_ERROR(CheckType<HalfTypes>(c.dtype(i), "an input"));
      if (i != kPast) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, kQuery, i));
    }
    c.SetUnranked(0, dtype);
    c.SetUnranked(1, state);
    if (!c.Ranked()) return Status();
    for (size_t i : {kQuery, kKey, kValue, kDecay, kBeta}) {
      if (c.Has(i) && c.in(i).rank() != 3) {
        return Status::BadModel("an input of shape " + ShapeString(c.dims(i)) +
                                " is not [batch, length, heads * size]");
      }
    }
    Dim keys, values;
    MOSAIC_RETURN_IF_ERROR(SizeOf(c, kQuery, queries_, &keys));
    MOSAIC_RETURN_IF_ERROR(SizeOf(c, kValue, heads_, &values));
    const Dims &q = c.dims(kQuery), &k = c.dims(kKey), &v = c.dims(kValue);
    const std::string shapes = "queries, keys and values of shapes " + ShapeString(q) + ", " +
                               ShapeString(k) + " and " + ShapeString(v) + " do not fit";
    for (size_t d = 0; d < 2; ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(q[d], k[d], shapes));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(q[d], v[d], shapes));
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(keys * heads_, k[2], shapes));
    MOSAIC_RETURN_IF_ERROR(CheckGate(c, kDecay, keys * heads_, heads_));
    MOSAIC_RETURN_IF_ERROR(CheckGate(c, kBeta, heads_, 1));
    const Dims state_dims = {q[0], heads_, keys, values};
    if (c.Has(kPast)) {
      const Dims& past = c.dims(kPast);
      const std::string what =
          "past_state has shape " + ShapeString(past) + ", should have " + ShapeString(state_dims);
      if (past.size() != 4) return Status::BadModel(what);
      for (size_t d = 0; d < 4; ++d) {
        MOSAIC_RETURN_IF_ERROR(c.RequireEqual(past[d], state_dims[d], what));
      }
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, {q[0], q[1], values * queries_}));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, state, state_dims));
    if (!c.itemised()) return Status();
    for (size_t i = 0; i < c.inputs(); ++i) {
      if (c.Has(i) && c.item_axis(i) != 0) c.Mix();
    }
    for (size_t o = 0; o < c.outputs(); ++o) c.out(o).item_axis = 0;
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& q = c.inputs[kQuery].shape();
    s.batch = q[0];
    s.length = q[1];
    s.keys = q[2] / queries_;
    s.values = c.inputs[kValue].dim(2) / heads_;
    const int64_t work = s.keys * (queries_ / heads_);  // of a column and a position
    if (s.keys > kMostWork || work > kMostWork) {
      return Status::Limit("heads of " + std::to_string(s.keys) +
                           " keys are larger than supported");
    }
    s.columns = std::clamp<int64_t>(kWork / std::max<int64_t>(work, 1), 1, kColumns);
    s.parts = (s.values + s.columns - 1) / s.columns;
    c.scratch_bytes = (s.keys * s.columns + s.keys) * static_cast<int64_t>(sizeof(float));
    // Of each state, of each part of it: what was before, the positions, what is handed on.
    const int64_t cost = s.keys * (s.columns * 6 + 40) + work * (2 * s.columns + 8) + 64;
    c.OnePhase(s.batch * heads_ * s.parts * (s.length + 2), static_cast<double>(cost));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t part = u / (s.length + 2), step = u % (s.length + 2);
      const int64_t row = part / s.parts, first = part % s.parts * s.columns;
      const int64_t n = std::min(s.columns, s.values - first);
      if (step == 0 || step > s.length) {
        CopyState(c, row, first, n, step == 0);
      } else {
        Position(c, row, step - 1, first, n);
      }
    }
    return Status();
  }

 private:
  static Status SizeOf(InferContext& c, size_t i, int64_t heads, Dim* size) {
    const Dim& all = c.dims(i)[2];
    if (!all.is_number()) {
      *size = c.NewDim();
      return Status();
    }
    if (all.number() % heads != 0) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(i)) + " has not " +
                              std::to_string(heads) + " heads");
    }
    *size = all.number() / heads;
    return Status();
  }
  // [batch, length, most or least].
  static Status CheckGate(InferContext& c, size_t i, const Dim& most, const Dim& least) {
    if (!c.Has(i)) return Status();
    const Dims &d = c.dims(i), &q = c.dims(kQuery);
    const std::string what = std::string(i == kDecay ? "decay" : "beta") + " of shape " +
                             ShapeString(d) + " does not fit the heads";
    for (size_t a = 0; a < 2; ++a) MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d[a], q[a], what));
    return Differ(d[2], least) ? c.RequireEqual(d[2], most, what) : Status();
  }

  // The columns of a state: from past_state (zero without), or to present_state.
  void CopyState(Call& c, int64_t row, int64_t first, int64_t n, bool from) const {
    const State& s = c.state<State>();
    float* state = static_cast<float*>(c.scratch);
    if (!from && (c.outputs.size() < 2 || !c.outputs[1].defined())) return;
    for (int64_t i = 0; i < s.keys; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t at = (row * s.keys + i) * s.values + first + j;
        if (!from) {
          SetElement(&c.outputs[1], at, state[i * s.columns + j]);
        } else {
          state[i * s.columns + j] = c.Given(kPast) ? ElementOf(c.inputs[kPast], at) : 0;
        }
      }
    }
  }

  void Position(Call& c, int64_t row, int64_t t, int64_t first, int64_t n) const {
    const State& s = c.state<State>();
    const int64_t head = row % heads_, place = row / heads_ * s.length + t;
    float* state = static_cast<float*>(c.scratch);
    float* key = state + s.keys * s.columns;
    for (int64_t i = 0; i < s.keys; ++i) {
      key[i] = ElementOf(c.inputs[kKey], (place * heads_ + head) * s.keys + i);
    }
    float change[kColumns], sums[kColumns] = {};
    for (int64_t j = 0; j < n; ++j) {
      change[j] = ElementOf(c.inputs[kValue], (place * heads_ + head) * s.values + first + j);
    }
    if (gated_) Decay(c, place, head, n);
    if (delta_) {
      for (int64_t i = 0; i < s.keys; ++i) {
        for (int64_t j = 0; j < n; ++j) sums[j] += state[i * s.columns + j] * key[i];
      }
      const Tensor& beta = c.inputs[kBeta];
      const float rate = ElementOf(beta, beta.dim(2) == 1 ? place : place * heads_ + head);
      for (int64_t j = 0; j < n; ++j) change[j] = rate * (change[j] - sums[j]);
    }
    for (int64_t i = 0; i < s.keys; ++i) {
      for (int64_t j = 0; j < n; ++j) state[i * s.columns + j] += key[i] * change[j];
    }
    Read(c, place, head, first, n);
  }

  void Decay(Call& c, int64_t place, int64_t head, int64_t n) const {
    const State& s = c.state<State>();
    float* state = static_cast<float*>(c.scratch);
    const Tensor& decay = c.inputs[kDecay];
    const bool one = decay.dim(2) == heads_;
    for (int64_t i = 0; i < s.keys; ++i) {
      const int64_t at = place * heads_ + head;
      const float factor = std::exp(ElementOf(decay, one ? at : at * s.keys + i));
      for (int64_t j = 0; j < n; ++j) state[i * s.columns + j] *= factor;
    }
  }

  // The heads of queries that read this state.
  void Read(Call& c, int64_t place, int64_t head, int64_t first, int64_t n) const {
    const State& s = c.state<State>();
    const float* state = static_cast<const float*>(c.scratch);
    const float scale =
        scale_ != 0 ? scale_ : 1 / std::sqrt(static_cast<float>(std::max<int64_t>(s.keys, 1)));
    const int64_t group = queries_ / heads_;
    for (int64_t h = head * group; h < (head + 1) * group; ++h) {
      float sums[kColumns] = {};
      for (int64_t i = 0; i < s.keys; ++i) {
        const float q = ElementOf(c.inputs[kQuery], (place * queries_ + h) * s.keys + i);
        for (int64_t j = 0; j < n; ++j) sums[j] += q * state[i * s.columns + j];
      }
      for (int64_t j = 0; j < n; ++j) {
        SetElement(&c.outputs[0], (place * queries_ + h) * s.values + first + j, scale * sums[j]);
      }
    }
  }

  int64_t queries_, heads_;
  float scale_;
  bool gated_, delta_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 6, 2));
  const std::string rule = node.String("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta";
  const bool delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") {
    return Status::Unsupported("update_rule " + rule + " is not supported");
  }
  auto op = std::make_unique<LinearAttention>(node, gated, delta);
  MOSAIC_RETURN_IF_ERROR(op->Check(node));
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kLinearAttention = {kOnnxDomain, "LinearAttention", 27, 27, &Make};

}  // namespace mosaic
