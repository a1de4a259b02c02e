// Chooses the kernel of this CPU.
#include "core/kernel/strip_gemm.h"

#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "core/kernel/fast/isa.h"
#include "core/kernel/fast/strip_gemm_fast.h"

namespace mosaic {
namespace {

// Payloads that are made at a time: they stay in the L2 cache until they are multiplied.
constexpr int64_t kMadeBytes = 96 * 1024;

struct FreeAligned {
  void operator()(char* p) const { ::operator delete (p, std::align_val_t{64}); }
};

}  // namespace

void StripGemm(const StripGemmArgs& args) {
  const Isa isa = ActiveIsa(args.dtype);
  if (args.maker == nullptr || (isa != Isa::kReference && isa != Isa::kAmx)) {
    return StripGemmFast(args);
  }
  BlockMaker* maker = args.maker;
  StripGemmInParts(args, [maker](const void* block, const void* next, void* room) {
    return maker->Payload(block, next, room);
  });
}

void StripGemmInParts(const StripGemmArgs& args, const MakePayload& make) {
  const int64_t stride = MadeStride(args);
  const int64_t room = std::max<int64_t>(1, kMadeBytes / stride);
  const int64_t deep = std::min(args.row_blocks, room);
  const int64_t wide = std::min(args.strips, room / deep);  // 1 where strips do not fit as a whole
  const std::unique_ptr<char, FreeAligned> made(static_cast<char*>(
      ::operator new (static_cast<size_t>(deep * wide * stride), std::align_val_t{64})));
  std::vector<const void*> blocks(static_cast<size_t>(deep * wide));
  for (int64_t s = 0; s < args.strips; s += wide) {
    for (int64_t b = 0; b < args.row_blocks; b += deep) {
      StripGemmArgs part = args;
      part.maker = nullptr;
      part.strips = std::min(wide, args.strips - s);
      part.row_blocks = std::min(deep, args.row_blocks - b);
      const int64_t count = part.strips * part.row_blocks;
      const auto from = [&](int64_t i) -> const void* {
        if (i >= count) return nullptr;
        return args.blocks[(s + i / part.row_blocks) * args.row_blocks + b + i % part.row_blocks];
      };
      for (int64_t i = 0; i < count; ++i) {
        blocks[static_cast<size_t>(i)] = make(from(i), from(i + 1), made.get() + i * stride);
      }
      part.blocks = blocks.data();
      part.a = args.a + b * args.block_rows;
      part.k = std::min(args.k - b * args.block_rows, part.row_blocks * args.block_rows);
      part.c = args.c + s * MOSAIC_STRIP_COLS;
      part.m = std::min(args.m - s * MOSAIC_STRIP_COLS, part.strips * MOSAIC_STRIP_COLS);
      part.bias = args.bias == nullptr ? nullptr : args.bias + s * MOSAIC_STRIP_COLS;
      part.first = args.first && b == 0;
      part.last = args.last && b + part.row_blocks == args.row_blocks;
      part.working_set = 0;
      StripGemm(part);
    }
  }
}

const char* StripGemmKernelName(int dtype) { return IsaName(ActiveIsa(dtype)); }

}  // namespace mosaic
