// Facts for tests of inference: itemised and shared values, lists of sizes.
#pragma once

#include "op/op_call.h"

namespace mosaic {

inline Fact ItemsFact(Dims dims, int axis, int dtype = MOSAIC_FLOAT) {
  Fact f = Fact::Of(dtype, std::move(dims));
  f.item_axis = axis;
  return f;
}
inline Fact SharedFact(Dims dims, int dtype = MOSAIC_FLOAT) {
  return ItemsFact(std::move(dims), kShared, dtype);
}
inline Fact SizesFact(Dims values) {
  Fact f = SharedFact({static_cast<int64_t>(values.size())}, MOSAIC_INT64);
  f.ints = std::make_shared<Dims>(std::move(values));
  return f;
}

struct Inferred {
  std::string shape = "not inferred", ints;
  int axis = kUnstated;
};
// What an output is where N counts the items.
inline Inferred InferredOf(OpCall& call, const std::vector<Fact>& facts, size_t output = 0) {
  const Status status = call.Infer(facts, "N");
  EXPECT_TRUE(status.ok()) << status.message();
  if (!status.ok()) return {};
  const Fact& f = call.fact(output);
  return {f.ranked ? ShapeString(f.dims) : "?", f.ints == nullptr ? "" : ShapeString(*f.ints),
          f.item_axis};
}
#define EXPECT_INFERRED(call, expected_shape, expected_axis, ...)               \
  do {                                                                          \
    const Inferred inferred = InferredOf(call, std::vector<Fact>{__VA_ARGS__}); \
    EXPECT_EQ(inferred.shape, expected_shape);                                  \
    EXPECT_EQ(inferred.axis, expected_axis);                                    \
  } while (0)

}  // namespace mosaic
