// What is known of the requests for a store's models and of the pages they use, in memory shared by
// processes.
//
// A page is requested as often as the models that use it, together. Which these are is kept as a
// number of two bytes for each page, that of its class; a class is its parent's models and one
// more, so a class takes 32 bytes however many models it has. Models enter when they are first
// requested, and split the classes they meet (partition refinement, as in
// core/pack/sharing_classes.h), so models that nobody requests, whose rate is 0, cost nothing.
//
// The memory is flat and holds no pointers; it never grows, whatever the number of models.
// Counting, looking up and steering may run in any number of processes at once; what changes models
// or classes (marked EXCLUSIVE) needs a lock of the caller against each other, but not against the
// former: these see numbers that are a moment old, never such that lead out of the memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/cache/reuse.h"

namespace mosaic {

class CacheTable {
 public:
  static constexpr uint32_t kModels = 4096, kClasses = 8192;
  static constexpr int kNone = -1;

  struct Counts {
    uint64_t hits, reads;
  };

  static size_t Bytes(uint32_t pages);
  // Makes the memory, of Bytes(pages) and aligned to 64, an empty table.
  static void Initialize(void* memory, uint32_t pages);

  explicit CacheTable(void* memory) : header_(static_cast<Header*>(memory)) {}

  // ---- models ----

  // The slot of a model whose pages are known, or kNone. While epoch() is the same, slots are too.
  int FindModel(int64_t id) const;
  // The slot of any model that is counted, or kNone.
  int KnownModel(int64_t id) const;
  uint32_t epoch() const { return header_->epoch.load(std::memory_order_acquire); }
  // EXCLUSIVE. A model that uses these distinct pages (those beyond capacity() are ignored); its
  // slot, or kNone where there is no room. Forget() makes some.
  int AddModel(int64_t id, const uint32_t* pages, size_t n);
  // Whether it is worth while to try AddModel(): where there was no room, only every 64th time.
  bool Accepts();
  // EXCLUSIVE. The model is no more: its requests no longer count.
  void RemoveModel(int64_t id);
  // EXCLUSIVE. Begins an epoch: forgets all classes, and the models that were removed or whose
  // count has fallen to nothing. The others keep their counts; their pages are asked for again
  // (FindModel).
  void Forget(uint32_t now, double half_life_ticks);
  // EXCLUSIVE. As after old.Forget(), for a new table that takes the place of a smaller one.
  void TakeModels(const CacheTable& old);
  // EXCLUSIVE. Whether Forget() would make room enough to be worth it.
  bool ShouldForget(uint32_t now, double half_life_ticks) const;

  // ---- requests ----

  void CountRequest(int slot, uint32_t now, double half_life_ticks);
  double Weight(int slot, uint32_t now, double half_life_ticks) const;
  void CountPages(int slot, uint64_t hits, uint64_t reads);
  void CountClassPages(uint32_t page_class, uint64_t hits, uint64_t reads);
  Counts ModelCounts(int slot) const;

  // ---- pages ----

  uint32_t capacity() const { return header_->pages; }
  uint32_t ClassOf(uint32_t page) const;  // 0: of no model known here
  // Whether to decide: there were requests enough since the last time, and that was in an earlier
  // tick. What is busy would otherwise ask for the exclusive lock all the time.
  bool IsDue(uint32_t now) const;
  // EXCLUSIVE. Decides anew what to keep, if there were requests enough since the last time.
  void Decide(uint64_t pool_pages, uint32_t now, double half_life_ticks, bool force = false);
  bool steering() const { return header_->steering.load(std::memory_order_relaxed) != 0; }
  // Whether the model has more pages than the pool: it is steered, whether steering() or not, and
  // those of its pages that Keeps() says no to pass through a ring.
  bool IsLarger(int slot, uint64_t pool_pages) const {
    return Models()[slot].pages.load(std::memory_order_relaxed) > pool_pages;
  }
  // Whether to keep a page; only while steering() or IsLarger(), and only if its class is not 0.
  bool Keeps(uint32_t page, uint32_t page_class) const;
  // What SteerUsage() took and has not given.
  std::atomic<int64_t>* credit() { return &header_->credit; }

  // ---- for people: EXCLUSIVE ----

  uint32_t classes() const { return header_->nclasses.load(std::memory_order_acquire); }
  uint32_t ClassPages(uint32_t c) const;
  uint32_t ClassKeep(uint32_t c) const;  // of kKeepAll
  Counts ClassCounts(uint32_t c) const;
  double ClassWeight(uint32_t c, uint32_t now, double half_life_ticks) const;
  // The models of class c, at most room; returns how many.
  size_t ClassModels(uint32_t c, int64_t* ids, size_t room) const;
  uint32_t models() const;

 private:
  struct Model {
    std::atomic<int64_t> id;     // kFree, kRemoved, or a model's
    std::atomic<uint64_t> rate;  // a DecayedCount
    std::atomic<uint64_t> hits, reads;
    std::atomic<uint32_t> entered;  // the epoch in which its pages were; 0: none
    std::atomic<uint32_t> pages;    // as they were then
  };
  struct Class {
    uint32_t parent, model;  // class 0: none
    std::atomic<uint32_t> pages, keep;
    std::atomic<uint64_t> hits, reads;
  };
  struct Header {
    uint32_t pages;
    std::atomic<uint32_t> epoch, nclasses, steering;
    std::atomic<uint32_t> requests;  // since the last decision
    std::atomic<uint32_t> decided;   // when that was
    std::atomic<uint32_t> refusals;  // of Accepts(), to come
    std::atomic<int64_t> credit;
  };
  struct Survivor {
    int64_t id;
    uint64_t rate, hits, reads;
  };
  static constexpr int64_t kFree = 0, kRemoved = -1;
  static constexpr double kNothing = 1.0 / 128;  // seven half-lives after a single request

  bool HasRequests() const;
  Model* Models() const;
  Class* Classes() const;
  std::atomic<uint16_t>* PageClasses() const;
  void* Scratch() const;
  int Slot(int64_t id) const;  // where the model is or may be put; kNone where the table is full
  bool IsIdle(int slot, uint32_t now, double half_life_ticks) const;
  bool SplitClasses(const uint32_t* pages, size_t n, int slot);

  Header* header_;
};

}  // namespace mosaic
