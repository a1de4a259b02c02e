// Products over blocks that are handed in as differences have the bits of those over the blocks
// that these make, whatever the instruction set, the type, the number of rows, and the cut of the
// work.
#include "core/codec/delta_blocks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>

#include "core/codec/delta.h"
#include "core/codec/low_bits.h"
#include "core/kernel/cast.h"
#include "core/op/product/strip_product.h"
#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

// Memory of exactly so many bytes, 32- but not 64-byte aligned, as on a page.
class OnPage {
 public:
  explicit OnPage(const std::vector<char>& bytes)
      : raw_(static_cast<char*>(::operator new (bytes.size() + 32, std::align_val_t{64}))) {
    std::memcpy(raw_ + 32, bytes.data(), bytes.size());
  }
  ~OnPage() { ::operator delete (raw_, std::align_val_t{64}); }
  OnPage(const OnPage&) = delete;
  char* get() const { return raw_ + 32; }

 private:
  char* raw_;
};

std::vector<char> Payload(const Blocking& b, int64_t row, int64_t col,
                          const std::vector<float>& w) {
  std::vector<char> elements(w.size() * static_cast<size_t>(DTypeSize(b.dtype)));
  Cast(MOSAIC_FLOAT, w.data(), b.dtype, elements.data(), static_cast<int64_t>(w.size()));
  std::vector<char> payload(static_cast<size_t>(b.payload_bytes()));
  PackBlock(b, row, col, elements.data(), 0, b.cols, 1, payload.data());
  return payload;
}

// K x M weights of a fine-tune, of which every fifth block is whole, some have lossless differences
// to their base, and the others such of 1 to 8 bits.
struct Tuned {
  Tuned(std::mt19937* rng, int64_t k, int64_t m, int height, int dtype)
      : blocking(PlanStrip(k, m, height, dtype)) {
    std::vector<float> base = RandomFloats(rng, k * m), tuned = base;
    std::normal_distribution<float> step(0, 1e-3F);
    for (float& x : tuned) x += step(*rng);
    const size_t n = static_cast<size_t>(blocking.blocks());
    made.resize(n);
    refs.resize(n);
    handed.resize(n);
    for (int64_t c = 0; c < blocking.col_blocks(); ++c) {
      for (int64_t r = 0; r < blocking.row_blocks(); ++r) {
        Add(static_cast<size_t>(blocking.Index(r, c)), Payload(blocking, r, c, base),
            Payload(blocking, r, c, tuned));
      }
    }
  }

  void Add(size_t i, const std::vector<char>& base, const std::vector<char>& block) {
    const auto bytes = static_cast<uint32_t>(block.size());
    std::vector<char> delta(MOSAIC_MAX_PAYLOAD), out = block;
    uint32_t length = 0;
    const uint32_t limit = bytes < 256 ? 0 : bytes - 32;
    if (i % 5 == 1 && limit > 0) {
      length = EncodeDelta(block.data(), base.data(), bytes, DTypeSize(blocking.dtype), 7, limit,
                           delta.data());
    } else if (i % 5 != 0 && limit > 0) {
      length = EncodeLowBits(block.data(), base.data(), bytes, blocking.dtype,
                             kLowBitsRungs[(i / 5 + i) % 4], 7, limit, delta.data());
    }
    if (length > 0) {
      delta.resize(length);
      pages.push_back(std::make_unique<OnPage>(delta));
      const void* stored = pages.back()->get();
      pages.push_back(std::make_unique<OnPage>(base));
      refs[i] = {stored, pages.back()->get(), length, bytes, static_cast<int32_t>(i)};
      EXPECT_TRUE(DecodeDelta(stored, length, pages.back()->get(), bytes, out.data()));
      handed[i] = reinterpret_cast<const char*>(&refs[i]) + MOSAIC_DELTA_TAG;
      ++deltas;
    }
    pages.push_back(std::make_unique<OnPage>(out));
    made[i] = pages.back()->get();
    if (length == 0) handed[i] = made[i];
  }

  Blocking blocking;
  std::vector<std::unique_ptr<OnPage>> pages;
  std::vector<MosaicDeltaBlock> refs;
  std::vector<const void*> made, handed;
  int deltas = 0;
};

// All units of a product, `piece` at a time.
std::vector<float> Product(const Tuned& t, const std::vector<const void*>& payloads, int64_t n,
                           const std::vector<float>& a, const std::vector<float>& bias,
                           int64_t piece) {
  const StripProduct product(n, t.blocking, 0);
  std::vector<float> c(static_cast<size_t>(n * t.blocking.cols), kCanary);
  std::vector<int32_t> indexes;
  std::vector<const void*> blocks;
  for (int64_t u = 0; u < product.units(); u += piece) {
    const int64_t end = std::min(product.units(), u + piece);
    indexes.clear();
    blocks.clear();
    product.Blocks(u, end, &indexes);
    for (int32_t i : indexes) blocks.push_back(payloads[static_cast<size_t>(i)]);
    product.Run(
        {a.data(), t.blocking.rows, c.data(), t.blocking.cols, bias.data(), Activation::kRelu}, u,
        end, blocks.data(), nullptr);
  }
  return c;
}

std::vector<Isa> IsasOf(int dtype) {
  std::vector<Isa> isas = UsableIsas();
  for (Isa isa : {Isa::kAvx512Bf16, Isa::kAmx}) {
    if (dtype == MOSAIC_BFLOAT16 && IsaSupported(isa)) isas.push_back(isa);
  }
  return isas;
}

TEST(DeltaBlocks, ProductsHaveTheBitsOfTheBlocksThatAreMade) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int dtype : {MOSAIC_FLOAT, MOSAIC_BFLOAT16, MOSAIC_FLOAT16}) {
    for (const auto& [k, m, height] : {std::tuple<int64_t, int64_t, int>{5, 3, 63},
                                       {300, 130, 63},
                                       {1001, 50, 31},
                                       {700, 144, 126},
                                       {90, 20, 4}}) {
      const Tuned t(&rng, k, m, height, dtype);
      if (k > 5) {
        ASSERT_GT(t.deltas, t.blocking.blocks() / 2);
      }
      const std::vector<float> bias = RandomFloats(&rng, m);
      for (const int64_t n : {1, 2, 6, 7, 13, 200}) {
        const std::vector<float> a = RandomFloats(&rng, n * k);
        for (Isa isa : IsasOf(dtype)) {
          const WithIsa with(isa);
          const std::vector<float> want = Product(t, t.made, n, a, bias, 1 << 20);
          for (const int64_t piece : {int64_t{1} << 20, int64_t{7}}) {
            EXPECT_TRUE(SameBits(Product(t, t.handed, n, a, bias, piece), want))
                << IsaName(isa) << " " << DTypeName(dtype) << " " << n << " x " << k << " x " << m
                << " by " << piece;
          }
        }
      }
    }
  }
}

TEST(DeltaBlocks, DamageIsFound) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  Tuned t(&rng, 300, 130, 63, MOSAIC_FLOAT);
  const std::vector<float> a = RandomFloats(&rng, 20 * 300), bias = RandomFloats(&rng, 130);
  for (size_t i = 0; i < t.refs.size(); i += 3) {
    if (t.refs[i].delta == nullptr) continue;
    const size_t at = 16 + rng() % (t.refs[i].bytes - 16);
    char* byte = const_cast<char*>(static_cast<const char*>(t.refs[i].delta)) + at;
    *byte ^= 4;
    for (const int64_t n : {1, 20}) {
      try {
        Product(t, t.handed, n, a, bias, 1 << 20);
        ADD_FAILURE() << "block " << i << ", byte " << at;
      } catch (const DamagedDelta& e) {
        EXPECT_EQ(e.block(), static_cast<int32_t>(i));
      }
    }
    *byte ^= 4;
  }
}

// What an execution asks for, and how it ends where a difference is damaged.
TEST(DeltaBlocks, ExecutionsTakeThemInProducts) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  Tuned t(&rng, 300, 130, 63, MOSAIC_FLOAT);
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 300});
  const int id = g.Input("id", MOSAIC_INT64, {kSymbolic});
  const int w = g.store.AddStrip("w", 300, 130, RandomFloats(&rng, 300 * 130), false, 63,
                                 MOSAIC_FLOAT, MOSAIC_FLOAT);
  const int table = g.Constant(w);
  g.Output(g.Call("MatMul", {x, table}));
  g.Output(g.Call("Gather", {table, id}));
  const auto model = g.Load();
  const std::vector<float> a = RandomFloats(&rng, 300);
  const std::vector<int64_t> ids = {3};
  const std::vector<Tensor> inputs = {Tensor::Borrow(MOSAIC_FLOAT, {1, 300}, a.data()),
                                      Tensor::Borrow(MOSAIC_INT64, {1}, ids.data())};
  for (const bool damaged : {false, true}) {
    if (damaged) const_cast<char*>(static_cast<const char*>(t.refs[2].delta))[40] ^= 1;
    Executor run(*model, 1000);
    run.SetMadeBlocks(3);
    ASSERT_TRUE(run.Start(inputs).ok());
    Executor::Outcome outcome{};
    std::vector<const void*> blocks;
    Status status;
    int as_deltas = 0, whole = 0;
    do {
      status = run.Step(&outcome);
      if (!status.ok() || outcome != Executor::Outcome::kNeedBlocks) continue;
      const BlockRequest& request = run.request();
      blocks.clear();
      for (int32_t i : request.indexes) {
        blocks.push_back((request.deltas ? t.handed : t.made)[static_cast<size_t>(i)]);
      }
      (request.deltas ? as_deltas : whole) += 1;
      EXPECT_TRUE(request.deltas ? request.indexes.size() > 3 : request.indexes.size() <= 3);
      run.Supply(blocks.data());
    } while (status.ok() && outcome != Executor::Outcome::kDone);
    if (damaged) {
      EXPECT_EQ(status.code(), MOSAIC_E_CORRUPT);
      EXPECT_EQ(
          status.message(),
          "block 2 is stored as a difference to another, and one of the two is damaged or missing");
      continue;
    }
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(as_deltas, 1);
    EXPECT_GT(whole, 1);
    const std::vector<float> want = Product(t, t.made, 1, a, std::vector<float>(130, 0), 1 << 20);
    for (size_t j = 0; j < want.size(); ++j) {
      const float y = run.output(0).data<float>()[j];
      EXPECT_EQ(y < 0 ? 0 : y, want[j]) << j;
    }
  }
}

}  // namespace
}  // namespace mosaic
