#include "core/text/json_parts.h"

#include "core/text/charsmap_normalizer.h"
#include "core/text/json_fields.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

using nlohmann::json;

// Sequences may hold sequences; the reader bounds the depth of the JSON.
constexpr size_t kMaxParts = 256;

template <typename List>
Status CheckParts(const List& list) {
  return list.size() <= kMaxParts ? Status() : Status::Limit("tokenizer.json has too many parts in a sequence");
}

// {"String": ...} or {"Regex": ...}
Status ReadPattern(Fields* fields, std::string* pattern, bool* regex) {
  const json& value = fields->Get("pattern");
  MOSAIC_RETURN_IF_ERROR(fields->status());
  Fields inner(value, fields->where() + ": the pattern");
  *regex = inner.Find("Regex") != nullptr;
  *pattern = inner.String(*regex ? "Regex" : "String", "");
  return inner.status();
}

Status BuildReplace(Fields* fields, std::unique_ptr<Normalizer>* out) {
  std::string pattern;
  bool regex;
  MOSAIC_RETURN_IF_ERROR(ReadPattern(fields, &pattern, &regex));
  std::string content = fields->String("content", "");
  MOSAIC_RETURN_IF_ERROR(fields->status());
  return NewReplace(pattern, regex, std::move(content), out);
}

Status BuildPrecompiled(Fields* fields, std::unique_ptr<Normalizer>* out) {
  const std::string base64 = fields->String("precompiled_charsmap", "");
  MOSAIC_RETURN_IF_ERROR(fields->status());
  std::string bytes;
  Charsmap charsmap;
  if (!DecodeBase64(base64, &bytes)) return Status::BadModel("the precompiled_charsmap is not valid base64");
  MOSAIC_RETURN_IF_ERROR(Charsmap::Parse(bytes, &charsmap));
  *out = NewPrecompiled(std::move(charsmap));
  return Status();
}

Status ReadBehavior(Fields* fields, Behavior otherwise, Behavior* out) {
  const std::string name = fields->String("behavior", "");
  if (name.empty())
    *out = otherwise;
  else if (name == "Removed")
    *out = Behavior::kRemoved;
  else if (name == "Isolated")
    *out = Behavior::kIsolated;
  else if (name == "MergedWithPrevious")
    *out = Behavior::kMergedWithPrevious;
  else if (name == "MergedWithNext")
    *out = Behavior::kMergedWithNext;
  else if (name == "Contiguous")
    *out = Behavior::kContiguous;
  else
    return Status::BadModel(fields->where() + " has the behavior " + Quoted(name));
  return fields->status();
}

// Exactly one character.
Status ReadCharacter(Fields* fields, const char* name, std::string* out) {
  *out = fields->String(name, "");
  MOSAIC_RETURN_IF_ERROR(fields->status());
  if (out->empty() || CharLength(static_cast<unsigned char>((*out)[0])) != out->size())
    return Status::BadModel(fields->where() + ": " + Quoted(name) + " is not one character");
  return Status();
}

Status BuildSplit(Fields* fields, PreTokenizers* out) {
  std::string pattern;
  bool regex;
  Behavior behavior;
  MOSAIC_RETURN_IF_ERROR(ReadPattern(fields, &pattern, &regex));
  MOSAIC_RETURN_IF_ERROR(ReadBehavior(fields, Behavior::kIsolated, &behavior));
  const bool invert = fields->Bool("invert", false);
  MOSAIC_RETURN_IF_ERROR(fields->status());
  if (pattern.empty()) return Status::Unsupported("a pattern to split at is empty");
  if (!regex) {
    out->push_back(NewTextSplit(std::move(pattern), behavior, invert));
    return Status();
  }
  std::unique_ptr<Regex> compiled;
  MOSAIC_RETURN_IF_ERROR(Regex::Compile(pattern, &compiled));
  out->push_back(NewRegexSplit(std::move(compiled), behavior, invert));
  return Status();
}

Status AddRegexSplit(const std::string& pattern, Behavior behavior, bool invert, PreTokenizers* out) {
  std::unique_ptr<Regex> compiled;
  MOSAIC_RETURN_IF_ERROR(Regex::Compile(pattern, &compiled));
  out->push_back(NewRegexSplit(std::move(compiled), behavior, invert));
  return Status();
}

// Words as GPT-2 sees them.
constexpr char kGpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Status BuildByteLevel(Fields* fields, PreTokenizers* out) {
  const bool prefix = fields->Bool("add_prefix_space", true), regex = fields->Bool("use_regex", true);
  MOSAIC_RETURN_IF_ERROR(fields->status());
  if (prefix) out->push_back(NewPrefixSpace());
  if (regex) MOSAIC_RETURN_IF_ERROR(AddRegexSplit(kGpt2Pattern, Behavior::kIsolated, false, out));
  out->push_back(NewByteLetters());
  return Status();
}

Status ReadMetaspace(Fields* fields, std::string* replacement, PrependScheme* scheme) {
  MOSAIC_RETURN_IF_ERROR(ReadCharacter(fields, "replacement", replacement));
  const std::string name = fields->String("prepend_scheme", "always");
  *scheme = name == "first" ? PrependScheme::kFirst : name == "never" ? PrependScheme::kNever : PrependScheme::kAlways;
  // What files of before 2024 have instead.
  if (!fields->Bool("add_prefix_space", true)) *scheme = PrependScheme::kNever;
  return fields->status();
}

Status BuildMetaspace(Fields* fields, PreTokenizers* out) {
  std::string replacement;
  PrependScheme scheme;
  MOSAIC_RETURN_IF_ERROR(ReadMetaspace(fields, &replacement, &scheme));
  const bool split = fields->Bool("split", true);
  MOSAIC_RETURN_IF_ERROR(fields->status());
  out->push_back(NewMetaspace(replacement, scheme));
  if (split) out->push_back(NewTextSplit(replacement, Behavior::kMergedWithNext, false));
  return Status();
}

// ["[CLS]", 101]
Status ReadSpecial(Fields* fields, const char* name, TemplatePiece* out) {
  const json& pair = fields->Get(name);
  MOSAIC_RETURN_IF_ERROR(fields->status());
  if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_unsigned() || pair[1].get<uint64_t>() > INT32_MAX)
    return Status::BadModel(fields->where() + ": " + Quoted(name) + " is not a token and its id");
  *out = {TemplatePiece::kSpecial, {pair[1].get<int32_t>()}, 0};
  return Status();
}

// BERT: [CLS] A [SEP] B [SEP]. RoBERTa: <s> A </s> </s> B </s>, all of the type 0.
Status BuildClsSep(Fields* fields, bool roberta, PostProcessor* out) {
  TemplatePiece cls, sep;
  MOSAIC_RETURN_IF_ERROR(ReadSpecial(fields, "cls", &cls));
  MOSAIC_RETURN_IF_ERROR(ReadSpecial(fields, "sep", &sep));
  const int32_t second = roberta ? 0 : 1;
  out->single = {cls, {TemplatePiece::kFirst, {}, 0}, sep};
  out->pair = out->single;
  if (roberta) out->pair.push_back(sep);
  out->pair.push_back({TemplatePiece::kSecond, {}, second});
  sep.type_id = second;
  out->pair.push_back(sep);
  return Status();
}

Status BuildTemplatePiece(const json& item, const json& specials, TemplatePiece* out) {
  Fields fields(item, "a piece of the template");
  const bool special = fields.Find("SpecialToken") != nullptr;
  const json& inner = fields.Get(special ? "SpecialToken" : "Sequence");
  MOSAIC_RETURN_IF_ERROR(fields.status());
  Fields piece(inner, "a piece of the template");
  const std::string id = piece.String("id", "");
  out->type_id = static_cast<int32_t>(piece.Int("type_id", 0));
  MOSAIC_RETURN_IF_ERROR(piece.status());
  if (!special) {
    out->kind = id == "B" ? TemplatePiece::kSecond : TemplatePiece::kFirst;
    return id == "A" || id == "B" ? Status() : Status::BadModel("the template names the sequence " + Quoted(id));
  }
  out->kind = TemplatePiece::kSpecial;
  const auto token = specials.find(id);
  if (token == specials.end()) return Status::BadModel("the template names " + Quoted(id) + ", which is not among its special tokens");
  Fields token_fields(*token, "the special token " + Quoted(id));
  const json& ids = token_fields.Get("ids");
  MOSAIC_RETURN_IF_ERROR(token_fields.status());
  if (!ids.is_array() || ids.size() > kMaxParts) return Status::BadModel("the special token " + Quoted(id) + " has no list of ids");
  for (const json& value : ids) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT32_MAX)
      return Status::BadModel("the special token " + Quoted(id) + " has a wrong id");
    out->ids.push_back(value.get<int32_t>());
  }
  return Status();
}

Status BuildTemplate(const json& list, const json& specials, bool is_pair, Template* out) {
  if (!list.is_array() || list.size() > kMaxParts || !specials.is_object())
    return Status::BadModel("the template is not an array of pieces");
  out->clear();
  for (const json& item : list) {
    TemplatePiece piece;
    MOSAIC_RETURN_IF_ERROR(BuildTemplatePiece(item, specials, &piece));
    if (piece.kind == TemplatePiece::kSecond && !is_pair)
      return Status::BadModel("the template for one text names a second one");
    out->push_back(std::move(piece));
  }
  return Status();
}

// *adds: whether one that adds special tokens has come.
Status AddPostProcessor(const json& object, PostProcessor* out, bool* adds) {
  Fields fields(object, "the post-processor");
  const std::string type = fields.type();
  MOSAIC_RETURN_IF_ERROR(fields.status());
  if (type == "ByteLevel") return Status();  // concerns offsets alone
  if (type == "Sequence") {
    const json& list = fields.Get("processors");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (!list.is_array()) return Status::BadModel("\"processors\" is not an array");
    for (const json& item : list) MOSAIC_RETURN_IF_ERROR(AddPostProcessor(item, out, adds));
    return Status();
  }
  if (*adds) return Status::Unsupported("two post-processors that add special tokens are not supported");
  *adds = true;
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return BuildClsSep(&fields, type == "RobertaProcessing", out);
  if (type != "TemplateProcessing") return fields.Unsupported();
  const json& specials = fields.Get("special_tokens");
  const json &single = fields.Get("single"), &pair = fields.Get("pair");
  MOSAIC_RETURN_IF_ERROR(fields.status());
  MOSAIC_RETURN_IF_ERROR(BuildTemplate(single, specials, false, &out->single));
  return BuildTemplate(pair, specials, true, &out->pair);
}

}  // namespace

Status BuildNormalizers(const json& object, Normalizers* out) {
  Fields fields(object, "the normalizer");
  const std::string type = fields.type();
  MOSAIC_RETURN_IF_ERROR(fields.status());
  std::unique_ptr<Normalizer> made;
  if (type == "Sequence") {
    const json& list = fields.Get("normalizers");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (!list.is_array()) return Status::BadModel("\"normalizers\" is not an array");
    for (const json& item : list) MOSAIC_RETURN_IF_ERROR(BuildNormalizers(item, out));
    return Status();
  }
  if (type == "BertNormalizer") {
    BertOptions options;
    options.clean_text = fields.Bool("clean_text", true);
    options.handle_chinese_chars = fields.Bool("handle_chinese_chars", true);
    options.lowercase = fields.Bool("lowercase", true);
    options.strip_accents = fields.Bool("strip_accents", options.lowercase);
    made = NewBertNormalizer(options);
  } else if (type == "NFC") {
    made = NewUnicodeNormalizer(Form::kNfc);
  } else if (type == "NFD") {
    made = NewUnicodeNormalizer(Form::kNfd);
  } else if (type == "NFKC") {
    made = NewUnicodeNormalizer(Form::kNfkc);
  } else if (type == "NFKD") {
    made = NewUnicodeNormalizer(Form::kNfkd);
  } else if (type == "Lowercase") {
    made = NewLowercase();
  } else if (type == "StripAccents") {
    made = NewStripAccents();
  } else if (type == "Nmt") {
    made = NewNmt();
  } else if (type == "Strip") {
    made = NewStrip(fields.Bool("strip_left", true), fields.Bool("strip_right", true));
  } else if (type == "Prepend") {
    made = NewPrepend(fields.String("prepend", ""));
  } else if (type == "ByteLevel") {
    made = NewByteMap();
  } else if (type == "Replace") {
    MOSAIC_RETURN_IF_ERROR(BuildReplace(&fields, &made));
  } else if (type == "Precompiled") {
    MOSAIC_RETURN_IF_ERROR(BuildPrecompiled(&fields, &made));
  } else {
    return fields.Unsupported();
  }
  MOSAIC_RETURN_IF_ERROR(fields.status());
  out->push_back(std::move(made));
  return CheckParts(*out);
}

Status BuildPreTokenizers(const json& object, PreTokenizers* out) {
  Fields fields(object, "the pre-tokenizer");
  const std::string type = fields.type();
  MOSAIC_RETURN_IF_ERROR(fields.status());
  Behavior behavior;
  if (type == "Sequence") {
    const json& list = fields.Get("pretokenizers");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (!list.is_array()) return Status::BadModel("\"pretokenizers\" is not an array");
    for (const json& item : list) MOSAIC_RETURN_IF_ERROR(BuildPreTokenizers(item, out));
  } else if (type == "BertPreTokenizer") {
    out->push_back(NewBertSplit());
  } else if (type == "ByteLevel") {
    MOSAIC_RETURN_IF_ERROR(BuildByteLevel(&fields, out));
  } else if (type == "Metaspace") {
    MOSAIC_RETURN_IF_ERROR(BuildMetaspace(&fields, out));
  } else if (type == "Whitespace") {
    const std::string word = kWordClass;
    MOSAIC_RETURN_IF_ERROR(AddRegexSplit("[" + word + "\\p{Join_Control}]+|[^\\s" + word + "\\p{Join_Control}]+",
                                         Behavior::kRemoved, true, out));
  } else if (type == "WhitespaceSplit") {
    out->push_back(NewClassSplit(CharClass::kWhitespace, Behavior::kRemoved));
  } else if (type == "Punctuation") {
    MOSAIC_RETURN_IF_ERROR(ReadBehavior(&fields, Behavior::kIsolated, &behavior));
    out->push_back(NewClassSplit(CharClass::kPunctuation, behavior));
  } else if (type == "Digits") {
    behavior = fields.Bool("individual_digits", false) ? Behavior::kIsolated : Behavior::kContiguous;
    out->push_back(NewClassSplit(CharClass::kNumeric, behavior));
  } else if (type == "Split") {
    MOSAIC_RETURN_IF_ERROR(BuildSplit(&fields, out));
  } else if (type == "CharDelimiterSplit") {
    std::string delimiter;
    MOSAIC_RETURN_IF_ERROR(ReadCharacter(&fields, "delimiter", &delimiter));
    out->push_back(NewTextSplit(std::move(delimiter), Behavior::kRemoved, false));
  } else if (type == "FixedLength") {
    out->push_back(NewFixedLength(static_cast<size_t>(fields.Int("length", 5, 1))));
  } else {
    return fields.Unsupported();
  }
  MOSAIC_RETURN_IF_ERROR(fields.status());
  return CheckParts(*out);
}

Status BuildPostProcessor(const json& object, PostProcessor* out) {
  bool adds = false;
  return AddPostProcessor(object, out, &adds);
}

Status BuildDecoders(const json& object, Decoders* out) {
  Fields fields(object, "the decoder");
  const std::string type = fields.type();
  MOSAIC_RETURN_IF_ERROR(fields.status());
  if (type == "Sequence") {
    const json& list = fields.Get("decoders");
    MOSAIC_RETURN_IF_ERROR(fields.status());
    if (!list.is_array()) return Status::BadModel("\"decoders\" is not an array");
    for (const json& item : list) MOSAIC_RETURN_IF_ERROR(BuildDecoders(item, out));
  } else if (type == "WordPiece") {
    out->push_back(NewWordPieceDecoder(fields.String("prefix", "##"), fields.Bool("cleanup", true)));
  } else if (type == "BPEDecoder") {
    out->push_back(NewBpeDecoder(fields.String("suffix", "</w>")));
  } else if (type == "ByteLevel") {
    out->push_back(NewByteLevelDecoder());
  } else if (type == "Metaspace") {
    std::string replacement;
    PrependScheme scheme;
    MOSAIC_RETURN_IF_ERROR(ReadMetaspace(&fields, &replacement, &scheme));
    out->push_back(NewMetaspaceDecoder(replacement, scheme != PrependScheme::kNever));
  } else if (type == "ByteFallback") {
    out->push_back(NewByteFallbackDecoder());
  } else if (type == "Fuse") {
    out->push_back(NewFuseDecoder());
  } else if (type == "Strip") {
    std::string character;
    MOSAIC_RETURN_IF_ERROR(ReadCharacter(&fields, "content", &character));
    out->push_back(NewStripDecoder(character, static_cast<size_t>(fields.Int("start", 0)),
                                   static_cast<size_t>(fields.Int("stop", 0))));
  } else if (type == "Replace") {
    std::unique_ptr<Normalizer> replace;
    MOSAIC_RETURN_IF_ERROR(BuildReplace(&fields, &replace));
    out->push_back(NewReplaceDecoder(std::move(replace)));
  } else if (type == "CTC") {
    out->push_back(NewCtcDecoder(fields.String("pad_token", "<pad>"), fields.String("word_delimiter_token", "|"),
                                 fields.Bool("cleanup", true)));
  } else {
    return fields.Unsupported();
  }
  MOSAIC_RETURN_IF_ERROR(fields.status());
  return CheckParts(*out);
}

}  // namespace mosaic::text
