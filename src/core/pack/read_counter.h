// Counts what it costs to read every model of a store, given the page of each block.
//
// The cost of reading a model is its pages + seek_pages for each run of consecutive ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/pack/slices.h"
#include "core/pack/store_layout.h"

namespace mosaic {

struct Reading {
  std::vector<uint32_t> pages, runs;  // of each model
  uint64_t weighted_pages = 0;        // by rates, in thousandths
  uint64_t weighted_cost = 0;
};

// Takes time proportional to the references. The layout must outlive it.
class ReadCounter {
 public:
  ReadCounter(const StoreLayout& layout, uint32_t seek_pages)
      : layout_(layout), seek_pages_(seek_pages) {}

  // page_of: of each block of the layout; it and out must outlive the counting.
  void Start(const std::vector<uint32_t>* page_of, Reading* out);
  // Some work of the budget; true when *out is complete.
  bool Step(Budget* budget);

 private:
  int64_t CountModel(uint32_t m);

  const StoreLayout& layout_;
  const uint32_t seek_pages_;
  const std::vector<uint32_t>* page_of_ = nullptr;
  Reading* out_ = nullptr;
  std::vector<uint32_t> user_;  // of page p at p + 1: 1 + the model that last read it
  std::vector<bool> counted_;
  size_t cursor_ = 0;
};

}  // namespace mosaic
