#include "core/graph/graph.h"

#include <gtest/gtest.h>

#include <random>

#include "core/graph/graph_format.h"

namespace mosaic {
namespace {

// x -> Foo (reads a constant, every kind of attribute) -> y, omitted -> Bar -> z
Graph Sample() {
  Graph g;
  g.opset = 13;
  g.values.resize(4);
  g.values[0] = {"x", MOSAIC_FLOAT, true, {kSymbolic, 784}, {"N", ""}, -1};
  g.values[1] = {"w", MOSAIC_INT64, true, {3}, {""}, 0};
  g.values[2] = {"y", MOSAIC_UNDEFINED, false, {}, {}, -1};
  g.values[3] = {"z", MOSAIC_FLOAT, true, {}, {}, -1};
  Node foo;
  foo.name = "foo1";
  foo.op_type = "Foo";
  foo.inputs = {0, -1, 1};
  foo.outputs = {2, -1};
  foo.attributes = {{"f", -1.5f},
                    {"i", int64_t{-7}},
                    {"s", std::string("a\0b", 3)},
                    {"fs", std::vector<float>{1, -0.0f}},
                    {"is", std::vector<int64_t>{INT64_MIN, INT64_MAX}},
                    {"ss", std::vector<std::string>{"", "q"}},
                    {"none", std::vector<int64_t>{}}};
  Node bar;
  bar.op_type = "Bar";
  bar.inputs = {2};
  bar.outputs = {3};
  g.nodes = {foo, bar};
  g.inputs = {0};
  g.outputs = {3, 1};
  return g;
}

TEST(Graph, AttributesFallBack) {
  const Graph g = Sample();
  const Node& n = g.nodes[0];
  EXPECT_EQ(n.Int("i", 1), -7);
  EXPECT_EQ(n.Int("absent", 1), 1);
  EXPECT_EQ(n.Int("f", 1), 1);  // of another type
  EXPECT_EQ(n.Float("f", 0), -1.5f);
  EXPECT_EQ(n.String("s", ""), std::string("a\0b", 3));
  EXPECT_EQ(n.Ints("is").size(), 2u);
  EXPECT_TRUE(n.Ints("none").empty());
  EXPECT_EQ(n.Find("zzz"), nullptr);
}

TEST(Graph, NamesForMessages) {
  const Graph g = Sample();
  EXPECT_EQ(Describe(g, g.nodes[0]), "node \"foo1\" (Foo)");
  EXPECT_EQ(Describe(g, g.nodes[1]), "node \"z\" (Bar)");
  EXPECT_EQ(ShapeString({kSymbolic, 784, kSymbolic}, {"N", "", ""}), "[N, 784, ?]");
  EXPECT_EQ(ShapeString({}), "[]");
}

TEST(GraphFormat, RoundTrip) {
  const Graph g = Sample();
  Graph back;
  ASSERT_TRUE(DecodeGraph(EncodeGraph(g), &back).ok());
  EXPECT_EQ(back.opset, 13);
  EXPECT_EQ(back.inputs, g.inputs);
  EXPECT_EQ(back.outputs, g.outputs);
  ASSERT_EQ(back.values.size(), g.values.size());
  for (size_t i = 0; i < g.values.size(); ++i) {
    EXPECT_EQ(back.values[i].name, g.values[i].name);
    EXPECT_EQ(back.values[i].dtype, g.values[i].dtype);
    EXPECT_EQ(back.values[i].has_shape, g.values[i].has_shape);
    EXPECT_EQ(back.values[i].dims, g.values[i].dims);
    EXPECT_EQ(back.values[i].dim_names, g.values[i].dim_names);
    EXPECT_EQ(back.values[i].tensor, g.values[i].tensor);
  }
  ASSERT_EQ(back.nodes.size(), 2u);
  EXPECT_EQ(back.nodes[0].inputs, g.nodes[0].inputs);
  EXPECT_EQ(back.nodes[0].outputs, g.nodes[0].outputs);
  ASSERT_EQ(back.nodes[0].attributes.size(), g.nodes[0].attributes.size());
  for (size_t i = 0; i < g.nodes[0].attributes.size(); ++i) {
    EXPECT_EQ(back.nodes[0].attributes[i].name, g.nodes[0].attributes[i].name);
    EXPECT_EQ(back.nodes[0].attributes[i].value, g.nodes[0].attributes[i].value);
  }
}

void ExpectCorrupt(const Graph& g, const std::string& part) {
  Graph back;
  const Status s = DecodeGraph(EncodeGraph(g), &back);
  EXPECT_EQ(s.code(), MOSAIC_E_CORRUPT) << part;
  EXPECT_NE(s.message().find(part), std::string::npos) << s.message();
}

TEST(GraphFormat, RefusesWhatCannotBeExecuted) {
  Graph g = Sample();
  g.nodes[0].inputs[0] = 4;
  ExpectCorrupt(g, "reads value 4");
  g = Sample();
  g.nodes[0].inputs[0] = -2;
  ExpectCorrupt(g, "reads value -2");
  g = Sample();
  std::swap(g.nodes[0], g.nodes[1]);
  ExpectCorrupt(g, "reads value 2 before");
  g = Sample();
  g.nodes[1].outputs[0] = 2;
  ExpectCorrupt(g, "cannot define value 2");
  g = Sample();
  g.nodes[1].outputs[0] = 1;  // a constant
  ExpectCorrupt(g, "cannot define value 1");
  g = Sample();
  g.inputs = {1};
  ExpectCorrupt(g, "graph input 1");
  g = Sample();
  g.outputs = {9};
  ExpectCorrupt(g, "graph output 9");
  g = Sample();
  g.values[0].dims[1] = -2;
  ExpectCorrupt(g, "dimension -2");
  g = Sample();
  g.values[0].dims.assign(9, 1);
  ExpectCorrupt(g, "shape");
  g = Sample();
  g.values[0].dtype = 77;
  ExpectCorrupt(g, "element type");
  g = Sample();
  g.opset = 0;
  ExpectCorrupt(g, "opset");
  g = Sample();
  g.nodes[1].op_type = "";
  ExpectCorrupt(g, "operator");
}

TEST(GraphFormat, RefusesANewerVersionAndOtherFiles) {
  std::string bytes = EncodeGraph(Sample());
  ASSERT_EQ(bytes[6], 2);  // fixed32 magic: 5 bytes, then tag and value of version
  bytes[6] = 3;
  Graph back;
  EXPECT_EQ(DecodeGraph(bytes, &back).code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(DecodeGraph("", &back).code(), MOSAIC_E_CORRUPT);
  EXPECT_EQ(DecodeGraph("hello", &back).code(), MOSAIC_E_CORRUPT);
}

TEST(GraphFormat, DamageNeverCrashes) {
  const std::string good = EncodeGraph(Sample());
  Graph back;
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(DecodeGraph(std::string_view(good).substr(0, n), &back).ok()) << n;
  }
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (unsigned k = 0; k <= rng() % 3; ++k) bad[rng() % bad.size()] = static_cast<char>(rng());
    if (DecodeGraph(bad, &back).ok()) EncodeGraph(back);
  }
}

}  // namespace
}  // namespace mosaic
