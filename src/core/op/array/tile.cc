// Tile: every dimension repeated as often as input 1 says.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {
namespace {

class TileOp : public StridedCopyOp {
 public:
  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    std::vector<int64_t> repeats;
    MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "repeats", &repeats));
    if (repeats.size() != x.shape().size()) {
      return Status::BadModel("repeats has " + std::to_string(repeats.size()) +
                              " elements, the input has shape " + ShapeString(x.shape()));
    }
    const Strides dense = RowMajorStrides(x.shape());
    Shape out, walk;  // the walk has two dimensions for each: the repetition and the original
    Strides strides;
    for (size_t d = 0; d < repeats.size(); ++d) {
      const int64_t dim = x.shape()[d];
      if (repeats[d] < 0) return Status::BadModel("a repeat is negative");
      if (repeats[d] > kMaxTensorBytes / std::max<int64_t>(dim, 1)) {
        return Status::Limit("a repeat of " + std::to_string(repeats[d]) + " is too large");
      }
      out.push_back(repeats[d] * dim);
      walk.insert(walk.end(), {repeats[d], dim});
      strides.insert(strides.end(), {0, dense[d]});
    }
    return SetResult(c, out, walk, std::move(strides));
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }
  bool shape_input(int i) const override { return i == 1; }
};

}  // namespace

extern const OpDef kTile = {"Tile", 9, 17, &MakePlain<TileOp, 2, 2>};

}  // namespace mosaic
