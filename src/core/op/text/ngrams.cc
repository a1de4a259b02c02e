#include "core/op/text/ngrams.h"

#include <algorithm>

namespace mosaic {

Status Ngrams::Read(const Node& node) {
  const std::vector<int64_t> ints = node.Ints("pool_int64s"), counts = node.Ints("ngram_counts");
  pool_ = node.Strings("pool_strings");
  indexes_ = node.Ints("ngram_indexes");
  strings_ = !pool_.empty();
  if (strings_ == !ints.empty()) {
    return Status::BadModel("one of pool_strings and pool_int64s must have elements");
  }
  std::vector<int> tokens;
  for (const std::string& word : pool_) {
    tokens.push_back(words_.emplace(word, static_cast<int>(words_.size())).first->second);
  }
  for (int64_t token : ints) {
    tokens.push_back(ints_.emplace(token, static_cast<int>(ints_.size())).first->second);
  }
  for (int64_t column : indexes_) {
    if (column < 0 || column >= (int64_t{1} << 31)) {
      return Status::BadModel("ngram_indexes has the element " + std::to_string(column));
    }
    columns_ = std::max(columns_, column + 1);
  }
  int ngram = 0;
  longest_ = static_cast<int>(std::min<size_t>(counts.size(), 1 << 20));
  for (size_t n = 1; n <= counts.size(); ++n) {
    const int64_t size = static_cast<int64_t>(tokens.size());
    const int64_t begin = counts[n - 1], end = n < counts.size() ? counts[n] : size;
    if (begin < 0 || begin > end || end > size || (end - begin) % static_cast<int64_t>(n) != 0) {
      return Status::BadModel("ngram_counts do not fit the pool");
    }
    for (int64_t at = begin; at < end; at += static_cast<int64_t>(n)) {
      MOSAIC_RETURN_IF_ERROR(Add(tokens, static_cast<size_t>(at), n, ngram++));
    }
  }
  if (static_cast<size_t>(ngram) != indexes_.size()) {
    return Status::BadModel("ngram_indexes has " + std::to_string(indexes_.size()) +
                            " elements for " + std::to_string(ngram) + " n-grams");
  }
  const std::vector<float> given = node.Floats("weights");
  if (!given.empty() && given.size() != indexes_.size()) {
    return Status::BadModel("weights has " + std::to_string(given.size()) + " elements for " +
                            std::to_string(ngram) + " n-grams");
  }
  if (columns_ > 16 * static_cast<int64_t>(indexes_.size()) + (1 << 20)) {
    return Status::Limit("a result of " + std::to_string(columns_) + " columns for " +
                         std::to_string(ngram) + " n-grams");
  }
  weights_.assign(static_cast<size_t>(columns_), 1);
  for (size_t i = 0; i < given.size(); ++i) weights_[static_cast<size_t>(indexes_[i])] = given[i];
  return Status();
}

Status Ngrams::Add(const std::vector<int>& tokens, size_t begin, size_t n, int ngram) {
  int node = 0;
  for (size_t i = begin; i < begin + n; ++i) {
    const uint64_t key = static_cast<uint64_t>(node) << 32 | static_cast<uint32_t>(tokens[i]);
    const auto [found, added] = children_.emplace(key, static_cast<int>(ends_.size()));
    if (added) ends_.push_back(-1);
    node = found->second;
  }
  if (ends_[static_cast<size_t>(node)] >= 0)
    return Status::BadModel("an n-gram is in the pool twice");
  ends_[static_cast<size_t>(node)] = ngram;
  return Status();
}

}  // namespace mosaic
