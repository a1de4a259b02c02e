// What an adapter_config.json (PEFT) says of a LoRA adapter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

struct AdapterConfig {
  double alpha = 0;
  std::vector<std::pair<std::string, double>>
      alphas;            // of modules of that name, or whose name ends so after a dot
  bool by_root = false;  // rsLoRA: the scale is alpha / sqrt(rank)

  float ScaleOf(const std::string& module, int64_t rank) const;
};

constexpr size_t kMaxAdapterConfig = 1 << 20;

// Errors: BAD_MODEL where it is not JSON, or lora_alpha is missing; UNSUPPORTED where it asks for
// what changes the answers and is not known: other adapters than LoRA, DoRA, patterns that are
// regular expressions; LIMIT.
Status ReadAdapterConfig(std::string_view json, AdapterConfig* out);

}  // namespace mosaic
