// Blocks that a caller hands in as differences to others (MosaicDeltaBlock, mosaic/capi_delta.h),
// for products that make them in the CPU's cache just before they read them.
#pragma once

#include <exception>

#include "core/kernel/strip_gemm.h"
#include "mosaic/capi_delta.h"

namespace mosaic {

// Of an Op: its streamed phases take blocks so.
class TakesDeltaBlocks {
 public:
  virtual ~TakesDeltaBlocks() = default;
};

class DamagedDelta : public std::exception {
 public:
  explicit DamagedDelta(int32_t block) : block_(block) {}
  const char* what() const noexcept override { return "a damaged difference"; }
  int32_t block() const { return block_; }

 private:
  int32_t block_;
};

class DeltaBlocks : public BlockMaker {
 public:
  static bool HasAny(const void* const* blocks, int64_t n);

  // Of a damaged one the payload means nothing.
  const void* Payload(const void* block, const void* next, void* room) override;
  const void* Source(const void* block) const override;
  // Throws DamagedDelta if one was.
  void Check() const;

 private:
  const MosaicDeltaBlock* damaged_ = nullptr;
};

}  // namespace mosaic
