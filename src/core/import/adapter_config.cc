#include "core/import/adapter_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/util/quote.h"

namespace mosaic {
namespace {

using nlohmann::json;

// Whether a field is there and says more than no: not null, false, empty or zero.
bool Says(const json& config, const char* name) {
  const auto it = config.find(name);
  if (it == config.end() || it->is_null()) return false;
  if (it->is_boolean()) return it->get<bool>();
  return (!it->is_structured() || !it->empty()) && *it != json("");
}

bool IsName(const std::string& s) {
  return !s.empty() && s.find_first_of("^$*+?()[]{}|\\") == std::string::npos;
}

bool IsModule(const std::string& module, const std::string& name) {
  if (module == name) return true;
  return module.size() > name.size() && module[module.size() - name.size() - 1] == '.' &&
         module.compare(module.size() - name.size(), name.size(), name) == 0;
}

Status ReadAlphas(const json& config, AdapterConfig* out) {
  if (!Says(config, "alpha_pattern")) return {};
  const json& pattern = config["alpha_pattern"];
  if (!pattern.is_object()) return Status::BadModel("alpha_pattern is not an object");
  for (const auto& [name, alpha] : pattern.items()) {
    if (!alpha.is_number())
      return Status::BadModel("alpha_pattern has no number for " + Quoted(name));
    if (!IsName(name))
      return Status::Unsupported("alpha_pattern " + Quoted(name) + " is a regular expression");
    out->alphas.emplace_back(name, alpha.get<double>());
  }
  return {};
}

}  // namespace

float AdapterConfig::ScaleOf(const std::string& module, int64_t rank) const {
  double a = alpha;
  for (const auto& [name, value] : alphas) {
    if (!IsModule(module, name)) continue;
    a = value;
    break;
  }
  const double r = static_cast<double>(rank);
  return static_cast<float>(a / (by_root ? std::sqrt(r) : r));
}

Status ReadAdapterConfig(std::string_view text, AdapterConfig* out) {
  if (text.size() > kMaxAdapterConfig)
    return Status::Limit("it has more than " + std::to_string(kMaxAdapterConfig) + " bytes");
  const json config = json::parse(text.begin(), text.end(), nullptr, false);
  if (!config.is_object()) return Status::BadModel("it is not a JSON object");
  if (Says(config, "peft_type") && config["peft_type"] != json("LORA")) {
    return Status::Unsupported(
        "adapters of the type " +
        Quoted(config["peft_type"].is_string() ? config["peft_type"].get<std::string>() : "?") +
        " are not supported, LORA is");
  }
  for (const char* field : {"use_dora", "lora_bias", "layer_replication", "alora_invocation_tokens",
                            "trainable_token_indices"}) {
    if (Says(config, field)) return Status::Unsupported(Quoted(field) + " is not supported");
  }
  const auto alpha = config.find("lora_alpha");
  if (alpha == config.end() || !alpha->is_number())
    return Status::BadModel("it has no number lora_alpha");
  out->alpha = alpha->get<double>();
  if (!std::isfinite(out->alpha)) return Status::BadModel("lora_alpha is not finite");
  out->by_root = Says(config, "use_rslora");
  return ReadAlphas(config, out);
}

}  // namespace mosaic
