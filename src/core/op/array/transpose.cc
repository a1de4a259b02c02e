// Transpose: output dimension i is input dimension perm[i]; default: reversed.
#include <numeric>

#include "core/op/array/strided_copy.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class TransposeOp : public StridedCopyOp {
 public:
  explicit TransposeOp(const Node& node)
      : given_(HasAttribute(node, "perm")), perm_(node.Ints("perm")) {}

  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const int rank = c.in(0).rank();
    const std::vector<int64_t> perm = Permutation(rank);
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(perm, rank, &marked));
    if (perm.size() != c.dims(0).size()) {
      return Status::BadModel("perm has " + std::to_string(perm.size()) +
                              " entries, the input has shape " + ShapeString(c.dims(0)));
    }
    Dims out;
    int item_axis = kMixed;
    for (size_t i = 0; i < perm.size(); ++i) {
      const int from = static_cast<int>(perm[i] < 0 ? perm[i] + rank : perm[i]);
      out.push_back(c.dims(0)[static_cast<size_t>(from)]);
      if (from == c.item_axis(0)) item_axis = static_cast<int>(i);
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsAt(0, item_axis);
    return Status();
  }

  Status Start(Call& c) const override {
    const int rank = c.inputs[0].rank();
    const Strides dense = RowMajorStrides(c.inputs[0].shape());
    Strides strides;
    for (int64_t p : Permutation(rank))
      strides.push_back(dense[static_cast<size_t>(p < 0 ? p + rank : p)]);
    return StartCopy(c, c.outputs[0].shape(), strides);
  }

 private:
  std::vector<int64_t> Permutation(int rank) const {
    if (given_) return perm_;
    std::vector<int64_t> reversed(static_cast<size_t>(rank));
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    return reversed;
  }

  bool given_;
  std::vector<int64_t> perm_;
};

}  // namespace

extern const OpDef kTranspose = {kOnnxDomain, "Transpose", 25, 25, &MakeOf<TransposeOp, 1, 1>};

}  // namespace mosaic
