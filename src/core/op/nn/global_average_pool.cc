// GlobalAveragePool: the mean of every channel (dimensions 0 and 1 stay, the others become 1).
#include "core/op/reduce/reduce_functions.h"

namespace mosaic {
namespace {

struct PoolMean : reduce::Mean {
  using List = FloatTypes;
};

class GlobalAveragePoolOp : public ReduceOp {
 public:
  GlobalAveragePoolOp() : ReduceOp(reduce::FunctionOf<PoolMean>(), true) {}

 protected:
  bool KnownAxes(const InferContext&, Dims*) const override { return true; }
  Status StartAxes(const Call&, Dims*) const override { return Status(); }
  Status Marked(const Dims&, int rank, std::vector<bool>* reduced) const override {
    if (rank < 3) {
      return Status::BadModel("the input must have at least 3 dimensions, has " +
                              std::to_string(rank));
    }
    reduced->assign(static_cast<size_t>(rank), true);
    (*reduced)[0] = (*reduced)[1] = false;
    return Status();
  }
};

}  // namespace

extern const OpDef kGlobalAveragePool = {kOnnxDomain, "GlobalAveragePool", 22, 25,
                                         &MakePlain<GlobalAveragePoolOp, 1, 1>};

}  // namespace mosaic
