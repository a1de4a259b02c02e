// What is refused, with which code, and by which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::HasSubstr;

void Expect(const std::string& bytes, MosaicCode code, const std::string& part,
            ExternalOpener opener = {}) {
  const Imported r = Import(bytes, 126, std::move(opener));
  EXPECT_EQ(r.status.code(), code) << part << ": " << r.status.message();
  EXPECT_THAT(r.status.message(), HasSubstr(part));
  EXPECT_THAT(r.status.message(), HasSubstr("model \"m\": "));
  EXPECT_EQ(r.importer, nullptr);
}

void ExpectBad(const ModelBuilder& b, const std::string& part) {
  Expect(b.Build(), MOSAIC_E_BAD_MODEL, part);
}
void ExpectUnsupported(const ModelBuilder& b, const std::string& part) {
  Expect(b.Build(), MOSAIC_E_UNSUPPORTED, part);
}

// x -> Relu -> y, to which a test adds what it is about.
ModelBuilder Plain() {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4}).Node("Relu", {"x"}, {"y"});
  return b;
}

TEST(ImportErrors, NotOnnx) {
  Expect("", MOSAIC_E_BAD_MODEL, "it is empty");
  Expect("PK\3\4 a zip file", MOSAIC_E_BAD_MODEL, "damaged at byte");
  Expect(std::string(1000, '\0'), MOSAIC_E_BAD_MODEL, "damaged at byte 0");
  Expect(std::string("\x08\x07", 2), MOSAIC_E_BAD_MODEL, "it has no graph");
  Expect(Message().Bytes(7, Plain().graph()).str(), MOSAIC_E_BAD_MODEL, "no IR version");
  Expect(Message().Int(1, 7).Bytes(7, Plain().graph()).str(), MOSAIC_E_BAD_MODEL, "operator set");
  Expect(Plain().Build() + Message().Bytes(7, Plain().graph()).str(), MOSAIC_E_BAD_MODEL,
         "more than one graph");
}

TEST(ImportErrors, Versions) {
  Expect(Plain().Build(6), MOSAIC_E_UNSUPPORTED, "opset 6 is not supported, only 7 and later");
  Expect(Plain().Build(28), MOSAIC_E_UNSUPPORTED,
         "not supported: Relu (first: node \"y\" (Relu): version 28 of its operator set)");
  Expect(Plain().Build(0), MOSAIC_E_BAD_MODEL, "opset version 0");
  Expect(Plain().Build(13, 2), MOSAIC_E_UNSUPPORTED, "IR version 2");
  Expect(Plain().Build(13, 99), MOSAIC_E_UNSUPPORTED, "IR version 99");
  // Of two versions the later one holds.
  const std::string twice = Message().Bytes(8, Message().Int(2, 14).str()).str();
  EXPECT_EQ(Import(Plain().Build(13) + twice).graph.opset, 14);
  for (int opset = 7; opset <= 27; ++opset) {
    EXPECT_TRUE(Import(Plain().Build(opset)).status.ok()) << opset;
  }
  // Another domain may be imported as long as no node is of it.
  const std::string ml = Message().Bytes(1, "ai.onnx.ml").Int(2, 2).str();
  EXPECT_TRUE(Import(Plain().Build() + Message().Bytes(8, ml).str()).status.ok());
}

TEST(ImportErrors, NamesThatTheHostCannotShow) {
  const std::string name =
      "gr\xc3\xb6\xc3\x9f"
      "e";
  ModelBuilder values, nodes, tensors;
  values.Input(name, {kN, 4}).Output("y", {kN, 4}).Node("Relu", {name}, {"y"});
  nodes.Input("x", {kN, 4}).Output("y", {kN, 4}).Node("Relu", {"x"}, {"y"}, {}, name);
  tensors.Input("x", {kN, 4}).Output("y", {kN, 4}).Node("Add", {"x", name}, {"y"});
  tensors.Initializer(FloatTensor(name, {4}, {1, 2, 3, 4}));
  for (const ModelBuilder* b : {&values, &nodes, &tensors}) {
    EXPECT_TRUE(Import(b->Build()).status.ok());
    const std::string bytes = b->Build();
    MemorySource source(bytes);
    const Status s = Import(&source, 126, {}, MOSAIC_FLOAT, true).status;
    EXPECT_EQ(s.code(), MOSAIC_E_UNSUPPORTED);
    EXPECT_THAT(s.message(), HasSubstr("is not ASCII, and the database is not encoded in UTF-8"));
    EXPECT_THAT(s.hint(), HasSubstr("encoding UTF8"));
  }
  const std::string plain = Plain().Build();
  MemorySource source(plain);
  EXPECT_TRUE(Import(&source, 126, {}, MOSAIC_FLOAT, true).status.ok());
}

TEST(ImportErrors, LongNamesDoNotHideTheMessage) {
  const std::string name(1000, 'n');
  for (const std::string& type : {std::string("Foo"), name}) {
    ModelBuilder b;
    b.Input("x", {kN, 4}).Output("y", {kN, 4}).Node(type, {"x"}, {"y"}, {}, name);
    ExpectUnsupported(b, type == name ? "nnn...\" (nnn" : "nnn...\" (Foo)");
  }
}

TEST(ImportErrors, AllUnsupportedNodesInOneMessage) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  b.Node("Foo", {"x"}, {"a"}, {}, "first").Node("Relu", {"a"}, {"b"});
  b.NextDomain("com.example").Node("Relu", {"b"}, {"c"}, {}, "second");
  b.Node("If", {"c"}, {"d"}, {GraphAttr("then_branch")}, "third");
  b.Node("Softmax", {"d"}, {"y"}, {TensorAttr("t", FloatTensor("", {1}, {1}))}, "fourth");
  const Imported r = Import(b.Build());
  EXPECT_EQ(r.status.code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(r.status.message(),
            "model \"m\": not supported: Foo (first: node \"first\" (Foo)), "
            "com.example.Relu (first: node \"second\" (com.example.Relu)), "
            "If (first: node \"third\" (If): a graph-valued attribute is missing), "
            "Softmax (first: node \"fourth\" (Softmax): takes 1 inputs, has 2)");
  EXPECT_EQ(r.status.detail(),
            "Foo (first: node \"first\" (Foo))\n"
            "com.example.Relu (first: node \"second\" (com.example.Relu))\n"
            "If (first: node \"third\" (If): a graph-valued attribute is missing)\n"
            "Softmax (first: node \"fourth\" (Softmax): takes 1 inputs, has 2)");
}

// Sizes that are multiplied with themselves again and again are followed only so far.
TEST(ImportErrors, SizesThatAreComputedWithoutEnd) {
  ModelBuilder b;
  b.Input("x", {kN, kN}).Output("y", {2}, MOSAIC_INT64);
  b.Node("Shape", {"x"}, {"s0"});
  for (int i = 0; i < 60; ++i) {
    const std::string s = "s" + std::to_string(i),
                      next = i == 59 ? "y" : "s" + std::to_string(i + 1);
    b.Node("Mul", {s, s}, {next});
  }
  EXPECT_TRUE(Import(b.Build()).status.ok());
}

TEST(ImportErrors, EqualOperatorsAreCounted) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  std::string last = "x";
  for (int i = 0; i < 500; ++i) {
    const std::string next = i == 499 ? "y" : "v" + std::to_string(i);
    b.Node("Foo", {last}, {next});
    last = next;
  }
  const Status s = Import(b.Build()).status;
  EXPECT_EQ(s.message(), "model \"m\": not supported: Foo x500 (first: node \"v0\" (Foo))");
}

TEST(ImportErrors, Features) {
  ExpectBad(Plain().Field(15, ""), "its values and indices do not fit");
  Expect(Plain().Build() + Message().Bytes(20, "").str(), MOSAIC_E_UNSUPPORTED, "training");
  ExpectBad(Plain().Initializer(TensorHead("t", 8, {2}).Bytes(6, "s").str()),
            "tensor \"t\": shape [2] of string");
  ExpectUnsupported(Plain().Initializer(RawTensor("t", 14, {1}, "12345678")),
                    "tensor \"t\": element type 14");
  ExpectUnsupported(Plain().Input("s", {1}, 15), "\"s\": element type 15");
  const std::string sequence = Message().Bytes(4, "").str();
  ExpectUnsupported(Plain().Field(11, Message().Bytes(1, "q").Bytes(2, sequence).str()),
                    "\"q\": it is not a tensor");
}

TEST(ImportErrors, Names) {
  ExpectBad(Plain().Node("Relu", {"nowhere"}, {"z"}, {}, "n7"),
            "node \"n7\" (Relu): input \"nowhere\" is not defined");
  ExpectBad(Plain().Node("Relu", {"x"}, {"y"}, {}, "again"),
            "node \"again\" (Relu) defines \"y\", which is already defined");
  ExpectBad(Plain().Node("Relu", {"x"}, {"x"}, {}, "in"), "defines \"x\"");
  ExpectBad(Plain().Input("x", {1}), "graph input defines \"x\"");
  const std::string t = FloatTensor("t", {1}, {1});
  ExpectBad(Plain().Initializer(t).Initializer(t), "initializer defines \"t\"");
  ExpectBad(Plain().Initializer(FloatTensor("", {1}, {1})), "initializer has no name");
  ExpectBad(Plain().Output("q", {1}), "graph output \"q\" is not defined");
  EXPECT_EQ(Import(Plain().Output("y", {1}).Build()).graph.outputs.size(), 1u);  // listed twice
  ExpectBad(Plain().Node("Relu", {"x"}, {"a\xff"}), "not valid UTF-8");
  ExpectBad(Plain().Node("Relu", {"x"}, {std::string("a\0b", 3)}), "not valid UTF-8");
  ExpectBad(Plain().Node("", {"x"}, {"z"}), "no operator type");
  ModelBuilder none;
  ExpectBad(none.Input("x", {1}).Node("Relu", {"x"}, {"y"}), "no output");
}

TEST(ImportErrors, Cycle) {
  ModelBuilder b;
  b.Input("x", {4}).Output("y", {4});
  b.Node("Relu", {"c"}, {"y"}, {}, "after").Node("Add", {"x", "c"}, {"a"}, {}, "in");
  b.Node("Relu", {"a"}, {"c"}, {}, "in");
  ExpectBad(b, "node \"in\"");
  ExpectBad(b, "depends on its own output");
}

TEST(ImportErrors, Limits) {
  auto limit = [](const ModelBuilder& b, const std::string& part) {
    Expect(b.Build(), MOSAIC_E_LIMIT, part);
  };
  limit(Plain().Initializer(FloatTensor("t", {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1})), "8 dimensions");
  limit(Plain().Input("z", {1, 1, 1, 1, 1, 1, 1, 1, 1}), "8 dimensions");
  limit(Plain().Node("Relu", {"x"}, {std::string(1025, 'a')}), "a string of 1025 bytes");
  // 200,000 empty nodes are 400 kB in the file and much more in memory.
  std::string nodes;
  for (int i = 0; i < 200000; ++i) nodes += Message().Bytes(1, Message().Bytes(4, "R").str()).str();
  const std::string graph = nodes + Plain().graph();
  Expect(Message().Int(1, 7).Bytes(7, graph).str(), MOSAIC_E_LIMIT, "graph (without weights)");
  // Elements one by one with something between them cannot be read as a run.
  Message t = TensorHead("t", MOSAIC_FLOAT, {300000});
  for (int i = 0; i < 300000; ++i) t.Float(4, 1).Bytes(12, "");
  limit(Plain().Initializer(t.str()), "pieces");
}

TEST(ImportErrors, BadAttributes) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  ModelBuilder twice = b;
  ExpectBad(twice.Node("Elu", {"x"}, {"y"}, {FloatAttr("alpha", 1), FloatAttr("alpha", 2)}),
            "attribute \"alpha\": it is given twice");
  ModelBuilder none = b;
  ExpectBad(none.Node("Elu", {"x"}, {"y"}, {Message().Bytes(1, "t").Int(20, 4).str()}),
            "attribute \"t\": it has no tensor");
  ModelBuilder tensor = b;
  ExpectBad(
      tensor.Node("Constant", {}, {"c"}, {TensorAttr("value", FloatTensor("", {2}, {1}))}, "k"),
      "attribute \"value\": tensor \"\"");
}

TEST(ImportErrors, ExternalData) {
  const std::string file(100, 'x');
  int opened = 0;
  ExternalOpener opener = [&](const std::string&, std::unique_ptr<ByteSource>* out) {
    ++opened;
    *out = std::make_unique<MemorySource>(file);
    return Status();
  };
  auto model = [](const std::map<std::string, std::string>& entries) {
    return Plain().Initializer(ExternalTensor("t", MOSAIC_FLOAT, {10}, entries)).Build();
  };
  const std::string climbing[] = {
      "../a", "a/../b", "..", "/etc/passwd", "", "a/..", std::string("a\0b", 3)};
  for (const std::string& location : climbing) {
    Expect(model({{"location", location}}), MOSAIC_E_BAD_MODEL, "external data location", opener);
  }
  EXPECT_EQ(opened, 0);
  Expect(model({{"location", "..a"}, {"offset", "61"}}), MOSAIC_E_BAD_MODEL,
         "has 100 bytes, the tensor is at 61 with 40", opener);
  EXPECT_EQ(opened, 1);
  Expect(model({{"location", "a"}, {"offset", "18446744073709551615"}}), MOSAIC_E_BAD_MODEL,
         "offset \"18446744073709551615\"", opener);
  Expect(model({{"location", "a"}, {"offset", "-1"}}), MOSAIC_E_BAD_MODEL, "offset \"-1\"", opener);
  Expect(model({{"location", "a"}, {"length", "39"}}), MOSAIC_E_BAD_MODEL, "the file has 39 bytes",
         opener);
  Expect(model({{"location", "a"}}), MOSAIC_E_UNSUPPORTED, "cannot be read here");
}

// A megabyte in a function that is called a thousand times.
TEST(ImportErrors, FunctionsThatCopyWithoutEnd) {
  const std::string attribute = Message().Bytes(1, "text").Bytes(4, std::string(1 << 20, 'x')).Int(20, 3).str();
  const std::string node = Message().Bytes(1, "a").Bytes(2, "b").Bytes(4, "Relu").Bytes(5, attribute).str();
  const std::string function =
      Message().Bytes(1, "F").Bytes(4, "a").Bytes(5, "b").Bytes(7, node).Bytes(9, Message().Bytes(1, "").Int(2, 13).str()).Bytes(10, "own").str();
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  std::string from = "x";
  for (int i = 0; i < 1000; ++i) {
    const std::string to = i == 999 ? "y" : "v" + std::to_string(i);
    b.NextDomain("own").Node("F", {from}, {to});
    from = to;
  }
  Expect(b.Build() + Message().Bytes(25, function).str(), MOSAIC_E_LIMIT, "what functions make of the graph takes more than 48 MB");
}

// A host whose reading fails keeps its own error.
TEST(ImportErrors, HostFailure) {
  struct Failing : public ByteSource {
    explicit Failing(std::string b) : bytes(std::move(b)) {}
    uint64_t size() const override { return bytes.size(); }
    Status Read(uint64_t offset, size_t len, void* out) override {
      if (left-- == 0) return Status(MOSAIC_E_HOST, "host");
      return MemorySource(bytes).Read(offset, len, out);
    }
    std::string bytes;
    int left = 0;
  };
  const std::string bytes = SmallMlp().Build();
  for (int reads = 0; reads < 1000; ++reads) {
    Failing source(bytes);
    source.left = reads;
    const Status s = Import(&source).status;
    if (s.ok()) {
      EXPECT_GT(reads, 3);
      return;
    }
    EXPECT_EQ(s.code(), MOSAIC_E_HOST) << s.message();
    EXPECT_EQ(s.message(), "host");
  }
  FAIL() << "never succeeds";
}

TEST(ImportErrors, TruncatedAtEveryByte) {
  const std::string good = SmallMlp().Build();
  ASSERT_TRUE(Import(good).status.ok());
  for (size_t n = 0; n < good.size(); ++n) {
    const Imported r = Import(good.substr(0, n));
    EXPECT_EQ(r.status.code(), MOSAIC_E_BAD_MODEL) << n << ": " << r.status.message();
  }
}

TEST(ImportErrors, DamageNeverCrashes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const std::string good = SmallMlp().Build();
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (unsigned k = 0; k <= rng() % 4; ++k) bad[rng() % bad.size()] = static_cast<char>(rng());
    const Imported r = Import(bad);
    EXPECT_NE(r.status.code(), MOSAIC_E_CORRUPT) << r.status.message();
    EXPECT_NE(r.status.code(), MOSAIC_E_INTERNAL) << r.status.message();
  }
}

TEST(ImportErrors, BlockHeight) {
  MemorySource source("");
  EXPECT_EQ(Import(&source, 64).status.code(), MOSAIC_E_INVALID);
}

}  // namespace
}  // namespace mosaic
