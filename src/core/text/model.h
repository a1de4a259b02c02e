// The model of a tokenizer: how a word becomes tokens of the vocabulary.
//
// Models are immutable. What one needs to remember within a word, and to keep from word to word, is in its Scratch.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/budget.h"
#include "core/text/byte_trie.h"
#include "core/text/vocabulary.h"
#include "core/util/status.h"

namespace mosaic::text {

class Model {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
    virtual void Restart() {}  // forgets an unfinished word
  };

  explicit Model(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~Model() = default;

  virtual const char* name() const = 0;  // as tokenizer.json has it
  virtual std::unique_ptr<Scratch> NewScratch() const = 0;
  // Appends the tokens of a word (not empty, valid UTF-8). *done is false where the budget was spent: then
  // call again with the same word and scratch. All but the last call of a word append nothing.
  virtual Status Run(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids, bool* done,
                     Budget* budget) const = 0;
  virtual size_t bytes() const { return vocabulary_.bytes(); }

  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  const Vocabulary vocabulary_;
};

// ---- WordPiece: the longest token at each place (Schuster and Nakajima 2012) ----

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  size_t max_input_chars_per_word = 100;
};
std::unique_ptr<Model> NewWordPiece(Vocabulary vocabulary, const WordPieceOptions& options);

// ---- WordLevel: the word is the token ----

std::unique_ptr<Model> NewWordLevel(Vocabulary vocabulary, const std::string& unk_token);

// ---- BPE: neighbours are merged, the earliest rule first (Sennrich et al. 2016) ----

struct Merge {
  int32_t left, right, result;  // ids
  uint32_t rank;  // the least goes first, among equal ones the leftmost
};
struct BpeOptions {
  std::string unk_token;  // "": none
  std::string continuing_subword_prefix, end_of_word_suffix;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;  // a word that is a token is not taken apart
  ByteTrie verbatim;  // tokens that are taken as they are, wherever they are in a word
};
Status NewBpe(Vocabulary vocabulary, const std::vector<Merge>& merges, const BpeOptions& options,
              std::unique_ptr<Model>* out);

// ---- Unigram: the split of the highest sum of scores (Kudo 2018) ----

struct UnigramOptions {
  int32_t unk_id = Vocabulary::kNone;
  bool byte_fallback = false;
  // As SentencePiece has it: sums are rounded to single precision, and unknown parts are not looked up.
  bool sentencepiece = false;
  std::vector<bool> excluded;  // tokens that no text has, by id; empty: none
  double unk_score = NAN;      // of a character that is in no token; NAN: 10 below the least score
};
// scores: by place in the vocabulary, whose ids are 0, 1, 2, ...
Status NewUnigram(Vocabulary vocabulary, std::vector<double> scores, const UnigramOptions& options,
                  std::unique_ptr<Model>* out);

}  // namespace mosaic::text
