// WordPiece and WordLevel.
#include "core/text/byte_trie.h"
#include "core/text/model.h"
#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {
namespace {

class NoScratch : public Model::Scratch {};

Status MissingUnk(const std::string& token) {
  return Status::BadModel("a word is not in the vocabulary, and neither is the token for such words, " +
                          Quoted(token));
}

class WordPiece : public Model {
 public:
  WordPiece(Vocabulary vocabulary, const WordPieceOptions& options)
      : Model(std::move(vocabulary)), options_(options), unk_(vocabulary_.Find(options.unk_token)) {
    std::vector<ByteTrie::Entry> first, next;
    const std::string& prefix = options_.continuing_subword_prefix;
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      const std::string_view token = vocabulary_.token(i);
      first.emplace_back(token, vocabulary_.id(i));
      if (token.substr(0, prefix.size()) == prefix)
        next.emplace_back(token.substr(prefix.size()), vocabulary_.id(i));
    }
    first_ = ByteTrie(std::move(first));
    next_ = ByteTrie(std::move(next));
  }

  const char* name() const override { return "WordPiece"; }
  std::unique_ptr<Scratch> NewScratch() const override { return std::make_unique<NoScratch>(); }
  size_t bytes() const override { return vocabulary_.bytes() + first_.bytes() + next_.bytes(); }

  // In one call: max_input_chars_per_word and kMaxTokenBytes bound a word's work.
  Status Run(std::string_view word, Scratch*, std::vector<int32_t>* ids, bool* done,
             Budget* budget) const override {
    *done = true;
    const size_t before = ids->size();
    bool good = !TooLong(word);
    for (size_t pos = 0; good && pos < word.size();) {
      const ByteTrie& trie = pos == 0 ? first_ : next_;
      size_t length = 0;
      const int32_t id = trie.empty() ? ByteTrie::kNone : trie.Longest(word, pos, &length);
      good = id != ByteTrie::kNone;
      if (good) ids->push_back(id);
      pos += length;
    }
    budget->Use(static_cast<int64_t>(word.size()) + 8);
    if (good) return Status();
    if (unk_ == Vocabulary::kNone) return MissingUnk(options_.unk_token);
    ids->resize(before);
    ids->push_back(unk_);
    return Status();
  }

 private:
  bool TooLong(std::string_view word) const {
    if (word.size() <= options_.max_input_chars_per_word) return false;
    size_t characters = 0;
    for (size_t pos = 0; pos < word.size() && characters <= options_.max_input_chars_per_word; ++characters)
      pos += CharLength(static_cast<unsigned char>(word[pos]));
    return characters > options_.max_input_chars_per_word;
  }

  const WordPieceOptions options_;
  const int32_t unk_;
  ByteTrie first_, next_;
};

class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, const std::string& unk_token)
      : Model(std::move(vocabulary)), unk_token_(unk_token), unk_(vocabulary_.Find(unk_token)) {}

  const char* name() const override { return "WordLevel"; }
  std::unique_ptr<Scratch> NewScratch() const override { return std::make_unique<NoScratch>(); }

  Status Run(std::string_view word, Scratch*, std::vector<int32_t>* ids, bool* done,
             Budget* budget) const override {
    *done = true;
    int32_t id = vocabulary_.Find(word);
    if (id == Vocabulary::kNone) id = unk_;
    if (id == Vocabulary::kNone) return MissingUnk(unk_token_);
    ids->push_back(id);
    budget->Use(static_cast<int64_t>(word.size()) + 8);
    return Status();
  }

 private:
  const std::string unk_token_;
  const int32_t unk_;
};

}  // namespace

std::unique_ptr<Model> NewWordPiece(Vocabulary vocabulary, const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(std::move(vocabulary), options);
}

std::unique_ptr<Model> NewWordLevel(Vocabulary vocabulary, const std::string& unk_token) {
  return std::make_unique<WordLevel>(std::move(vocabulary), unk_token);
}

}  // namespace mosaic::text
