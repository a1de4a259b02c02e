// What the JSON files beside a model say of it, in a folder as Hugging Face lays it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/pooling.h"
#include "core/util/status.h"

namespace mosaic::text {

// The files' contents; empty where there is none.
struct FolderFiles {
  std::string_view config;            // config.json
  std::string_view tokenizer_config;  // tokenizer_config.json
  std::string_view sentence_config;   // sentence_bert_config.json
  std::string_view modules;           // modules.json
  std::string_view pooling;           // 1_Pooling/config.json
};

struct FolderSettings {
  std::vector<std::string> labels;  // id2label by class; empty: none, or a single one, which names nothing
  std::optional<Pooling> pooling;
  bool normalize = false;
  bool has_dense = false;  // modules.json has a layer behind the pooling, whose weights are not in the model
  int64_t max_tokens = 0;  // 0: nothing says it
};

constexpr size_t kMaxLabels = 1'000'000;

// BAD_MODEL where a file is not what its name says, naming it; UNSUPPORTED for a pooling that we do not have.
Status ReadFolderSettings(const FolderFiles& files, FolderSettings* out);

}  // namespace mosaic::text
