#include "core/import/adapter_config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

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

// Some ways to begin change the base: of the adapter alone the weights are not known then.
Status CheckBeginning(const json& config) {
  const auto init = config.find("init_lora_weights");
  if (init == config.end() || !init->is_string()) return {};
  std::string way = init->get<std::string>();
  for (char& c : way) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (way == "gaussian" || way == "eva" || way == "orthogonal") return {};
  return Status::Unsupported("init_lora_weights " + Quoted(init->get<std::string>()) +
                             " is not supported: the adapter belongs to a base that was changed")
      .WithHint(
          "Save it converted: save_pretrained(..., path_initial_model_for_weight_conversion=...).");
}

// The configuration, and the keys of its alpha_pattern as they come.
json Parse(std::string_view text, std::vector<std::string>* keys) {
  bool within = false;
  const auto note = [&](int depth, json::parse_event_t event, const json& parsed) {
    if (event != json::parse_event_t::key) return true;
    if (depth == 1) {
      within = parsed == json("alpha_pattern");
      if (within) keys->clear();
    } else if (depth == 2 && within) {
      keys->push_back(parsed.get<std::string>());
    }
    return true;
  };
  return json::parse(text.begin(), text.end(), note, false);
}

Status ReadAlphas(const json& config, const std::vector<std::string>& keys, AdapterConfig* out) {
  if (!Says(config, "alpha_pattern")) return {};
  const json& pattern = config["alpha_pattern"];
  if (!pattern.is_object()) return Status::BadModel("alpha_pattern is not an object");
  for (const std::string& name : keys) {
    const json& alpha = pattern.at(name);
    if (!alpha.is_number())
      return Status::BadModel("alpha_pattern has no number for " + Quoted(name));
    if (!IsName(name))
      return Status::Unsupported("alpha_pattern " + Quoted(name) + " is a regular expression");
    out->alphas.insert({name, {alpha.get<double>(), out->alphas.size()}});
  }
  return {};
}

}  // namespace

Status AdapterConfig::ScaleOf(const std::string& module, int64_t rank, float* out) const {
  auto best = alphas.end();
  for (size_t at = 0;; ++at) {
    const auto found = alphas.find(module.substr(at));
    if (found != alphas.end()) {
      if (best != alphas.end() && !in_order && found->second.value != best->second.value) {
        return Status(MOSAIC_E_INVALID, "the scale of the adapter is not known",
                      "alpha_pattern has " + Quoted(best->first) + " and " + Quoted(found->first) +
                          " for the module " + Quoted(module) +
                          ", of which the first counts; jsonb does not keep their order.",
                      "Leave one of them out, or import the file with its adapter_config.json.");
      }
      if (best == alphas.end() || found->second.place < best->second.place) best = found;
    }
    at = module.find('.', at);
    if (at == std::string::npos) break;
  }
  const double a = best == alphas.end() ? alpha : best->second.value;
  const double r = static_cast<double>(rank);
  *out = static_cast<float>(a / (by_root ? std::sqrt(r) : r));
  return {};
}

Status ReadAdapterConfig(std::string_view text, bool in_order, AdapterConfig* out) {
  if (text.size() > kMaxAdapterConfig)
    return Status::Limit("it has more than " + std::to_string(kMaxAdapterConfig) + " bytes");
  std::vector<std::string> keys;
  const json config = Parse(text, &keys);
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
  MOSAIC_RETURN_IF_ERROR(CheckBeginning(config));
  const auto alpha = config.find("lora_alpha");
  if (alpha == config.end() || !alpha->is_number())
    return Status::BadModel("it has no number lora_alpha");
  out->alpha = alpha->get<double>();
  if (!std::isfinite(out->alpha)) return Status::BadModel("lora_alpha is not finite");
  out->by_root = Says(config, "use_rslora");
  out->in_order = in_order;
  return ReadAlphas(config, keys, out);
}

}  // namespace mosaic
