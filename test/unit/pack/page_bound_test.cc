#include "core/pack/page_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mosaic {
namespace {

TEST(PageBoundTest, CountsWholeBlocksOfOneSize) {
  for (uint32_t size : {1u, 33u, 2724u, 3940u, 4068u, 4085u, 8168u}) {
    PageBound bound(8168);
    bound.Add(size, 101);
    const uint64_t per_page = std::min<uint64_t>(8168 / size, 64);  // finer sizes: by bytes
    EXPECT_LE(bound.pages(), (101 + per_page - 1) / per_page) << size;
    if (8168 / size <= 64) {
      EXPECT_EQ(bound.pages(), (101 + per_page - 1) / per_page) << size;
    }
  }
}

TEST(PageBoundTest, SmallBlocksFillTheGaps) {
  PageBound bound(100);
  bound.Add(45, 10);  // 5 pages with 10 left in each
  bound.Add(10, 5);
  EXPECT_EQ(bound.pages(), 5u);
  bound.Add(10, 1);
  EXPECT_EQ(bound.size(), 510u);
  EXPECT_EQ(bound.pages(), 6u);
}

TEST(PageBoundTest, NoBlocksNoPages) { EXPECT_EQ(PageBound(8168).pages(), 0u); }

// Never more than a packing that exists.
TEST(PageBoundTest, IsReachedOrBelow) {
  constexpr uint64_t kSeed = 8;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 2000; i++) {
    const uint32_t capacity = 20 + random() % 100;
    std::vector<uint32_t> sizes(1 + random() % 40);
    for (uint32_t& s : sizes) s = 1 + random() % capacity;
    std::sort(sizes.rbegin(), sizes.rend());
    PageBound bound(capacity);
    std::vector<uint32_t> room;  // first fit, decreasing
    for (uint32_t s : sizes) {
      bound.Add(s);
      const auto fit = std::find_if(room.begin(), room.end(), [s](uint32_t r) { return r >= s; });
      if (fit == room.end()) {
        room.push_back(capacity - s);
      } else {
        *fit -= s;
      }
    }
    ASSERT_LE(bound.pages(), room.size()) << "case " << i;
    ASSERT_GE(bound.pages() * 2, room.size()) << "case " << i;
  }
}

}  // namespace
}  // namespace mosaic
