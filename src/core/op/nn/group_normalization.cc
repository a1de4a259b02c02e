// InstanceNormalization: every channel of every item for itself; GroupNormalization: num_groups
// groups of channels of every item. Scale and bias are per channel (dimension 1); lowered from a
// version below 21, GroupNormalization has them per group (per_group).
#include "core/op/nn/row_norm.h"

namespace mosaic {
namespace {

class GroupNormOp : public RowNormOp {
 public:
  // groups 0: one for each channel.
  GroupNormOp(const Node& node, int64_t groups)
      : RowNormOp(kCentred, static_cast<double>(node.Float("epsilon", 1e-5F)), RowNormPlaces()),
        groups_(groups),
        per_group_(groups > 0 && node.Int("per_group", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(1), "a parameter"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 1, 2));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    if (c.in(0).rank() < 2) {
      return Status::BadModel("the input must have at least 2 dimensions, has shape " +
                              ShapeString(c.dims(0)));
    }
    const Dim& channels = c.dims(0)[1];
    const Dim parameters = per_group_ ? Dim(groups_) : channels;
    for (size_t i = 1; i < 3; ++i) {
      if (!c.in(i).ranked) continue;
      if (c.in(i).rank() == 1 && c.RequireEqual(parameters, c.dims(i)[0], "").ok()) continue;
      return Status::BadModel("the input has " + parameters.ToString() +
                              (per_group_ ? " groups" : " channels") + ", a parameter has shape " +
                              ShapeString(c.dims(i)));
    }
    if (groups_ > 0 && channels.is_number() && channels.number() % groups_ != 0) {
      return Status::BadModel(channels.ToString() + " channels cannot be divided into " +
                              std::to_string(groups_) + " groups");
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    // Where items are along a dimension of the image, they share a mean.
    c.ItemsOf(0, c.item_axis(0) == 0 || (groups_ == 0 && c.item_axis(0) == 1));
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    const int64_t channels = x[1], groups = groups_ > 0 ? groups_ : channels;
    int64_t inner = 1;
    for (size_t d = 2; d < x.size(); ++d) inner *= x[d];
    const int64_t per_group = groups > 0 ? channels / groups : 0;
    const int64_t row = per_group * inner, period = std::max<int64_t>(groups, 1);
    return StartRows(c, x[0] * groups, row,
                     per_group_ ? RowParameters(1, std::max<int64_t>(row, 1), period)
                                : RowParameters(per_group, std::max<int64_t>(inner, 1), period));
  }

 private:
  int64_t groups_;
  bool per_group_;
};

Status MakeInstance(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 3));
  *out = std::make_unique<GroupNormOp>(node, 0);
  return Status();
}

Status MakeGroup(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 3));
  const int64_t groups = node.Int("num_groups", 0);
  if (groups < 1) {
    return Status::BadModel("num_groups must be 1 or more, is " + std::to_string(groups));
  }
  *out = std::make_unique<GroupNormOp>(node, groups);
  return Status();
}

}  // namespace

extern const OpDef kGroupNormalization = {kOnnxDomain, "GroupNormalization", 21, 25, &MakeGroup};
extern const OpDef kInstanceNormalization = {kOnnxDomain, "InstanceNormalization", 22, 25,
                                             &MakeInstance};

}  // namespace mosaic
