// DepthToSpace and SpaceToDepth: blocks of pixels from channels, and the reverse.
#include <array>

#include "core/op/array/array_support.h"
#include "core/op/array/strided_copy.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

Status CheckImage(const InferContext& c) {
  if (c.in(0).rank() == 4) return Status();
  return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) +
                          " is no batch of images (N, C, H, W)");
}

Status NotDivisible(const InferContext& c, int64_t block) {
  return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) +
                          " cannot be cut into blocks of " + std::to_string(block));
}

// Copies the input seen as six dimensions; perm: which of them each of the result's is.
Status StartSix(Call& c, const Shape& six, const std::array<size_t, 6>& perm,
                Status (*start)(Call&, const Shape&, const Strides&, int64_t)) {
  const Strides dense = RowMajorStrides(six);
  Shape walk;
  Strides strides;
  for (size_t p : perm) {
    walk.push_back(six[p]);
    strides.push_back(dense[p]);
  }
  return start(c, walk, strides, 0);
}

class DepthToSpaceOp : public StridedCopyOp {
 public:
  DepthToSpaceOp(int64_t block, bool depth_first) : block_(block), depth_first_(depth_first) {}

  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(CheckImage(c));
    const Dims& x = c.dims(0);
    const std::optional<Dim> depth = x[1].DividedBy(block_ * block_);
    if (!depth && x[1].is_number()) return NotDivisible(c, block_);
    MOSAIC_RETURN_IF_ERROR(
        c.Set(0, c.dtype(0), {x[0], depth ? *depth : c.NewDim(), x[2] * block_, x[3] * block_}));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    const int64_t b = block_, depth = x[1] / b / b;
    if (depth_first_)
      return StartSix(c, {x[0], b, b, depth, x[2], x[3]}, {0, 3, 4, 1, 5, 2}, &StartCopy);
    return StartSix(c, {x[0], depth, b, b, x[2], x[3]}, {0, 1, 4, 2, 5, 3}, &StartCopy);
  }

 private:
  int64_t block_;
  bool depth_first_;
};

class SpaceToDepthOp : public StridedCopyOp {
 public:
  explicit SpaceToDepthOp(int64_t block) : block_(block) {}

  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(CheckImage(c));
    const Dims& x = c.dims(0);
    Dims out = {x[0], x[1] * (block_ * block_), Dim(), Dim()};
    for (size_t d = 2; d < 4; ++d) {
      const std::optional<Dim> size = x[d].DividedBy(block_);
      if (!size && x[d].is_number()) return NotDivisible(c, block_);
      out[d] = size ? *size : c.NewDim();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    const int64_t b = block_;
    return StartSix(c, {x[0], x[1], x[2] / b, b, x[3] / b, b}, {0, 3, 5, 1, 2, 4}, &StartCopy);
  }

 private:
  int64_t block_;
};

Status BlockSize(const Node& node, int64_t* block) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *block = node.Int("blocksize", 0);
  if (*block >= 1 && *block <= (1 << 15)) return Status();
  return Status::BadModel("attribute blocksize is missing or out of range");
}

Status MakeDepthToSpace(const Node& node, std::unique_ptr<Op>* out) {
  int64_t block = 0;
  MOSAIC_RETURN_IF_ERROR(BlockSize(node, &block));
  const std::string mode = node.String("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    return Status::BadModel("mode " + Quoted(mode) + " is unknown");
  }
  *out = std::make_unique<DepthToSpaceOp>(block, mode == "DCR");
  return Status();
}

Status MakeSpaceToDepth(const Node& node, std::unique_ptr<Op>* out) {
  int64_t block = 0;
  MOSAIC_RETURN_IF_ERROR(BlockSize(node, &block));
  *out = std::make_unique<SpaceToDepthOp>(block);
  return Status();
}

}  // namespace

extern const OpDef kDepthToSpace = {kOnnxDomain, "DepthToSpace", 13, 25, &MakeDepthToSpace};
extern const OpDef kSpaceToDepth = {kOnnxDomain, "SpaceToDepth", 13, 25, &MakeSpaceToDepth};

}  // namespace mosaic
