// check_model(): every operator of a file, and all that keeps it from being imported.
#include "core/import/model_check.h"

#include <gtest/gtest.h>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests

std::vector<std::string> Lines(const std::string& file) {
  MemorySource source(file);
  std::vector<OperatorUse> uses;
  EXPECT_TRUE(CheckModel({126, MOSAIC_FLOAT, false, ""}, &source, {}, &uses).ok());
  std::vector<std::string> lines;
  for (const OperatorUse& u : uses) {
    lines.push_back(u.domain + ":" + u.op_type + " x" + std::to_string(u.count) +
                    (u.supported ? " yes" : " no: " + u.reason));
  }
  return lines;
}

TEST(ModelCheck, LinesForWhatRunsAndWhatDoesNot) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  b.Node("Softmax", {"x"}, {"a"}).Node("Softmax", {"a"}, {"b"});
  b.Node("Softmax", {"b"}, {"c"}, {TensorAttr("t", FloatTensor("", {1}, {1}))}, "third");
  b.NextDomain("com.example").Node("Relu", {"c"}, {"y"}, {}, "last");
  EXPECT_EQ(Lines(b.Build()),
            (std::vector<std::string>{
                ":Softmax x2 yes",
                ":Softmax x1 no: takes 1 inputs, has 2 (first: node \"third\" (Softmax))",
                "com.example:Relu x1 no: there is no such operator (first: node \"last\" "
                "(com.example.Relu))"}));
}

// Whatever stops first: the file's own forms, types and versions, and then its operators.
TEST(ModelCheck, WhatTheFileIsHidesNoOperator) {
  const std::string sequence = Message()
                                   .Bytes(1, "s")
                                   .Bytes(2, Message().Bytes(4, Message().Bytes(1, "").str()).str())
                                   .str();
  ModelBuilder b;
  b.Input("x", {kN, 4}).Input("c", {4}, 15).Field(11, sequence).Output("y", {kN, 4});
  b.Initializer(RawTensor("t", 14, {1}, std::string(8, '\0')));
  b.Node("Nope", {"x", "t"}, {"a"}, {}, "nope").Node("Relu", {"a"}, {"y"}, {}, "last");
  const std::string operators[] = {
      ":Nope x1 no: there is no such operator (first: node \"nope\" (Nope))", ":Relu x1 yes"};
  const std::string forms =
      "graph input \"c\": element type 15 is not supported, graph input \"s\": it is not a tensor, "
      "tensor \"t\": element type 14 is not supported, ";
  EXPECT_EQ(Lines(b.Build(6, 99)),
            (std::vector<std::string>{operators[0], operators[1],
                                      ": x0 no: " + forms +
                                          "ONNX IR version 99 is not supported, only 3 to 13, ONNX "
                                          "opset 6 is not supported, only 7 and later"}));
  EXPECT_EQ(
      Lines(b.Build() + Message().Bytes(20, "").str()),
      (std::vector<std::string>{operators[0], operators[1],
                                ": x0 no: " + forms + "training information is not supported"}));
}

// Tensors of nodes, sparse ones, old functions, and very many of a kind.
TEST(ModelCheck, WhatTheFileIsIsToldWhereverItIs) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  const std::string complex = RawTensor("v", 14, {1}, std::string(8, '\0'));
  b.Field(15, Message()
                  .Bytes(1, complex)
                  .Bytes(2, RawTensor("i", MOSAIC_INT64, {1}, std::string(8, '\0')))
                  .Ints(3, {4})
                  .str());
  b.Node("Constant", {}, {"c"}, {TensorAttr("value", complex)}, "first")
      .Node("Constant", {}, {"d"}, {TensorAttr("value", complex)}, "second");
  b.Node("Relu", {"x"}, {"y"});
  EXPECT_EQ(Lines(b.Build()).back(),
            ": x0 no: tensor \"v\": element type 14 is not supported, attribute of node \"first\" "
            "and 1 more: element type 14 is not supported");

  const std::string body = Message().Bytes(1, "a").Bytes(2, "b").Bytes(4, "Relu").str();
  const std::string function = Message()
                                   .Bytes(1, "F")
                                   .Bytes(4, "a")
                                   .Bytes(5, "b")
                                   .Bytes(7, body)
                                   .Bytes(9, Message().Bytes(1, "").Int(2, 6).str())
                                   .Bytes(10, "mine")
                                   .str();
  ModelBuilder f;
  f.Input("x", {kN, 4}).Output("y", {kN, 4}).NextDomain("mine").Node("F", {"x"}, {"y"});
  EXPECT_EQ(Lines(f.Build(6, 9) + Message().Bytes(25, function).str()),
            (std::vector<std::string>{":Relu x1 yes",
                                      ": x0 no: ONNX opset 6 is not supported, only 7 and later"}));

  ModelBuilder many;
  many.Input("x", {kN, 4}).Output("y", {kN, 4}).Node("Relu", {"x"}, {"y"});
  for (int i = 0; i < 3000; ++i) {
    many.Initializer(ExternalTensor("t" + std::to_string(i), MOSAIC_FLOAT, {4},
                                    {{"location", "f" + std::to_string(i)}}));
  }
  const std::string told = Lines(many.Build()).back();
  EXPECT_LT(told.size(), 4000U);
  EXPECT_EQ(told.substr(told.size() - 10), ", and more");
}

// What a file's node is lowered to is refused as what the file has, and hides nothing behind it.
TEST(ModelCheck, NodesThatCannotBeLoweredHaveALine) {
  ModelBuilder b;
  b.Input("x", {4, 4}).Output("y", {4, 4});
  b.Initializer(FloatTensor("s", {2}, {1, 1}));
  b.Node("Upsample", {"x", "s"}, {"a"}, {StringAttr("mode", "odd")}, "up");
  b.NextDomain("com.microsoft")
      .Node("FusedGemm", {"a", "x"}, {"b"}, {StringAttr("activation", "Foo")}, "fg");
  b.Node("Nope", {"b"}, {"c"}, {}, "nope");
  b.NextDomain("com.microsoft").Node("Missing", {"c"}, {"y"}, {}, "missing");
  EXPECT_EQ(Lines(b.Build(9)),
            (std::vector<std::string>{
                ":Nope x1 no: there is no such operator (first: node \"nope\" (Nope))",
                ":Upsample x1 no: mode \"odd\" is unknown (first: node \"up\" (Upsample))",
                "com.microsoft:FusedGemm x1 no: activation Foo is not supported (first: node "
                "\"fg\" (com.microsoft.FusedGemm))",
                "com.microsoft:Missing x1 no: there is no such operator (first: node \"missing\" "
                "(com.microsoft.Missing))"}));
}

// An attribute of a kind that is not read, besides an operator that is not there.
TEST(ModelCheck, WhatElseIsInTheWayHasALine) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Output("y", {kN, 4});
  b.Node("Foo", {"x"}, {"a"}, {}, "first");
  b.Node("Relu", {"a"}, {"y"}, {Message().Bytes(1, "odd").Bytes(11, "").Int(20, 9).str()},
         "second");
  const std::vector<std::string> lines = Lines(b.Build());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], ":Foo x1 no: there is no such operator (first: node \"first\" (Foo))");
  EXPECT_EQ(lines[1], ":Relu x1 yes");
  EXPECT_NE(lines[2].find("attribute \"odd\""), std::string::npos) << lines[2];
}

TEST(ModelCheck, ShapesThatContradictEachOtherHaveALine) {
  ModelBuilder b;
  b.Input("x", {kN, 4}).Input("z", {kN, 5}).Output("y", {kN, 4});
  b.Node("Add", {"x", "z"}, {"y"}, {}, "sum");
  const std::vector<std::string> lines = Lines(b.Build());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], ":Add x1 yes");
  EXPECT_NE(lines[1].find("node \"sum\" (Add): shapes"), std::string::npos) << lines[1];
}

}  // namespace
}  // namespace mosaic
