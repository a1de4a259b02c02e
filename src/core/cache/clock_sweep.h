// PostgreSQL's buffer replacement, simulated exactly for one backend (bufmgr.c, freelist.c of 15).
//
// A page that is pinned anew gains a usage count, up to 5; one that is read takes the first
// unpinned buffer with count 0 that the clock hand meets, which takes 1 from each on its way, and
// begins with 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mosaic {

class ClockSweep {
 public:
  // pages: all page numbers are below.
  ClockSweep(uint32_t frames, uint32_t pages);

  // Buffers that one reader uses in turn instead of asking the clock each time.
  struct Ring {
    explicit Ring(size_t n) : frames(n, kNone) {}
    std::vector<uint32_t> frames;
    size_t at = 0;
  };

  // Pins a page, that takes the place of another in the ring if there is one; whether it was there.
  // REQUIRES: a frame is not pinned.
  bool Pin(uint32_t page, Ring* ring = nullptr);
  void UnpinAll();
  uint32_t pinned() const { return static_cast<uint32_t>(pinned_.size()); }

  // Reads a page as a scan of a large table does, through a ring of 32 buffers (BAS_BULKREAD).
  bool ScanPage(uint32_t page);

  // Of a page that is in the pool.
  uint32_t usage(uint32_t page) const { return usage_[frame_of_[page]]; }
  void SetUsage(uint32_t page, uint32_t usage) { usage_[frame_of_[page]] = usage; }
  bool Holds(uint32_t page) const { return frame_of_[page] != kNone; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t Victim();
  uint32_t Victim(Ring* ring);
  void Load(uint32_t page, uint32_t frame);

  std::vector<uint32_t> usage_, page_in_;  // of frames
  std::vector<bool> is_pinned_;
  std::vector<uint32_t> frame_of_;  // of pages
  std::vector<uint32_t> pinned_;    // frames
  uint32_t hand_ = 0, used_ = 0;
  Ring scan_ = Ring(32);
};

}  // namespace mosaic
