#include "core/op/attention/attention_core.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/kernel/attention.h"
#include "core/op/attention/attention_mask.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr double kStripWork = 1.6e7;        // operations of a strip, at most, if it has many rows
constexpr int64_t kPackElements = 1 << 18;  // of keys and values in a unit that packs
constexpr int64_t kPresentRows = 64;        // of a unit
constexpr double kScoreWork = 4e6;          // of a unit of scores that are an output, one by one
constexpr int64_t kKeyWork = 32;            // of a softmax, for each key
constexpr int64_t kAligned = 16;            // floats

enum class Phases { kCheck, kPresent, kHeads, kScores };

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

struct AttentionOp::State {
  AttentionShape s;
  std::vector<Phases> parts;      // per phase
  bool gathered = false;          // keys, values and queries are copied as float32 first
  int64_t strip = 1, strips = 0;  // queries of a strip
  int64_t chunk = 0, chunks = 1;  // keys of a strip's piece, and how often; of more than one queries are alone
  int64_t panels = 1, packs = 0;  // panels of keys of a unit that packs
  int64_t score_chunk = 1;        // keys of a unit of scores
  int64_t units = 0;              // of the heads that share keys
  int64_t k_at = 0, v_at = 0, q_at = 0, mask_at = 0, out_at = 0, packed_at = 0;  // in floats

  int64_t group() const { return s.heads / s.kv_heads; }
  int64_t pieces() const { return chunks > 1 ? 2 * chunks : 1; }
  // One pass over the keys, or with a softmax three.
  int64_t score_chunks() const { return CeilDiv(s.keys, score_chunk); }
  int64_t score_units() const { return score_chunks() * (s.scores_stage < 3 ? 1 : 3); }
};

AttentionShape& AttentionOp::shape(const Call& c) { return c.state<State>().s; }

namespace {

float* Scratch(const Call& c, int64_t at) { return static_cast<float*>(c.scratch) + at; }

// Row r of a head as float32.
void LoadRow(const Tensor& t, const HeadRows& rows, int64_t b, int64_t head, int64_t r,
             int64_t depth, float* to) {
  const int64_t at = rows.offset + b * rows.batch + head * rows.head + r * rows.row;
  const char* from = t.data<char>() + at * DTypeSize(t.dtype());
  ConvertElements(t.dtype(), from, MOSAIC_FLOAT, to, depth);
}
void StoreRow(const float* from, const HeadRows& rows, int64_t b, int64_t head, int64_t r,
              int64_t depth, Tensor* t) {
  const int64_t at = rows.offset + b * rows.batch + head * rows.head + r * rows.row;
  char* to = t->mutable_data<char>() + at * DTypeSize(t->dtype());
  ConvertElements(MOSAIC_FLOAT, from, t->dtype(), to, depth);
}
const float* DirectRows(const Call& c, const HeadRows& rows, int64_t b, int64_t head) {
  return c.inputs[static_cast<size_t>(rows.input)].data<float>() + rows.offset + b * rows.batch +
         head * rows.head;
}

}  // namespace

void AttentionOp::LoadKey(const Call& c, Part part, const KeyRange& range, int64_t b, int64_t head,
                          int64_t j, float* to) const {
  const AttentionShape& s = shape(c);
  const int64_t depth = part == kKey ? s.depth : s.value_depth;
  if (j < range.past) {
    const HeadRows& past = part == kKey ? s.past_k : s.past_v;
    return LoadRow(c.inputs[static_cast<size_t>(past.input)], past, b, head, j, depth, to);
  }
  const HeadRows& rows = part == kKey ? s.k : s.v;
  LoadRow(c.inputs[static_cast<size_t>(rows.input)], rows, b, head, j - range.past, depth, to);
  if (Changes(c)) Change(c, part, b, head, j - range.past, to);
}

void AttentionOp::LoadQuery(const Call& c, int64_t b, int64_t head, int64_t i, float* to) const {
  const AttentionShape& s = shape(c);
  LoadRow(c.inputs[static_cast<size_t>(s.q.input)], s.q, b, head, i, s.depth, to);
  if (Changes(c)) Change(c, kQuery, b, head, i, to);
}

Status AttentionOp::Start(Call& c) const {
  State& st = c.NewState<State>();
  MOSAIC_RETURN_IF_ERROR(Describe(c, &st.s));
  const AttentionShape& s = st.s;
  if (s.heads == 0 || s.kv_heads == 0) return Status();  // all outputs are empty
  const auto add = [&](Phases part, int64_t units, double cost) {
    if (units == 0) return;
    c.phases.push_back(Phase{units, cost});
    st.parts.push_back(part);
  };
  if (HasRanges(c)) add(Phases::kCheck, s.batch, 16);
  const double row = static_cast<double>(s.depth + s.value_depth);
  if (s.present_k.given() || s.present_v.given()) {
    add(Phases::kPresent, s.batch * s.kv_heads * CeilDiv(s.present, kPresentRows),
        2 * kPresentRows * row);
  }
  st.gathered = c.outputs[0].dtype() != MOSAIC_FLOAT || s.past > 0 || Changes(c);
  AttentionArgs args;
  args.queries = s.queries;
  args.keys = s.keys;
  args.depth = s.depth;
  args.value_depth = s.value_depth;
  const double per_query =
      2 * std::max(row, 1.0) * static_cast<double>(std::max<int64_t>(s.keys, 1));
  st.strip = std::clamp<int64_t>(static_cast<int64_t>(kStripWork / per_query), 1, kAttentionStrip);
  st.strips = CeilDiv(s.queries, st.strip);
  const double per_key = 2 * row + static_cast<double>(kKeyWork);
  st.chunk = std::max<int64_t>(1, static_cast<int64_t>(kStripWork / per_key / 16)) * 16;
  if (st.strip == 1) st.chunks = std::max<int64_t>(1, CeilDiv(s.keys, st.chunk));
  const int64_t per_panel = 16 * (s.depth + s.value_depth);
  st.panels = std::max<int64_t>(1, kPackElements / std::max<int64_t>(per_panel, 1));
  st.packs = CeilDiv(CeilDiv(s.keys, 16), st.panels);
  st.units = st.packs + st.group() * st.strips * st.pieces();
  int64_t floats = 0;
  const auto reserve = [&](int64_t n) {
    const int64_t at = floats;
    floats += CeilDiv(n, kAligned) * kAligned;
    return at;
  };
  st.packed_at = reserve(AttentionPacked::Bytes(args) / static_cast<int64_t>(sizeof(float)));
  st.q_at = reserve(st.strip * s.depth);
  st.out_at = reserve(std::max<int64_t>(st.strip * s.value_depth, kAligned));
  st.mask_at = reserve(st.strip * s.keys + kAligned);
  st.k_at = reserve(st.gathered ? s.keys * s.depth : 0);
  st.v_at = reserve(st.gathered ? s.keys * s.value_depth : 0);
  c.scratch_bytes = floats * static_cast<int64_t>(sizeof(float));
  add(Phases::kHeads, s.batch * s.kv_heads * (s.queries == 0 ? 0 : st.units),
      st.chunks > 1 ? per_key * static_cast<double>(st.chunk) : per_query * static_cast<double>(st.strip));
  if (s.scores_output >= 0) {
    const double per_score = 2 * static_cast<double>(s.depth) + static_cast<double>(kKeyWork);
    st.score_chunk = std::max<int64_t>(1, static_cast<int64_t>(kScoreWork / per_score));
    add(Phases::kScores, s.batch * s.heads * s.queries * st.score_units(),
        per_score * static_cast<double>(std::min(st.score_chunk, s.keys)));
  }
  return Status();
}

Status AttentionOp::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const State& st = c.state<State>();
  for (int64_t u = begin; u < end; ++u) {
    switch (st.parts[static_cast<size_t>(phase)]) {
      case Phases::kCheck:
        MOSAIC_RETURN_IF_ERROR(CheckRange(c, st.s, u));
        break;
      case Phases::kPresent:
        Present(c, u);
        break;
      case Phases::kHeads:
        RunHead(c, u);
        break;
      case Phases::kScores:
        Scores(c, u);
        break;
    }
  }
  return Status();
}

void AttentionOp::RunHead(Call& c, int64_t unit) const {
  const State& st = c.state<State>();
  const int64_t index = unit % st.units, pair = unit / st.units;
  const int64_t b = pair / st.s.kv_heads, kv_head = pair % st.s.kv_heads;
  if (index < st.packs) return Pack(c, b, kv_head, index);
  const int64_t piece = (index - st.packs) % st.pieces(), strip = (index - st.packs) / st.pieces();
  Strip(c, b, kv_head, kv_head * st.group() + strip / st.strips, strip % st.strips, piece);
}

namespace {

AttentionArgs ArgsOf(const AttentionShape& s, const KeyRange& range) {
  AttentionArgs a;
  a.queries = s.queries;
  a.keys = range.keys;
  a.depth = s.depth;
  a.value_depth = s.value_depth;
  a.scale = s.scale;
  a.softcap = s.softcap;
  a.causal = s.causal;
  a.masked_is_zero = s.masked_is_zero;
  a.nan_is_zero = s.nan_is_zero;
  return a;
}

}  // namespace

void AttentionOp::Pack(Call& c, int64_t b, int64_t head, int64_t index) const {
  const State& st = c.state<State>();
  const AttentionShape& s = st.s;
  KeyRange range;
  if (!RangeOf(c, s, b, &range).ok()) return;  // checked before
  AttentionArgs a = ArgsOf(s, range);
  AttentionPacked packed(a, Scratch(c, st.packed_at));
  const int64_t begin = index * st.panels, end = std::min(begin + st.panels, packed.units());
  if (st.gathered) {
    float *keys = Scratch(c, st.k_at), *values = Scratch(c, st.v_at);
    for (int64_t j = 16 * begin; j < std::min(16 * end, range.keys); ++j) {
      LoadKey(c, kKey, range, b, head, j, keys + j * s.depth);
      LoadKey(c, kValue, range, b, head, j, values + j * s.value_depth);
    }
    a.k = keys;
    a.k_step = s.depth;
    a.v = values;
    a.v_step = s.value_depth;
  } else {
    a.k = DirectRows(c, s.k, b, head);
    a.k_step = s.k.row;
    a.v = DirectRows(c, s.v, b, head);
    a.v_step = s.v.row;
  }
  if (begin < end) PackAttention(a, begin, end, &packed);
}

void AttentionOp::Strip(Call& c, int64_t b, int64_t kv_head, int64_t head, int64_t strip,
                        int64_t piece) const {
  const State& st = c.state<State>();
  const AttentionShape& s = st.s;
  KeyRange range;
  if (!RangeOf(c, s, b, &range).ok()) return;
  AttentionArgs a = ArgsOf(s, range);
  AttentionPacked packed(a, Scratch(c, st.packed_at));
  const int64_t first = strip * st.strip;
  a.queries = std::min(st.strip, s.queries - first);
  a.causal_offset = range.offset + first;
  float* q = Scratch(c, st.q_at);
  if (st.gathered) {
    for (int64_t i = 0; piece == 0 && i < a.queries; ++i) LoadQuery(c, b, head, first + i, q + i * s.depth);
    a.q = q;
    a.q_step = s.depth;
    a.k = Scratch(c, st.k_at);  // the reference reads keys where they lie
    a.k_step = s.depth;
    a.v = Scratch(c, st.v_at);
    a.v_step = s.value_depth;
  } else {
    a.q = DirectRows(c, s.q, b, head) + first * s.q.row;
    a.q_step = s.q.row;
    a.k = DirectRows(c, s.k, b, kv_head);
    a.k_step = s.k.row;
    a.v = DirectRows(c, s.v, b, kv_head);
    a.v_step = s.v.row;
  }
  if (!s.masks.empty() || s.left >= 0 || s.right >= 0) {
    int64_t step = 0;
    if (const float* mask = DirectMask(c, s, range, b, head, &step)) {
      a.mask = mask + first * step;
      a.mask_step = step;
    } else {
      float* rows = Scratch(c, st.mask_at);
      a.mask = rows;
      a.mask_step = OneMaskRow(s) ? 0 : range.keys;
      const int64_t begin = st.chunks > 1 ? piece * st.chunk : 0;
      const int64_t end = st.chunks > 1 ? begin + st.chunk : range.keys;
      for (int64_t i = 0; i < (a.mask_step == 0 ? 1 : a.queries); ++i) {
        FillMaskRow(c, s, range, b, head, first + i, begin, end, rows + i * a.mask_step);
      }
    }
  }
  Tensor& y = c.outputs[0];
  const bool direct = y.dtype() == MOSAIC_FLOAT;
  a.out = direct ? y.mutable_data<float>() + s.out.offset + b * s.out.batch + head * s.out.head +
                       first * s.out.row
                 : Scratch(c, st.out_at);
  a.out_step = direct ? s.out.row : s.value_depth;
  if (st.chunks > 1) {
    RunAttentionPiece(a, piece, st.chunks, st.chunk, &packed);
  } else {
    RunAttention(a, 0, a.queries, &packed);
  }
  if (direct || piece < st.pieces() - 1) return;
  for (int64_t i = 0; i < a.queries; ++i) {
    StoreRow(a.out + i * a.out_step, s.out, b, head, first + i, s.value_depth, &y);
  }
}

// Keys and values [64 u, ...) of the present: the past, the new ones, and where there is room
// behind them what the past has there, or 0.
void AttentionOp::Present(Call& c, int64_t unit) const {
  const State& st = c.state<State>();
  const AttentionShape& s = st.s;
  const int64_t chunks = CeilDiv(s.present, kPresentRows), pair = unit / chunks;
  const int64_t b = pair / s.kv_heads, head = pair % s.kv_heads;
  const int64_t begin = unit % chunks * kPresentRows;
  KeyRange range;
  if (!RangeOf(c, s, b, &range).ok()) return;
  for (Part part : {kKey, kValue}) {
    const HeadRows& rows = part == kKey ? s.present_k : s.present_v;
    if (!rows.given()) continue;
    const int64_t depth = part == kKey ? s.depth : s.value_depth;
    float* row = Scratch(c, part == kKey ? st.q_at : st.out_at);
    for (int64_t j = begin; j < std::min(begin + kPresentRows, s.present); ++j) {
      if (j < range.past + s.new_keys) {
        LoadKey(c, part, range, b, head, j, row);
      } else if (j < s.past) {
        LoadKey(c, part, {s.past, s.past, s.past}, b, head, j, row);
      } else {
        std::fill(row, row + depth, 0.0F);
      }
      StoreRow(row, rows, b, head, j, depth, &c.outputs[static_cast<size_t>(rows.input)]);
    }
  }
}

// Some keys of one row of the scores that are an output, by themselves: ascending sums as everywhere. With a softmax first the
// scores of all keys, then the sum of their exponentials, then what is divided by it.
void AttentionOp::Scores(Call& c, int64_t unit) const {
  const State& st = c.state<State>();
  const AttentionShape& s = st.s;
  const int64_t piece = unit % st.score_units(), row = unit / st.score_units();
  const int64_t i = row % s.queries, head = row / s.queries % s.heads, b = row / s.queries / s.heads;
  KeyRange range;
  if (!RangeOf(c, s, b, &range).ok()) return;
  constexpr float kHidden = -std::numeric_limits<float>::infinity();
  float *q = Scratch(c, st.q_at), *scores = Scratch(c, st.mask_at), *k = Scratch(c, st.packed_at);
  struct Softmax {
    float max, bias;
    double sum;
  };
  Softmax& of = *reinterpret_cast<Softmax*>(Scratch(c, st.out_at));
  if (piece == 0) {
    LoadQuery(c, b, head, i, q);
    of = {kHidden, kHidden, 0};
  }
  Tensor& out = c.outputs[static_cast<size_t>(s.scores_output)];
  const auto put = [&](int64_t j, float v) {
    ConvertElements(MOSAIC_FLOAT, &v, out.dtype(),
                    out.mutable_data<char>() + (row * s.keys + j) * DTypeSize(out.dtype()), 1);
  };
  const int64_t begin = piece % st.score_chunks() * st.score_chunk;
  const int64_t end = std::min(begin + st.score_chunk, s.keys);
  const int64_t there = std::clamp(range.keys, begin, end);  // the end of the keys that there are
  const int64_t pass = piece / st.score_chunks();
  if (pass == 0) {
    FillMaskRow(c, s, range, b, head, i, begin, end, scores);
    for (int64_t j = begin; j < there; ++j) {
      const float bias = s.causal && j > i + range.offset ? kHidden : scores[j];
      LoadKey(c, kKey, range, b, head / st.group(), j, k);
      float v = 0;
      for (int64_t h = 0; h < s.depth; ++h) v += q[h] * s.scale * k[h];
      if (s.scores_stage >= 1 && s.softcap != 0) v = s.softcap * std::tanh(v / s.softcap);
      if (s.scores_stage >= 2) v += bias;
      if (s.scores_stage < 3) {
        put(j, v);
        continue;
      }
      scores[j] = v;
      of.bias = std::max(of.bias, bias);
      of.max = v > of.max || v != v ? v : of.max;
    }
    if (s.scores_stage < 3) {
      for (int64_t j = there; j < end; ++j) put(j, s.scores_stage < 2 ? 0 : kHidden);
    }
    return;
  }
  const bool none = s.masked_is_zero && of.bias == kHidden;
  for (int64_t j = begin; j < end; ++j) {
    const double e = j < there && !none ? std::exp(static_cast<double>(scores[j] - of.max)) : 0;
    if (pass == 1) {
      of.sum += e;
    } else {
      put(j, j < there && !none ? static_cast<float>(e / of.sum) : 0);
    }
  }
}

// ---- inference ----

void AttentionOp::StateItems(InferContext& c, const std::vector<int>& inputs,
                             const std::vector<int>& outputs) {
  if (!c.itemised()) return;
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (!c.Has(i)) continue;
    const int axis = i < inputs.size() ? inputs[i] : -1;
    if (c.Itemised(i) && c.item_axis(i) != axis) return c.Mix();
    // The same for all: it must not count the batch.
    if (c.Itemised(i) || axis < 0) continue;
    if (axis >= c.in(i).rank() || !c.dims(i)[static_cast<size_t>(axis)].Is(1)) return c.Mix();
  }
  for (size_t o = 0; o < c.outputs(); ++o) c.out(o).item_axis = outputs[o];
}

Status AttentionOp::CheckBroadcast(InferContext& c, const char* what, const Dims& dims,
                                   const Dims& sizes) {
  const std::string message = std::string(what) + " of shape " + ShapeString(dims) +
                              " does not fit scores of shape " + ShapeString(sizes);
  if (dims.size() > sizes.size()) return Status::BadModel(message);
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dims[d].Is(1)) continue;
    if (!c.RequireEqual(dims[d], sizes[sizes.size() - dims.size() + d], "").ok()) {
      return Status::BadModel(message);
    }
  }
  return Status();
}

Status AttentionOp::HeadWidth(InferContext& c, const char* what, const Dim& width, int64_t heads,
                              Dim* out) {
  const std::optional<Dim> depth = width.DividedBy(Dim(heads));
  if (!depth && width.is_number()) {
    return Status::BadModel(std::string(what) + " of width " + width.ToString() + " are not " +
                            std::to_string(heads) + " heads");
  }
  *out = depth ? *depth : c.NewDim();
  return Status();
}

Status AttentionOp::CheckPast(InferContext& c, size_t keys, size_t values, const Dim& batch,
                              const Dim& heads, const Dim& depth, const Dim& value_depth,
                              Dim* past) {
  const Dims &k = c.dims(keys), &v = c.dims(values);
  const std::string what =
      "past keys and values of shapes " + ShapeString(k) + " and " + ShapeString(v) + " do not fit";
  if (k.size() != 4 || v.size() != 4) return Status::BadModel(what);
  *past = k[2];
  const Dims want_k = {batch, heads, k[2], depth}, want_v = {batch, heads, k[2], value_depth};
  for (size_t d = 0; d < 4; ++d) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[d], want_k[d], what));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(v[d], want_v[d], what));
  }
  return Status();
}

// ---- places ----

HeadRows AttentionOp::Interleaved(int input, const Shape& shape, int64_t depth, int64_t first) {
  return {input, first, shape[1] * shape[2], depth, shape[2]};
}

HeadRows AttentionOp::Separate(int input, const Shape& shape) {
  return {input, 0, shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3]};
}

MaskPart AttentionOp::BroadcastMask(int input, MaskPart::Kind kind, const Shape& shape,
                                    float hidden) {
  MaskPart m;
  m.kind = kind;
  m.input = input;
  m.hidden = hidden;
  int64_t* const steps[4] = {&m.batch, &m.head, &m.row, &m.key};
  int64_t step = 1;
  for (size_t d = shape.size(), s = 4; d-- > 0;) {
    *steps[--s] = shape[d] == 1 ? 0 : step;
    step *= shape[d];
  }
  m.key = 1;
  m.keys = shape.back();
  return m;
}

}  // namespace mosaic
