#include "core/text/tokenizer.h"

namespace mosaic::text {
namespace {

int64_t Bytes(const std::vector<std::string>& tokens) {
  int64_t bytes = 0;
  for (const std::string& token : tokens) bytes += static_cast<int64_t>(token.size()) + 4;
  return bytes;
}

}  // namespace

Status Tokenizer::Decode(const int32_t* ids, size_t n, bool skip_special, std::string* out) const {
  if (n > kMaxDecodeIds)
    return Status::Limit(std::to_string(n) + " tokens are too many to be made text at once, at most " +
                         std::to_string(kMaxDecodeIds) + " are allowed");
  std::vector<std::string> tokens;
  size_t bytes = 0;
  for (size_t i = 0; i < n; ++i) {
    if (hidden.count(ids[i]) > 0) continue;
    const std::string* decoded = added.Decoded(ids[i]);
    std::string_view token = decoded != nullptr ? std::string_view(*decoded) : model->vocabulary().Token(ids[i]);
    if (token.data() == nullptr || (skip_special && added.special(token))) continue;
    if ((bytes += token.size()) > kMaxDecodedBytes) return Status::Limit("the text of the tokens is too long");
    tokens.emplace_back(token);
  }
  Budget budget(kMaxDecodeWork);
  for (const auto& decoder : decoders) {
    budget.Use(Bytes(tokens));
    if (!budget.spent()) MOSAIC_RETURN_IF_ERROR(decoder->Run(&tokens, &budget));
    if (budget.spent()) return Status::Limit("making text of " + std::to_string(n) + " tokens takes too long");
  }
  out->clear();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !has_decoder) out->push_back(' ');
    *out += tokens[i];
  }
  return Status();
}

Status ReadTokenizer(std::string_view bytes, Tokenizer* out) {
  if (bytes.size() > kMaxTokenizerBytes)
    return Status::Limit("a tokenizer has " + std::to_string(bytes.size()) + " bytes, at most " +
                         std::to_string(kMaxTokenizerBytes) + " are allowed");
  const size_t first = bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos) return Status::BadModel("a tokenizer is empty");
  if (bytes[first] == '{') return ReadTokenizerJson(bytes, out);
  // A ModelProto begins with its first piece: field 1, of a length, whose own field 1 is the token. A
  // vocab.txt begins with neither an empty line nor one of a single character.
  if (bytes.size() > 3 && bytes[0] == '\n' && bytes[2] == '\n') return ReadSentencePiece(bytes, out);
  return ReadVocabTxt(bytes, out);
}

}  // namespace mosaic::text
