#include "core/pack/packer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "core/pack/class_order.h"
#include "core/pack/improve.h"
#include "core/pack/leftovers.h"
#include "core/pack/sharing_classes.h"
#include "core/pack/slices.h"

namespace mosaic {
namespace {

constexpr int64_t kStepUnits = 1 << 20;

}  // namespace

struct Packer::State {
  // The aim `reads` mixes leftovers both ways (kRefill, kReimprove) and keeps the better result.
  enum class Stage {
    kRefine,
    kOrder,
    kGroup,
    kFill,
    kImprove,
    kRefill,
    kReimprove,
    kSort,
    kEmit,
    kDone
  };

  explicit State(PackOptions o) : options(o) {}

  bool RunStage(Budget* budget);
  void Enter(Stage s);
  bool GroupBlocks(Budget* budget);
  void SplitOffWholePages();
  void Keep(int64_t cost, std::vector<MixedPage> pages);
  bool SortMixedPages(Budget* budget);
  bool EmitPages(Budget* budget);
  void EndPage();
  void EmitBlocks(uint32_t count, uint32_t* from);

  const PackOptions options;
  Stage stage = Stage::kRefine;
  size_t cursor = 0;
  ClassRefiner refiner;
  std::vector<double> rates;
  std::optional<ClassOrder> order;
  OrderedClasses classes;
  std::vector<uint32_t> class_of, new_number;  // of each block; of each class as refined
  std::vector<uint32_t> grouped;               // blocks by class, ascending within a class
  std::vector<uint32_t> group_end;             // of each class in grouped
  std::vector<uint32_t> left;                  // blocks of each class not on pages of its own
  std::optional<LeftoverFiller> filler;
  std::optional<PageImprover> improver;
  int64_t mixed_cost = INT64_MAX;
  std::vector<MixedPage> mixed;       // the best so far
  std::vector<uint32_t> mixed_order;  // by the first of their classes
  std::optional<SlicedSort> sort;
  size_t next_mixed = 0;
  std::vector<uint32_t> next_own, next_left;  // of each class: its next blocks in grouped
  Packing packing;
};

Packer::Packer(PackOptions options) : state_(std::make_unique<State>(options)) {}
Packer::~Packer() = default;

Status Packer::SetBlocks(uint32_t n, const uint32_t* sizes) {
  return state_->refiner.SetBlocks(n, sizes, state_->options.capacity);
}

Status Packer::AddModel(double rate) {
  if (!std::isfinite(rate) || rate < 0) {
    return Status::Invalid("packing: request rate of model " +
                           std::to_string(state_->rates.size()) + " is " + std::to_string(rate));
  }
  state_->rates.push_back(rate);
  state_->refiner.AddModel();
  return {};
}

Status Packer::AddBlocks(const uint32_t* blocks, size_t n) {
  if (state_->rates.empty()) return Status::Invalid("packing: blocks without a model");
  return state_->refiner.AddBlocks(blocks, n);
}

// Counting sort of the blocks by class.
bool Packer::State::GroupBlocks(Budget* budget) {
  if (group_end.empty()) {
    group_end.assign(classes.classes() + 1, 0);
    for (size_t c = 0; c < classes.classes(); c++)
      group_end[c + 1] = group_end[c] + classes.count[c];
    group_end.pop_back();  // runs from the begin of each class to its end
    grouped.resize(class_of.size());
  }
  const auto place = [this](size_t b) {
    grouped[group_end[new_number[class_of[b]]]++] = static_cast<uint32_t>(b);
    return int64_t{2};
  };
  return RunSlice(&cursor, class_of.size(), budget, place);
}

// A class gets pages of its own as long as it fills them so far that no other block would fit.
void Packer::State::SplitOffWholePages() {
  const uint32_t smallest =
      classes.size.empty() ? 1 : *std::min_element(classes.size.begin(), classes.size.end());
  left = classes.count;
  for (size_t c = 0; c < left.size(); c++) {
    const uint32_t per_page = options.capacity / classes.size[c];
    if (options.capacity - per_page * classes.size[c] < smallest) left[c] %= per_page;
  }
}

// Fewer reads are better, then fewer pages.
void Packer::State::Keep(int64_t cost, std::vector<MixedPage> pages) {
  if (cost > mixed_cost || (cost == mixed_cost && pages.size() >= mixed.size())) return;
  mixed_cost = cost;
  mixed = std::move(pages);
}

bool Packer::State::SortMixedPages(Budget* budget) {
  if (!sort) {
    for (MixedPage& page : mixed) {
      std::sort(page.pieces.begin(), page.pieces.end(),
                [](const Piece& a, const Piece& b) { return a.cls < b.cls; });
    }
    mixed_order.resize(mixed.size());
    std::iota(mixed_order.begin(), mixed_order.end(), 0u);
    sort.emplace(&mixed_order, [this](uint32_t a, uint32_t b) {
      const std::vector<Piece>&x = mixed[a].pieces, &y = mixed[b].pieces;
      const auto less = [](const Piece& p, const Piece& q) {
        return p.cls != q.cls ? p.cls < q.cls : p.count > q.count;
      };
      return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), less);
    });
  }
  return sort->Step(budget);
}

void Packer::State::EmitBlocks(uint32_t count, uint32_t* from) {
  packing.blocks.insert(packing.blocks.end(), grouped.begin() + *from,
                        grouped.begin() + *from + count);
  *from += count;
}

void Packer::State::EndPage() {
  packing.page_begin.push_back(static_cast<uint32_t>(packing.blocks.size()));
}

// The own pages of each class, then the mixed pages that begin with it.
bool Packer::State::EmitPages(Budget* budget) {
  if (next_left.empty()) {
    packing.blocks.reserve(grouped.size());
    for (size_t c = 0; c < left.size(); c++) {
      next_own.push_back(group_end[c] - classes.count[c]);
      next_left.push_back(group_end[c] - left[c]);
    }
    group_end = next_left;  // of the own blocks
  }
  for (; cursor < classes.classes(); cursor++) {
    const uint32_t per_page = options.capacity / classes.size[cursor];
    while (next_own[cursor] < group_end[cursor]) {
      if (budget->spent()) return false;
      EmitBlocks(per_page, &next_own[cursor]);
      EndPage();
      budget->Spend(per_page + 3);
    }
    for (; next_mixed < mixed.size(); next_mixed++) {
      const MixedPage& page = mixed[mixed_order[next_mixed]];
      if (page.pieces.front().cls != cursor) break;
      if (budget->spent()) return false;
      for (const Piece& p : page.pieces) EmitBlocks(p.count, &next_left[p.cls]);
      EndPage();
      budget->Spend(static_cast<int64_t>(page.pieces.size()) * 8);
    }
  }
  return true;
}

void Packer::State::Enter(Stage s) {
  stage = s;
  cursor = 0;
  switch (stage) {
    case Stage::kOrder:
      class_of = refiner.TakeClassOfBlocks();
      order.emplace(refiner.TakeClasses(), rates);
      break;
    case Stage::kGroup:
      classes = order->TakeClasses();
      new_number = order->TakeNewNumbers();
      order.reset();
      break;
    case Stage::kFill:
      class_of = {};
      SplitOffWholePages();
      filler.emplace(classes, left, options);
      break;
    case Stage::kImprove:
      improver.emplace(classes, filler->TakePages());
      filler.reset();
      break;
    case Stage::kRefill:
      Keep(improver->cost(), improver->TakePages());
      if (options.aim == PackAim::kReads) {
        filler.emplace(classes, left, PackOptions{PackAim::kStorage, options.capacity});
      }
      break;
    case Stage::kReimprove:
      if (filler) improver.emplace(classes, filler->TakePages());
      filler.reset();
      break;
    case Stage::kSort:
      if (options.aim == PackAim::kReads) Keep(improver->cost(), improver->TakePages());
      improver.reset();
      break;
    default:
      break;
  }
}

bool Packer::State::RunStage(Budget* budget) {
  switch (stage) {
    case Stage::kRefine:
      return refiner.Step(budget);
    case Stage::kOrder:
      return order->Step(budget);
    case Stage::kGroup:
      return GroupBlocks(budget);
    case Stage::kFill:
      return filler->Step(budget);
    case Stage::kImprove:
      return improver->Step(budget);
    case Stage::kRefill:
      return !filler || filler->Step(budget);
    case Stage::kReimprove:
      return improver->Step(budget);
    case Stage::kSort:
      return SortMixedPages(budget);
    case Stage::kEmit:
      return EmitPages(budget);
    case Stage::kDone:
      break;
  }
  return true;
}

bool Packer::Step() {
  Budget budget(kStepUnits);
  while (state_->stage != State::Stage::kDone) {
    if (!state_->RunStage(&budget)) return false;
    state_->Enter(static_cast<State::Stage>(static_cast<int>(state_->stage) + 1));
  }
  return true;
}

Packing Packer::Take() { return std::move(state_->packing); }

size_t Packer::classes() const { return state_->classes.classes(); }

std::vector<uint32_t> PageOfBlocks(const Packing& packing) {
  std::vector<uint32_t> page_of(packing.blocks.size());
  for (uint32_t p = 0; p < packing.pages(); p++) {
    for (uint32_t i = packing.page_begin[p]; i < packing.page_begin[p + 1]; i++) {
      page_of[packing.blocks[i]] = p;
    }
  }
  return page_of;
}

ModelReads CountReads(const std::vector<uint32_t>& page_of, const uint32_t* blocks, size_t n) {
  std::vector<uint32_t> pages(n);
  std::transform(blocks, blocks + n, pages.begin(), [&](uint32_t b) { return page_of[b]; });
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  ModelReads reads;
  reads.pages = static_cast<uint32_t>(pages.size());
  for (size_t i = 0; i < pages.size(); i++) reads.runs += i == 0 || pages[i] != pages[i - 1] + 1;
  return reads;
}

}  // namespace mosaic
