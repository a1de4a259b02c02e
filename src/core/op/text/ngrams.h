// The n-grams that a TfIdfVectorizer counts, as a tree of their tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/graph/graph.h"
#include "core/util/status.h"

namespace mosaic {

class Ngrams {
 public:
  // From the attributes pool_int64s or pool_strings, ngram_counts, ngram_indexes, weights. Errors:
  // BAD_MODEL where they do not belong together.
  Status Read(const Node& node);

  bool strings() const { return strings_; }
  int64_t columns() const { return columns_; }  // of the result
  int longest() const { return longest_; }

  // The token's number; -1: in no n-gram.
  int Token(int64_t token) const { return Find(ints_, token); }
  int Token(std::string_view token) const { return Find(words_, token); }

  // From node 0 (nothing read) to the node after a token; -1: no n-gram begins so.
  int Child(int node, int token) const {
    return Find(children_, static_cast<uint64_t>(node) << 32 | static_cast<uint32_t>(token));
  }
  // The n-gram that ends at a node: its place in ngram_indexes, or -1.
  int At(int node) const { return ends_[static_cast<size_t>(node)]; }
  int64_t column(int ngram) const { return indexes_[static_cast<size_t>(ngram)]; }
  // Of each column: the weight of its n-gram; 1 where none is given.
  const std::vector<float>& weights() const { return weights_; }

 private:
  template <typename Map, typename Key>
  static int Find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? -1 : found->second;
  }
  Status Add(const std::vector<int>& tokens, size_t begin, size_t n, int ngram);

  bool strings_ = false;
  std::vector<std::string> pool_;  // what words_ refers to
  std::unordered_map<int64_t, int> ints_;
  std::unordered_map<std::string_view, int> words_;
  std::unordered_map<uint64_t, int> children_;
  std::vector<int> ends_ = {-1};
  std::vector<int64_t> indexes_;
  std::vector<float> weights_;
  int64_t columns_ = 0;
  int longest_ = 0;
};

}  // namespace mosaic
