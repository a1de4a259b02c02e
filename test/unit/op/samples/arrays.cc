// Operators that move elements, or make them of shapes.
#include "op/samples/families.h"
#include "op/samples/oracles.h"

namespace mosaic::samples {
namespace {

std::vector<int64_t> ListOf(const Shape& shape) { return {shape.begin(), shape.end()}; }

void DrawTranspose(Draw& d, Sample* s) {
  const Shape shape = d.Dims(0, 5);
  s->Data(AnyType(d), shape);
  if (d.Rarely()) return;
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) perm.insert(perm.begin() + d.Int(0, i), i);
  s->IntsAttr("perm", perm);
}
void DrawConcat(Draw& d, Sample* s) {
  Shape shape = d.Dims(1, 4);
  const int64_t axis = Axis(d, shape);
  const int dtype = AnyType(d);
  for (int64_t i = d.Int(1, 4); i > 0; --i) {
    s->Data(dtype, shape);
    if (d.Flip()) shape[Positive(axis, shape)] = d.Int(1, 5);
  }
  s->IntAttr("axis", axis);
}
void DrawSplit(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  const int64_t axis = Axis(d, shape), n = shape[Positive(axis, shape)], parts = d.Int(1, std::min<int64_t>(4, std::max<int64_t>(n, 1)));
  s->Data(AnyType(d), shape).IntAttr("axis", axis);
  s->outputs = static_cast<size_t>(parts);
  if (d.Flip()) {
    s->IntAttr("num_outputs", parts);
  } else {
    std::vector<int64_t> lengths(static_cast<size_t>(parts), 1);
    lengths[0] = std::max<int64_t>(n - parts + 1, 0);
    s->Ints(lengths);
  }
}
void DrawSlice(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  std::vector<int64_t> starts, ends, axes, steps;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (d.Flip()) continue;
    const bool back = d.Flip();
    axes.push_back(static_cast<int64_t>(i));
    starts.push_back(back ? -1 : d.Int(0, std::min<int64_t>(shape[i], 3)));
    ends.push_back(back ? -shape[i] - 1 : d.Flip() ? shape[i] : shape[i] / 2 + 1);
    steps.push_back(back ? -d.Int(1, 3) : d.Int(1, 3));
  }
  if (axes.empty()) axes = {-1}, starts = {0}, ends = {INT64_MAX}, steps = {2};
  s->Data(AnyType(d), shape).Ints(starts).Ints(ends).Ints(axes).Ints(steps);
}
void DrawPad(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  const char* mode = d.Of({"constant", "edge", "reflect", "wrap"});
  std::vector<int64_t> pads;
  for (size_t i = 0; i < 2 * shape.size(); ++i) {
    const int64_t n = shape[i % shape.size()];
    pads.push_back(d.Int(*mode == 'c' && n > 2 ? -1 : 0, std::max<int64_t>(0, std::min<int64_t>(2, n - 1))));
  }
  const int dtype = NumericType(d);
  s->Data(dtype, shape).Ints(pads).StringAttr("mode", mode);
  if (*mode == 'c' && d.Flip()) s->Values(dtype, {}, {3});
}
void DrawTile(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3, std::max<int64_t>(1, d.elements() / 4));
  std::vector<int64_t> repeats(shape.size(), 1);
  repeats[static_cast<size_t>(d.Int(0, static_cast<int64_t>(shape.size()) - 1))] = d.Int(1, 4);
  s->Data(AnyType(d), shape).Ints(repeats);
}
void DrawExpand(Draw& d, Sample* s) {
  const Shape whole = d.Dims(1, 4);
  Shape from(whole.begin() + d.Int(0, static_cast<int64_t>(whole.size())), whole.end());
  for (int64_t& n : from) n = d.Flip() ? 1 : n;
  s->Data(AnyType(d), from).Ints(ListOf(whole));
}
void DrawReshape(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 4);
  std::vector<int64_t> to = {-1};
  if (d.Flip()) to.insert(to.begin(), 0);
  if (s->Is("Flatten")) {
    s->Data(AnyType(d), shape).IntAttr("axis", Axis(d, shape));
  } else {
    s->Data(AnyType(d), shape).Ints(to);
  }
}
void DrawSqueeze(Draw& d, Sample* s) {
  Shape shape = d.Dims(1, 4);
  const int64_t axis = d.Int(0, static_cast<int64_t>(shape.size()) - 1);
  if (s->Is("Squeeze")) shape[static_cast<size_t>(axis)] = 1;
  s->Data(AnyType(d), shape).Ints({axis});
}
void DrawShape(Draw& d, Sample* s) {
  s->Data(AnyType(d), d.Dims(0, 4));
  if (s->Is("Shape") && d.Flip()) s->IntAttr("start", d.Int(-2, 1));
}
void DrawConstantOfShape(Draw& d, Sample* s) {
  s->Ints(ListOf(d.Dims(0, 4)));
  s->Values(AnyType(d), {1}, {static_cast<double>(d.Int(0, 1))}).AttributeInput("value");
}
void DrawRange(Draw& d, Sample* s) {
  const int dtype = d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT32, MOSAIC_INT64});
  const double n = static_cast<double>(std::max<int64_t>(1, d.elements() / d.Int(1, 4)));
  s->Values(dtype, {}, {1}).Values(dtype, {}, {d.Flip() ? n : 1 - n}).Values(dtype, {}, {static_cast<double>(d.Flip() ? 1 : -1)});
}
void DrawEyeLike(Draw& d, Sample* s) {
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT32, MOSAIC_INT64, MOSAIC_UINT8}), d.Dims(2, 2)).IntAttr("k", d.Int(-2, 2));
}
void DrawTrilu(Draw& d, Sample* s) {
  s->Data(AnyType(d), d.Dims(2, 4)).IntAttr("upper", d.Int(0, 1));
  if (d.Flip()) s->Int(d.Int(-2, 2));
}
void DrawDepth(Draw& d, Sample* s) {
  Shape shape = d.Dims(4, 4);
  const int64_t block = d.Int(1, 3);
  if (s->Is("DepthToSpace")) {
    shape[1] = std::max<int64_t>(1, shape[1] / (block * block)) * block * block;
    if (d.Flip()) s->StringAttr("mode", "CRD");
  } else {
    for (size_t i : {size_t{2}, size_t{3}}) shape[i] = std::max<int64_t>(1, shape[i] / block) * block;
  }
  s->Data(FloatType(d), shape).IntAttr("blocksize", block);
}
void DrawCenterCropPad(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  std::vector<int64_t> to, axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes.push_back(static_cast<int64_t>(i));
    to.push_back(std::max<int64_t>(1, shape[i] + d.Int(-3, 3)));
  }
  s->Data(AnyType(d), shape).Ints(to).IntsAttr("axes", axes);
}
void DrawReverse(Draw& d, Sample* s) {
  const Shape shape = d.Dims(2, 4);
  const int64_t batch = d.Int(0, 1);
  s->Data(AnyType(d), shape).Const(MOSAIC_INT64, {shape[static_cast<size_t>(batch)]}, 1, static_cast<double>(shape[static_cast<size_t>(1 - batch)]));
  s->IntAttr("batch_axis", batch).IntAttr("time_axis", 1 - batch);
}
void DrawCol2Im(Draw& d, Sample* s) {
  const int64_t h = d.Int(3, 6), w = std::max<int64_t>(3, d.elements() / 40), k = d.Int(1, 3);
  s->Data(FloatType(d), {d.Int(1, 2), 2 * k * k, (h - k + 1) * (w - k + 1)}).Ints({h, w}).Ints({k, k});
}

// ---- sequences ----

std::vector<Given> SomeArrays(Draw& d, int dtype, int64_t n, const Shape& shape) {
  Sample some;
  for (int64_t i = 0; i < n; ++i) some.Data(dtype, shape);
  (void)d;
  return some.inputs;
}
void DrawSequence(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3, std::max<int64_t>(1, d.elements() / 3));
  const int64_t n = d.Int(1, 3);
  if (s->Is("SequenceEmpty")) return;
  if (s->Is("SequenceConstruct")) {
    s->inputs = SomeArrays(d, MOSAIC_FLOAT, n, shape);
    return;
  }
  if (s->Is("Optional") || s->Is("OptionalGetElement") || s->Is("OptionalHasElement")) {
    s->Data(MOSAIC_FLOAT, shape);
    return;
  }
  s->Sequence(SomeArrays(d, MOSAIC_FLOAT, n, shape));
  if (s->Is("SequenceInsert")) s->Data(MOSAIC_FLOAT, shape);
  if (s->Is("SequenceAt") || s->Is("SequenceErase") || s->Is("SequenceInsert")) s->Int(d.Int(-n, n - 1));
  if (s->Is("ConcatFromSequence")) s->IntAttr("axis", Axis(d, shape)).IntAttr("new_axis", 0);
}
void DrawSplitToSequence(Draw& d, Sample* s) {
  const Shape shape = d.Dims(1, 3);
  const int64_t axis = Axis(d, shape), n = shape[Positive(axis, shape)];
  s->Data(MOSAIC_FLOAT, shape).Int(std::max<int64_t>(1, d.Flip() ? n : (n + 7) / 8)).IntAttr("axis", axis);
}

}  // namespace

void AddArrays(GeneratorList* out) {
  const struct {
    const char* name;
    void (*draw)(Draw&, Sample*);
  } kList[] = {{"Concat", DrawConcat}, {"Split", DrawSplit}, {"Slice", DrawSlice}, {"Pad", DrawPad}, {"Tile", DrawTile},
               {"Expand", DrawExpand}, {"Reshape", DrawReshape}, {"Flatten", DrawReshape}, {"Squeeze", DrawSqueeze},
               {"Unsqueeze", DrawSqueeze}, {"Shape", DrawShape}, {"Size", DrawShape}, {"ConstantOfShape", DrawConstantOfShape},
               {"Range", DrawRange}, {"EyeLike", DrawEyeLike}, {"Trilu", DrawTrilu}, {"DepthToSpace", DrawDepth},
               {"SpaceToDepth", DrawDepth}, {"CenterCropPad", DrawCenterCropPad}, {"ReverseSequence", DrawReverse},
               {"Col2Im", DrawCol2Im}, {"SequenceEmpty", DrawSequence}, {"SequenceConstruct", DrawSequence},
               {"SequenceInsert", DrawSequence}, {"SequenceErase", DrawSequence}, {"SequenceAt", DrawSequence},
               {"SequenceLength", DrawSequence}, {"ConcatFromSequence", DrawSequence}, {"Optional", DrawSequence},
               {"OptionalGetElement", DrawSequence}, {"OptionalHasElement", DrawSequence}, {"SplitToSequence", DrawSplitToSequence}};
  for (const auto& g : kList) out->push_back({kOnnxDomain, g.name, g.draw});
  out->push_back({kOnnxDomain, "Transpose", DrawTranspose, 0, TransposeOracle});
}

}  // namespace mosaic::samples
