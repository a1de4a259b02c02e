// Which pages of a store already hold what a page of a packing should hold.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/pack/packer.h"
#include "core/pack/slices.h"

namespace mosaic {

// Pages in a wanted order, with their blocks, and where they lie now.
struct PageSequence {
  static constexpr uint32_t kNowhere = UINT32_MAX;
  std::vector<uint32_t> begin = {0};  // page i: blocks[begin[i] .. begin[i + 1])
  std::vector<uint32_t> blocks;       // ascending within a page
  std::vector<uint32_t> page;         // that holds exactly these blocks now, or kNowhere

  size_t pages() const { return page.size(); }
};

// Finds the pages that there are, in the order of their numbers.
class PageSurvey {
 public:
  // page_of: the page of every block. Both must outlive it.
  PageSurvey(const std::vector<uint32_t>* page_of, PageSequence* out);
  bool Step(Budget* budget);

 private:
  const std::vector<uint32_t>& page_of_;
  PageSequence* out_;
  SlicedSort sort_;
  bool sorted_ = false;
  size_t cursor_ = 0;
};

// Exchanges blocks of one kind within a packing so that as many of its pages as possible are pages
// that exist. Those are met in the order of their first blocks.
class PageMatcher {
 public:
  // kind: of every block. All must outlive it. Blocks of existing that are not in the packing are
  // of kinds that do not occur there.
  PageMatcher(const std::vector<uint32_t>* kind, const PageSequence* existing, Packing packing,
              PageSequence* out);
  bool Step(Budget* budget);

 private:
  uint64_t KindsOf(const uint32_t* begin, const uint32_t* end, std::vector<uint32_t>* kinds) const;
  int64_t Hash(size_t page);
  void StartPools();
  int64_t Match(size_t page);
  int64_t Fill(size_t page);

  const std::vector<uint32_t>& kind_;
  const PageSequence& existing_;
  PageSequence* out_;
  enum class Stage { kHash, kSort, kMatch, kFill, kDone } stage_ = Stage::kHash;
  size_t cursor_ = 0;
  std::vector<uint64_t> hash_;  // of the kinds of each existing page
  std::vector<uint32_t> by_hash_;
  std::unordered_map<uint64_t, uint32_t> next_;  // hash -> first place in by_hash_ not yet taken
  std::optional<SlicedSort> sort_;
  std::vector<bool> kept_;                  // blocks on matched pages
  std::vector<uint32_t> pool_, pool_next_;  // the other blocks by kind; each kind's next one
  std::vector<uint32_t> kinds_, other_;
};

}  // namespace mosaic
