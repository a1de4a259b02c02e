// What an adapter_config.json (PEFT) says of a LoRA adapter.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/util/status.h"

namespace mosaic {

struct AdapterConfig {
  struct Alpha {
    double value = 0;
    size_t place = 0;  // of its key, among those of alpha_pattern
  };

  double alpha = 0;
  std::map<std::string, Alpha>
      alphas;            // of modules of that name, or whose name ends so after a dot
  bool in_order = true;  // places are those that PEFT sees
  bool by_root = false;  // rsLoRA: the scale is alpha / sqrt(rank)

  // Of several keys that fit the module PEFT takes the first. Errors: INVALID where they differ and
  // their order is not known.
  Status ScaleOf(const std::string& module, int64_t rank, float* out) const;
};

constexpr size_t kMaxAdapterConfig = 1 << 20;

// in_order: keys are in the order of the file, which jsonb loses. Errors: BAD_MODEL where it is not
// JSON, or lora_alpha is missing; UNSUPPORTED where it asks for what changes the answers and is not
// known: other adapters than LoRA, DoRA, those of a base that was changed, patterns that are
// regular expressions; LIMIT.
Status ReadAdapterConfig(std::string_view json, bool in_order, AdapterConfig* out);

}  // namespace mosaic
