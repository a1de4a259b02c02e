// What a good model becomes: graph, layouts, blocks.
#include "core/import/importer.h"

#define XXH_INLINE_ALL
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::ElementsAre;

std::vector<std::string> OpTypes(const Graph& g) {
  std::vector<std::string> types;
  for (const Node& n : g.nodes) types.push_back(n.op_type);
  return types;
}

std::multiset<std::string> Hashes(const Imported& r) {
  std::multiset<std::string> h;
  for (const ImportedBlock& b : r.blocks) h.insert(b.hash);
  return h;
}

TEST(Importer, SmallMlp) {
  const std::string bytes = SmallMlp().Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.graph.opset, 13);
  EXPECT_THAT(OpTypes(r.graph), ElementsAre("Gemm", "Relu", "MatMul"));
  ASSERT_EQ(r.graph.inputs.size(), 1u);
  const Value& x = r.graph.values[static_cast<size_t>(r.graph.inputs[0])];
  EXPECT_EQ(x.name, "x");
  EXPECT_EQ(x.dtype, MOSAIC_FLOAT);
  EXPECT_EQ(ShapeString(x.dims, x.dim_names), "[N, 20]");
  const Value& y = r.graph.values[static_cast<size_t>(r.graph.outputs[0])];
  EXPECT_EQ(ShapeString(y.dims, y.dim_names), "[N, 10]");

  const MosaicTensorDesc& w = r.Desc("W");
  EXPECT_EQ(w.layout, MOSAIC_LAYOUT_STRIP);
  EXPECT_TRUE(w.transposed);
  EXPECT_EQ(w.rows, 20);
  EXPECT_EQ(w.cols, 12);
  EXPECT_EQ(w.nblocks, 1);
  EXPECT_EQ(r.Elements<float>("W"), Numbers(240));
  const MosaicTensorDesc& v = r.Desc("V");
  EXPECT_EQ(v.layout, MOSAIC_LAYOUT_STRIP);
  EXPECT_FALSE(v.transposed);
  EXPECT_EQ(r.Elements<float>("V"), Numbers(120, 1000));
  EXPECT_EQ(r.Desc("b").layout, MOSAIC_LAYOUT_INLINE);
  EXPECT_EQ(r.Desc("b").nblocks, 0);
  EXPECT_EQ(r.Elements<float>("b"), Numbers(12, 500));
}

TEST(Importer, HashIsOfGeometryAndPayload) {
  const std::string bytes = SmallMlp().Build();
  const Imported r = Import(bytes);
  ASSERT_EQ(r.blocks.size(), 2u);
  for (const ImportedBlock& b : r.blocks) {
    std::string hashed(8, '\0');
    for (size_t i = 0; i < 8; ++i) hashed[i] = static_cast<char>(b.geometry >> (8 * i));
    hashed += b.payload;
    const XXH128_hash_t h = XXH3_128bits(hashed.data(), hashed.size());
    std::string expected;
    for (uint64_t part : {h.high64, h.low64}) {
      for (int i = 7; i >= 0; --i) expected.push_back(static_cast<char>(part >> (8 * i)));
    }
    EXPECT_EQ(b.hash, expected);
  }
}

// Matrices of many shapes through both orientations, at every height.
TEST(Importer, EveryElementSurvives) {
  for (int height : {126, 63, 31}) {
    for (auto [k, m] : {std::pair<int64_t, int64_t>{300, 70}, {1, 200}, {127, 16}, {500, 1}}) {
      const std::vector<float> w = Numbers(static_cast<size_t>(k * m));
      ModelBuilder b;
      b.Input("x", {kN, k}).Output("y", {kN, m}).Output("z", {kN, m}).Output("g", {kN, m});
      b.Input("ids", {kN}, MOSAIC_INT64);
      b.Initializer(FloatTensor("km", {k, m}, w)).Initializer(FloatTensor("mk", {m, k}, w));
      b.Initializer(FloatTensor("table", {k, m}, w));
      b.Node("MatMul", {"x", "km"}, {"y"});
      b.Node("Gemm", {"x", "mk"}, {"z"}, {IntAttr("transB", 1)});
      b.Node("Gather", {"table", "ids"}, {"g"});
      const std::string bytes = b.Build();
      const Imported r = Import(bytes, height);
      ASSERT_TRUE(r.status.ok()) << r.status.message();
      for (const char* name : {"km", "mk", "table"}) {
        EXPECT_EQ(r.Elements<float>(name), w) << name << " " << k << " x " << m;
      }
      EXPECT_EQ(r.Desc("table").layout, MOSAIC_LAYOUT_ROW);
      EXPECT_EQ(r.Desc("table").rows, k);
      EXPECT_EQ(r.Desc("table").cols, m);
      // Each place of each map exactly once.
      std::set<std::pair<int, int64_t>> places;
      int64_t total = 0;
      for (const ImportedBlock& block : r.blocks) places.insert({block.tensor, block.index});
      for (const MosaicTensorDesc& d : r.importer->tensors()) total += d.nblocks;
      EXPECT_EQ(static_cast<int64_t>(places.size()), total);
      EXPECT_EQ(static_cast<int64_t>(r.blocks.size()), total);
    }
  }
}

// The kernels of a transposed convolution are a matrix as they lie in the file.
TEST(Importer, TransposedConvolutionsAreStrips) {
  ModelBuilder b;
  b.Input("x", {kN, 32, 5, 5}).Output("y", {kN, 8, 7, 7}).Output("z", {kN, 16, 7, 7});
  b.Initializer(FloatTensor("w", {32, 8, 3, 3}, Numbers(32 * 8 * 9)));
  b.Initializer(FloatTensor("grouped", {32, 8, 3, 3}, Numbers(32 * 8 * 9, 7)));
  b.Node("ConvTranspose", {"x", "w"}, {"y"});
  b.Node("ConvTranspose", {"x", "grouped"}, {"z"}, {IntAttr("group", 2)});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.Desc("w").layout, MOSAIC_LAYOUT_STRIP);
  EXPECT_FALSE(r.Desc("w").transposed);
  EXPECT_EQ(r.Desc("w").rows, 32);
  EXPECT_EQ(r.Desc("w").cols, 72);
  EXPECT_EQ(r.Elements<float>("w"), Numbers(32 * 8 * 9));
  EXPECT_EQ(r.Desc("grouped").layout, MOSAIC_LAYOUT_ROW);
}

TEST(Importer, NamesAndOrderDoNotMatter) {
  ModelBuilder b;  // SmallMlp with everything renamed and listed backwards
  b.Node("Gemm", {"in", "p", "q"}, {"t1"}, {IntAttr("transB", 1)}, "n1");
  b.Node("Relu", {"t1"}, {"t2"});
  b.Node("MatMul", {"t2", "s"}, {"out"});
  b.Initializer(FloatTensor("s", {12, 10}, Numbers(120, 1000)));
  b.Initializer(FloatTensor("q", {12}, Numbers(12, 500)));
  b.Initializer(FloatTensor("p", {12, 20}, Numbers(240)));
  b.Output("out", {kN, 10}).Input("in", {kN, 20});
  const std::string bytes = SmallMlp().Build(), other = b.Build(17, 8);
  const Imported first = Import(bytes), second = Import(other);
  ASSERT_TRUE(second.status.ok()) << second.status.message();
  EXPECT_EQ(Hashes(first), Hashes(second));
  EXPECT_EQ(Hashes(first).size(), 2u);
}

// Kernels as initializers with pads, and by a tool that has constants, names, forms and fused steps
// of its own.
TEST(Importer, ConvolutionsOfTwoWritersShareAllBlocks) {
  const std::vector<float> dense = Numbers(32 * 16 * 9), point = Numbers(64 * 32, 7000),
                           depth = Numbers(64 * 9, 9000);
  ModelBuilder a, b;
  a.Input("x", {kN, 16, 8, 8}).Output("y", {kN, 64, 8, 8});
  a.Initializer(FloatTensor("k1", {32, 16, 3, 3}, dense));
  a.Initializer(FloatTensor("k2", {64, 32, 1, 1}, point));
  a.Initializer(FloatTensor("k3", {64, 1, 3, 3}, depth));
  a.Node("Conv", {"x", "k1"}, {"h1"}, {IntsAttr("pads", {1, 1, 1, 1})}).Node("Relu", {"h1"}, {"r"});
  a.Node("Conv", {"r", "k2"}, {"h2"});
  a.Node("Conv", {"h2", "k3"}, {"y"}, {IntsAttr("pads", {1, 1, 1, 1}), IntAttr("group", 64)});
  b.Input("in", {1, 16, 8, 8}).Output("out", {1, 64, 8, 8});
  b.Initializer(TensorHead("depth", MOSAIC_FLOAT, {64, 1, 3, 3}).Floats(4, depth).str());
  b.Node("Constant", {}, {"first"}, {TensorAttr("value", FloatTensor("", {32, 16, 3, 3}, dense))});
  b.Node(
      "Constant", {}, {"second"},
      {TensorAttr("value", TensorHead("", MOSAIC_FLOAT, {64, 32, 1, 1}).Floats(4, point).str())});
  b.NextDomain("com.microsoft")
      .Node("FusedConv", {"in", "first"}, {"t1"},
            {StringAttr("auto_pad", "SAME_UPPER"), StringAttr("activation", "Relu"),
             IntsAttr("kernel_shape", {3, 3})});
  b.Node("Conv", {"t1", "second"}, {"t2"}, {IntsAttr("strides", {1, 1})});
  b.Node("Conv", {"t2", "depth"}, {"out"},
         {StringAttr("auto_pad", "SAME_LOWER"), IntAttr("group", 64)});
  const std::string bytes = a.Build(), other = b.Build(17, 8);
  const Imported first = Import(bytes), second = Import(other);
  ASSERT_TRUE(first.status.ok()) << first.status.message();
  ASSERT_TRUE(second.status.ok()) << second.status.message();
  EXPECT_EQ(Hashes(first), Hashes(second));
  EXPECT_GE(Hashes(first).size(), 3u);
}

TEST(Importer, OneChangedWeightChangesItsBlockOnly) {
  std::vector<float> w = Numbers(300 * 40);
  auto model = [&] {
    ModelBuilder b;
    b.Input("x", {kN, 300}).Output("y", {kN, 40});
    b.Initializer(FloatTensor("w", {300, 40}, w)).Node("MatMul", {"x", "w"}, {"y"});
    return b.Build();
  };
  const std::string before = model();
  w[12345 % w.size()] += 1;
  const std::string after = model();
  const Imported a = Import(before), b = Import(after);
  ASSERT_EQ(a.blocks.size(), 9u);
  int changed = 0;
  for (size_t i = 0; i < a.blocks.size(); ++i) changed += a.blocks[i].hash != b.blocks[i].hash;
  EXPECT_EQ(changed, 1);
}

TEST(Importer, TransposeOfAWeightIsFolded) {
  const std::vector<float> w = Numbers(200 * 30);
  ModelBuilder b;
  b.Input("x", {kN, 30}).Output("y", {kN, 200});
  b.Initializer(FloatTensor("w", {200, 30}, w));
  b.Node("Identity", {"w"}, {"w2"});
  b.Node("Transpose", {"w2"}, {"wt"}, {IntsAttr("perm", {1, 0})});
  b.Node("MatMul", {"x", "wt"}, {"y"});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_THAT(OpTypes(r.graph), ElementsAre("MatMul"));
  ASSERT_EQ(r.importer->tensors().size(), 1u);
  const MosaicTensorDesc& d = r.Desc("wt");
  EXPECT_EQ(d.layout, MOSAIC_LAYOUT_STRIP);
  EXPECT_FALSE(d.transposed);  // the graph sees K x M
  EXPECT_EQ(d.dims[0], 30);
  EXPECT_EQ(d.dims[1], 200);
  const std::vector<float> t = r.Elements<float>("wt");
  for (size_t i = 0; i < 200; ++i) {
    for (size_t k = 0; k < 30; ++k) ASSERT_EQ(t[k * 200 + i], w[i * 30 + k]);
  }
  // The same blocks as a Gemm with transB finds.
  ModelBuilder g;
  g.Input("x", {kN, 30}).Output("y", {kN, 200}).Initializer(FloatTensor("w", {200, 30}, w));
  g.Node("Gemm", {"x", "w"}, {"y"}, {IntAttr("transB", 1)});
  const std::string gemm = g.Build();
  EXPECT_EQ(Hashes(Import(gemm)), Hashes(r));
}

TEST(Importer, TransposeWithOtherReadersStays) {
  ModelBuilder b;
  b.Input("x", {kN, 30}).Output("y", {kN, 200}).Output("wt", {30, 200});
  b.Initializer(FloatTensor("w", {200, 30}, Numbers(6000)));
  b.Node("Transpose", {"w"}, {"wt"}).Node("MatMul", {"x", "wt"}, {"y"});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_THAT(OpTypes(r.graph), ElementsAre("Transpose", "MatMul"));
  EXPECT_EQ(r.Desc("w").layout, MOSAIC_LAYOUT_ROW);
}

TEST(Importer, MixedUsesAreRows) {
  ModelBuilder b;
  b.Input("x", {30, 30}).Output("y", {30, 30}).Output("z", {30, 30});
  b.Initializer(FloatTensor("w", {30, 30}, Numbers(900)));
  b.Node("MatMul", {"x", "w"}, {"y"}).Node("Gemm", {"x", "w"}, {"z"}, {IntAttr("transB", 1)});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.Desc("w").layout, MOSAIC_LAYOUT_ROW);
  EXPECT_EQ(r.Desc("w").cols, 1);
  EXPECT_EQ(r.Elements<float>("w"), Numbers(900));
}

TEST(Importer, ConstantNodes) {
  ModelBuilder b;
  b.Input("x", {kN, 30}).Output("y", {kN, 5}).Output("v", {3}, MOSAIC_INT64);
  b.Node("Constant", {}, {"w"}, {TensorAttr("value", FloatTensor("", {30, 5}, Numbers(150)))});
  b.Node("Constant", {}, {"f"}, {FloatAttr("value_float", 2.5f)});
  b.Node("Constant", {}, {"fs"}, {FloatsAttr("value_floats", Numbers(5))});
  b.Node("Constant", {}, {"i"}, {IntAttr("value_int", -3)});
  b.Node("Constant", {}, {"v"}, {IntsAttr("value_ints", {7, -8, 9})});
  b.Node("Constant", {}, {"unused"}, {FloatsAttr("value_floats", Numbers(500))});
  b.Node("MatMul", {"x", "w"}, {"a"})
      .Node("Mul", {"a", "f"}, {"c"})
      .Node("Add", {"c", "fs"}, {"d"});
  b.Node("Reshape", {"d", "shape"}, {"y"});
  b.Node("Concat", {"i1", "five"}, {"shape"}, {IntAttr("axis", 0)});  // out of order
  b.Node("Unsqueeze", {"i", "zero"}, {"i1x"});
  b.Node("Identity", {"i1x"}, {"i1y"}).Node("Neg", {"i1y"}, {"i1"});
  b.Node("Constant", {}, {"zero"}, {IntsAttr("value_ints", {0})});
  b.Initializer(RawTensor("five", MOSAIC_INT64, {1}, Raw<int64_t>({5})));
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message() << r.status.detail();
  EXPECT_THAT(OpTypes(r.graph), ElementsAre("MatMul", "Mul", "Add", "Unsqueeze", "Identity", "Neg",
                                            "Concat", "Reshape"));
  EXPECT_EQ(r.Desc("w").layout, MOSAIC_LAYOUT_STRIP);
  EXPECT_EQ(r.Elements<float>("w"), Numbers(150));
  EXPECT_THAT(r.Elements<float>("f"), ElementsAre(2.5f));
  EXPECT_EQ(r.Desc("f").ndim, 0);
  EXPECT_THAT(r.Elements<int64_t>("i"), ElementsAre(-3));
  EXPECT_THAT(r.Elements<int64_t>("v"), ElementsAre(7, -8, 9));
  EXPECT_EQ(r.Desc("v").ndim, 1);
  EXPECT_EQ(r.Find("unused"), -1);
}

TEST(Importer, ConstantOfShapeTakesItsValueAsInput) {
  ModelBuilder b;
  b.Input("s", {2}, MOSAIC_INT64).Output("y", {kN, kN}, MOSAIC_INT64);
  const std::string value = RawTensor("", MOSAIC_INT64, {1}, Raw<int64_t>({42}));
  b.Node("ConstantOfShape", {"s"}, {"y"}, {TensorAttr("value", value)});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  ASSERT_EQ(r.graph.nodes[0].inputs.size(), 2u);
  EXPECT_TRUE(r.graph.nodes[0].attributes.empty());
  EXPECT_EQ(r.graph.values[static_cast<size_t>(r.graph.nodes[0].inputs[1])].tensor, 0);
  EXPECT_THAT(r.Elements<int64_t>("y/value"), ElementsAre(42));
}

TEST(Importer, InitializersListedAsInputsAreConstants) {
  ModelBuilder b = SmallMlp();
  b.Input("W", {12, 20}).Input("b", {12}).Input("V", {12, 10});
  const std::string bytes = b.Build(9, 3);
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.graph.inputs.size(), 1u);
}

TEST(Importer, DeadNodesAndUnusedTensorsAreDropped) {
  ModelBuilder b = SmallMlp();
  b.Initializer(FloatTensor("unused", {100, 100}, Numbers(10000)));
  b.Initializer(FloatTensor("dead_w", {12, 100}, Numbers(1200)));
  b.Node("MatMul", {"r", "dead_w"}, {"dead"}).Node("NoSuchOperator", {"dead"}, {"dead2"});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.graph.nodes.size(), 3u);
  EXPECT_EQ(r.importer->tensors().size(), 3u);
}

TEST(Importer, ExternalData) {
  const std::vector<float> w = Numbers(20 * 12);
  const std::string file = "12345678" + Raw(w) + "tail";
  int opened = 0;
  ExternalOpener opener = [&](const std::string& location, std::unique_ptr<ByteSource>* out) {
    ++opened;
    EXPECT_EQ(location, "sub/weights.bin");
    *out = std::make_unique<MemorySource>(file);
    return Status();
  };
  ModelBuilder b;
  b.Input("x", {kN, 20}).Output("y", {kN, 12}).Output("z", {kN, 12});
  const std::map<std::string, std::string> at = {
      {"location", "sub/weights.bin"}, {"offset", "8"}, {"length", "960"}};
  b.Initializer(ExternalTensor("w", MOSAIC_FLOAT, {20, 12}, at));
  b.Initializer(ExternalTensor("v", MOSAIC_FLOAT, {20, 12}, at));
  b.Node("MatMul", {"x", "w"}, {"y"}).Node("MatMul", {"x", "v"}, {"z"});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes, 126, opener);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.Elements<float>("w"), w);
  EXPECT_EQ(r.Elements<float>("v"), w);
  EXPECT_EQ(opened, 1);
}

// Types of less than a byte, the first element in the low bits: a byte each once they are read,
// wherever they lie.
TEST(Importer, PackedElements) {
  const std::string file = std::string("..") + "\x1f\xf1\x08";
  ExternalOpener opener = [&](const std::string&, std::unique_ptr<ByteSource>* out) {
    *out = std::make_unique<MemorySource>(file);
    return Status();
  };
  ModelBuilder b;
  b.Input("x", {kN, 2}).Output("x", {kN, 2});
  const std::map<std::string, std::string> at = {{"location", "w.bin"}, {"offset", "2"}};
  const std::string bits = "\xe4\x02";
  b.Initializer(ExternalTensor("external", MOSAIC_INT4, {5}, at));
  b.Initializer(RawTensor("unsigned4", MOSAIC_UINT4, {5}, file.substr(2)));
  b.Initializer(RawTensor("float4", MOSAIC_FLOAT4E2M1, {5}, file.substr(2)));
  b.Initializer(RawTensor("int2", MOSAIC_INT2, {5}, bits));
  b.Initializer(RawTensor("uint2", MOSAIC_UINT2, {5}, bits));
  b.Initializer(TensorHead("field", MOSAIC_UINT2, {2, 3}).Ints(5, {0xe4, 0x02}).str());
  b.Initializer(TensorHead("power", MOSAIC_FLOAT8E8M0, {2}).Ints(5, {127, 255}).str());
  const std::vector<std::string> names = {"external", "unsigned4", "float4", "int2",
                                          "uint2",    "field",     "power"};
  for (const std::string& name : names)
    b.Output(name, {}, 0).Node("Identity", {name}, {name + "_"});
  const std::string bytes = b.Build(26);
  const Imported r = Import(bytes, 126, opener);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  using Bytes = std::vector<int8_t>;
  EXPECT_EQ(r.Elements<int8_t>("external"), (Bytes{-1, 1, 1, -1, -8}));
  EXPECT_EQ(r.Elements<int8_t>("unsigned4"), (Bytes{15, 1, 1, 15, 8}));
  EXPECT_EQ(r.Elements<int8_t>("float4"), (Bytes{15, 1, 1, 15, 8}));
  EXPECT_EQ(r.Elements<int8_t>("int2"), (Bytes{0, 1, -2, -1, -2}));
  EXPECT_EQ(r.Elements<int8_t>("uint2"), (Bytes{0, 1, 2, 3, 2}));
  EXPECT_EQ(r.Elements<int8_t>("field"), (Bytes{0, 1, 2, 3, 2, 0}));
  EXPECT_EQ(r.Elements<int8_t>("power"), (Bytes{127, -1}));
}

// A map that the model takes is an array of strings, a key and a value in each row.
TEST(Importer, Maps) {
  const std::string value = Message().Bytes(1, Message().Int(1, MOSAIC_FLOAT).str()).str();
  const std::string type =
      Message().Bytes(5, Message().Int(1, MOSAIC_STRING).Bytes(2, value).str()).str();
  const auto model = [&](const std::string& op, const std::string& domain) {
    ModelBuilder b;
    const std::string words =
        Message().Bytes(1, "string_vocabulary").Bytes(9, "a").Int(20, 8).str();
    b.Field(11, Message().Bytes(1, "m").Bytes(2, type).str()).Output("y", {1, 1});
    b.NextDomain(domain).Node(op, {"m"}, {"y"}, {words});
    return b.Build() + Message().Bytes(8, Message().Bytes(1, "ai.onnx.ml").Int(2, 3).str()).str();
  };
  const std::string bytes = model("DictVectorizer", "ai.onnx.ml");
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  const Value& m = r.graph.values[static_cast<size_t>(r.graph.inputs[0])];
  EXPECT_EQ(m.dtype, MOSAIC_STRING);
  EXPECT_EQ(m.dims, (std::vector<int64_t>{kSymbolic, 2}));
  EXPECT_EQ(r.graph.nodes[0].Int("map_key", 0), MOSAIC_STRING);
  EXPECT_EQ(r.graph.nodes[0].Int("map_value", 0), MOSAIC_FLOAT);
  const Imported other = Import(model("Identity", ""));
  EXPECT_EQ(other.status.code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_NE(other.status.message().find("graph input \"m\" is a map, which only"),
            std::string::npos)
      << other.status.message();
}

// The operator cases of Debian's libonnx-testdata: what is imported must be complete, what is not
// must say why.
// Two elements of four bits a byte, as everywhere.
TEST(Importer, ExternalDataOfHalfBytes) {
  const std::string file("\x21\x43\x65\x87", 4);
  ExternalOpener opener = [&](const std::string&, std::unique_ptr<ByteSource>* out) {
    *out = std::make_unique<MemorySource>(file);
    return Status();
  };
  for (const auto& [dtype, want] :
       {std::make_pair(int{MOSAIC_UINT4}, std::vector<int8_t>{1, 2, 3, 4, 5, 6, 7}),
        std::make_pair(int{MOSAIC_INT4}, std::vector<int8_t>{1, 2, 3, 4, 5, 6, 7})}) {
    for (const char* length : {"", "4"}) {
      std::map<std::string, std::string> entries = {{"location", "w"}};
      if (*length != 0) entries["length"] = length;
      ModelBuilder b;
      b.Input("x", {kN, 7}).Output("y", {kN, 7});
      b.Initializer(ExternalTensor("w", dtype, {7}, entries))
          .Initializer(FloatTensor("s", {}, {1}));
      b.Node("DequantizeLinear", {"w", "s"}, {"d"}).Node("Add", {"x", "d"}, {"y"});
      const Imported r = Import(b.Build(21), 126, opener);
      ASSERT_TRUE(r.status.ok()) << r.status.message();
      EXPECT_EQ(r.Elements<int8_t>("w"), want) << length;
    }
  }
}

TEST(Importer, RealFiles) {
  int good = 0, refused = 0;
  for (const char* name :
       {"test_gemm_all_attributes", "test_matmul_2d", "test_softmax_axis_1", "test_gather_0",
        "test_relu", "test_transpose_default", "test_reshape_reordered_all_dims", "test_if",
        "test_loop11", "test_qlinearconv", "test_sequence_insert_at_back", "test_ai_onnx_ml_x"}) {
    std::ifstream in(std::string("/usr/share/libonnx-testdata/data/node/") + name + "/model.onnx",
                     std::ios::binary);
    if (!in) continue;
    std::stringstream content;
    content << in.rdbuf();
    const std::string bytes = content.str();
    const Imported r = Import(bytes);
    if (r.status.ok()) {
      ++good;
      EXPECT_FALSE(r.graph.outputs.empty());
    } else {
      ++refused;
      EXPECT_EQ(r.status.code(), MOSAIC_E_UNSUPPORTED) << name << ": " << r.status.message();
    }
  }
  if (good + refused == 0) GTEST_SKIP() << "package libonnx-testdata is not installed";
  EXPECT_GE(good, 7);
  EXPECT_GE(refused, 1);
}

}  // namespace
}  // namespace mosaic
