// Quantised operators.
#include <algorithm>

#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

int ByteType(Draw& d) { return d.Of({MOSAIC_UINT8, MOSAIC_INT8}); }

// Scales: one, or for each index of an axis.
void DrawQuantize(Draw& d, Sample* s) {
  const bool back = s->Is("DequantizeLinear");
  const Shape shape = d.Dims(1, 4);
  int quantised = d.Of({MOSAIC_UINT8, MOSAIC_INT8, MOSAIC_UINT16, MOSAIC_INT16});
  if (d.Rarely())
    quantised = d.Of({MOSAIC_INT4, MOSAIC_UINT4, MOSAIC_INT2, MOSAIC_UINT2, MOSAIC_FLOAT4E2M1});
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16});
  const int64_t axis = Axis(d, shape);
  Shape scale = d.Flip() ? Shape{} : Shape{shape[Positive(axis, shape)]};
  if (d.Rarely()) {  // one for each block of the axis
    const int64_t block = d.Int(1, 5);
    scale = shape;
    int64_t& blocks = scale[Positive(axis, shape)];
    blocks = (blocks + block - 1) / block;
    s->IntAttr("block_size", block);
  }
  s->Data(back ? quantised : dtype, shape, back ? -100 : -200, 200).Const(dtype, scale, 0.25, 2).Const(quantised, scale, 0, 5);
  s->IntAttr("axis", axis);
}
void DrawDynamic(Draw& d, Sample* s) {
  s->Data(MOSAIC_FLOAT, d.Dims(1, 4));
  s->outputs = 3;
}
void DrawMatMulInteger(Draw& d, Sample* s) {
  const Shape z = d.Dims(3, 3);
  const int a = ByteType(d), b = ByteType(d);
  s->Data(a, {z[0], z[1]}, -128, 255).Data(b, {z[1], z[2]}, -128, 255);
  for (Given& g : s->inputs) g.high = g.dtype == MOSAIC_INT8 ? 127 : 255;
  if (d.Flip()) s->Values(a, {}, {3});
  if (s->inputs.size() == 3 && d.Flip()) s->Const(b, d.Flip() ? Shape{} : Shape{z[2]}, 0, 9);
}
void DrawQLinearMatMul(Draw& d, Sample* s) {
  const Shape z = d.Dims(3, 3);
  const int a = ByteType(d), b = ByteType(d), y = ByteType(d);
  const Shape columns = d.Flip() ? Shape{} : Shape{z[2]};
  s->Data(a, {z[0], z[1]}, 0, 100).Values(MOSAIC_FLOAT, {}, {0.5}).Values(a, {}, {3});
  s->Data(b, {z[1], z[2]}, 0, 100).Const(MOSAIC_FLOAT, columns, 0.01, 0.02).Const(b, columns, 0, 9);
  s->Values(MOSAIC_FLOAT, {}, {2}).Values(y, {}, {1});
}
void DrawBits(Draw& d, Sample* s) {
  const Shape z = d.Dims(3, 3);
  const int64_t bits = d.Of({4, 8}), block = d.Of({16, 32, 64}), k = z[1], n = std::max<int64_t>(z[2], 1), blocks = (k + block - 1) / block;
  s->Data(MOSAIC_FLOAT, {z[0], k}).Data(MOSAIC_UINT8, {n, blocks, block * bits / 8}, 0, 255).Const(MOSAIC_FLOAT, {n * blocks}, 0.01, 0.1);
  if (d.Flip()) {
    s->Const(MOSAIC_FLOAT, {n * blocks}, 0, 8);
  } else if (d.Flip()) {
    s->Const(MOSAIC_UINT8, {n * ((blocks * bits + 7) / 8)}, 0, 255);
  }
  s->IntAttr("K", k).IntAttr("N", n).IntAttr("bits", bits).IntAttr("block_size", block);
}

}  // namespace

void AddQuantised(GeneratorList* out) {
  for (const char* domain : {kOnnxDomain, kMicrosoftDomain}) {
    out->push_back({domain, "QuantizeLinear", DrawQuantize, 0});
    out->push_back({domain, "DequantizeLinear", DrawQuantize, 0.51});
  }
  out->push_back({kOnnxDomain, "DynamicQuantizeLinear", DrawDynamic, 1});
  out->push_back({kOnnxDomain, "MatMulInteger", DrawMatMulInteger});
  out->push_back({kOnnxDomain, "QLinearMatMul", DrawQLinearMatMul});
  out->push_back({kMicrosoftDomain, "MatMulNBits", DrawBits, 64});
}

}  // namespace mosaic::samples
