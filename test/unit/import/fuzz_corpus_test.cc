// The seeds and past findings of the fuzzer pass in every build, with or without libFuzzer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../../fuzz/onnx_reader_fuzz.cc"

namespace {

TEST(FuzzCorpus, OnnxReader) {
  int files = 0;
  const std::string directory = std::string(MOSAIC_SOURCE_DIR) + "/test/fuzz/corpus/onnx_reader";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::stringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const std::string bytes = content.str();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  EXPECT_GE(files, 10);
}

}  // namespace
