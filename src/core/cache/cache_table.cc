#include "core/cache/cache_table.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/cache/retention.h"

namespace mosaic {
namespace {

constexpr size_t kLine = 64;
constexpr size_t Aligned(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

constexpr auto kRelaxed = std::memory_order_relaxed;

uint64_t Pack(DecayedCount count) {
  uint64_t bits;
  static_assert(sizeof count == sizeof bits, "a count is updated by one instruction");
  std::memcpy(&bits, &count, sizeof bits);
  return bits;
}

DecayedCount Unpack(uint64_t bits) {
  DecayedCount count;
  std::memcpy(&count.weight, &bits, sizeof count.weight);
  std::memcpy(&count.when, reinterpret_cast<const char*>(&bits) + sizeof count.weight,
              sizeof count.when);
  return count;
}

// A decision needs as much; so do the marks of a split, and the models that outlive an epoch.
constexpr size_t kScratchBytes = CacheTable::kClasses * (sizeof(PageClass) + sizeof(uint32_t));

}  // namespace

static_assert(std::atomic<uint64_t>::is_always_lock_free &&
                  std::atomic<uint16_t>::is_always_lock_free,
              "processes share these");
static_assert(CacheTable::kClasses <= UINT16_MAX, "a class takes two bytes a page");

size_t CacheTable::Bytes(uint32_t pages) {
  static_assert(kModels * sizeof(Survivor) <= kScratchBytes, "survivors are kept there");
  return Aligned(sizeof(Header)) + Aligned(kModels * sizeof(Model)) +
         Aligned(kClasses * sizeof(Class)) + Aligned(kScratchBytes) +
         Aligned(pages * sizeof(uint16_t));
}

CacheTable::Model* CacheTable::Models() const {
  return reinterpret_cast<Model*>(reinterpret_cast<char*>(header_) + Aligned(sizeof(Header)));
}

CacheTable::Class* CacheTable::Classes() const {
  return reinterpret_cast<Class*>(reinterpret_cast<char*>(Models()) +
                                  Aligned(kModels * sizeof(Model)));
}

void* CacheTable::Scratch() const {
  return reinterpret_cast<char*>(Classes()) + Aligned(kClasses * sizeof(Class));
}

std::atomic<uint16_t>* CacheTable::PageClasses() const {
  return reinterpret_cast<std::atomic<uint16_t>*>(static_cast<char*>(Scratch()) +
                                                  Aligned(kScratchBytes));
}

void CacheTable::Initialize(void* memory, uint32_t pages) {
  std::memset(memory, 0, Bytes(pages));
  auto* header = new (memory) Header();
  header->pages = pages;
  CacheTable table(memory);
  for (uint32_t i = 0; i < kModels; ++i) new (&table.Models()[i]) Model();
  for (uint32_t i = 0; i < kClasses; ++i) new (&table.Classes()[i]) Class();
  for (uint32_t i = 0; i < pages; ++i) new (&table.PageClasses()[i]) std::atomic<uint16_t>(0);
  header->nclasses = 1;
  header->epoch = 1;
}

// ---- models ----

int CacheTable::Slot(int64_t id) const {
  const Model* models = Models();
  const uint64_t start = static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15u >> 32;
  for (uint32_t i = 0; i < kModels; ++i) {
    const uint32_t slot = static_cast<uint32_t>((start + i) % kModels);
    const int64_t there = models[slot].id.load(std::memory_order_acquire);
    if (there == id || there == kFree) return static_cast<int>(slot);
  }
  return kNone;
}

int CacheTable::KnownModel(int64_t id) const {
  const int slot = Slot(id);
  return slot != kNone && Models()[slot].id == id ? slot : kNone;
}

int CacheTable::FindModel(int64_t id) const {
  const int slot = KnownModel(id);
  return slot != kNone && Models()[slot].entered == epoch() ? slot : kNone;
}

bool CacheTable::SplitClasses(const uint32_t* pages, size_t n, int slot) {
  const uint32_t old = classes();
  Class* classes = Classes();
  std::atomic<uint16_t>* of = PageClasses();
  auto* child = static_cast<uint32_t*>(Scratch());
  std::fill_n(child, old, 0);
  uint32_t next = old;
  for (size_t i = 0; i < n; ++i) {
    if (pages[i] < capacity() && child[of[pages[i]]] == 0) {
      if (next == kClasses) return false;
      child[of[pages[i]]] = next++;
    }
  }
  for (uint32_t c = 0; c < old; ++c) {
    if (child[c] == 0) continue;
    classes[child[c]].parent = c;
    classes[child[c]].model = static_cast<uint32_t>(slot);
    classes[child[c]].pages = 0;
    classes[child[c]].keep = classes[c].keep.load();
    classes[child[c]].hits = classes[child[c]].reads = 0;
  }
  header_->nclasses.store(next, std::memory_order_release);
  for (size_t i = 0; i < n; ++i) {
    if (pages[i] >= capacity()) continue;
    const uint32_t c = of[pages[i]];
    if (c >= old) continue;  // named twice
    of[pages[i]].store(static_cast<uint16_t>(child[c]), kRelaxed);
    if (c != 0) classes[c].pages.fetch_sub(1, kRelaxed);
    classes[child[c]].pages.fetch_add(1, kRelaxed);
  }
  return true;
}

int CacheTable::AddModel(int64_t id, const uint32_t* pages, size_t n) {
  const int slot = Slot(id);
  if (slot != kNone && FindModel(id) == slot) return slot;
  if (slot == kNone || !SplitClasses(pages, n, slot)) {
    header_->refusals = 63;
    return kNone;
  }
  header_->refusals = 0;
  Model& model = Models()[slot];
  model.pages = static_cast<uint32_t>(n);
  model.entered = epoch();
  model.id.store(id, std::memory_order_release);
  return slot;
}

bool CacheTable::Accepts() {
  uint32_t n = header_->refusals.load(kRelaxed);
  while (n > 0 && !header_->refusals.compare_exchange_weak(n, n - 1, kRelaxed)) {
  }
  return n == 0;
}

void CacheTable::RemoveModel(int64_t id) {
  const int slot = Slot(id);
  if (slot == kNone || Models()[slot].id != id) return;
  // The slot stays taken until the next epoch: classes name it.
  Models()[slot].id = kRemoved;
  Models()[slot].rate = 0;
}

bool CacheTable::IsIdle(int slot, uint32_t now, double half_life_ticks) const {
  return Models()[slot].id == kRemoved ||
         Unpack(Models()[slot].rate).At(now, half_life_ticks) < kNothing;
}

bool CacheTable::ShouldForget(uint32_t now, double half_life_ticks) const {
  uint32_t used = 0, idle = 0, empty = 0;
  for (uint32_t i = 0; i < kModels; ++i) {
    if (Models()[i].id == kFree) continue;
    ++used;
    idle += IsIdle(static_cast<int>(i), now, half_life_ticks);
  }
  for (uint32_t c = 1; c < classes(); ++c) empty += Classes()[c].pages == 0;
  return idle * 8 > used || empty * 2 > classes();
}

void CacheTable::Forget(uint32_t now, double half_life_ticks) {
  Model* models = Models();
  auto* survivors = static_cast<Survivor*>(Scratch());
  size_t n = 0;
  header_->steering = 0;
  for (uint32_t i = 0; i < kModels; ++i) {
    Model& m = models[i];
    if (m.id != kFree && !IsIdle(static_cast<int>(i), now, half_life_ticks))
      survivors[n++] = {m.id, m.rate, m.hits, m.reads};
    m.entered = 0;
    m.id = kFree;
    m.rate = m.hits = m.reads = 0;
  }
  for (size_t i = 0; i < n; ++i) {
    Model& m = models[Slot(survivors[i].id)];
    m.rate = survivors[i].rate;
    m.hits = survivors[i].hits;
    m.reads = survivors[i].reads;
    m.id = survivors[i].id;
  }
  for (uint32_t p = 0; p < capacity(); ++p) PageClasses()[p].store(0, kRelaxed);
  header_->nclasses = 1;
  header_->epoch = std::max(1u, epoch() + 1);
}

void CacheTable::TakeModels(const CacheTable& old) {
  for (uint32_t i = 0; i < kModels; ++i) {
    const Model& from = old.Models()[i];
    if (from.id <= 0) continue;
    Model& m = Models()[Slot(from.id)];
    m.rate = from.rate.load();
    m.hits = from.hits.load();
    m.reads = from.reads.load();
    m.id = from.id.load();
  }
  header_->epoch = std::max(1u, old.epoch() + 1);
}

uint32_t CacheTable::models() const {
  uint32_t n = 0;
  for (uint32_t i = 0; i < kModels; ++i) n += Models()[i].id > 0;
  return n;
}

// ---- requests ----

void CacheTable::CountRequest(int slot, uint32_t now, double half_life_ticks) {
  std::atomic<uint64_t>& rate = Models()[slot].rate;
  uint64_t before = rate.load(kRelaxed), after;
  do {
    DecayedCount count = Unpack(before);
    count.Add(now, half_life_ticks);
    after = Pack(count);
  } while (!rate.compare_exchange_weak(before, after, kRelaxed));
  header_->requests.fetch_add(1, kRelaxed);
}

double CacheTable::Weight(int slot, uint32_t now, double half_life_ticks) const {
  if (Models()[slot].id <= 0) return 0;
  return Unpack(Models()[slot].rate.load(kRelaxed)).At(now, half_life_ticks);
}

void CacheTable::CountPages(int slot, uint64_t hits, uint64_t reads) {
  Models()[slot].hits.fetch_add(hits, kRelaxed);
  Models()[slot].reads.fetch_add(reads, kRelaxed);
}

void CacheTable::CountClassPages(uint32_t page_class, uint64_t hits, uint64_t reads) {
  Classes()[page_class].hits.fetch_add(hits, kRelaxed);
  Classes()[page_class].reads.fetch_add(reads, kRelaxed);
}

CacheTable::Counts CacheTable::ModelCounts(int slot) const {
  return {Models()[slot].hits, Models()[slot].reads};
}

// ---- pages ----

uint32_t CacheTable::ClassOf(uint32_t page) const {
  return page < capacity() ? PageClasses()[page].load(kRelaxed) : 0;
}

bool CacheTable::Keeps(uint32_t page, uint32_t page_class) const {
  return KeepsPage(page, Classes()[page_class].keep.load(kRelaxed));
}

// A decision looks at all classes: the more there are, the more requests share one.
bool CacheTable::HasRequests() const { return header_->requests.load(kRelaxed) > classes() / 16; }

bool CacheTable::IsDue(uint32_t now) const {
  return HasRequests() && header_->decided.load(kRelaxed) != now;
}

void CacheTable::Decide(uint64_t pool_pages, uint32_t now, double half_life_ticks, bool force) {
  const uint32_t n = classes();
  if (!force && !HasRequests()) return;
  header_->requests.store(0, kRelaxed);
  header_->decided.store(now, kRelaxed);
  auto* decided = static_cast<PageClass*>(Scratch());
  auto* order = reinterpret_cast<uint32_t*>(decided + kClasses);
  decided[0] = PageClass();
  for (uint32_t c = 1; c < n; ++c) {
    // Parents come before their children.
    const Class& k = Classes()[c];
    decided[c].pages = k.pages.load(kRelaxed);
    decided[c].weight =
        decided[k.parent].weight + Weight(static_cast<int>(k.model), now, half_life_ticks);
  }
  const bool steer = DecideRetention(decided, n, pool_pages, order);
  for (uint32_t c = 1; c < n; ++c) Classes()[c].keep.store(decided[c].keep, kRelaxed);
  header_->steering.store(steer, kRelaxed);
  // What was saved up and not given says nothing of the present.
  const auto most = static_cast<int64_t>(kMaxUsage * kGiven * pool_pages);
  if (header_->credit.load(kRelaxed) > most) header_->credit.store(most, kRelaxed);
}

// ---- for people ----

uint32_t CacheTable::ClassPages(uint32_t c) const { return Classes()[c].pages; }
uint32_t CacheTable::ClassKeep(uint32_t c) const { return Classes()[c].keep; }

CacheTable::Counts CacheTable::ClassCounts(uint32_t c) const {
  return {Classes()[c].hits, Classes()[c].reads};
}

double CacheTable::ClassWeight(uint32_t c, uint32_t now, double half_life_ticks) const {
  double weight = 0;
  for (; c != 0; c = Classes()[c].parent)
    weight += Weight(static_cast<int>(Classes()[c].model), now, half_life_ticks);
  return weight;
}

size_t CacheTable::ClassModels(uint32_t c, int64_t* ids, size_t room) const {
  size_t n = 0;
  for (; c != 0; c = Classes()[c].parent) {
    const int64_t id = Models()[Classes()[c].model].id;
    if (id > 0 && n < room) ids[n++] = id;
  }
  return n;
}

}  // namespace mosaic
