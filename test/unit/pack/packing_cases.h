// Inputs for the packing tests, a checked run of the packer, and the best packing by brute force.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "core/pack/packer.h"

namespace mosaic {

struct PackingCase {
  PackOptions options;
  uint32_t blocks = 0;
  std::vector<uint32_t> sizes;  // empty: all 1
  std::vector<double> rates;
  std::vector<std::vector<uint32_t>> models;

  uint32_t size(uint32_t b) const { return sizes.empty() ? 1 : sizes[b]; }
  uint64_t total_size() const {
    uint64_t sum = 0;
    for (uint32_t b = 0; b < blocks; b++) sum += size(b);
    return sum;
  }
  uint32_t bound() const {
    return static_cast<uint32_t>((total_size() + options.capacity - 1) / options.capacity);
  }
};

inline Packing RunPacker(const PackingCase& in) {
  Packer packer(in.options);
  EXPECT_TRUE(packer.SetBlocks(in.blocks, in.sizes.empty() ? nullptr : in.sizes.data()).ok());
  for (size_t m = 0; m < in.models.size(); m++) {
    EXPECT_TRUE(packer.AddModel(in.rates[m]).ok());
    EXPECT_TRUE(packer.AddBlocks(in.models[m].data(), in.models[m].size()).ok());
  }
  while (!packer.Step()) {
  }
  return packer.Take();
}

// Every block once, no page over capacity, no page empty.
inline void ExpectValid(const PackingCase& in, const Packing& packing) {
  ASSERT_EQ(packing.blocks.size(), in.blocks);
  ASSERT_EQ(packing.page_begin.front(), 0u);
  ASSERT_EQ(packing.page_begin.back(), in.blocks);
  std::vector<int> seen(in.blocks);
  for (uint32_t p = 0; p < packing.pages(); p++) {
    ASSERT_LT(packing.page_begin[p], packing.page_begin[p + 1]) << "page " << p << " is empty";
    uint64_t used = 0;
    for (uint32_t i = packing.page_begin[p]; i < packing.page_begin[p + 1]; i++) {
      ASSERT_LT(packing.blocks[i], in.blocks);
      seen[packing.blocks[i]]++;
      used += in.size(packing.blocks[i]);
    }
    ASSERT_LE(used, in.options.capacity) << "page " << p;
  }
  for (uint32_t b = 0; b < in.blocks; b++) ASSERT_EQ(seen[b], 1) << "block " << b;
}

// Page reads of all models, weighted by their rates.
inline double ReadsOf(const PackingCase& in, const std::vector<uint32_t>& page_of) {
  double sum = 0;
  for (size_t m = 0; m < in.models.size(); m++) {
    sum += in.rates[m] * CountReads(page_of, in.models[m].data(), in.models[m].size()).pages;
  }
  return sum;
}

inline double ReadsOf(const PackingCase& in, const Packing& packing) {
  return ReadsOf(in, PageOfBlocks(packing));
}

// Models that use each block with a probability of their own; some blocks nobody uses.
inline PackingCase RandomCase(std::mt19937_64* random, uint32_t max_blocks, uint32_t max_models,
                              uint32_t capacity, bool weighted) {
  PackingCase in;
  in.options.capacity = capacity;
  in.blocks = (*random)() % (max_blocks + 1);
  const uint32_t models = (*random)() % (max_models + 1);
  for (uint32_t m = 0; m < models; m++) {
    in.rates.push_back(weighted ? static_cast<double>(1 + (*random)() % 20) : 1.0);
    std::vector<uint32_t> map;
    const uint64_t share = 10 + (*random)() % 90;
    for (uint32_t b = 0; b < in.blocks; b++) {
      if ((*random)() % 100 < share) map.push_back(b);
    }
    in.models.push_back(std::move(map));
  }
  return in;
}

// Fine-tunes of one another: each model is a copy of an earlier one with some ranges replaced.
inline PackingCase FamilyCase(std::mt19937_64* random, uint32_t models, uint32_t per_model,
                              uint32_t capacity) {
  PackingCase in;
  in.options.capacity = capacity;
  for (uint32_t m = 0; m < models; m++) {
    std::vector<uint32_t> map(per_model);
    if (m == 0) {
      for (uint32_t& b : map) b = in.blocks++;
    } else {
      map = in.models[(*random)() % m];
      for (int range = 0; range < 2; range++) {
        const uint32_t first = (*random)() % per_model;
        const uint32_t last =
            std::min<uint32_t>(per_model, first + 1 + (*random)() % (per_model / 4));
        for (uint32_t i = first; i < last; i++) map[i] = in.blocks++;
      }
    }
    in.models.push_back(std::move(map));
    in.rates.push_back(1.0);
  }
  return in;
}

// (pages, reads) of the best packing: over all ways to spread the blocks over pages.
struct BestPacking {
  uint32_t pages = UINT32_MAX;
  double reads = 0;
};

class ExhaustiveSearch {
 public:
  explicit ExhaustiveSearch(const PackingCase& in) : in_(in), page_of_(in.blocks) { Spread(0, 0); }
  const BestPacking& storage() const { return storage_; }
  const BestPacking& reads() const { return reads_; }

 private:
  void Spread(uint32_t block, uint32_t pages) {
    if (block == in_.blocks) {
      const double reads = ReadsOf(in_, page_of_);
      if (std::make_pair(pages, reads) < std::make_pair(storage_.pages, storage_.reads)) {
        storage_ = {pages, reads};
      }
      if (reads_.pages == UINT32_MAX ||
          std::make_pair(reads, pages) < std::make_pair(reads_.reads, reads_.pages)) {
        reads_ = {pages, reads};
      }
      return;
    }
    if (used_.size() <= pages) used_.resize(pages + 1);
    for (uint32_t p = 0; p <= pages; p++) {
      if (used_[p] + in_.size(block) > in_.options.capacity) continue;
      used_[p] += in_.size(block);
      page_of_[block] = p;
      Spread(block + 1, std::max(pages, p + 1));
      used_[p] -= in_.size(block);
    }
  }

  const PackingCase& in_;
  std::vector<uint32_t> page_of_;
  std::vector<uint64_t> used_;
  BestPacking storage_, reads_;
};

}  // namespace mosaic
