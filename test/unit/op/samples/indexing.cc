// Operators whose inputs say which elements: gathers, scatters, choices.
#include <algorithm>

#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

int IndexType(Draw& d) { return d.Of({MOSAIC_INT64, MOSAIC_INT64, MOSAIC_INT32}); }

void DrawGather(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const int64_t axis = Axis(d, shape), n = shape[Positive(axis, shape)];
  Shape indices = d.Dims(0, 2, std::max<int64_t>(1, d.Flip() ? n : d.Int(1, 8)));
  if (n == 0) indices = {0};
  s->Data(AnyType(d), shape).Const(IndexType(d), indices, static_cast<double>(-n), static_cast<double>(n - 1));
  s->IntAttr("axis", axis);
}
void DrawElements(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const int64_t axis = Axis(d, shape), n = shape[Positive(axis, shape)];
  Shape chosen = shape;
  if (d.Flip()) chosen[Positive(axis, shape)] = d.Int(0, n);
  const int dtype = NumericType(d);
  s->Data(dtype, shape).Const(IndexType(d), chosen, static_cast<double>(-n), static_cast<double>(n - 1)).IntAttr("axis", axis);
  if (!s->Is("ScatterElements")) return;
  s->Data(dtype, chosen);
  s->StringAttr("reduction", d.Of({"none", "add", "mul", "max", "min"}));
}
void DrawTuples(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const int64_t depth = d.Int(1, static_cast<int64_t>(shape.size())), least = *std::min_element(shape.begin(), shape.begin() + depth);
  const Shape rest(shape.begin() + depth, shape.end());
  int64_t inner = 1;
  for (int64_t n : rest) inner *= n;
  const Shape places = d.Dims(1, 2, std::max<int64_t>(1, d.elements() / std::max<int64_t>(inner, 1) / 2));
  Shape indices = places;
  indices.push_back(depth);
  if (least == 0) indices[0] = 0;
  const int dtype = NumericType(d);
  s->Data(dtype, shape).Const(MOSAIC_INT64, indices, static_cast<double>(-least), static_cast<double>(least - 1));
  if (!s->Is("ScatterND")) return;
  Shape updates(indices.begin(), indices.end() - 1);
  for (int64_t n : rest) updates.push_back(n);
  s->Data(dtype, updates).StringAttr("reduction", d.Of({"none", "add", "mul", "max", "min"}));
}
void DrawTensorScatter(Draw& d, Sample* s) {
  Shape cache = d.Dims(3, 4), update;
  cache[1] = std::max<int64_t>(cache[1], 2);
  update = cache;
  update[1] = d.Int(1, cache[1]);
  const int dtype = FloatType(d);
  s->Data(dtype, cache).Data(dtype, update);
  s->Const(MOSAIC_INT64, {cache[0]}, 0, static_cast<double>(cache[1] - update[1])).IntAttr("axis", 1);
  if (d.Flip()) s->StringAttr("mode", "circular");
}
void DrawOneHot(Draw& d, Sample* s) {
  const Shape shape = d.Dims(0, 2);
  const int64_t depth = std::min<int64_t>(1000, d.Beside(shape)), rank = static_cast<int64_t>(shape.size());
  s->Const(IndexType(d), shape, static_cast<double>(-depth), static_cast<double>(depth)).Int(depth).Values(MOSAIC_FLOAT, {2}, {0.25, 3});
  s->IntAttr("axis", d.Int(-rank - 1, rank));
}
void DrawCompress(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const bool flat = d.Flip();
  const int64_t axis = Axis(d, shape);
  int64_t n = flat ? 1 : shape[Positive(axis, shape)];
  for (int64_t i = 0; flat && i < static_cast<int64_t>(shape.size()); ++i) n *= shape[static_cast<size_t>(i)];
  s->Data(AnyType(d), shape).Const(MOSAIC_BOOL, {n}, 0, 1);
  if (!flat) s->IntAttr("axis", axis);
}
void DrawNonZero(Draw& d, Sample* s) { s->Data(AnyType(d), d.Dims(1, 3), 0, 2); }
void DrawUnique(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_INT64, MOSAIC_INT8, MOSAIC_DOUBLE}), shape, -20, 20).IntAttr("sorted", d.Int(0, 1));
  if (d.Flip()) s->IntAttr("axis", Axis(d, shape));
  s->outputs = 4;
}
void DrawNonMaxSuppression(Draw& d, Sample* s) {
  const Shape shape = d.Dims(2, 2, std::max<int64_t>(1, d.elements() / 6));
  const int64_t batch = std::min<int64_t>(shape[0], 3), classes = d.Int(1, 2);
  s->Data(MOSAIC_FLOAT, {batch, shape[1], 4}, 0, 10).Data(MOSAIC_FLOAT, {batch, classes, shape[1]}, 0, 1);
  s->Int(d.Flip() ? 3 : shape[1]).Values(MOSAIC_FLOAT, {1}, {0.4}).Values(MOSAIC_FLOAT, {1}, {0.3});
  s->IntAttr("center_point_box", d.Int(0, 1));
}

}  // namespace

void AddIndexing(GeneratorList* out) {
  const struct {
    const char* name;
    void (*draw)(Draw&, Sample*);
  } kList[] = {{"Gather", DrawGather}, {"GatherElements", DrawElements}, {"ScatterElements", DrawElements}, {"GatherND", DrawTuples},
               {"ScatterND", DrawTuples}, {"TensorScatter", DrawTensorScatter}, {"OneHot", DrawOneHot}, {"Compress", DrawCompress},
               {"NonZero", DrawNonZero}, {"Unique", DrawUnique}, {"NonMaxSuppression", DrawNonMaxSuppression}};
  for (const auto& g : kList) out->push_back({kOnnxDomain, g.name, g.draw});
}

}  // namespace mosaic::samples
