#include "core/util/quote.h"

#include <gtest/gtest.h>

namespace mosaic {
namespace {

TEST(Quote, LongNamesAreCutBeforeACharacter) {
  EXPECT_EQ(Quoted("w"), "\"w\"");
  const std::string longest(kShownBytes, 'x');
  EXPECT_EQ(Shown(longest), longest);
  EXPECT_EQ(Shown(longest + "x"), std::string(kShownBytes - 3, 'x') + "...");
  for (size_t lead = 0; lead < 4; ++lead) {
    std::string name(lead, 'x');
    while (name.size() < 1000) name += "\xe4\xbd\xa0";
    const std::string shown = Shown(name);
    EXPECT_LE(shown.size(), kShownBytes);
    EXPECT_GT(shown.size(), kShownBytes - 3);
    EXPECT_EQ((shown.size() - 3 - lead) % 3, 0u) << shown;
  }
}

}  // namespace
}  // namespace mosaic
