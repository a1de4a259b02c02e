#include "core/text/folder_settings.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "core/util/quote.h"

namespace mosaic::text {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 100;
// transformers writes 10^30 where a tokenizer has no limit.
constexpr int64_t kMaxLength = 1'000'000;

Status Bad(const char* file, const std::string& why) {
  return Status::BadModel("file " + Quoted(file) + ": " + why);
}

// Nothing where the file is not there.
Status Parse(const char* file, std::string_view content, json* out) {
  *out = nullptr;
  if (content.empty()) return {};
  bool deep = false;
  const json::parser_callback_t check = [&](int depth, json::parse_event_t, json&) {
    deep = deep || depth > kMaxDepth;
    return !deep;
  };
  *out = json::parse(content, check, /*allow_exceptions=*/false);
  if (deep) return Bad(file, "it is nested too deeply");
  if (out->is_discarded()) return Bad(file, "it is not JSON");
  return {};
}

// A member of an object, or null.
const json& Member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

// A whole number from 1 to kMaxLength, else 0. It may be written as a float.
int64_t Length(const json& value) {
  if (!value.is_number()) return 0;
  const double v = value.get<double>();
  return v >= 1 && v <= static_cast<double>(kMaxLength) ? static_cast<int64_t>(v) : 0;
}

Status ReadLabels(const json& config, std::vector<std::string>* out) {
  const json& names = Member(config, "id2label");
  if (names.is_null()) return {};
  if (!names.is_object() || names.size() > kMaxLabels) return Bad("config.json", "id2label is no object of labels");
  std::map<size_t, std::string> labels;
  for (const auto& [key, value] : names.items()) {
    size_t id = 0;
    const auto end = std::from_chars(key.data(), key.data() + key.size(), id);
    if (end.ec != std::errc() || end.ptr != key.data() + key.size() || !value.is_string())
      return Bad("config.json", "id2label does not give a number a name");
    if (!labels.emplace(id, value.get<std::string>()).second) return Bad("config.json", "id2label names a class twice");
  }
  if (!labels.empty() && labels.rbegin()->first != labels.size() - 1)
    return Bad("config.json", "id2label leaves out a class");
  if (labels.size() < 2) return {};
  for (auto& [id, label] : labels) out->push_back(std::move(label));
  return {};
}

Status ReadPooling(const json& config, std::optional<Pooling>* out) {
  if (config.is_null()) return {};
  if (!config.is_object()) return Bad("1_Pooling/config.json", "it is no object");
  static constexpr std::pair<const char*, Pooling> kModes[] = {{"pooling_mode_mean_tokens", Pooling::kMean},
                                                               {"pooling_mode_cls_token", Pooling::kCls},
                                                               {"pooling_mode_max_tokens", Pooling::kMax},
                                                               {"pooling_mode_lasttoken", Pooling::kLast}};
  std::vector<std::string> modes;
  for (const auto& [key, value] : config.items()) {
    if (key.rfind("pooling_mode_", 0) == 0 && value.is_boolean() && value.get<bool>()) modes.push_back(key);
  }
  if (modes.empty()) return Bad("1_Pooling/config.json", "it names no pooling");
  const auto* const mode = std::find_if(std::begin(kModes), std::end(kModes),
                                        [&](const auto& m) { return modes[0] == m.first; });
  if (modes.size() > 1 || mode == std::end(kModes)) {
    return Status::Unsupported("file \"1_Pooling/config.json\": pooling " + Quoted(modes.back()) +
                               (modes.size() > 1 ? " together with another" : "") + " is not supported");
  }
  *out = mode->second;
  return {};
}

// The last part of a module's type: "sentence_transformers.models.Normalize".
bool IsModule(const json& module, std::string_view kind) {
  const json& type = Member(module, "type");
  if (!type.is_string()) return false;
  const std::string& name = type.get_ref<const std::string&>();
  return std::string_view(name).substr(name.rfind('.') + 1) == kind;
}

bool HasPaddedPositions(std::string_view model_type) {
  for (const std::string_view type : {"roberta", "xlm-roberta", "camembert", "mpnet"}) {
    if (model_type == type) return true;
  }
  return false;
}

}  // namespace

Status ReadFolderSettings(const FolderFiles& files, FolderSettings* out) {
  json config, tokenizer, sentence, modules, pooling;
  MOSAIC_RETURN_IF_ERROR(Parse("config.json", files.config, &config));
  MOSAIC_RETURN_IF_ERROR(Parse("tokenizer_config.json", files.tokenizer_config, &tokenizer));
  MOSAIC_RETURN_IF_ERROR(Parse("sentence_bert_config.json", files.sentence_config, &sentence));
  MOSAIC_RETURN_IF_ERROR(Parse("modules.json", files.modules, &modules));
  MOSAIC_RETURN_IF_ERROR(Parse("1_Pooling/config.json", files.pooling, &pooling));
  MOSAIC_RETURN_IF_ERROR(ReadLabels(config, &out->labels));
  MOSAIC_RETURN_IF_ERROR(ReadPooling(pooling, &out->pooling));
  if (modules.is_array()) {
    for (const json& module : modules) {
      out->normalize = out->normalize || IsModule(module, "Normalize");
      out->has_dense = out->has_dense || IsModule(module, "Dense");
    }
  }
  // Where positions count from behind that of padding, as in RoBERTa, the table has that many rows more.
  int64_t positions = Length(Member(config, "max_position_embeddings"));
  const json& type = Member(config, "model_type");
  if (type.is_string() && HasPaddedPositions(type.get_ref<const std::string&>()))
    positions -= Length(Member(config, "pad_token_id")) + 1;
  for (const int64_t length : {Length(Member(sentence, "max_seq_length")), Length(Member(tokenizer, "model_max_length")), positions}) {
    if (out->max_tokens == 0) out->max_tokens = std::max<int64_t>(length, 0);
  }
  return {};
}

}  // namespace mosaic::text
