#include "core/kernel/fast/tiles.h"

#include <utility>

namespace mosaic {

namespace {

// One function for each shape of a tile and each instruction set. How many accumulators a tile may
// have follows from the number of registers: 32 (AVX-512, NEON) or 16.
template <int kRows, int kStrips, Weights kWeights, bool kPacked, Prefetch kPrefetch>
struct Generic {
  static void Run(const TileArgs& t) {
    Tile<4, kRows, kStrips, kWeights, kPacked, kPrefetch>::Run(t);
  }
};

#if MOSAIC_X86
template <int kRows, int kStrips, Weights kWeights, bool kPacked, Prefetch kPrefetch>
struct Avx2 {
  MOSAIC_AVX2 static void Run(const TileArgs& t) {
    Tile<8, kRows, kStrips, kWeights, kPacked, kPrefetch>::Run(t);
  }
};

template <int kRows, int kStrips, Weights kWeights, bool kPacked, Prefetch kPrefetch>
struct Avx512 {
  MOSAIC_AVX512 static void Run(const TileArgs& t) {
    Tile<16, kRows, kStrips, kWeights, kPacked, kPrefetch>::Run(t);
  }
};
#endif

template <template <int, int, Weights, bool, Prefetch> class Fn, int kStrips, Weights kWeights,
          bool kPacked, Prefetch kPrefetch, typename Rows>
struct Table;
template <template <int, int, Weights, bool, Prefetch> class Fn, int kStrips, Weights kWeights,
          bool kPacked, Prefetch kPrefetch, int... kRow>
struct Table<Fn, kStrips, kWeights, kPacked, kPrefetch, std::integer_sequence<int, kRow...>> {
  static constexpr TileFn value[] = {Fn<kRow + 1, kStrips, kWeights, kPacked, kPrefetch>::Run...};
};

template <template <int, int, Weights, bool, Prefetch> class Fn, int kRows, int kWideStrips,
          int kFewRows, int kStreamedRows, int kStreamedStrips, Weights kWeights>
constexpr TileSet MakeTiles() {
  using Rows = std::make_integer_sequence<int, kRows>;
  using FewRows = std::make_integer_sequence<int, kFewRows>;
  using StreamedRows = std::make_integer_sequence<int, kStreamedRows>;
  return {kWeights,
          kRows,
          kWideStrips,
          kFewRows,
          Table<Fn, kWideStrips, kWeights, false, Prefetch::kSpread, Rows>::value,
          Table<Fn, kWideStrips, kWeights, true, Prefetch::kSpread, Rows>::value,
          Table<Fn, 1, kWeights, false, Prefetch::kSpread, Rows>::value,
          Table<Fn, 1, kWeights, true, Prefetch::kSpread, Rows>::value,
          Table<Fn, kFewStrips, kWeights, false, Prefetch::kHead, FewRows>::value,
          Table<Fn, kFewStrips, kWeights, false, Prefetch::kRunAhead, FewRows>::value,
          kStreamedRows,
          kStreamedStrips,
          Table<Fn, kStreamedStrips, kWeights, false, Prefetch::kRunAhead, StreamedRows>::value};
}

#if defined(__aarch64__)
constexpr int kGenericRows = 6;
#else
constexpr int kGenericRows = 3;
#endif
// With weights of float32, and of bfloat16.
constexpr TileSet kGenericTiles[] = {
    MakeTiles<Generic, kGenericRows, 1, 1, 1, kFewStrips, Weights::kFloat>(),
    MakeTiles<Generic, kGenericRows, 1, 1, 1, kFewStrips, Weights::kHalf>()};
#if MOSAIC_X86
constexpr TileSet kAvx2Tiles[] = {MakeTiles<Avx2, 6, 1, 1, 1, kFewStrips, Weights::kFloat>(),
                                  MakeTiles<Avx2, 6, 1, 1, 1, kFewStrips, Weights::kHalf>()};
constexpr TileSet kAvx512Tiles[] = {MakeTiles<Avx512, 14, 2, 6, 3, 8, Weights::kFloat>(),
                                    MakeTiles<Avx512, 14, 2, 6, 3, 8, Weights::kHalf>()};
#if MOSAIC_MULTIPLIES_PAIRS
constexpr TileSet kAvx512Bf16Tiles = MakeTiles<Avx512, 14, 2, 6, 3, 8, Weights::kPairs>();
#endif
#endif

}  // namespace

const TileSet& TilesFor(Isa isa, int dtype) {
  const size_t i = dtype == MOSAIC_BFLOAT16;
#if MOSAIC_X86
#if MOSAIC_MULTIPLIES_PAIRS
  if (isa >= Isa::kAvx512Bf16 && i == 1) return kAvx512Bf16Tiles;
#endif
  if (isa >= Isa::kAvx512) return kAvx512Tiles[i];
  if (isa == Isa::kAvx2) return kAvx2Tiles[i];
#endif
  (void)isa;
  return kGenericTiles[i];
}

}  // namespace mosaic
