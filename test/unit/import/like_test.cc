// New weights on the graph of a stored model: which tensor is which, what stays, what is refused.
#include "core/import/like.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/import/weight_match.h"
#include "import/safetensors_file.h"
#include "import/stored_blocks.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> Transposed(const std::vector<float>& m, size_t rows) {
  std::vector<float> t(m.size());
  const size_t cols = m.size() / rows;
  for (size_t i = 0; i < m.size(); ++i) t[i % cols * rows + i / cols] = m[i];
  return t;
}

const std::vector<float> kFirst = Numbers(400), kSecond = Numbers(400, 7000),
                         kThird = Numbers(200, 3000);
const std::vector<float> kBias = Numbers(20, -5), kHeadBias = Numbers(10, 33);

// Two square matrices that an exporter transposed and renamed, and a head that it left alone.
std::string Base() {
  ModelBuilder b;
  b.Input("x", {kN, 20}).Output("y", {kN, 10});
  b.Initializer(FloatTensor("onnx::MatMul_7", {20, 20}, Transposed(kFirst, 20)));
  b.Initializer(FloatTensor("onnx::MatMul_8", {20, 20}, Transposed(kSecond, 20)));
  b.Initializer(FloatTensor("a.bias", {20}, kBias)).Initializer(FloatTensor("scale", {1}, {0.5f}));
  b.Initializer(FloatTensor("head.weight", {10, 20}, kThird))
      .Initializer(FloatTensor("head.bias", {10}, kHeadBias));
  b.Node("MatMul", {"x", "onnx::MatMul_7"}, {"h"})
      .Node("Add", {"a.bias", "h"}, {"i"})
      .Node("Mul", {"i", "scale"}, {"j"});
  b.Node("MatMul", {"j", "onnx::MatMul_8"}, {"k"});
  b.Node("Gemm", {"k", "head.weight", "head.bias"}, {"y"}, {IntAttr("transB", 1)});
  return b.Build();
}

// The file that it was exported from, or one of a fine-tune, whose numbers are that much larger.
SafetensorsFile Weights(float more = 0, const std::string& prefix = "") {
  const auto grown = [more](std::vector<float> v) {
    for (float& x : v) x += more;
    return v;
  };
  SafetensorsFile f;
  f.Add(prefix + "a.weight", {20, 20}, grown(kFirst))
      .Add(prefix + "b.weight", {20, 20}, grown(kSecond));
  f.Add(prefix + "a.bias", {20}, grown(kBias)).Add(prefix + "head.weight", {10, 20}, grown(kThird));
  return f.Add(prefix + "head.bias", {10}, grown(kHeadBias));
}

Imported Like(const Imported& base, const std::string& weights,
              const std::string& base_weights = "", int weight_dtype = MOSAIC_FLOAT) {
  BlocksOfImport blocks(base);
  const StoredModel stored = {base.graph, base.importer->tensors(), &blocks};
  Imported r;
  r.status = OpenLike(
      "ft", {126, weight_dtype, false, ""}, stored, std::make_shared<MemorySource>(weights),
      base_weights.empty() ? nullptr : std::make_shared<MemorySource>(base_weights), &r.importer);
  if (r.status.ok()) TakeBlocks(&r);
  return r;
}

TEST(Like, MatchesTransposedAndRenamedWeightsByContent) {
  const std::string bytes = Base(), old = Weights().Build();
  const Imported base = Import(bytes);
  ASSERT_TRUE(base.status.ok()) << base.status.message();
  for (const char* prefix : {"", "model."}) {
    const std::string fine_tune = Weights(1, prefix).Build();
    const Imported r = Like(base, fine_tune, old);
    ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
    // As if the model had been exported with these weights: the same tensors, the same blocks.
    std::vector<float> first = Transposed(kFirst, 20), bias = kBias;
    for (float& x : first) x += 1;
    for (float& x : bias) x += 1;
    EXPECT_EQ(r.Elements<float>("onnx::MatMul_7"), first);
    EXPECT_EQ(r.Elements<float>("a.bias"), bias);
    EXPECT_EQ(r.Elements<float>("scale"), std::vector<float>{0.5f});
    EXPECT_EQ(r.Elements<float>("head.weight")[0], kThird[0] + 1);
    EXPECT_EQ(r.importer->encoded_graph(), base.importer->encoded_graph());
  }
}

TEST(Like, TheBasesOwnWeightsMakeItsBlocks) {
  const std::string bytes = Base(), old = Weights().Build();
  const Imported base = Import(bytes);
  for (int dtype : {MOSAIC_FLOAT, MOSAIC_BFLOAT16}) {
    const Imported stored = Import(bytes, 126, {}, dtype);
    const Imported r = Like(stored, old, old, dtype);
    ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
    std::multiset<std::string> a, b;
    for (const ImportedBlock& k : stored.blocks) a.insert(k.hash);
    for (const ImportedBlock& k : r.blocks) b.insert(k.hash);
    EXPECT_EQ(a, b);
  }
}

TEST(Like, NamesWithoutTheBasesFile) {
  ModelBuilder m;
  m.Input("x", {kN, 20}).Output("y", {kN, 20});
  m.Initializer(FloatTensor("a.weight", {20, 20}, kFirst))
      .Initializer(FloatTensor("a.bias", {20}, kBias));
  m.Initializer(FloatTensor("/Constant_output_0", {1}, {2}));
  m.Node("Gemm", {"x", "a.weight", "a.bias"}, {"h"}, {IntAttr("transB", 1)})
      .Node("Mul", {"h", "/Constant_output_0"}, {"y"});
  const std::string bytes = m.Build();
  const Imported base = Import(bytes);
  for (const char* prefix : {"", "bert."}) {
    const std::string p = prefix;
    const std::string weights = SafetensorsFile()
                                    .Add(p + "a.weight", {20, 20}, kSecond)
                                    .Add(p + "a.bias", {20}, Numbers(20))
                                    .Build();
    const Imported r = Like(base, weights);
    ASSERT_TRUE(r.status.ok()) << r.status.message() << r.status.detail();
    EXPECT_EQ(r.Elements<float>("a.weight"), kSecond);
    EXPECT_EQ(r.Elements<float>("a.bias"), Numbers(20));
  }
}

// Of a model of which blocks gave way to others', most are still its own.
TEST(Like, MergedBlocksDoNotHideWhoseTheyAre) {
  const std::vector<float> w = Numbers(64 * 64);
  ModelBuilder m;
  m.Input("x", {kN, 64}).Output("y", {kN, 64}).Node("MatMul", {"x", "m"}, {"y"});
  m.Initializer(FloatTensor("m", {64, 64}, Transposed(w, 64)));
  const std::string bytes = m.Build();
  Imported base = Import(bytes);
  ASSERT_EQ(base.blocks.size(), 4u);
  const std::string old = SafetensorsFile().Add("w", {64, 64}, w).Build();
  const std::string fine_tune = SafetensorsFile().Add("w", {64, 64}, Numbers(64 * 64, 1)).Build();
  base.blocks[1].payload[0] ^= 1;
  EXPECT_TRUE(Like(base, fine_tune, old).status.ok());
  base.blocks[2].payload[0] ^= 1;
  EXPECT_FALSE(Like(base, fine_tune, old).status.ok());
}

// float16 is exact in float32; a float16 graph takes no float32.
TEST(Like, HalvesAreExact) {
  const std::string bytes = Base(), old = Weights().Build();
  const Imported base = Import(bytes);
  std::vector<uint16_t> half;
  for (size_t i = 0; i < 20; ++i) half.push_back(FloatToFloat16(0.1f * static_cast<float>(i)));
  const std::string weights = SafetensorsFile()
                                  .Add("a.weight", {20, 20}, kFirst)
                                  .Add("b.weight", {20, 20}, kSecond)
                                  .Add("a.bias", "F16", {20}, Raw(half))
                                  .Add("head.weight", {10, 20}, kThird)
                                  .Add("head.bias", {10}, kHeadBias)
                                  .Build();
  const Imported r = Like(base, weights, old);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  for (size_t i = 0; i < 20; ++i)
    EXPECT_EQ(r.Elements<float>("a.bias")[i], Float16ToFloat(half[i]));
}

TEST(Like, AllThatDoesNotFitIsToldAtOnce) {
  const std::string bytes = Base(), old = Weights().Build();
  const Imported base = Import(bytes);
  // By name alone the renamed ones are not found.
  Imported r = Like(base, Weights(1).Build());
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.message(), HasSubstr("4 tensors do not match"));
  EXPECT_THAT(r.status.detail(),
              HasSubstr("Not in the file: \"onnx::MatMul_7\", \"onnx::MatMul_8\"."));
  EXPECT_THAT(r.status.detail(), HasSubstr("Not in the model: \"a.weight\", \"b.weight\"."));
  EXPECT_THAT(r.status.hint(), HasSubstr("base_weights"));

  const std::string odd = SafetensorsFile()
                              .Add("a.weight", {20, 19}, Numbers(380))
                              .Add("b.weight", "I8", {20, 20}, std::string(400, '\0'))
                              .Add("a.bias", {20}, kBias)
                              .Add("head.weight", {20, 10}, kThird)
                              .Add("extra.weight", {3}, Numbers(3))
                              .Build();
  r = Like(base, odd, old);
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.message(), HasSubstr("5 tensors do not match"));
  EXPECT_THAT(r.status.detail(), HasSubstr("Not in the file: \"head.bias\"."));
  EXPECT_THAT(r.status.detail(), HasSubstr("Not in the model: \"extra.weight\"."));
  EXPECT_THAT(r.status.detail(),
              HasSubstr("\"onnx::MatMul_7\" (\"a.weight\") [20, 20], in the file [19, 20]"));
  EXPECT_THAT(r.status.detail(), HasSubstr("\"head.weight\" [10, 20], in the file [20, 10]"));
  EXPECT_THAT(r.status.detail(),
              HasSubstr("\"onnx::MatMul_8\" (\"b.weight\") float32, in the file I8"));
}

// What the model has not of its own file need not be in the new one, nor may it be in the way
// there.
TEST(Like, WhatTheModelLeavesOut) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const std::string old = Weights().Add("pooler.weight", {5, 5}, Numbers(25)).Build();
  EXPECT_TRUE(Like(base, Weights(1).Build(), old).status.ok());
  EXPECT_TRUE(
      Like(base, Weights(1).Add("pooler.weight", {5, 5}, Numbers(25, 1)).Build(), old).status.ok());
  EXPECT_FALSE(
      Like(base, Weights(1).Add("other.weight", {5, 5}, Numbers(25, 1)).Build(), old).status.ok());
}

// A file of another model of the same shapes as the base's own is not taken for it.
TEST(Like, AnotherModelsFileIsNotTheBases) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const Imported r = Like(base, Weights(1).Build(), Weights(0.5f).Build());
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.detail(),
              HasSubstr("Not in the file: \"onnx::MatMul_7\", \"onnx::MatMul_8\"."));
  EXPECT_THAT(r.status.hint(), HasSubstr("exported from"));
}

TEST(Like, EqualTensorsThatDifferNow) {
  ModelBuilder m;
  m.Input("x", {kN, 20}).Output("y", {kN, 20});
  m.Initializer(FloatTensor("m1", {20, 20}, Transposed(kFirst, 20)))
      .Initializer(FloatTensor("m2", {20, 20}, Transposed(kFirst, 20)));
  m.Node("MatMul", {"x", "m1"}, {"h"}).Node("MatMul", {"h", "m2"}, {"y"});
  const std::string bytes = m.Build();
  const Imported base = Import(bytes);
  const std::string old =
      SafetensorsFile().Add("a", {20, 20}, kFirst).Add("b", {20, 20}, kFirst).Build();
  const Imported r = Like(
      base, SafetensorsFile().Add("a", {20, 20}, kFirst).Add("b", {20, 20}, kSecond).Build(), old);
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.detail(), HasSubstr("several tensors that differ now: \"m1\", \"m2\""));
}

// What the base's file has twice (biases of zeros) is not what is left of it in the new file.
TEST(Like, EqualTensorsOfWhichOneIsNotInTheFile) {
  const std::vector<float> zeros(20), fives(20, 5);
  ModelBuilder m;
  m.Input("x", {kN, 20}).Output("y", {kN, 20});
  m.Initializer(FloatTensor("m1", {20, 20}, Transposed(kFirst, 20)))
      .Initializer(FloatTensor("a.bias", {20}, zeros))
      .Initializer(FloatTensor("b.bias", {20}, zeros));
  m.Node("MatMul", {"x", "m1"}, {"h"}).Node("Add", {"h", "a.bias"}, {"i"});
  m.Node("Add", {"i", "b.bias"}, {"y"});
  const std::string bytes = m.Build();
  const Imported base = Import(bytes);
  const auto file = [&](const std::vector<float>& a, const std::vector<float>* b) {
    SafetensorsFile f;
    f.Add("a.weight", {20, 20}, kFirst).Add("a.bias", {20}, a);
    if (b != nullptr) f.Add("b.bias", {20}, *b);
    return f.Build();
  };
  const std::string old = file(zeros, &zeros);
  const Imported both = Like(base, file(fives, &zeros), old);
  ASSERT_TRUE(both.status.ok()) << both.status.detail();
  EXPECT_EQ(both.Elements<float>("a.bias"), fives);
  EXPECT_EQ(both.Elements<float>("b.bias"), zeros);
  const Imported r = Like(base, file(fives, nullptr), old);
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.message(), HasSubstr("1 tensor does not match"));
  EXPECT_THAT(r.status.detail(), HasSubstr("of which the file lacks some: \"b.bias\"."));
}

// A model of many equal constants and a file of many more: two entries are kept of each, and its
// own. The host is asked for each entry whether to go on.
TEST(Like, ManyEqualTensors) {
  const auto name = [](int i) { return "c" + std::to_string(i); };
  ModelBuilder m;
  m.Input("x", {kN, 4}).Output("y", {kN, 4});
  SafetensorsFile old, now;
  for (int i = 0; i < 3000; ++i) {
    old.Add(name(i), {}, {1}), now.Add(name(i), {}, {static_cast<float>(i)});
    if (i >= 300) continue;
    m.Initializer(FloatTensor(name(i), {}, {1}));
    m.Node("Mul", {i == 0 ? "x" : "y" + std::to_string(i), name(i)},
           {i == 299 ? "y" : "y" + std::to_string(i + 1)});
  }
  const std::string bytes = m.Build(), file = old.Build();
  const Imported base = Import(bytes);
  ASSERT_TRUE(base.status.ok()) << base.status.message();
  BlocksOfImport blocks(base);
  const StoredModel stored = {base.graph, base.importer->tensors(), &blocks};
  BaseContent content;
  ASSERT_TRUE(ReadBaseContent(stored, false, std::make_shared<MemorySource>(file), &content).ok());
  for (size_t i = 0; i < stored.descs.size(); ++i) {
    std::set<std::string> names;
    for (const ContentMatch& c : content.matches.of_tensor[i])
      names.insert(content.entries[static_cast<size_t>(c.entry)].name);
    EXPECT_LE(content.matches.of_tensor[i].size(), 3u);
    EXPECT_GE(names.size(), 2u);
    EXPECT_EQ(names.count(stored.descs[i].name), 1u) << stored.descs[i].name;
  }
  EXPECT_EQ(content.matches.taken, std::vector<bool>(3000, true));
  const Imported r = Like(base, now.Build(), file);
  ASSERT_TRUE(r.status.ok()) << r.status.detail();
  for (int i : {0, 17, 299})
    EXPECT_EQ(r.Elements<float>(name(i)), std::vector<float>{static_cast<float>(i)});

  class Interrupted : public MemorySource {
   public:
    using MemorySource::MemorySource;
    Status Read(uint64_t offset, size_t len, void* out) override {
      if (len == 4 && ++reads == 50) return Status(MOSAIC_E_HOST, "interrupted");
      return MemorySource::Read(offset, len, out);
    }
    int reads = 0;
  };
  const auto source = std::make_shared<Interrupted>(file);
  BaseContent part;
  EXPECT_EQ(ReadBaseContent(stored, false, source, &part).code(), MOSAIC_E_HOST);
  EXPECT_EQ(source->reads, 50);
}

TEST(Like, PairsOfNames) {
  EXPECT_THAT(PairNames({"a.w", "b.w", "c"}, {"b.w", "x.a.w", "a.w"}), ElementsAre(2, 0, -1));
  // One prefix, the one that finds most.
  EXPECT_THAT(PairNames({"a.w", "b.w", "c.w"}, {"m.a.w", "m.b.w", "n.c.w"}), ElementsAre(0, 1, -1));
  EXPECT_THAT(PairNames({"m.a.w", "m.b.w"}, {"a.w", "b.w"}), ElementsAre(0, 1));
  EXPECT_THAT(PairNames({"", "a"}, {"x.", "."}), ElementsAre(-1, -1));
}

}  // namespace
}  // namespace mosaic
