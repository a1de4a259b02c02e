// The table of operators that are refused on purpose.
#include "core/op/refused.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/op/op.h"

namespace mosaic {
namespace {

TEST(WhyRefused, GivesReasons) {
  EXPECT_THAT(WhyRefused("", "RandomNormal"), testing::HasSubstr("random"));
  EXPECT_THAT(WhyRefused("ai.onnx.preview.training", "Adam"), testing::HasSubstr("training"));
  EXPECT_THAT(WhyRefused("com.microsoft.nchwc", "Conv"), testing::HasSubstr("layout"));
  EXPECT_EQ(WhyRefused("", "Conv"), nullptr);
  EXPECT_EQ(WhyRefused("com.example", "RandomNormal"), nullptr);
}

TEST(WhyRefused, OfNoOperatorThatThereIs) {
  for (const OpDef* def : AllOps())
    EXPECT_EQ(WhyRefused(def->domain, def->op_type), nullptr) << def->op_type;
}

}  // namespace
}  // namespace mosaic
