// Unigram: Viterbi over the tokens that the text has at each place, found with a trie.
#include <cmath>
#include <limits>

#include "core/text/byte_fallback.h"
#include "core/text/byte_trie.h"
#include "core/text/model.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

constexpr double kUnkPenalty = 10.0;

class Unigram : public Model {
 public:
  Unigram(Vocabulary vocabulary, std::vector<double> scores, const UnigramOptions& options)
      : Model(std::move(vocabulary)), scores_(std::move(scores)), options_(options), bytes_(vocabulary_) {
    double least = std::numeric_limits<double>::infinity();
    for (const double score : scores_)
      if (score < least) least = score;
    unk_score_ = std::isnan(options.unk_score) ? least - kUnkPenalty : options.unk_score;
    std::vector<ByteTrie::Entry> entries;
    for (size_t i = 0; i < vocabulary_.size(); ++i)
      if (options.excluded.empty() || !options.excluded[i])
        entries.emplace_back(vocabulary_.token(i), static_cast<int32_t>(i));
    trie_ = ByteTrie(std::move(entries));
  }

  const char* name() const override { return "Unigram"; }
  std::unique_ptr<Scratch> NewScratch() const override { return std::make_unique<Lattice>(); }
  size_t bytes() const override {
    return vocabulary_.bytes() + trie_.bytes() + scores_.capacity() * sizeof(double);
  }

  Status Run(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids, bool* done,
             Budget* budget) const override {
    auto* lattice = static_cast<Lattice*>(scratch);
    *done = false;
    if (!lattice->begun) {
      lattice->best.assign(word.size() + 1, Node());
      lattice->pos = 0;
      lattice->begun = true;
      budget->Use(static_cast<int64_t>(word.size()) / 2);
    }
    while (lattice->pos < word.size()) {
      if (budget->spent()) return Status();
      budget->Use(Extend(word, lattice));
    }
    lattice->begun = false;
    *done = true;
    return Collect(word, lattice, ids);
  }

 private:
  struct Node {
    double score = 0;
    uint32_t begin = kUnreached;
    int32_t id = 0;
  };
  static constexpr uint32_t kUnreached = UINT32_MAX;

  struct Lattice : Scratch {
    void Restart() override { begun = false; }
    std::vector<Node> best;  // by place: the best path that ends there
    std::vector<int32_t> reversed;
    size_t pos = 0;
    bool begun = false;
  };

  void Offer(Node* node, double score, size_t begin, int32_t id) const {
    if (node->begin != kUnreached && score <= node->score) return;
    node->score = options_.sentencepiece ? static_cast<float>(score) : score;
    node->begin = static_cast<uint32_t>(begin);
    node->id = id;
  }

  // All tokens that begin at lattice->pos, which moves on by a character; returns the work it was.
  int64_t Extend(std::string_view word, Lattice* lattice) const {
    const size_t pos = lattice->pos;
    const size_t single = CharLength(static_cast<unsigned char>(word[pos]));
    const double so_far = lattice->best[pos].score;
    bool has_single = false;
    uint32_t node = ByteTrie::kRoot;
    size_t end = pos;
    while (!trie_.empty() && end < word.size() && trie_.Step(&node, static_cast<unsigned char>(word[end]))) {
      ++end;
      const int32_t place = trie_.Value(node);
      if (place == ByteTrie::kNone) continue;
      Offer(&lattice->best[end], scores_[static_cast<size_t>(place)] + so_far, pos, place);
      has_single |= end - pos == single;
    }
    if (!has_single) Offer(&lattice->best[pos + single], unk_score_ + so_far, pos, options_.unk_id);
    lattice->pos = pos + single;
    return static_cast<int64_t>(end - pos) + 4;
  }

  // The best path, read from its end. Neighbouring unknown parts are one.
  Status Collect(std::string_view word, Lattice* lattice, std::vector<int32_t>* ids) const {
    std::vector<int32_t>& reversed = lattice->reversed;
    reversed.clear();
    for (size_t end = word.size(); end > 0;) {
      size_t begin = lattice->best[end].begin;
      const int32_t id = lattice->best[end].id;
      if (id == Vocabulary::kNone) return Status::BadModel("a text has parts that are not in the vocabulary, and there is no token for such parts (unk_id)");
      if (id != options_.unk_id) {
        reversed.push_back(id);
      } else {
        while (begin > 0 && lattice->best[begin].id == id) begin = lattice->best[begin].begin;
        Unknown(word.substr(begin, end - begin), &reversed);
      }
      end = begin;
    }
    ids->insert(ids->end(), reversed.rbegin(), reversed.rend());
    if (lattice->best.capacity() > 64 * 1024) lattice->best = {};
    return Status();
  }

  void Unknown(std::string_view part, std::vector<int32_t>* reversed) const {
    const int32_t id = options_.sentencepiece ? Vocabulary::kNone : vocabulary_.Find(part);
    if (id != Vocabulary::kNone) {
      reversed->push_back(id);
    } else if (options_.byte_fallback && bytes_.Has(part)) {
      for (size_t i = part.size(); i-- > 0;) reversed->push_back(bytes_.id(part[i]));
    } else {
      reversed->push_back(options_.unk_id);
    }
  }

  const std::vector<double> scores_;
  const UnigramOptions options_;
  const ByteTokens bytes_;
  double unk_score_;
  ByteTrie trie_;  // values: places in the vocabulary, which are the ids
};

}  // namespace

Status NewUnigram(Vocabulary vocabulary, std::vector<double> scores, const UnigramOptions& options,
                  std::unique_ptr<Model>* out) {
  if (options.unk_id != Vocabulary::kNone &&
      (options.unk_id < 0 || static_cast<size_t>(options.unk_id) >= vocabulary.size()))
    return Status::BadModel("unk_id is " + std::to_string(options.unk_id) + ", the vocabulary has " +
                            std::to_string(vocabulary.size()) + " tokens");
  for (const double score : scores)
    if (!std::isfinite(score)) return Status::BadModel("a score of the vocabulary is not finite");
  *out = std::make_unique<Unigram>(std::move(vocabulary), std::move(scores), options);
  return Status();
}

}  // namespace mosaic::text
