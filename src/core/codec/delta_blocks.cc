#include "core/codec/delta_blocks.h"

#include <algorithm>
#include <cstring>

#include "core/codec/delta.h"

namespace mosaic {
namespace {

// Null: it is a payload.
const MosaicDeltaBlock* DeltaOf(const void* block) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  if ((address & MOSAIC_DELTA_TAG) == 0) return nullptr;
  return reinterpret_cast<const MosaicDeltaBlock*>(address - MOSAIC_DELTA_TAG);
}

}  // namespace

const void* DeltaBlocks::Payload(const void* block, const void* next, void* room) {
  const MosaicDeltaBlock* d = DeltaOf(block);
  if (d == nullptr) return block;
  const void* ahead = next;
  if (const MosaicDeltaBlock* other = next == nullptr ? nullptr : DeltaOf(next)) {
    ahead = other->base;
    for (uint32_t i = 0; i < other->bytes; i += MOSAIC_ROW_BYTES) {
      __builtin_prefetch(static_cast<const char*>(other->delta) + i);
    }
  }
  if (!DecodeDelta(d->delta, d->bytes, d->base, d->whole, room, ahead)) {
    if (damaged_ == nullptr) damaged_ = d;
    std::memset(room, 0, d->whole);
  }
  return room;
}

const void* DeltaBlocks::Source(const void* block) const {
  const MosaicDeltaBlock* d = DeltaOf(block);
  return d == nullptr ? block : d->base;
}

void DeltaBlocks::Check() const {
  if (damaged_ != nullptr) throw DamagedDelta(damaged_->id);
}

bool DeltaBlocks::HasAny(const void* const* blocks, int64_t n) {
  return std::any_of(blocks, blocks + n,
                     [](const void* block) { return DeltaOf(block) != nullptr; });
}

}  // namespace mosaic
