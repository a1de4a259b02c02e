// Transpose: output dimension i is input dimension perm[i]; default: reversed.
#include <numeric>

#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {
namespace {

class TransposeOp : public StridedCopyOp {
 public:
  TransposeOp(bool given, std::vector<int64_t> perm) : given_(given), perm_(std::move(perm)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    std::vector<int64_t> perm = perm_;
    if (!given_) {
      perm.resize(x.shape().size());
      std::iota(perm.rbegin(), perm.rend(), 0);
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(perm, x.rank(), &marked));
    if (perm.size() != x.shape().size()) {
      return Status::BadModel("perm has " + std::to_string(perm.size()) +
                              " entries, the input has shape " + ShapeString(x.shape()));
    }
    const Strides dense = RowMajorStrides(x.shape());
    Shape out;
    Strides strides;
    for (int64_t p : perm) {
      const size_t from = static_cast<size_t>(p < 0 ? p + x.rank() : p);
      out.push_back(x.shape()[from]);
      strides.push_back(dense[from]);
    }
    return SetResult(c, out, out, std::move(strides));
  }

  ItemRule Items(const OpContext& c) const override {
    const int rank = c.inputs[0].rank();
    return FirstInputItems(c, given_ ? perm_[0] == 0 || perm_[0] == -rank : rank == 1);
  }

 private:
  bool given_;
  std::vector<int64_t> perm_;
};

Status MakeTranspose(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<TransposeOp>(HasAttribute(node, "perm"), node.Ints("perm"));
  return Status();
}

}  // namespace

extern const OpDef kTranspose = {"Transpose", 9, 17, &MakeTranspose};

}  // namespace mosaic
