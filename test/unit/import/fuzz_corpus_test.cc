// The seeds and past findings of the fuzzer pass in every build, with or without libFuzzer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../../fuzz/onnx_reader_fuzz.cc"
#define MOSAIC_FUZZ_CORPUS_TEST
#include "../../fuzz/graph_fuzz.cc"
#include "../../fuzz/op_fuzz.cc"
#include "../../fuzz/safetensors_fuzz.cc"
#include "../../fuzz/settings_fuzz.cc"

namespace {

// Calls check with every file of a corpus; how many there are.
template <typename F>
int ForEach(const std::string& corpus, const F& check) {
  int files = 0;
  const std::string directory = std::string(MOSAIC_SOURCE_DIR) + "/test/fuzz/corpus/" + corpus;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::stringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    check(content.str());
    ++files;
  }
  return files;
}

TEST(FuzzCorpus, OnnxReader) {
  EXPECT_GE(ForEach("onnx_reader",
                    [](const std::string& bytes) {
                      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()),
                                             bytes.size());
                    }),
            10);
}

TEST(FuzzCorpus, Graph) { EXPECT_GE(ForEach("graph", graph_fuzz::Check), 10); }

TEST(FuzzCorpus, Safetensors) { EXPECT_GE(ForEach("safetensors", safetensors_fuzz::Check), 10); }

TEST(FuzzCorpus, Settings) { EXPECT_GE(ForEach("settings", settings_fuzz::Check), 7); }

TEST(FuzzCorpus, Op) {
  EXPECT_GE(ForEach("op",
                    [](const std::string& bytes) {
                      op_fuzz::Check(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
                    }),
            200);
}

// The seeds are worth something only if they get as far as to be run.
TEST(FuzzCorpus, GraphsCanBeRun) {
  int run = 0;
  ForEach("graph", [&run](const std::string& bytes) {
    mosaic::Graph graph;
    std::unique_ptr<mosaic::Model> model;
    if (!mosaic::DecodeGraph(bytes, &graph).ok()) return;
    run += graph_fuzz::Load(bytes, graph, &model) && graph_fuzz::IsSmall(graph);
  });
  EXPECT_GE(run, 5);
}

}  // namespace
