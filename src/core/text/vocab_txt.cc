// BERT's vocab.txt: a token a line, the id is the number of the line, from 0. All else is as BERT's own
// tokenizer does it.
#include <algorithm>

#include "core/text/tokenizer.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

std::string_view TrimEnd(std::string_view line) {
  while (!line.empty()) {
    const size_t last = PreviousChar(line, line.size());
    size_t pos = last;
    if (!IsWhitespace(DecodeChar(line, &pos))) break;
    line = line.substr(0, last);
  }
  return line;
}

bool HasUpperCase(std::string_view token) {
  for (size_t pos = 0; pos < token.size();)
    if (Category(DecodeChar(token, &pos)) == UTF8PROC_CATEGORY_LU) return true;
  return false;
}

}  // namespace

Status ReadVocabTxt(std::string_view bytes, Tokenizer* out) {
  if (bytes.find('\0') != std::string_view::npos || !ValidUtf8(bytes))
    return Status::BadModel("this is neither a tokenizer.json nor a SentencePiece model nor a vocab.txt");
  Vocabulary vocabulary;
  bool upper = false;
  for (size_t pos = 0, line = 0; pos < bytes.size(); ++line) {
    const size_t end = std::min(bytes.find('\n', pos), bytes.size());
    const std::string_view token = TrimEnd(bytes.substr(pos, end - pos));
    MOSAIC_RETURN_IF_ERROR(vocabulary.Add(token, static_cast<int64_t>(line)).In("vocab.txt"));
    // Of special tokens the letters say nothing.
    upper = upper || (!token.empty() && token[0] != '[' && token[0] != '<' && HasUpperCase(token));
    pos = end + 1;
  }
  vocabulary.Finish();
  std::vector<AddedToken> specials;
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    if (vocabulary.Find(name) == Vocabulary::kNone) continue;
    AddedToken token;
    token.content = name;
    token.special = true;
    token.normalized = false;
    specials.push_back(std::move(token));
  }
  const int32_t cls = vocabulary.Find("[CLS]"), sep = vocabulary.Find("[SEP]"), unk = vocabulary.Find("[UNK]");
  if (cls == Vocabulary::kNone || sep == Vocabulary::kNone || unk == Vocabulary::kNone)
    return Status::BadModel("the vocab.txt has no [CLS], [SEP] or [UNK]: it is not one of BERT");
  BertOptions options;
  options.lowercase = options.strip_accents = !upper;
  out->normalizers.push_back(NewBertNormalizer(options));
  out->pre_tokenizers.push_back(NewBertSplit());
  out->post.single = {{TemplatePiece::kSpecial, {cls}, 0}, {TemplatePiece::kFirst, {}, 0}, {TemplatePiece::kSpecial, {sep}, 0}};
  out->post.pair = out->post.single;
  out->post.pair.push_back({TemplatePiece::kSecond, {}, 1});
  out->post.pair.push_back({TemplatePiece::kSpecial, {sep}, 1});
  out->padding.id = std::max(vocabulary.Find("[PAD]"), 0);
  out->has_decoder = true;
  out->decoders.push_back(NewWordPieceDecoder("##", true));
  out->model = NewWordPiece(std::move(vocabulary), WordPieceOptions());
  return out->added.Add(specials, *out->model, out->normalizers);
}

}  // namespace mosaic::text
