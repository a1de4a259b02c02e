// The C boundary, near duplicates: wherever memory ends, it is an error and no exception.
#include "mosaic/capi_dedup.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "mosaic/capi_ladder.h"
#include "mosaic/capi_near.h"
#include "mosaic/page_format.h"
#include "run/fake_store.h"

#if defined(__SANITIZE_ADDRESS__)
#define MOSAIC_OWN_NEW 0
#elif defined(__has_feature)
#define MOSAIC_OWN_NEW !__has_feature(address_sanitizer)
#else
#define MOSAIC_OWN_NEW 1
#endif

namespace {

// How many allocations this thread may still make; below 0: any number.
thread_local int allocations_left = -1;

struct Allocations {
  explicit Allocations(int n) { allocations_left = n; }
  ~Allocations() { allocations_left = -1; }
};

}  // namespace

#if MOSAIC_OWN_NEW  // of all unit tests; ASan has its own
__attribute__((noinline)) void* operator new(size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, size_t) noexcept { std::free(p); }
#endif

namespace mosaic {
namespace testing {
namespace {

constexpr int32_t kBase = 7, kOwn = 8;
constexpr int kBlocks = 6;  // of each of the two tensors

struct Freer {
  void operator()(MosaicDedup* d) const { mosaic_dedup_free(d); }
};
using Dedup = std::unique_ptr<MosaicDedup, Freer>;

class CapiDedupTest : public ::testing::Test {
 public:
  void SetUp() override {
    store_.AddStrip("w", 300, 32, std::vector<float>(9600));
    store_.AddStrip("v", 300, 32, std::vector<float>(9600));
    for (size_t i = 0; i < own_.size(); ++i) {
      own_[i] = static_cast<float>(i % 7);
      base_[i] = own_[i] + (i % 3 == 0 ? 0.001f : 0);
    }
  }

  // Down the ladder: each block has the base.
  Dedup Planned() { return PlannedOf(store_, kBlocks, INFINITY); }
  Dedup PlannedOf(const FakeStore& store, int64_t blocks, double max_weight_error) {
    MosaicDedupOptions o{};
    o.tolerance = 0.01f;
    o.min_similarity = 1;
    o.metric = "agreement";
    o.max_weight_error = max_weight_error;
    o.ladder = true;
    MosaicDedup* made = nullptr;
    EXPECT_EQ(mosaic_dedup_new(&o, &made, &err_), MOSAIC_OK) << err_.message;
    Dedup d(made);
    for (const MosaicTensorDesc& desc : store.descs())
      EXPECT_EQ(mosaic_dedup_add_tensor(d.get(), &desc, &err_), MOSAIC_OK);
    const int ntensors = static_cast<int>(store.descs().size());
    const int32_t keys[MOSAIC_NEAR_TABLES] = {};
    const int32_t* ids;
    int64_t n;
    for (int tensor = 0; tensor < ntensors; ++tensor) {
      for (int64_t i = 0; i < blocks; ++i) {
        EXPECT_EQ(
            mosaic_dedup_search(d.get(), tensor, i, own_.data(), keys, &kBase, 1, &ids, &n, &err_),
            MOSAIC_OK);
        EXPECT_EQ(mosaic_dedup_compare(d.get(), kBase, base_.data(), &err_), MOSAIC_OK);
        const MosaicStoredBlock own{kOwn, MOSAIC_MAX_PAYLOAD, 2 * blocks};
        EXPECT_EQ(mosaic_dedup_choose_rungs(d.get(), &own, &err_), MOSAIC_OK);
      }
    }
    EXPECT_EQ(mosaic_dedup_plan(d.get(), &err_), MOSAIC_OK);
    return d;
  }
  Dedup Accepted() {
    Dedup d = Planned();
    EXPECT_EQ(mosaic_dedup_accept_all(d.get(), &err_), MOSAIC_OK);
    return d;
  }
  Dedup Measuring() {
    Dedup d = Planned();
    EXPECT_EQ(mosaic_dedup_next(d.get(), &err_), MOSAIC_MORE);
    return d;
  }
  Dedup Measured() {
    Dedup d = Measuring();
    EXPECT_EQ(mosaic_dedup_report_value(d.get(), 0.5, 0.25, &err_), MOSAIC_OK);
    return d;
  }

  // Calls it with memory for 0, 1, 2, ... allocations, until that is enough.
  template <typename New, typename Call>
  void WhereverMemoryEnds(New make, Call call) {
    for (int n = 0;; ++n) {
      const Dedup d = (this->*make)();
      MosaicCode code;
      {
        const Allocations only(n);
        code = call(d.get(), &err_);
      }
      if (code == MOSAIC_OK) {
        EXPECT_TRUE(!MOSAIC_OWN_NEW || n > 0) << "allocates nothing";
        break;
      }
      ASSERT_EQ(code, MOSAIC_E_NOMEM) << n;
      ASSERT_LT(n, 1000);
    }
  }

  FakeStore store_;
  alignas(64) std::array<float, MOSAIC_MAX_PAYLOAD / sizeof(float)> own_, base_;
  MosaicError err_{};
};

TEST_F(CapiDedupTest, LadderIsAcceptedWhereverMemoryEnds) {
  WhereverMemoryEnds(&CapiDedupTest::Planned, mosaic_dedup_accept_all);
  MosaicDedupResult result{};
  WhereverMemoryEnds(&CapiDedupTest::Accepted, [&](MosaicDedup* d, MosaicError* err) {
    return mosaic_dedup_result(d, &result, err);
  });
  EXPECT_EQ(result.candidates, 2 * kBlocks);
  EXPECT_EQ(result.merged, 2 * kBlocks);
  MosaicRungs rungs{};
  WhereverMemoryEnds(&CapiDedupTest::Accepted, [&](MosaicDedup* d, MosaicError* err) {
    return mosaic_dedup_rungs(d, &rungs, err);
  });
  EXPECT_EQ(rungs.merged, 2 * kBlocks);
}

TEST_F(CapiDedupTest, PointsTellRungsAsTheyWouldBeStored) {
  const Dedup d = Measured();
  MosaicRungs rungs{};
  WhereverMemoryEnds(&CapiDedupTest::Measured, [&](MosaicDedup* m, MosaicError* err) {
    return mosaic_dedup_point_rungs(m, 0, &rungs, err);
  });
  EXPECT_EQ(rungs.lossless, 2 * kBlocks);
  EXPECT_EQ(rungs.merged + rungs.bits[0] + rungs.bits[1] + rungs.bits[2] + rungs.bits[3], 0);
  MosaicDedupPoint point{};
  ASSERT_EQ(mosaic_dedup_point(d.get(), 0, &point, &err_), MOSAIC_OK);
  EXPECT_EQ(point.merged, 0);
  // The same block everywhere, as one difference.
  EXPECT_GT(point.bytes, MOSAIC_MAX_PAYLOAD / 3);
  EXPECT_LT(point.bytes, MOSAIC_MAX_PAYLOAD);
}

TEST_F(CapiDedupTest, LadderIsAppliedWhereverMemoryEnds) {
  for (bool accepted : {false, true}) {
    std::array<uint8_t, kBlocks> rungs[2] = {};
    std::array<int32_t, kBlocks> bases[2] = {};
    uint8_t* const to_rungs[] = {rungs[0].data(), rungs[1].data()};
    int32_t* const to_bases[] = {bases[0].data(), bases[1].data()};
    WhereverMemoryEnds(accepted ? &CapiDedupTest::Accepted : &CapiDedupTest::Measuring,
                       [&](MosaicDedup* d, MosaicError* err) {
                         return mosaic_dedup_apply_rungs(d, accepted, to_rungs, to_bases, err);
                       });
    for (int t = 0; t < 2; ++t) {
      for (uint8_t r : rungs[t]) EXPECT_EQ(r, accepted ? MOSAIC_RUNG_MERGED : MOSAIC_RUNG_AS_IT_IS);
      for (int32_t b : bases[t]) EXPECT_EQ(b, kBase);
    }
  }
}

TEST_F(CapiDedupTest, LadderIsMeasuredWhereverMemoryEnds) {
  const float outputs[] = {1, 2, 3};
  WhereverMemoryEnds(&CapiDedupTest::Measuring, [&](MosaicDedup* d, MosaicError* err) {
    return mosaic_dedup_sample_row(d, outputs, 3, err);
  });
  MosaicDedupPoint point{};
  WhereverMemoryEnds(&CapiDedupTest::Measured, [&](MosaicDedup* d, MosaicError* err) {
    return mosaic_dedup_point(d, 0, &point, err);
  });
  EXPECT_EQ(point.metric, 0.5);
  EXPECT_EQ(point.standard_error, 0.25);
  EXPECT_EQ(point.merged, 0);
  EXPECT_TRUE(point.kept);
}

// Of 640 bytes: 224 with 8 bits a weight, and 128, the least there is, with 4, 2, or 1.
TEST_F(CapiDedupTest, NoBitsAreLostWhereThatSavesNothing) {
  FakeStore small;
  small.AddStrip("w", 10, 32, std::vector<float>(320));
  const Dedup d = PlannedOf(small, 2, 0.0009);  // merging is off by 0.001
  ASSERT_EQ(mosaic_dedup_accept_all(d.get(), &err_), MOSAIC_OK);
  MosaicRungs rungs{};
  ASSERT_EQ(mosaic_dedup_rungs(d.get(), &rungs, &err_), MOSAIC_OK);
  EXPECT_EQ(rungs.bits[2], 2);
  EXPECT_EQ(rungs.merged + rungs.bits[0] + rungs.bits[1] + rungs.bits[3] + rungs.lossless, 0);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
