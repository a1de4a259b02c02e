// The tiles of each instruction set and type of weights.
#pragma once

#include "core/kernel/fast/isa.h"
#include "core/kernel/fast/tile.h"

namespace mosaic {

constexpr int kFewStrips = 4;

// Tables are indexed by rows - 1. "wide" takes wide_strips at once, "narrow" one; both fetch ahead
// kSpread and take up to `rows` rows. "few" takes kFewStrips and up to few_rows rows, and fetches
// kHead; "few_streamed" kRunAhead, as does "streamed", for up to streamed_rows rows: more strips at
// once are more requests to the memory at once.
struct TileSet {
  Weights weights;
  int rows;
  int wide_strips;
  int few_rows;
  const TileFn* wide;
  const TileFn* wide_packed;
  const TileFn* narrow;
  const TileFn* narrow_packed;
  const TileFn* few;
  const TileFn* few_streamed;
  int streamed_rows, streamed_strips;
  const TileFn* streamed;
};

// dtype: of the weights. REQUIRES: IsaSupported(isa); float32 or bfloat16.
const TileSet& TilesFor(Isa isa, int dtype);

}  // namespace mosaic
