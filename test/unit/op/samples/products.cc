// Products, convolutions, pools and what looks at windows.
#include <algorithm>

#include "op/samples/families.h"
#include "op/samples/oracles.h"

namespace mosaic::samples {
namespace {

// The sizes of a product: n x k times k x m, of about as many multiplications as the budget allows elements times 4.
struct Sizes {
  int64_t n, k, m;
};
Sizes ProductSizes(Draw& d) {
  const Shape shape = d.Dims(3, 3);
  return {shape[0], shape[1], shape[2]};
}
Shape Batched(Draw& d, const Shape& outer, int64_t a, int64_t b) {
  Shape shape(outer.begin() + d.Int(0, static_cast<int64_t>(outer.size())), outer.end());
  shape.push_back(a);
  shape.push_back(b);
  return shape;
}
void DrawMatMul(Draw& d, Sample* s) {
  const Sizes z = ProductSizes(d);
  const int dtype = FloatType(d);
  const Shape outer = d.Flip() ? Shape{} : Shape{d.Int(1, 3)};
  const bool fused = s->Is("FusedMatMul"), ta = fused && d.Flip(), tb = fused && d.Flip();
  Shape a = outer;
  a.push_back(ta ? z.k : z.n);
  a.push_back(ta ? z.n : z.k);
  s->Data(fused ? MOSAIC_FLOAT : dtype, a).Data(fused ? MOSAIC_FLOAT : dtype, Batched(d, outer, tb ? z.m : z.k, tb ? z.k : z.m));
  if (fused) s->IntAttr("transA", ta).IntAttr("transB", tb).FloatAttr("alpha", d.Flip() ? 1 : 0.5);
}
void DrawGemm(Draw& d, Sample* s) {
  const Sizes z = ProductSizes(d);
  const int dtype = FloatType(d);
  const bool ta = d.Flip(), tb = d.Flip();
  s->Data(dtype, ta ? Shape{z.k, z.n} : Shape{z.n, z.k}).Data(dtype, tb ? Shape{z.m, z.k} : Shape{z.k, z.m});
  s->IntAttr("transA", ta).IntAttr("transB", tb);
  if (d.Flip()) s->Const(dtype, d.Flip() ? Shape{z.m} : d.Flip() ? Shape{z.n, 1} : Shape{z.n, z.m});
  if (d.Rarely()) s->FloatAttr("alpha", 0.5).FloatAttr("beta", 2);
}
void DrawEinsum(Draw& d, Sample* s) {
  const Sizes z = ProductSizes(d);
  switch (d.Int(0, 3)) {
    case 0:
      s->Data(MOSAIC_FLOAT, {z.n, z.k}).Data(MOSAIC_FLOAT, {z.k, z.m}).StringAttr("equation", "ij,jk->ik");
      break;
    case 1:
      s->Data(MOSAIC_FLOAT, {z.n, z.k}).Data(MOSAIC_FLOAT, {z.m, z.k}).StringAttr("equation", "ij,kj->ki");
      break;
    case 2:
      s->Data(MOSAIC_FLOAT, {z.n, z.k, z.m}).StringAttr("equation", "abc->ca");
      break;
    default:
      s->Data(MOSAIC_FLOAT, {z.n, z.k, z.m}).Data(MOSAIC_FLOAT, {z.n, z.k, z.m}).StringAttr("equation", "...c,...c->...");
  }
}
void DrawDet(Draw& d, Sample* s) {
  const int64_t n = d.Int(1, 6);
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE}), {std::max<int64_t>(1, d.elements() / (n * n)), n, n});
}

struct Spatial {
  std::vector<int64_t> size, kernel, strides, pads, dilations;
};
// Planes of about so many elements.
Spatial DrawSpatial(Draw& d, int64_t most, bool dilated) {
  const int64_t dims = d.Int(1, 3);
  const Shape size = d.Dims(static_cast<int>(dims), static_cast<int>(dims), most);
  Spatial z;
  z.pads.assign(static_cast<size_t>(2 * dims), 0);
  for (int64_t i = 0; i < dims; ++i) {
    const size_t at = static_cast<size_t>(i);
    z.kernel.push_back(d.Int(1, 3));
    z.dilations.push_back(dilated && d.Rarely() ? 2 : 1);
    z.strides.push_back(d.Flip() ? 1 : d.Int(1, 2));
    z.size.push_back(std::max(size[at], (z.kernel[at] - 1) * z.dilations[at] + 1));
    z.pads[at] = z.pads[at + static_cast<size_t>(dims)] = d.Int(0, z.kernel[at] - 1);
  }
  return z;
}
Shape Planes(int64_t n, int64_t c, const Spatial& z) {
  Shape shape = {n, c};
  for (int64_t v : z.size) shape.push_back(v);
  return shape;
}
void SetWindow(const Spatial& z, Sample* s) {
  s->IntsAttr("kernel_shape", z.kernel).IntsAttr("strides", z.strides).IntsAttr("pads", z.pads);
}
void DrawConv(Draw& d, Sample* s) {
  const Shape sizes = d.Dims(4, 4);
  const bool bytes = s->Is("ConvInteger") || s->Is("QLinearConv");
  const bool depthwise = !bytes && d.Int(0, 2) == 2;  // with planes enough to fill a vector
  const int64_t group = depthwise ? d.Int(6, 20) : d.Of({1, 1, 2, 3});
  const int64_t channels = depthwise ? group : group * std::min<int64_t>(sizes[1], 64);
  const int64_t filters = depthwise ? group : group * d.Of({1, 3, 16, 32});
  const Spatial z = DrawSpatial(d, depthwise ? std::max<int64_t>(1, sizes[2] / 4) : sizes[2], true);
  const bool whole = depthwise || s->Is("FusedConv");
  const int dtype = bytes ? int{MOSAIC_UINT8} : whole ? int{MOSAIC_FLOAT} : d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16});
  Shape kernels = {filters, channels / group};
  for (int64_t k : z.kernel) kernels.push_back(k);
  const Shape x = Planes(std::min<int64_t>(sizes[0], 3), channels, z);
  if (s->Is("QLinearConv")) {
    s->Data(dtype, x, 0, 255).Values(MOSAIC_FLOAT, {}, {0.5}).Values(dtype, {}, {3});
    s->Const(MOSAIC_INT8, kernels, -128, 127).Values(MOSAIC_FLOAT, {}, {0.25}).Values(MOSAIC_INT8, {}, {0});
    s->Values(MOSAIC_FLOAT, {}, {8}).Values(dtype, {}, {1});
  } else {
    s->Data(dtype, x, bytes ? 0 : -2, bytes ? 255 : 2);
    s->Const(bytes ? int{MOSAIC_INT8} : dtype, kernels, bytes ? -128 : -2, bytes ? 127 : 2);
    if (s->Is("ConvInteger")) s->Values(dtype, {}, {3});
    if (!bytes && d.Flip()) s->Const(dtype, {filters});
    if (s->Is("FusedConv")) s->StringAttr("activation", d.Of({"Relu", "Sigmoid", "Tanh"}));
  }
  SetWindow(z, s);
  s->IntsAttr("dilations", z.dilations).IntAttr("group", group);
}
void DrawConvTranspose(Draw& d, Sample* s) {
  const Shape sizes = d.Dims(4, 4);
  const int64_t group = d.Of({1, 1, 2}), channels = group * std::min<int64_t>(sizes[1], 32), filters = d.Of({1, 3, 16});
  Spatial z = DrawSpatial(d, sizes[2], false);
  for (size_t i = 0; i < z.size.size(); ++i) z.size[i] += 2;
  Shape kernels = {channels, filters};
  for (int64_t k : z.kernel) kernels.push_back(k);
  s->Data(MOSAIC_FLOAT, Planes(std::min<int64_t>(sizes[0], 2), channels, z)).Const(MOSAIC_FLOAT, kernels);
  if (d.Flip()) s->Const(MOSAIC_FLOAT, {group * filters});
  SetWindow(z, s);
  s->IntAttr("group", group);
}
void DrawPool(Draw& d, Sample* s) {
  const Shape sizes = d.Dims(3, 3);
  const Spatial z = DrawSpatial(d, sizes[2], false);
  const bool max = s->Is("MaxPool");
  s->Data(max && d.Rarely() ? int{MOSAIC_UINT8} : FloatType(d), Planes(sizes[0], sizes[1], z));
  SetWindow(z, s);
  if (d.Flip()) s->IntAttr("ceil_mode", 1);
  if (s->Is("AveragePool")) s->IntAttr("count_include_pad", d.Int(0, 1));
  if (s->Is("LpPool")) s->IntAttr("p", d.Int(1, 3));
  if (max && d.Flip()) s->outputs = 2;
}
void DrawMaxUnpool(Draw& d, Sample* s) {
  const Shape shape = d.Dims(4, 4, std::max<int64_t>(1, d.elements() / 4));
  s->Data(MOSAIC_FLOAT, shape).Const(MOSAIC_INT64, shape, 0, static_cast<double>(shape[2] * shape[3] - 1));
  s->IntsAttr("kernel_shape", {2, 2}).IntsAttr("strides", {2, 2});
}

void DrawGridSample(Draw& d, Sample* s) {
  const Shape x = d.Dims(4, 4);
  const Shape points = d.Dims(2, 2, std::max<int64_t>(1, d.elements() / std::max<int64_t>(1, x[0] * x[1])));
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE}), x);
  s->Data(s->inputs[0].dtype, {x[0], points[0], points[1], 2}, -1.2, 1.2);
  s->StringAttr("mode", d.Of({"linear", "nearest", "cubic"})).StringAttr("padding_mode", d.Of({"zeros", "border", "reflection"}));
  s->IntAttr("align_corners", d.Int(0, 1));
}
void DrawAffineGrid(Draw& d, Sample* s) {
  const Shape size = d.Dims(3, 3);
  s->Data(FloatType(d), {size[0], 2, 3}).Ints({size[0], 2, size[1], size[2]}).IntAttr("align_corners", d.Int(0, 1));
}
void DrawResize(Draw& d, Sample* s) {
  const Shape x = d.Dims(4, 4, std::max<int64_t>(1, d.elements() / 2));
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_UINT8}), x).Omit();
  const double h = d.Of({0.5, 1.0, 2.0}), w = d.Of({0.7, 1.0, 1.5});
  const auto scaled = [](int64_t n, double f) { return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(n) * f)); };
  if (d.Flip()) {
    s->Values(MOSAIC_FLOAT, {4}, {1, 1, x[2] == 1 ? 1 : h, x[3] == 1 ? 1 : w});
  } else {
    s->Omit().Ints({x[0], x[1], scaled(x[2], h), scaled(x[3], w)});
  }
  s->StringAttr("mode", d.Of({"nearest", "linear", "cubic"}));
  s->StringAttr("coordinate_transformation_mode", d.Of({"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}));
  if (s->node.String("mode", "") != "nearest" && d.Rarely()) s->IntAttr("antialias", 1);
}
void DrawRoi(Draw& d, Sample* s) {
  const Shape x = d.Dims(4, 4);
  const int64_t regions = std::min<int64_t>(8, std::max<int64_t>(1, d.elements() / (9 * std::max<int64_t>(1, x[1]))));
  s->Data(MOSAIC_FLOAT, x);
  const double most = static_cast<double>(std::max<int64_t>(2, std::min(x[2], x[3])));
  if (s->Is("MaxRoiPool")) {
    s->Values(MOSAIC_FLOAT, {regions, 5}, {0, 0, 0, most / 2, most, 0, 1, 1, most, most});
    s->IntsAttr("pooled_shape", {3, 2});
  } else {
    s->Values(MOSAIC_FLOAT, {regions, 4}, {0, 0, most / 2, most, 0.5, 0.5, most, most}).Values(MOSAIC_INT64, {regions}, {0});
    s->IntAttr("output_height", 3).IntAttr("output_width", 2).IntAttr("sampling_ratio", d.Int(0, 2));
    s->StringAttr("mode", d.Flip() ? "avg" : "max");
  }
}
void DrawDeform(Draw& d, Sample* s) {
  const Shape sizes = d.Dims(3, 3);
  const int64_t channels = 2 * std::min<int64_t>(8, sizes[0]), h = 4 + std::min<int64_t>(sizes[1], 60), w = 4 + sizes[2];
  s->Data(MOSAIC_FLOAT, {1, channels, h, w}).Const(MOSAIC_FLOAT, {d.Of({1, 4}), channels, 2, 2});
  s->Data(MOSAIC_FLOAT, {1, 8, h - 1, w - 1}, -1, 1);
  s->IntsAttr("kernel_shape", {2, 2}).IntsAttr("pads", {0, 0, 0, 0});
}

}  // namespace

void AddProducts(GeneratorList* out) {
  out->push_back({kOnnxDomain, "MatMul", DrawMatMul, 32, MatMulOracle});
  out->push_back({kMicrosoftDomain, "FusedMatMul", DrawMatMul, 32, MatMulOracle});
  out->push_back({kOnnxDomain, "Gemm", DrawGemm, 32, GemmOracle});
  out->push_back({kOnnxDomain, "Conv", DrawConv, 32, ConvOracle});
  const struct {
    const char *domain, *name;
    void (*draw)(Draw&, Sample*);
    double ulps;
  } kList[] = {{kOnnxDomain, "Einsum", DrawEinsum, 32}, {kOnnxDomain, "Det", DrawDet, 64}, {kMicrosoftDomain, "FusedConv", DrawConv, 32},
               {kOnnxDomain, "ConvInteger", DrawConv, 0}, {kOnnxDomain, "QLinearConv", DrawConv, 0},
               {kOnnxDomain, "ConvTranspose", DrawConvTranspose, 32}, {kOnnxDomain, "AveragePool", DrawPool, 4},
               {kOnnxDomain, "LpPool", DrawPool, 8}, {kOnnxDomain, "MaxPool", DrawPool, 0}, {kOnnxDomain, "MaxUnpool", DrawMaxUnpool, 0},
               {kOnnxDomain, "GridSample", DrawGridSample, 16}, {kOnnxDomain, "AffineGrid", DrawAffineGrid, 4},
               {kOnnxDomain, "Resize", DrawResize, 16}, {kOnnxDomain, "MaxRoiPool", DrawRoi, 0}, {kOnnxDomain, "RoiAlign", DrawRoi, 16},
               {kOnnxDomain, "DeformConv", DrawDeform, 32}};
  for (const auto& g : kList) out->push_back({g.domain, g.name, g.draw, g.ulps});
}

}  // namespace mosaic::samples
