// Recurrence, attention and rotation.
#include <algorithm>

#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

void DrawRecurrence(Draw& d, Sample* s) {
  const int64_t gates = s->Is("LSTM") ? 4 : s->Is("GRU") ? 3 : 1, hidden = d.Int(1, 20);
  const Shape x = d.Dims(3, 3);
  const char* direction = d.Of({"forward", "reverse", "bidirectional"});
  const int64_t directions = *direction == 'b' ? 2 : 1;
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16});
  s->Data(dtype, x).Const(dtype, {directions, gates * hidden, x[2]}, -0.3, 0.3);
  s->Const(dtype, {directions, gates * hidden, hidden}, -0.3, 0.3).StringAttr("direction", direction).IntAttr("hidden_size", hidden);
  if (d.Flip()) s->Const(dtype, {directions, 2 * gates * hidden});
  if (s->Is("GRU")) s->IntAttr("linear_before_reset", d.Int(0, 1));
  if (s->inputs.size() == 4 && d.Flip()) s->Const(MOSAIC_INT32, {x[1]}, 0, static_cast<double>(x[0]));
  s->outputs = s->Is("LSTM") ? 3 : 2;
}

// batch, heads, rows of queries, keys, depth.
struct Heads {
  int64_t batch, heads, rows, keys, depth;
};

Heads DrawHeads(Draw& d) {
  const Shape shape = d.Dims(3, 3);
  Heads h;
  h.heads = d.Of({1, 2, 4});
  h.depth = 4 * d.Int(1, 8);
  h.batch = std::max<int64_t>(1, std::min<int64_t>(shape[0], 4));
  const double room = static_cast<double>(std::max<int64_t>(1, d.elements() / (h.heads * h.depth * h.batch)));
  h.rows = std::max<int64_t>(1, static_cast<int64_t>(d.Flip() ? room : std::sqrt(room)));
  h.keys = std::max<int64_t>(1, static_cast<int64_t>(d.Flip() ? room : std::sqrt(room)));
  return h;
}
void DrawAttention(Draw& d, Sample* s) {
  const Heads h = DrawHeads(d);
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16, MOSAIC_BFLOAT16});
  const int64_t shared = d.Flip() ? h.heads : 1;
  if (d.Flip()) {
    s->Data(dtype, {h.batch, h.heads, h.rows, h.depth}).Data(dtype, {h.batch, shared, h.keys, h.depth}).Data(dtype, {h.batch, shared, h.keys, h.depth});
  } else {
    s->Data(dtype, {h.batch, h.rows, h.heads * h.depth}).Data(dtype, {h.batch, h.keys, shared * h.depth}).Data(dtype, {h.batch, h.keys, shared * h.depth});
    s->IntAttr("q_num_heads", h.heads).IntAttr("kv_num_heads", shared);
  }
  if (d.Flip()) s->IntAttr("is_causal", 1);
  if (d.Rarely()) s->FloatAttr("softcap", 5);
  if (d.Rarely() && h.rows * h.keys <= 1 << 20) {
    s->Data(dtype, {h.rows, h.keys});
    s->outputs = d.Flip() ? 4 : 1;
    if (s->outputs == 4) s->node.attributes.push_back({"qk_matmul_output_mode", d.Int(0, 3)});
  }
}
void DrawMultiHead(Draw& d, Sample* s) {
  const Heads h = DrawHeads(d);
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16});
  const int64_t width = h.heads * h.depth;
  s->Data(dtype, {h.batch, h.rows, width}).Data(dtype, {h.batch, h.keys, width}).Data(dtype, {h.batch, h.keys, width});
  if (d.Flip()) s->Const(dtype, {3 * width});
  s->IntAttr("num_heads", h.heads);
}
void DrawPacked(Draw& d, Sample* s) {
  const Heads h = DrawHeads(d);
  s->Data(MOSAIC_FLOAT, {h.batch, h.rows, 3 * h.heads * h.depth}).IntAttr("num_heads", h.heads).IntAttr("projected", 1);  // lower/
  if (d.Flip()) s->IntAttr("unidirectional", 1);
  if (d.Flip()) s->Omit().Omit().Const(MOSAIC_INT32, {h.batch}, 1, static_cast<double>(h.rows));
}
void DrawGroupQuery(Draw& d, Sample* s) {
  const Heads h = DrawHeads(d);
  const int64_t shared = d.Flip() ? h.heads : 1, half = h.depth / 2;
  const bool rotated = d.Flip();
  s->Data(MOSAIC_FLOAT, {h.batch, h.rows, h.heads * h.depth}).Data(MOSAIC_FLOAT, {h.batch, h.rows, shared * h.depth});
  s->Data(MOSAIC_FLOAT, {h.batch, h.rows, shared * h.depth}).Omit().Omit();
  s->Values(MOSAIC_INT32, {h.batch}, {static_cast<double>(h.rows - 1)}).Values(MOSAIC_INT32, {}, {static_cast<double>(h.rows)});
  if (rotated) s->Const(MOSAIC_FLOAT, {h.rows, half}, -1, 1).Const(MOSAIC_FLOAT, {h.rows, half}, -1, 1).IntAttr("do_rotary", 1);
  s->IntAttr("num_heads", h.heads).IntAttr("kv_num_heads", shared);
  s->outputs = d.Flip() ? 3 : 1;
}
void DrawRotary(Draw& d, Sample* s) {
  const Heads h = DrawHeads(d);
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16});
  const int64_t positions = h.rows + 3;
  const Given ids = [&] {
    Sample one;
    one.Const(MOSAIC_INT64, {h.batch, h.rows}, 0, static_cast<double>(positions - 1));
    return one.inputs[0];
  }();
  if (d.Flip()) {
    s->Data(dtype, {h.batch, h.heads, h.rows, h.depth});
  } else {
    s->Data(dtype, {h.batch, h.rows, h.heads * h.depth}).IntAttr("num_heads", h.heads);
  }
  const bool microsoft = !s->node.domain.empty();
  if (microsoft) s->inputs.push_back(ids);
  s->Const(dtype, {positions, h.depth / 2}, -1, 1).Const(dtype, {positions, h.depth / 2}, -1, 1);
  if (!microsoft) s->inputs.push_back(ids);
  s->IntAttr("interleaved", d.Int(0, 1));
}

void DrawLinearAttention(Draw& d, Sample* s) {
  const int dtype = SingleType(d);
  const Shape shape = d.Dims(3, 3);
  const int64_t heads = d.Int(1, 2), group = d.Int(1, 2), values = d.Int(1, 5);
  const int64_t keys = std::max<int64_t>(1, shape[2] / heads), b = shape[0], t = shape[1];
  const bool delta = d.Flip(), gated = d.Flip();
  s->Data(dtype, {b, t, group * heads * keys}).Data(dtype, {b, t, heads * keys}, -0.5, 0.5);
  s->Data(dtype, {b, t, heads * values});
  if (d.Flip()) {
    s->Data(d.Flip() ? int{MOSAIC_FLOAT} : dtype, {b, heads, keys, values});
  } else {
    s->Omit();
  }
  if (gated) {
    s->Data(dtype, {b, t, d.Flip() ? heads : heads * keys}, -1, 0);
  } else {
    s->Omit();
  }
  if (delta) s->Data(dtype, {b, t, d.Flip() ? 1 : heads}, 0, 1);
  s->IntAttr("q_num_heads", group * heads).IntAttr("kv_num_heads", heads);
  s->StringAttr("update_rule", gated ? (delta ? "gated_delta" : "gated") : delta ? "delta" : "linear");
  if (d.Flip()) s->outputs = 2;
}

void DrawCausalConv(Draw& d, Sample* s) {
  const int dtype = SingleType(d);
  const Shape shape = d.Dims(3, 3);
  const int64_t taps = d.Int(1, 5);
  s->Data(dtype, shape).Const(dtype, {shape[1], 1, taps});
  if (d.Flip()) {
    s->Const(dtype, {shape[1]});
  } else {
    s->Omit();
  }
  if (d.Flip()) s->Data(dtype, {shape[0], shape[1], taps - 1});
  s->StringAttr("activation", d.Of({"none", "silu", "swish"}));
  if (d.Flip()) s->outputs = 2;
}

}  // namespace

void AddLayers(GeneratorList* out) {
  for (const char* name : {"RNN", "GRU", "LSTM"}) out->push_back({kOnnxDomain, name, DrawRecurrence, 200});
  out->push_back({kOnnxDomain, "CausalConvWithState", DrawCausalConv, 16});
}

void AddAttention(GeneratorList* out) {
  out->push_back({kOnnxDomain, "Attention", DrawAttention, 64});
  out->push_back({kOnnxDomain, "LinearAttention", DrawLinearAttention, 64});
  out->push_back({kMicrosoftDomain, "MultiHeadAttention", DrawMultiHead, 64});
  out->push_back({kMicrosoftDomain, "Attention", DrawPacked, 64});
  out->push_back({kMicrosoftDomain, "GroupQueryAttention", DrawGroupQuery, 64});
  out->push_back({kOnnxDomain, "RotaryEmbedding", DrawRotary, 4});
  out->push_back({kMicrosoftDomain, "RotaryEmbedding", DrawRotary, 4});
}

}  // namespace mosaic::samples
