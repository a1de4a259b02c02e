#include "core/kernel/attention.h"

#include <algorithm>
#include <utility>

#include "core/kernel/vector/transpose.h"

namespace mosaic {
// Floats that softmax keeps of a row of a strip, in 16 lanes each: the greatest score; in float64 the sum of exponentials.
constexpr int64_t kAttentionRowState = 16 + 2 * 16;
}  // namespace mosaic

#define MOSAIC_KERNEL "core/kernel/vector/attention.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

struct PackedSizes {
  explicit PackedSizes(const AttentionArgs& a)
      : panels((a.keys + 15) / 16),
        columns((a.value_depth + 15) / 16),
        direct_values(a.queries <= kAttentionStrip && a.value_depth % 16 == 0),
        score_step(16 * panels + 16),
        keys(16 * panels * a.depth),
        values(direct_values ? 0 : 16 * panels * 16 * columns),
        strip((kAttentionStrip * (a.depth + score_step + 16 * columns + kAttentionRowState) + 15) / 16 *
              16) {}

  int64_t panels, columns;
  bool direct_values;
  // Rows of scores lie 16 floats more than a whole number of panels apart: in other sets of a
  // cache.
  int64_t score_step;
  int64_t keys, values, strip;  // floats, multiples of 16
};

}  // namespace

int64_t AttentionPacked::Bytes(const AttentionArgs& args) {
  const PackedSizes s(args);
  return (s.keys + s.values + s.strip) * static_cast<int64_t>(sizeof(float));
}

AttentionPacked::AttentionPacked(const AttentionArgs& args, void* memory) {
  const PackedSizes s(args);
  keys = static_cast<float*>(memory);
  values = keys + s.keys;
  strip = values + s.values;
  panels = s.panels;
  direct_values = s.direct_values;
  score_step = s.score_step;
}

void PackAttention(const AttentionArgs& args, int64_t begin, int64_t end, AttentionPacked* packed) {
  const int64_t columns = (args.value_depth + 15) / 16;
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t j0 = 16 * panel, rows = std::min<int64_t>(16, args.keys - j0);
    float* keys = packed->keys + j0 * args.depth;
    if (rows == 16) {
      TransposeWords(args.k + j0 * args.k_step, args.k_step, 16, args.depth, keys, 16);
    } else {
      std::fill_n(keys, 16 * args.depth, 0.0f);
      for (int64_t j = 0; j < rows; ++j) {
        const float* from = args.k + (j0 + j) * args.k_step;
        for (int64_t h = 0; h < args.depth; ++h) keys[h * 16 + j] = from[h];
      }
    }
    for (int64_t c = 0; c < columns && !packed->direct_values; ++c) {
      const int64_t width = std::min<int64_t>(16, args.value_depth - 16 * c);
      float* to = packed->values + (c * 16 * packed->panels + j0) * 16;
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

void RunAttentionPiece(const AttentionArgs& args, int64_t piece, int64_t chunks, int64_t chunk_keys,
                       AttentionPacked* packed) {
  if (args.queries == 0) return;
  if (ActiveIsa() == Isa::kReference) {
    if (piece == 2 * chunks - 1) AttentionReference(args, 0, args.queries);
    return;
  }
  MOSAIC_DISPATCH(RunPiece, args, piece, chunks, chunk_keys, packed);
}

}  // namespace mosaic
