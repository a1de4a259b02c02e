#include "core/cache/clock_sweep.h"

#include <algorithm>

#include "core/cache/retention.h"

namespace mosaic {

ClockSweep::ClockSweep(uint32_t frames, uint32_t pages)
    : usage_(frames), page_in_(frames, kNone), is_pinned_(frames), frame_of_(pages, kNone) {}

uint32_t ClockSweep::Victim() {
  if (used_ < usage_.size()) return used_++;  // the free list
  for (;;) {
    const uint32_t frame = hand_;
    hand_ = hand_ + 1 == usage_.size() ? 0 : hand_ + 1;
    if (is_pinned_[frame]) continue;
    if (usage_[frame] == 0) return frame;
    --usage_[frame];
  }
}

uint32_t ClockSweep::Victim(Ring* ring) {
  ring->at = (ring->at + 1) % ring->frames.size();
  uint32_t& slot = ring->frames[ring->at];
  if (slot == kNone || is_pinned_[slot] || usage_[slot] > 1) slot = Victim();
  return slot;
}

void ClockSweep::Load(uint32_t page, uint32_t frame) {
  if (page_in_[frame] != kNone) frame_of_[page_in_[frame]] = kNone;
  page_in_[frame] = page;
  frame_of_[page] = frame;
  usage_[frame] = 1;
}

bool ClockSweep::Pin(uint32_t page, Ring* ring) {
  const bool hit = Holds(page);
  if (!hit) Load(page, ring ? Victim(ring) : Victim());
  const uint32_t frame = frame_of_[page];
  if (is_pinned_[frame]) return hit;  // a backend counts a page once while it has it pinned
  if (hit && usage_[frame] < (ring ? 1 : kMaxUsage)) ++usage_[frame];
  is_pinned_[frame] = true;
  pinned_.push_back(frame);
  return hit;
}

void ClockSweep::UnpinAll() {
  for (uint32_t frame : pinned_) is_pinned_[frame] = false;
  pinned_.clear();
}

bool ClockSweep::ScanPage(uint32_t page) {
  if (Holds(page)) {
    uint32_t& usage = usage_[frame_of_[page]];
    usage = std::max(usage, 1u);
    return true;
  }
  Load(page, Victim(&scan_));
  return false;
}

}  // namespace mosaic
