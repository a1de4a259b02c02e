#include "core/pack/repacker.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/pack/mix.h"
#include "core/pack/page_bound.h"
#include "core/pack/page_matching.h"
#include "core/pack/read_counter.h"

namespace mosaic {
namespace {

constexpr int64_t kStepUnits = 1 << 19;

// A way to lay out a sequence of pages.
struct Plan {
  const PageSequence* sequence = nullptr;
  std::vector<bool> stays;        // pages of the sequence that are not written
  std::vector<uint32_t> target;   // the page of each; from first_new on: appended
  std::vector<uint32_t> page_of;  // of each block of the layout
  Reading reading;
};

}  // namespace

struct Repacker::State {
  enum class Stage {
    kClassify,
    kKinds,
    kClasses,
    kSurvey,
    kBefore,
    kFeed,
    kPack,
    kMatch,
    kMatchPlan,
    kOrderPlan,
    kChoose,
    kFinish,
    kDone
  };

  State(const StoreLayout* l, RepackOptions o, std::vector<uint32_t> f)
      : layout(*l), options(o), free_pages(std::move(f)), counter(*l, kSeekPages), packer(o.pack) {}

  Status RunStage(Budget* budget, bool* done);
  Status Enter(Stage next);
  int64_t SignModel(uint32_t m);
  int64_t NumberKind(uint32_t b);
  int64_t ListClassModels(uint32_t m);
  Status FeedModel(uint32_t m);
  void StayAll(Plan* plan) const;
  void StayInLongRuns(Plan* plan) const;
  void GiveBack(Plan* plan) const;
  std::vector<uint32_t> FreeSlots(size_t wanted) const;
  uint32_t FirstNewPage() const;
  void Place(Plan* plan) const;
  bool OrderPays() const;
  bool Pays(const Plan& plan) const;
  void CountBlocks();
  void Finish();

  const StoreLayout& layout;
  const RepackOptions options;
  const std::vector<uint32_t> free_pages;
  Stage stage = Stage::kClassify;
  size_t cursor = 0;

  // Sharing classes: blocks with the same sum of keys of their models. Two classes whose 64-bit
  // sums are the same by chance would be taken for one, which costs page reads and nothing else.
  std::vector<uint64_t> signature;
  std::unordered_map<uint64_t, uint32_t> class_numbers;
  std::unordered_map<uint64_t, uint32_t> kind_numbers;  // class << 32 | size
  std::vector<uint32_t> class_of, kind_of;
  std::vector<uint32_t> class_sample;  // a block of each class
  std::vector<SharingClassInfo> classes;
  std::vector<PageBound> class_bounds;
  std::vector<uint32_t> class_last_page;

  ReadCounter counter;
  Packer packer;
  std::vector<uint32_t> packed, packer_number;  // block of each number of the packer, and back
  std::vector<uint32_t> chunk;
  PageSequence existing, wanted;
  std::optional<PageSurvey> survey;
  std::optional<PageMatcher> matcher;
  Plan none, match, order, chosen;

  std::vector<PageMove> moves;
  std::vector<LayoutReads> model_reads;
  LayoutReads store_reads;
};

Repacker::Repacker(const StoreLayout* layout, RepackOptions options,
                   std::vector<uint32_t> free_pages)
    : state_(std::make_unique<State>(layout, options, std::move(free_pages))) {}
Repacker::~Repacker() = default;

int64_t Repacker::State::SignModel(uint32_t m) {
  signature.resize(layout.blocks());
  const uint64_t key = Mix64(m + uint64_t{1});
  for (size_t i = layout.begin(m); i < layout.begin(m + 1); i++) {
    signature[layout.uses()[i]] += key;
  }
  return 2 * static_cast<int64_t>(layout.begin(m + 1) - layout.begin(m)) + 1;
}

int64_t Repacker::State::NumberKind(uint32_t b) {
  const auto [cls, is_new] =
      class_numbers.emplace(signature[b], static_cast<uint32_t>(class_numbers.size()));
  const uint32_t c = cls->second;
  if (is_new) {
    classes.emplace_back();
    class_bounds.emplace_back(options.pack.capacity);
    class_sample.push_back(b);
  }
  const uint64_t kind = uint64_t{c} << 32 | layout.size(b);
  class_of[b] = c;
  kind_of[b] = kind_numbers.emplace(kind, static_cast<uint32_t>(kind_numbers.size())).first->second;
  classes[c].blocks++;
  classes[c].bytes += layout.size(b);
  class_bounds[c].Add(layout.size(b));
  if (signature[b] != 0) {
    packer_number[b] = static_cast<uint32_t>(packed.size());
    packed.push_back(b);
  }
  return 12;
}

int64_t Repacker::State::ListClassModels(uint32_t m) {
  for (size_t i = layout.begin(m); i < layout.begin(m + 1); i++) {
    const uint32_t b = layout.uses()[i];
    if (class_sample[class_of[b]] == b) classes[class_of[b]].models.push_back(m);
  }
  return 2 * static_cast<int64_t>(layout.begin(m + 1) - layout.begin(m)) + 1;
}

// Tells the packer of model m.
Status Repacker::State::FeedModel(uint32_t m) {
  chunk.clear();
  for (size_t i = layout.begin(m); i < layout.begin(m + 1); i++) {
    chunk.push_back(packer_number[layout.uses()[i]]);
  }
  MOSAIC_RETURN_IF_ERROR(packer.AddModel(layout.rate(m)));
  return packer.AddBlocks(chunk.data(), chunk.size());
}

void Repacker::State::StayAll(Plan* plan) const {
  plan->stays.resize(plan->sequence->pages());
  for (size_t i = 0; i < plan->stays.size(); i++) {
    plan->stays[i] = plan->sequence->page[i] != PageSequence::kNowhere;
  }
}

void Repacker::State::StayInLongRuns(Plan* plan) const {
  const std::vector<uint32_t>& page = plan->sequence->page;
  const size_t n = page.size(), enough = std::min<size_t>(kRun, n);
  plan->stays.assign(n, false);
  for (size_t i = 0, end; i < n; i = end) {
    end = i + 1;
    if (page[i] == PageSequence::kNowhere) continue;
    while (end < n && page[end] == page[end - 1] + 1 && page[end] != PageSequence::kNowhere) end++;
    if (end - i >= enough) std::fill(plan->stays.begin() + i, plan->stays.begin() + end, true);
  }
}

// Runs of free pages that are long enough to be worth a seek.
std::vector<uint32_t> Repacker::State::FreeSlots(size_t wanted_pages) const {
  const size_t enough = std::min<size_t>(kRun, wanted_pages);
  std::vector<uint32_t> slots;
  for (size_t i = 0, end; i < free_pages.size(); i = end) {
    end = i + 1;
    while (end < free_pages.size() && free_pages[end] == free_pages[end - 1] + 1) end++;
    if (end - i >= enough) {
      slots.insert(slots.end(), free_pages.begin() + i, free_pages.begin() + end);
    }
  }
  return slots;
}

// Moves pages from the end to free pages below the size that the store needs, highest first.
void Repacker::State::GiveBack(Plan* plan) const {
  const size_t needed = plan->stays.size();
  std::vector<uint32_t> tail;
  size_t moved = 0;
  for (uint32_t i = 0; i < needed; i++) {
    moved += !plan->stays[i];
    if (plan->stays[i] && plan->sequence->page[i] >= needed) tail.push_back(i);
  }
  const std::vector<uint32_t> slots = FreeSlots(moved + tail.size());
  const size_t room =
      std::lower_bound(slots.begin(), slots.end(), static_cast<uint32_t>(needed)) - slots.begin();
  if (room <= moved) return;
  if (tail.size() > room - moved) {
    const auto higher = [plan](uint32_t a, uint32_t b) {
      return plan->sequence->page[a] > plan->sequence->page[b];
    };
    std::nth_element(tail.begin(), tail.begin() + (room - moved), tail.end(), higher);
    tail.resize(room - moved);
  }
  for (uint32_t i : tail) plan->stays[i] = false;
}

uint32_t Repacker::State::FirstNewPage() const {
  return std::max(existing.page.empty() ? 0 : existing.page.back() + 1,
                  free_pages.empty() ? 0 : free_pages.back() + 1);
}

// Decides where each page of the plan goes.
void Repacker::State::Place(Plan* plan) const {
  const PageSequence& seq = *plan->sequence;
  const size_t moved = std::count(plan->stays.begin(), plan->stays.end(), false);
  const std::vector<uint32_t> slots = FreeSlots(moved);
  uint32_t end = FirstNewPage();
  size_t next = 0;
  plan->page_of = layout.pages();
  plan->target.resize(seq.pages());
  for (size_t i = 0; i < seq.pages(); i++) {
    plan->target[i] = plan->stays[i] ? seq.page[i] : next < slots.size() ? slots[next++] : end++;
    for (uint32_t k = seq.begin[i]; k < seq.begin[i + 1]; k++) {
      plan->page_of[seq.blocks[k]] = plan->target[i];
    }
  }
}

bool Repacker::State::OrderPays() const {
  const auto moved = [](const Plan& p) {
    return std::count(p.stays.begin(), p.stays.end(), false);
  };
  double rates = 0;
  for (uint32_t m = 0; m < layout.models(); m++) rates += layout.rate(m);
  const double mean = layout.models() == 0 ? 0 : 1000 * rates / layout.models();
  const double more = static_cast<double>(moved(order) - moved(match));
  return order.reading.weighted_cost + mean * kMovePages * more <
         static_cast<double>(match.reading.weighted_cost);
}

bool Repacker::State::Pays(const Plan& plan) const {
  const bool fewer_pages =
      options.pack.aim == PackAim::kStorage && plan.sequence->pages() < existing.pages();
  return fewer_pages || plan.reading.weighted_pages < none.reading.weighted_pages ||
         plan.reading.weighted_cost <= (1 - kMovePays) * none.reading.weighted_cost;
}

// Blocks and minima of each model and of the store.
void Repacker::State::CountBlocks() {
  PageBound all(options.pack.capacity);
  model_reads.resize(layout.models());
  for (uint32_t m = 0; m < layout.models(); m++) {
    PageBound bound(options.pack.capacity);
    LayoutReads& reads = model_reads[m];
    for (size_t i = layout.begin(m); i < layout.begin(m + 1); i++) {
      bound.Add(layout.size(layout.uses()[i]));
    }
    reads.blocks = layout.begin(m + 1) - layout.begin(m);
    reads.bytes = bound.size();
    reads.pages_minimum = bound.pages();
  }
  for (uint32_t b : packed) all.Add(layout.size(b));
  store_reads.blocks = packed.size();
  store_reads.bytes = all.size();
  store_reads.pages_minimum = all.pages();
}

void Repacker::State::Finish() {
  CountBlocks();
  const PageSequence& seq = *chosen.sequence;
  std::vector<bool> moved(layout.blocks());
  std::vector<uint32_t> pages = chosen.target;
  for (size_t i = 0; i < seq.pages(); i++) {
    if (chosen.stays[i]) continue;
    PageMove move;
    move.page = chosen.target[i] < FirstNewPage() ? chosen.target[i] : PageMove::kAppend;
    move.blocks.assign(seq.blocks.begin() + seq.begin[i], seq.blocks.begin() + seq.begin[i + 1]);
    for (uint32_t b : move.blocks) {
      moved[b] = true;
      store_reads.blocks_moved++;
      store_reads.bytes_moved += layout.size(b);
    }
    moves.push_back(std::move(move));
  }
  std::sort(pages.begin(), pages.end());
  const auto runs = [](const std::vector<uint32_t>& p) {
    uint64_t n = !p.empty();
    for (size_t i = 1; i < p.size(); i++) n += p[i] != p[i - 1] + 1;
    return n;
  };
  store_reads.pages_before = existing.pages();
  store_reads.runs_before = runs(existing.page);
  store_reads.pages_after = pages.size();
  store_reads.runs_after = runs(pages);
  for (uint32_t m = 0; m < layout.models(); m++) {
    LayoutReads& reads = model_reads[m];
    reads.pages_before = none.reading.pages[m];
    reads.runs_before = none.reading.runs[m];
    reads.pages_after = chosen.reading.pages[m];
    reads.runs_after = chosen.reading.runs[m];
    for (size_t i = layout.begin(m); i < layout.begin(m + 1); i++) {
      const uint32_t b = layout.uses()[i];
      reads.blocks_moved += moved[b];
      reads.bytes_moved += moved[b] ? layout.size(b) : 0;
    }
  }
}

// What begins a stage.
Status Repacker::State::Enter(Stage next) {
  stage = next;
  cursor = 0;
  switch (stage) {
    case Stage::kKinds:
      signature.resize(layout.blocks());
      class_of.resize(layout.blocks());
      kind_of.resize(layout.blocks());
      packer_number.resize(layout.blocks());
      break;
    case Stage::kSurvey:
      survey.emplace(&layout.pages(), &existing);
      break;
    case Stage::kBefore: {
      class_last_page.assign(classes.size(), UINT32_MAX);
      for (uint32_t b : existing.blocks) {
        const uint32_t page = layout.pages()[b];
        classes[class_of[b]].pages += class_last_page[class_of[b]] != page;
        class_last_page[class_of[b]] = page;
      }
      for (size_t c = 0; c < classes.size(); c++)
        classes[c].pages_minimum = class_bounds[c].pages();
      none.sequence = &existing;
      StayAll(&none);
      none.target = existing.page;
      none.page_of = layout.pages();
      counter.Start(&none.page_of, &none.reading);
      break;
    }
    case Stage::kFeed: {
      std::vector<uint32_t> sizes;
      for (uint32_t b : packed) sizes.push_back(layout.size(b));
      return packer.SetBlocks(static_cast<uint32_t>(sizes.size()), sizes.data());
    }
    case Stage::kMatch: {
      Packing packing = packer.Take();
      for (uint32_t& b : packing.blocks) b = packed[b];
      matcher.emplace(&kind_of, &existing, std::move(packing), &wanted);
      break;
    }
    case Stage::kMatchPlan:
      matcher.reset();
      match.sequence = &wanted;
      StayAll(&match);
      Place(&match);
      counter.Start(&match.page_of, &match.reading);
      break;
    case Stage::kOrderPlan:
      order.sequence = &wanted;
      StayInLongRuns(&order);
      Place(&order);
      counter.Start(&order.page_of, &order.reading);
      break;
    case Stage::kChoose: {
      Plan* better = OrderPays() ? &order : &match;
      if (Pays(*better)) {
        chosen = std::move(*better);
      } else {
        chosen.sequence = &existing;
        StayAll(&chosen);
      }
      if (options.give_back) GiveBack(&chosen);
      Place(&chosen);
      counter.Start(&chosen.page_of, &chosen.reading);
      break;
    }
    case Stage::kFinish:
      Finish();
      break;
    default:
      break;
  }
  return {};
}

Status Repacker::State::RunStage(Budget* budget, bool* done) {
  const auto each_model = [&](const std::function<int64_t(uint32_t)>& work) {
    return RunSlice(&cursor, layout.models(), budget,
                    [&](size_t m) { return work(static_cast<uint32_t>(m)); });
  };
  *done = true;
  switch (stage) {
    case Stage::kClassify:
      *done = each_model([this](uint32_t m) { return SignModel(m); });
      break;
    case Stage::kKinds:
      *done = RunSlice(&cursor, layout.blocks(), budget,
                       [this](size_t b) { return NumberKind(static_cast<uint32_t>(b)); });
      break;
    case Stage::kClasses:
      *done = each_model([this](uint32_t m) { return ListClassModels(m); });
      break;
    case Stage::kSurvey:
      *done = survey->Step(budget);
      break;
    case Stage::kBefore:
    case Stage::kMatchPlan:
    case Stage::kOrderPlan:
    case Stage::kChoose:
      *done = counter.Step(budget);
      break;
    case Stage::kFeed:
      for (; cursor < layout.models(); cursor++) {
        if (budget->spent()) {
          *done = false;
          break;
        }
        MOSAIC_RETURN_IF_ERROR(FeedModel(static_cast<uint32_t>(cursor)));
        budget->Spend(8 * static_cast<int64_t>(chunk.size()));
      }
      break;
    case Stage::kPack:
      *done = packer.Step();
      budget->Spend(kStepUnits);
      break;
    case Stage::kMatch:
      *done = matcher->Step(budget);
      break;
    case Stage::kFinish:
    case Stage::kDone:
      break;
  }
  return {};
}

Status Repacker::Step(bool* done) {
  Budget budget(kStepUnits);
  State& s = *state_;
  *done = false;
  while (s.stage != State::Stage::kDone) {
    bool stage_done = false;
    MOSAIC_RETURN_IF_ERROR(s.RunStage(&budget, &stage_done));
    if (!stage_done) return {};
    State::Stage next = static_cast<State::Stage>(static_cast<int>(s.stage) + 1);
    if (s.options.survey && next == State::Stage::kFeed) {
      s.chosen = s.none;
      next = State::Stage::kFinish;
    }
    MOSAIC_RETURN_IF_ERROR(s.Enter(next));
    if (budget.spent()) return {};
  }
  *done = true;
  return {};
}

const std::vector<PageMove>& Repacker::moves() const { return state_->moves; }
const LayoutReads& Repacker::model(uint32_t m) const { return state_->model_reads[m]; }
const LayoutReads& Repacker::store() const { return state_->store_reads; }
const std::vector<SharingClassInfo>& Repacker::classes() const { return state_->classes; }

}  // namespace mosaic
