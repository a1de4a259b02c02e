#include "core/dedup/ladder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace mosaic {
namespace {

constexpr size_t kChunks = 64;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

size_t Index(int64_t i) { return static_cast<size_t>(i); }

}  // namespace

void Ladder::Group() {
  by_block_.resize(blocks_.size());
  std::iota(by_block_.begin(), by_block_.end(), size_t{0});
  std::sort(by_block_.begin(), by_block_.end(), [&](size_t a, size_t b) {
    return std::tie(blocks_[a].block, a) < std::tie(blocks_[b].block, b);
  });
}

std::vector<int> Ladder::Tensors() const {
  std::set<int> tensors;
  for (const LadderBlock& b : blocks_) tensors.insert(b.tensor);
  return {tensors.begin(), tensors.end()};
}

// Down the lower convex hull: always to the rung with the least cost for each byte saved, of
// several the lowest.
void Ladder::AddSteps(uint32_t block, double sensitivity) {
  const LadderBlock& b = blocks_[block];
  double cost = 0;
  uint32_t bytes = b.bytes;
  int8_t ordinal = 0;
  for (int from = 0; from < b.rungs;) {
    Step step{kInfinite, block, ordinal, -1};
    for (int r = from; r < b.rungs; ++r) {
      const Rung& rung = b.rung[Index(r)];
      const double error = static_cast<double>(rung.error);
      const double more = error > 0 ? sensitivity * error - cost : 0 - cost;
      const double each = std::max(0.0, more) / static_cast<double>(bytes - rung.bytes);
      if (each <= step.cost || step.rung < 0) step.cost = each, step.rung = static_cast<int8_t>(r);
    }
    steps_.push_back(step);
    const Rung& to = b.rung[Index(step.rung)];
    cost = sensitivity * static_cast<double>(to.error);
    bytes = to.bytes;
    from = step.rung + 1;
    ++ordinal;
  }
}

std::vector<size_t> Ladder::Order(const std::vector<double>& sensitivity) {
  steps_.clear();
  for (size_t i = 0; i < blocks_.size(); ++i) {
    // Finite, or differences of costs mean nothing.
    const double s = std::min(sensitivity[Index(blocks_[i].tensor)], 1e100);
    AddSteps(static_cast<uint32_t>(i), std::isnan(s) ? 1e100 : s);
  }
  std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
    return std::tie(a.cost, a.block, a.ordinal) < std::tie(b.cost, b.block, b.ordinal);
  });
  chunks_.clear();
  const size_t n = std::min(kChunks, steps_.size());
  for (size_t c = 0; c < n; ++c) {
    chunks_.push_back(steps_.size() * (c + 1) / n - steps_.size() * c / n);
  }
  return chunks_;
}

std::vector<const Rung*> Ladder::At(const Selection& selection) const {
  std::vector<const Rung*> rungs(blocks_.size(), nullptr);
  std::vector<int8_t> made(blocks_.size(), 0);
  size_t begin = 0;
  for (size_t c = 0; c < selection.size(); begin += chunks_[c++]) {
    for (size_t i = begin; i < begin + selection[c]; ++i) {
      const Step& step = steps_[i];
      // Behind a step that was given up, the block's others are too.
      if (made[step.block] != step.ordinal) continue;
      ++made[step.block];
      rungs[step.block] = &blocks_[step.block].rung[static_cast<size_t>(step.rung)];
    }
  }
  return rungs;
}

std::vector<const Rung*> Ladder::Lowest(int tensor) const {
  std::vector<const Rung*> rungs(blocks_.size(), nullptr);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const LadderBlock& b = blocks_[i];
    if (b.tensor == tensor && b.rungs > 0) rungs[i] = &b.rung[Index(b.rungs - 1)];
  }
  return rungs;
}

int64_t Ladder::FreedBytes(const std::vector<const Rung*>& rungs) const {
  struct Stored {
    int bits;
    uint32_t base, bytes;
  };
  std::vector<Stored> stored;  // differences that a block becomes
  int64_t freed = 0;
  for (size_t i = 0, end; i < by_block_.size(); i = end) {
    const LadderBlock& first = blocks_[by_block_[i]];
    int64_t gone = 0;
    bool same = false;  // one loses nothing, and is put wherever the block is
    stored.clear();
    for (end = i; end < by_block_.size() && blocks_[by_block_[end]].block == first.block; ++end) {
      const LadderBlock& b = blocks_[by_block_[end]];
      const Rung* rung = rungs[by_block_[end]];
      if (rung != nullptr) {
        ++gone;
        same = same || (rung->bits != 0 && rung->error == 0);
        if (rung->bits != 0) stored.push_back({rung->bits, b.base, rung->bytes});
      } else if (b.lossless && !same) {
        same = true;
        freed -= b.bytes;
      }
    }
    std::sort(stored.begin(), stored.end(), [](const Stored& a, const Stored& b) {
      return std::tie(a.bits, a.base) < std::tie(b.bits, b.base);
    });
    for (size_t s = 0; s < stored.size(); ++s) {
      const bool again =
          s > 0 && stored[s].bits == stored[s - 1].bits && stored[s].base == stored[s - 1].base;
      if (!again) freed -= stored[s].bytes;
    }
    if (same || gone == first.places) freed += first.stored;
  }
  return freed;
}

std::vector<int> Ladder::TensorsOfChunk(size_t chunk) const {
  size_t begin = 0;
  for (size_t c = 0; c < chunk; ++c) begin += chunks_[c];
  std::set<int> tensors;
  for (size_t i = begin; i < begin + chunks_[chunk]; ++i) {
    tensors.insert(blocks_[steps_[i].block].tensor);
  }
  return {tensors.begin(), tensors.end()};
}

void OutputSample::Keep() {
  keeping_ = true;
  comparing_ = false;
  row_ = 0;
  outputs_.clear();
  ends_.clear();
}

void OutputSample::Compare() {
  keeping_ = false;
  comparing_ = true;
  row_ = 0;
  difference_ = 0;
}

void OutputSample::Row(const float* outputs, int64_t n) {
  if (keeping_) {
    // Those kept are the first: the rows that come to be compared are counted from there.
    keeping_ = ends_.size() < static_cast<size_t>(kRows) && outputs_.size() + Index(n) <= kFloats;
    if (!keeping_) return;
    outputs_.insert(outputs_.end(), outputs, outputs + n);
    ends_.push_back(outputs_.size());
  } else if (comparing_ && row_ < ends_.size()) {
    const size_t begin = row_ == 0 ? 0 : ends_[row_ - 1];
    if (ends_[row_] - begin != Index(n)) difference_ = kInfinite;
    for (size_t i = begin; i < ends_[row_] && difference_ < kInfinite; ++i) {
      const double d = static_cast<double>(outputs[i - begin]) - static_cast<double>(outputs_[i]);
      difference_ += d * d;
    }
    if (!(difference_ < kInfinite)) difference_ = kInfinite;
    ++row_;
  }
}

}  // namespace mosaic
