// Identity: the input itself, of any type.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class IdentityOp : public Op {
 public:
  Status Prepare(OpContext& c) const override { return SetView(c, c.inputs[0].shape()); }
  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }
};

}  // namespace

extern const OpDef kIdentity = {"Identity", 9, 17, &MakePlain<IdentityOp, 1, 1>};

}  // namespace mosaic
