// LoRA adapters beside the weights of a stored model.
#include "core/import/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "import/safetensors_file.h"
#include "import/stored_blocks.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<float> kFirst = Numbers(20 * 12), kSecond = Numbers(12 * 30, 900),
                         kHead = Numbers(30 * 2, 77);

// MatMul with a renamed weight (20 x 12), Gemm with one the other way round (30 x 12), and a head.
std::string Base(const std::string& op = "Relu", int64_t opset = 13) {
  ModelBuilder b;
  b.Input("x", {kN, 20}).Output("y", {kN, 2});
  b.Initializer(FloatTensor("onnx::MatMul_1", {20, 12}, kFirst))
      .Initializer(FloatTensor("b.weight", {30, 12}, kSecond));
  b.Initializer(FloatTensor("head.weight", {2, 30}, kHead))
      .Initializer(FloatTensor("b.bias", {30}, Numbers(30)));
  b.Node("MatMul", {"x", "onnx::MatMul_1"}, {"h"}, {}, "first").Node(op, {"h"}, {"r"}, {}, "act");
  b.Node("Gemm", {"r", "b.weight", "b.bias"}, {"k"}, {IntAttr("transB", 1)}, "second");
  b.Node("Gemm", {"k", "head.weight"}, {"y"}, {IntAttr("transB", 1)}, "third");
  return b.Build(opset);
}

std::string OwnFile() {
  std::vector<float> turned(kFirst.size());
  for (size_t i = 0; i < kFirst.size(); ++i) turned[i % 12 * 20 + i / 12] = kFirst[i];
  return SafetensorsFile()
      .Add("m.a.weight", {12, 20}, turned)
      .Add("m.b.weight", {30, 12}, kSecond)
      .Build();
}

SafetensorsFile Pair(const std::string& module, int64_t rank, int64_t in, int64_t out) {
  SafetensorsFile f;
  f.Add("base_model.model." + module + ".lora_A.weight", {rank, in},
        Numbers(static_cast<size_t>(rank * in), 5));
  return f.Add("base_model.model." + module + ".lora_B.weight", {out, rank},
               Numbers(static_cast<size_t>(rank * out), 9));
}

Imported Adapt(const Imported& base, const std::string& adapter,
               const std::string& base_weights = "",
               const std::string& config = "{\"lora_alpha\": 16}") {
  BlocksOfImport blocks(base);
  const StoredModel stored = {base.graph, base.importer->tensors(), &blocks};
  AdapterConfig settings;
  Imported r;
  r.status = ReadAdapterConfig(config, true, &settings);
  if (!r.status.ok()) return r;
  r.status = OpenAdapter(
      "ft", {126, MOSAIC_FLOAT, false, ""}, stored, std::make_shared<MemorySource>(adapter),
      base_weights.empty() ? nullptr : std::make_shared<MemorySource>(base_weights), settings,
      &r.importer);
  if (r.status.ok()) TakeBlocks(&r);
  return r;
}

std::vector<std::string> Ops(const Graph& g) {
  std::vector<std::string> ops;
  for (const Node& n : g.nodes) ops.push_back(n.op_type);
  return ops;
}

TEST(Adapter, BesideTheBasesOwnBlocks) {
  const std::string bytes = Base(), own = OwnFile();
  const Imported base = Import(bytes);
  ASSERT_TRUE(base.status.ok());
  const Imported r = Adapt(base, Pair("m.a", 8, 20, 12).Build(), own);
  ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
  EXPECT_THAT(Ops(r.graph),
              ElementsAre("MatMul", "Einsum", "Mul", "Einsum", "Add", "Relu", "Gemm", "Gemm"));
  std::multiset<std::string> old;
  size_t shared = 0;
  for (const ImportedBlock& b : base.blocks) old.insert(b.hash);
  for (const ImportedBlock& b : r.blocks) shared += old.count(b.hash);
  EXPECT_EQ(shared, base.blocks.size());
  // As they lie in the file: no more bytes than that.
  EXPECT_EQ(r.Elements<float>("m.a.lora_A.weight"), Numbers(160, 5));
  EXPECT_EQ(r.Elements<float>("m.a.lora_B.weight"), Numbers(96, 9));
  EXPECT_EQ(r.Elements<float>("m.a.lora_scale"), std::vector<float>{2});
  int64_t added = 0;
  for (const ImportedBlock& b : r.blocks)
    added += old.count(b.hash) > 0 ? 0 : static_cast<int64_t>(b.payload.size());
  EXPECT_LE(added, (160 + 96) * 4 + 2 * 32);
}

TEST(Adapter, ByNameAndWithoutAScaleOfOne) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const Imported r = Adapt(base, Pair("b", 16, 12, 30).Build());
  ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
  EXPECT_THAT(Ops(r.graph),
              ElementsAre("MatMul", "Relu", "Gemm", "Einsum", "Einsum", "Add", "Gemm"));
}

// Before Einsum was there.
TEST(Adapter, OldOperatorSets) {
  const std::string bytes = Base("Relu", 11);
  const Imported base = Import(bytes);
  const Imported r = Adapt(base, Pair("b", 8, 12, 30).Build());
  ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
  EXPECT_THAT(Ops(r.graph), ElementsAre("MatMul", "Relu", "Gemm", "Transpose", "MatMul", "Mul",
                                        "Transpose", "MatMul", "Add", "Gemm"));
  EXPECT_EQ(r.Desc("b.lora_A.weight").layout, MOSAIC_LAYOUT_ROW);
}

// Types of 16 bits are stored as such.
TEST(Adapter, HalvesStayHalves) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const std::string a(8 * 12 * 2, '\x3c'), b(30 * 8 * 2, '\x3d');
  for (const char* type : {"F16", "BF16"}) {
    const std::string adapter = SafetensorsFile()
                                    .Add("b.lora_A.default.weight", type, {8, 12}, a)
                                    .Add("b.lora_B.default.weight", type, {30, 8}, b)
                                    .Build();
    const Imported r = Adapt(base, adapter);
    ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
    EXPECT_EQ(r.Desc("b.lora_B.weight").dtype, MOSAIC_FLOAT);
    EXPECT_EQ(r.Dense("b.lora_B.weight"), b);
  }
}

TEST(Adapter, ModulesToSaveAreNewWeights) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const std::string adapter =
      Pair("b", 8, 12, 30).Add("base_model.model.head.weight", {2, 30}, Numbers(60, -4)).Build();
  const Imported r = Adapt(base, adapter);
  ASSERT_TRUE(r.status.ok()) << r.status.message() << " " << r.status.detail();
  EXPECT_EQ(r.Elements<float>("head.weight"), Numbers(60, -4));
}

TEST(Adapter, AllThatDoesNotFitIsToldAtOnce) {
  const std::string bytes = Base();
  const Imported base = Import(bytes);
  const std::string adapter = Pair("m.a", 8, 20, 12)
                                  .Add("b.lora_A.weight", {8, 12}, Numbers(96))
                                  .Add("head.lora_A.weight", {8, 30}, Numbers(240))
                                  .Add("head.lora_B.weight", {3, 8}, Numbers(24))
                                  .Add("b.bias", "I8", {30}, std::string(30, '\0'))
                                  .Add("b.lora_embedding_A", {2}, Numbers(2))
                                  .Build();
  const Imported r = Adapt(base, adapter);
  EXPECT_EQ(r.status.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(r.status.message(), HasSubstr("5 tensors do not match"));
  EXPECT_THAT(r.status.detail(), HasSubstr("\"b.lora_A.weight\""));
  EXPECT_THAT(r.status.detail(), HasSubstr("\"base_model.model.m.a.lora_A.weight\""));
  EXPECT_THAT(r.status.detail(), HasSubstr("\"b.lora_embedding_A\""));
  EXPECT_THAT(
      r.status.detail(),
      HasSubstr(
          "Of another shape: \"head.lora_A.weight\" [8, 30] and its lora_B [3, 8] for [2, 30]"));
  EXPECT_THAT(r.status.detail(), HasSubstr("Of another type: \"b.bias\" I8, in the model float32"));
  EXPECT_THAT(r.status.hint(), HasSubstr("base_weights"));
}

TEST(Adapter, WeightsThatNoProductTakes) {
  ModelBuilder b;
  b.Input("x", {kN, 12}).Output("y", {12, 12});
  b.Initializer(FloatTensor("b.weight", {12, 12}, Numbers(144)))
      .Node("MatMul", {"b.weight", "x"}, {"y"}, {}, "left");
  const std::string bytes = b.Build();
  const Imported base = Import(bytes);
  const Imported r = Adapt(base, Pair("b", 8, 12, 12).Build());
  EXPECT_EQ(r.status.code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_THAT(r.status.detail(), HasSubstr("\"b.weight\" in node \"left\" (MatMul)"));
}

float ScaleOf(const AdapterConfig& c, const std::string& module) {
  float scale = 0;
  EXPECT_TRUE(c.ScaleOf(module, 16, &scale).ok());
  return scale;
}

TEST(AdapterConfig, Scales) {
  AdapterConfig c;
  ASSERT_TRUE(
      ReadAdapterConfig(
          R"({"lora_alpha": 32, "alpha_pattern": {"query": 8, "x.key": 4}, "peft_type": "LORA", "use_dora": false})",
          true, &c)
          .ok());
  EXPECT_EQ(ScaleOf(c, "layer.0.value"), 2);
  EXPECT_EQ(ScaleOf(c, "layer.0.query"), 0.5f);
  EXPECT_EQ(ScaleOf(c, "subquery"), 2);
  EXPECT_EQ(ScaleOf(c, "x.key"), 0.25f);
  AdapterConfig root;
  ASSERT_TRUE(ReadAdapterConfig(R"({"lora_alpha": 32, "use_rslora": true})", true, &root).ok());
  EXPECT_EQ(ScaleOf(root, "a"), 8);
}

// Of several keys that fit PEFT takes the first of the file.
TEST(AdapterConfig, TheFirstKeyCounts) {
  const std::string text =
      R"({"alpha_pattern": {"x.query": 8, "b": {}}, "lora_alpha": 32, "other": {"query": 5},
          "alpha_pattern": {"query": 48, "1.query": 16, "a.value": 4, "value": 4}})";
  AdapterConfig c;
  ASSERT_TRUE(ReadAdapterConfig(text, true, &c).ok());
  EXPECT_EQ(ScaleOf(c, "layer.1.query"), 3);
  EXPECT_EQ(ScaleOf(c, "layer.0.query"), 3);
  EXPECT_EQ(ScaleOf(c, "x.query"), 3);
  AdapterConfig unknown;
  ASSERT_TRUE(ReadAdapterConfig(text, false, &unknown).ok());
  EXPECT_EQ(ScaleOf(unknown, "layer.0.query"), 3);
  EXPECT_EQ(ScaleOf(unknown, "layer.a.value"), 0.25f);
  float scale = 0;
  const Status s = unknown.ScaleOf("layer.1.query", 16, &scale);
  EXPECT_EQ(s.code(), MOSAIC_E_INVALID);
  EXPECT_THAT(s.detail(), HasSubstr("\"1.query\" and \"query\""));
}

TEST(AdapterConfig, WhatIsRefused) {
  const auto code = [](const std::string& text) {
    AdapterConfig c;
    return ReadAdapterConfig(text, true, &c).code();
  };
  for (const char* text : {"", "[]", "{", "{}", R"({"lora_alpha": "16"})",
                           R"({"lora_alpha": 1e999})", R"({"lora_alpha": 1, "alpha_pattern": [1]})",
                           R"({"lora_alpha": 1, "alpha_pattern": {"a": "b"}})"}) {
    EXPECT_EQ(code(text), MOSAIC_E_BAD_MODEL) << text;
  }
  for (const char* text :
       {R"({"lora_alpha": 1, "peft_type": "IA3"})", R"({"lora_alpha": 1, "use_dora": true})",
        R"({"lora_alpha": 1, "lora_bias": true})",
        R"({"lora_alpha": 1, "alpha_pattern": {".*": 2}})"}) {
    EXPECT_EQ(code(text), MOSAIC_E_UNSUPPORTED) << text;
  }
  EXPECT_EQ(code("{\"lora_alpha\": 1, \"x\": \"" + std::string(kMaxAdapterConfig, 'x') + "\"}"),
            MOSAIC_E_LIMIT);
  EXPECT_EQ(code("{\"lora_alpha\": 1, \"x\": " + std::string(100000, '[')), MOSAIC_E_BAD_MODEL);
}

// PiSSA and others leave of the base what the adapter has not: it fits no other.
TEST(AdapterConfig, AdaptersOfAChangedBase) {
  const auto read = [](const std::string& way) {
    AdapterConfig c;
    return ReadAdapterConfig("{\"lora_alpha\": 1, \"init_lora_weights\": " + way + "}", true, &c);
  };
  for (const char* way :
       {"true", "false", "null", "\"gaussian\"", "\"Gaussian\"", "\"eva\"", "\"orthogonal\""})
    EXPECT_TRUE(read(way).ok()) << way;
  for (const char* way : {"\"pissa\"", "\"pissa_niter_4\"", "\"olora\"", "\"corda\"", "\"loftq\"",
                          "\"some_other\"", "\"\""}) {
    EXPECT_EQ(read(way).code(), MOSAIC_E_UNSUPPORTED) << way;
    EXPECT_THAT(read(way).hint(), HasSubstr("path_initial_model_for_weight_conversion"));
  }
}

}  // namespace
}  // namespace mosaic
