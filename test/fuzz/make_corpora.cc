// Writes the seeds of onnx_reader_fuzz, tiny models that between them use every part of the format
// that the reader knows; and those of graph_fuzz, the graphs of these models and of MODEL... Not
// part of the build; to run it again:
//   g++ -std=c++17 -Iinclude -Isrc -Itest/unit test/fuzz/make_corpora.cc libmosaic_core.a -lxxhash
//   ./a.out test/fuzz/corpus test/data/models/*.onnx
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "import/onnx_builder.h"

using namespace mosaic::onnx_test;  // NOLINT: a script
using namespace mosaic;             // NOLINT

namespace {

std::string directory;

void WriteGraph(const std::string& name, const Imported& imported) {
  if (imported.importer == nullptr) return;
  std::ofstream(directory + "/graph/" + name + ".graph", std::ios::binary)
      << imported.importer->encoded_graph();
}

void Write(const std::string& name, const std::string& bytes) {
  std::ofstream(directory + "/onnx_reader/" + name + ".onnx", std::ios::binary) << bytes;
  const Imported imported = Import(bytes);
  std::printf("%6zu %s: %s\n", bytes.size(), name.c_str(), imported.status.message().c_str());
  WriteGraph(name, imported);
}

// With the byte of onnx_reader_fuzz's options before it.
void WriteAs(const std::string& name, unsigned options, const std::string& bytes) {
  std::ofstream(directory + "/onnx_reader/" + name + ".onnx", std::ios::binary)
      << static_cast<char>(0xe0 + options) << bytes;
}

void WriteGraphOf(const std::filesystem::path& path) {
  std::stringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string bytes = content.str();
  WriteGraph(path.stem(), Import(bytes));
}

ModelBuilder Gathering(const std::string& tensor) {
  ModelBuilder b;
  b.Input("ids", {kN}, MOSAIC_INT64).Output("y", {kN});
  return b.Initializer(tensor).Node("Gather", {"t", "ids"}, {"y"});
}

void WriteEncodings() {
  const std::vector<int64_t> few = {1, 0, 1};
  const std::vector<int64_t> many(300, 1);
  for (int dtype : {MOSAIC_INT8, MOSAIC_UINT8, MOSAIC_BOOL, MOSAIC_FLOAT16, MOSAIC_INT32}) {
    Write(std::string("int32_data_") + DTypeName(dtype),
          Gathering(TensorHead("t", dtype, {300}).Ints(5, many).str()).Build());
  }
  Message unpacked = TensorHead("t", MOSAIC_INT64, {3});
  for (int64_t v : few) unpacked.Int(7, v);
  Write("int64_unpacked", Gathering(unpacked.str()).Build());
  Message floats = TensorHead("t", MOSAIC_FLOAT, {70}).Floats(4, Numbers(50));
  for (float v : Numbers(20)) floats.Float(4, v);
  Write("float_mixed", Gathering(floats.str()).Build());
  Write("double", Gathering(TensorHead("t", MOSAIC_DOUBLE, {1}).Double(10, 1).str()).Build());
  Write("uint64", Gathering(TensorHead("t", MOSAIC_UINT64, {3}).Ints(11, few).str()).Build());
  Write("external",
        Gathering(ExternalTensor("t", MOSAIC_UINT8, {16, 20},
                                 {{"location", "a"}, {"offset", "4"}, {"length", "320"}}))
            .Build());
}

void WriteGraphs() {
  Write("mlp", SmallMlp().Build());
  WriteAs("mlp_bf16", 1, SmallMlp().Build());
  WriteAs("mlp_63", 2, SmallMlp().Build());
  WriteAs("mlp_bf16_31_none", 1 | 4 | 8, SmallMlp().Build());
  WriteAs("mlp_axis", 16, SmallMlp().Build());
  ModelBuilder folded;
  folded.Input("x", {kN, 10}).Output("y", {kN, 20});
  folded.Initializer(FloatTensor("w", {20, 10}, Numbers(200)));
  folded.Node("Identity", {"w"}, {"v"}).Node("Transpose", {"v"}, {"t"}, {IntsAttr("perm", {1, 0})});
  folded.Node("MatMul", {"x", "t"}, {"y"});
  Write("folded", folded.Build(17, 8));
  WriteAs("folded_bf16_31_axis", 1 | 4 | 16, folded.Build(17, 8));
  ModelBuilder constants;
  constants.Input("s", {2}, MOSAIC_INT64).Output("y", {kN, kN});
  constants.Node("Constant", {}, {"f"}, {FloatAttr("value_float", 2)});
  constants.Node("Constant", {}, {"fs"}, {FloatsAttr("value_floats", Numbers(100))});
  constants.Node("Constant", {}, {"is"}, {IntsAttr("value_ints", {1, 2})});
  constants.Node("Constant", {}, {"t"}, {TensorAttr("value", FloatTensor("", {1}, {1}))});
  constants.Node("ConstantOfShape", {"s"}, {"c"}, {TensorAttr("value", FloatTensor("", {1}, {3}))});
  constants.Node("Add", {"c", "f"}, {"d"}).Node("Mul", {"d", "t"}, {"e"});
  constants.Node("Reshape", {"fs", "is"}, {"g"}).Node("Add", {"e", "g"}, {"y"});
  Write("constants", constants.Build());
  ModelBuilder refused = SmallMlp();
  refused.Output("z", {kN}).NextDomain("com.example").Node("Foo", {"y"}, {"a"});
  refused.Node("If", {"a"}, {"z"}, {GraphAttr("then_branch")});
  Write("refused", refused.Build());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  directory = argv[1];
  WriteEncodings();
  WriteGraphs();
  for (int i = 2; i < argc; ++i) WriteGraphOf(argv[i]);
  return 0;
}
