// Any bytes as one of the JSON files that stand beside a model, an adapter_config.json or those of
// a folder: they are read, within the limits of what they may say, or refused with a Status. The
// first byte says which file it is.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/import/adapter_config.h"
#include "core/text/folder_settings.h"

namespace settings_fuzz {

using namespace mosaic;  // NOLINT

constexpr size_t kMaxInput = 1 << 16;

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

inline void CheckAdapterConfig(std::string_view json, bool in_order) {
  AdapterConfig config;
  float scale;
  if (!ReadAdapterConfig(json, in_order, &config).ok()) return;
  for (const char* module : {"a", "layer.0.q_proj", ""}) (void)config.ScaleOf(module, 8, &scale);
  for (const auto& [name, alpha] : config.alphas) (void)config.ScaleOf(name, 8, &scale);
}

inline void CheckFolderFile(std::string_view json, std::string_view text::FolderFiles::*file) {
  text::FolderFiles files;
  text::FolderSettings settings;
  files.*file = json;
  if (!ReadFolderSettings(files, &settings).ok()) return;
  Require(settings.labels.size() <= text::kMaxLabels, "labels are within their limit");
  Require(settings.max_tokens >= 0, "texts are not cut to less than nothing");
}

inline int Check(std::string_view bytes) {
  using Files = text::FolderFiles;
  if (bytes.empty()) return 0;
  const std::string_view json = bytes.substr(1);
  switch (static_cast<unsigned char>(bytes[0]) % 7) {
    case 0:
      CheckAdapterConfig(json, false);
      break;
    case 1:
      CheckAdapterConfig(json, true);
      break;
    case 2:
      CheckFolderFile(json, &Files::config);
      break;
    case 3:
      CheckFolderFile(json, &Files::tokenizer_config);
      break;
    case 4:
      CheckFolderFile(json, &Files::sentence_config);
      break;
    case 5:
      CheckFolderFile(json, &Files::modules);
      break;
    default:
      CheckFolderFile(json, &Files::pooling);
  }
  return 0;
}

}  // namespace settings_fuzz

#ifndef MOSAIC_FUZZ_CORPUS_TEST
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > settings_fuzz::kMaxInput) return 0;
  return settings_fuzz::Check({reinterpret_cast<const char*>(data), size});
}
#endif
