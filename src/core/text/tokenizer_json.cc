// From the JSON of a tokenizer.json to the parts of a tokenizer. The names are those of Hugging Face's library.
#include <algorithm>

#include "core/text/json_fields.h"
#include "core/text/json_parts.h"
#include "core/text/tokenizer.h"
#include "core/text/tokenizer_file.h"

namespace mosaic::text {
namespace {

// Times kMaxTokenBytes it bounds the steps that a word takes at once.
constexpr size_t kMaxCharsPerWord = 1000;

using nlohmann::json;

Status BuildMerges(const TokenizerFile& file, const std::string& prefix, std::vector<Merge>* out) {
  std::string result;
  for (size_t i = 0; i < file.merges(); ++i) {
    const std::string_view a = file.merge_part(2 * i), b = file.merge_part(2 * i + 1);
    if (b.size() < prefix.size()) return Status::BadModel("the merge of " + Quoted(std::string(a)) + " and " + Quoted(std::string(b)) + " has no prefix " + Quoted(prefix));
    result.assign(a);
    result += b.substr(prefix.size());
    const Merge merge{file.vocabulary.Find(a), file.vocabulary.Find(b), file.vocabulary.Find(result),
                      static_cast<uint32_t>(i)};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0)
      return Status::BadModel("the merge of " + Quoted(std::string(a)) + " and " + Quoted(std::string(b)) +
                              " names a token that is not in the vocabulary");
    out->push_back(merge);
  }
  return Status();
}

std::string ModelType(const TokenizerFile& file, Fields* fields) {
  const std::string type = fields->type();
  if (!type.empty()) return type;
  // Files of before 2020 do not say.
  if (file.has_merges) return "BPE";
  if (file.has_scores) return "Unigram";
  return fields->Find("max_input_chars_per_word") != nullptr ? "WordPiece" : "WordLevel";
}

Status BuildModel(TokenizerFile* file, std::unique_ptr<const Model>* out) {
  const auto it = file->json.find("model");
  if (it == file->json.end()) return Status::BadModel("tokenizer.json has no model");
  Fields fields(*it, "the model");
  const std::string type = ModelType(*file, &fields);
  MOSAIC_RETURN_IF_ERROR(fields.status());
  if (!file->has_vocab) return Status::BadModel("the model has no \"vocab\"");
  if (file->has_scores != (type == "Unigram")) return Status::BadModel("the model's \"vocab\" is not that of " + type);
  std::unique_ptr<Model> model;
  if (type == "WordPiece") {
    WordPieceOptions options;
    options.unk_token = fields.String("unk_token", options.unk_token);
    options.continuing_subword_prefix = fields.String("continuing_subword_prefix", options.continuing_subword_prefix);
    options.max_input_chars_per_word = static_cast<size_t>(fields.Int("max_input_chars_per_word", 100));
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (options.max_input_chars_per_word > kMaxCharsPerWord)
      return Status::Limit("\"max_input_chars_per_word\" is " + std::to_string(options.max_input_chars_per_word) +
                           ", at most " + std::to_string(kMaxCharsPerWord) + " is allowed");
    model = NewWordPiece(std::move(file->vocabulary), options);
  } else if (type == "WordLevel") {
    const std::string unk = fields.String("unk_token", "<unk>");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    model = NewWordLevel(std::move(file->vocabulary), unk);
  } else if (type == "BPE") {
    BpeOptions options;
    options.unk_token = fields.String("unk_token", "");
    options.continuing_subword_prefix = fields.String("continuing_subword_prefix", "");
    options.end_of_word_suffix = fields.String("end_of_word_suffix", "");
    options.fuse_unk = fields.Bool("fuse_unk", false);
    options.byte_fallback = fields.Bool("byte_fallback", false);
    options.ignore_merges = fields.Bool("ignore_merges", false);
    const json* dropout = fields.Find("dropout");
    if (dropout != nullptr && *dropout != 0)
      return Status::Unsupported("a BPE model with dropout, which draws at random, is not supported");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (!file->has_merges) return Status::BadModel("the model has no \"merges\"");
    std::vector<Merge> merges;
    MOSAIC_RETURN_IF_ERROR(BuildMerges(*file, options.continuing_subword_prefix, &merges));
    MOSAIC_RETURN_IF_ERROR(NewBpe(std::move(file->vocabulary), merges, options, &model));
  } else if (type == "Unigram") {
    UnigramOptions options;
    options.unk_id = static_cast<int32_t>(fields.Int("unk_id", Vocabulary::kNone));
    options.byte_fallback = fields.Bool("byte_fallback", false);
    MOSAIC_RETURN_IF_ERROR(fields.status());
    MOSAIC_RETURN_IF_ERROR(NewUnigram(std::move(file->vocabulary), std::move(file->scores), options, &model));
  } else {
    return fields.Unsupported();
  }
  *out = std::move(model);
  return Status();
}

Status BuildAdded(const json& list, const Model& model, const Normalizers& normalizers, AddedTokens* out) {
  if (!list.is_array()) return Status::BadModel("\"added_tokens\" is not an array");
  std::vector<AddedToken> tokens;
  for (const json& item : list) {
    Fields fields(item, "an added token");
    AddedToken token;
    token.content = fields.String("content", "");
    token.id = fields.Int("id", -1);
    token.single_word = fields.Bool("single_word", false);
    token.lstrip = fields.Bool("lstrip", false);
    token.rstrip = fields.Bool("rstrip", false);
    token.special = fields.Bool("special", false);
    token.normalized = fields.Bool("normalized", !token.special);
    MOSAIC_RETURN_IF_ERROR(fields.status());
    tokens.push_back(std::move(token));
  }
  return out->Add(tokens, model, normalizers);
}

Status BuildTruncation(const json& object, std::optional<Truncation>* out) {
  Fields fields(object, "truncation");
  Truncation truncation;
  truncation.max_length = fields.Int("max_length", 512);
  truncation.left = fields.String("direction", "Right") == "Left";
  const std::string strategy = fields.String("strategy", "LongestFirst");
  MOSAIC_RETURN_IF_ERROR(fields.status());
  if (strategy == "OnlyFirst")
    truncation.strategy = Truncation::kOnlyFirst;
  else if (strategy == "OnlySecond")
    truncation.strategy = Truncation::kOnlySecond;
  else if (strategy != "LongestFirst")
    return Status::Unsupported("truncation by " + Quoted(strategy) + " is not supported");
  *out = truncation;
  return Status();
}

Status BuildPadding(const json& object, Padding* out) {
  Fields fields(object, "padding");
  out->left = fields.String("direction", "Right") == "Left";
  out->id = static_cast<int32_t>(fields.Int("pad_id", 0));
  out->type_id = static_cast<int32_t>(fields.Int("pad_type_id", 0));
  return fields.status();
}

}  // namespace

Status ReadTokenizerJson(std::string_view bytes, Tokenizer* out) {
  TokenizerFile file;
  MOSAIC_RETURN_IF_ERROR(ParseTokenizerFile(bytes, &file));
  Fields fields(file.json, "tokenizer.json");
  if (fields.String("version", "1.0") != "1.0")
    return Status::Unsupported("tokenizer.json has the version " + Quoted(fields.String("version", "")) + ", not 1.0");
  MOSAIC_RETURN_IF_ERROR(fields.status());
  MOSAIC_RETURN_IF_ERROR(BuildModel(&file, &out->model));
  if (const json* part = fields.Find("normalizer")) MOSAIC_RETURN_IF_ERROR(BuildNormalizers(*part, &out->normalizers));
  if (const json* part = fields.Find("pre_tokenizer"))
    MOSAIC_RETURN_IF_ERROR(BuildPreTokenizers(*part, &out->pre_tokenizers));
  if (const json* part = fields.Find("added_tokens"))
    MOSAIC_RETURN_IF_ERROR(BuildAdded(*part, *out->model, out->normalizers, &out->added));
  if (const json* part = fields.Find("post_processor"))
    MOSAIC_RETURN_IF_ERROR(BuildPostProcessor(*part, &out->post));
  if (const json* part = fields.Find("truncation")) MOSAIC_RETURN_IF_ERROR(BuildTruncation(*part, &out->truncation));
  if (const json* part = fields.Find("padding")) MOSAIC_RETURN_IF_ERROR(BuildPadding(*part, &out->padding));
  if (const json* part = fields.Find("decoder")) {
    out->has_decoder = true;
    MOSAIC_RETURN_IF_ERROR(BuildDecoders(*part, &out->decoders));
  }
  return Status();
}

}  // namespace mosaic::text
