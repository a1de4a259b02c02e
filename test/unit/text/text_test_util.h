// What the tests of tokenizers share: files of test/data/text, and encoding at once.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/text/encoder.h"

namespace mosaic::text {

inline std::string ReadTextData(const std::string& name) {
  std::ifstream file(std::string(MOSAIC_TEST_DATA) + "/text/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline nlohmann::json ReadTextJson(const std::string& name) { return nlohmann::json::parse(ReadTextData(name)); }

inline std::vector<std::string> Texts() { return ReadTextJson("texts.json").get<std::vector<std::string>>(); }

// The ids of a text, made in steps of so many units.
inline Status Encode(Encoder* encoder, std::string_view first, std::string_view second, const EncodeOptions& options,
                     int64_t units, std::vector<int32_t>* ids) {
  MOSAIC_RETURN_IF_ERROR(encoder->Start(first, second, options));
  for (bool done = false; !done;) {
    Budget budget(units);
    MOSAIC_RETURN_IF_ERROR(encoder->Step(&budget, &done));
  }
  *ids = encoder->result().ids;
  return Status();
}

inline std::vector<int32_t> Ids(const Tokenizer& tokenizer, std::string_view text, const EncodeOptions& options = {}) {
  Encoder encoder(tokenizer);
  std::vector<int32_t> ids;
  const Status status = Encode(&encoder, text, {}, options, kStepUnits, &ids);
  EXPECT_TRUE(status.ok()) << status.message();
  return ids;
}

}  // namespace mosaic::text
