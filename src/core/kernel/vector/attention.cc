#include "core/kernel/attention.h"

#include <algorithm>
#include <utility>

namespace mosaic {
namespace {
constexpr int64_t kStripRows = 12;
}  // namespace
}  // namespace mosaic

#define MOSAIC_KERNEL "core/kernel/vector/attention.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

// out[h * 16 + j] = k[j * step + h], of 16 rows, four by four.
void PackKeys(const float* k, int64_t step, int64_t depth, float* out) {
  typedef float Reg __attribute__((vector_size(16)));
  typedef float Mem __attribute__((vector_size(16), aligned(4), may_alias));
  int64_t h = 0;
  for (; h + 4 <= depth; h += 4) {
    for (int j = 0; j < 16; j += 4) {
      const float* from = k + j * step + h;
      const Reg r0 = *reinterpret_cast<const Mem*>(from);
      const Reg r1 = *reinterpret_cast<const Mem*>(from + step);
      const Reg r2 = *reinterpret_cast<const Mem*>(from + 2 * step);
      const Reg r3 = *reinterpret_cast<const Mem*>(from + 3 * step);
      const Reg a = __builtin_shufflevector(r0, r2, 0, 4, 1, 5);
      const Reg b = __builtin_shufflevector(r0, r2, 2, 6, 3, 7);
      const Reg c = __builtin_shufflevector(r1, r3, 0, 4, 1, 5);
      const Reg d = __builtin_shufflevector(r1, r3, 2, 6, 3, 7);
      float* to = out + h * 16 + j;
      *reinterpret_cast<Mem*>(to) = __builtin_shufflevector(a, c, 0, 4, 1, 5);
      *reinterpret_cast<Mem*>(to + 16) = __builtin_shufflevector(a, c, 2, 6, 3, 7);
      *reinterpret_cast<Mem*>(to + 32) = __builtin_shufflevector(b, d, 0, 4, 1, 5);
      *reinterpret_cast<Mem*>(to + 48) = __builtin_shufflevector(b, d, 2, 6, 3, 7);
    }
  }
  for (; h < depth; ++h) {
    for (int j = 0; j < 16; ++j) out[h * 16 + j] = k[j * step + h];
  }
}

}  // namespace

void AttentionPacked::Reset(const AttentionArgs& args) {
  panels = (args.keys + 15) / 16;
  // Rows of scores lie 16 floats more than a whole number of panels apart: in other sets of a
  // cache.
  score_step = 16 * panels + 16;
  const int64_t columns = (args.value_depth + 15) / 16;
  const auto grow = [](std::vector<float>* v, int64_t floats) {
    if (static_cast<int64_t>(v->size()) < floats) v->resize(static_cast<size_t>(floats));
  };
  grow(&keys, 16 * panels * args.depth);
  grow(&values, 16 * panels * 16 * columns);
  grow(&strip, kStripRows * (args.depth + score_step + 16 * columns));
}

void PackAttention(const AttentionArgs& args, int64_t begin, int64_t end, AttentionPacked* packed) {
  const int64_t columns = (args.value_depth + 15) / 16;
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t j0 = 16 * panel, rows = std::min<int64_t>(16, args.keys - j0);
    float* keys = packed->keys.data() + j0 * args.depth;
    if (rows == 16) {
      PackKeys(args.k + j0 * args.k_step, args.k_step, args.depth, keys);
    } else {
      std::fill_n(keys, 16 * args.depth, 0.0f);
      for (int64_t j = 0; j < rows; ++j) {
        const float* from = args.k + (j0 + j) * args.k_step;
        for (int64_t h = 0; h < args.depth; ++h) keys[h * 16 + j] = from[h];
      }
    }
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t width = std::min<int64_t>(16, args.value_depth - 16 * c);
      float* to = packed->values.data() + (c * 16 * packed->panels + j0) * 16;
      for (int64_t j = 0; j < rows; ++j, to += 16) {
        const float* from = args.v + (j0 + j) * args.v_step + 16 * c;
        if (width == 16) {
          std::memcpy(to, from, 16 * sizeof(float));
        } else {
          std::fill_n(to, 16, 0.0f);
          std::memcpy(to, from, static_cast<size_t>(width) * sizeof(float));
        }
      }
    }
  }
}

void RunAttention(const AttentionArgs& args, int64_t begin, int64_t end, AttentionPacked* packed) {
  if (begin >= end) return;
  if (ActiveIsa() == Isa::kReference) return AttentionReference(args, begin, end);
  MOSAIC_DISPATCH(RunQueries, args, begin, end, packed);
}

}  // namespace mosaic
