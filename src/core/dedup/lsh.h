// Locality-sensitive hashing for the Euclidean distance (Datar, Immorlica, Indyk, Mirrokni:
// p-stable distributions, SoCG 2004): finds the blocks that may be nearly equal to a given one.
//
// A hash is floor((a . x + b) / w), a Gaussian, b uniform in [0, w). A table's key joins `hashes`
// of them; blocks that share the key of any table are candidates.
//
// x is not the block but a sample of it, another one for each table. The measure of likeness lets a
// quarter of the weights differ by any amount, as when some words of an embedding were trained on:
// over a whole block that is a large distance, while most samples are still nearly equal. A sample
// is a run of weights of a row (ROW) or some rows (STRIP); in STRIP blocks every other table takes
// a column, so that neither retrained inputs nor retrained outputs of a layer spoil all tables.
//
// The width grows with the tolerance and with the root of the sample's size: a sample whose weights
// all differ by the tolerance has the distance tolerance * sqrt(size).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mosaic/page_format.h"

namespace mosaic {

struct LshSettings {
  int tables = 3;
  int hashes = 8;      // per table
  int sample = 64;     // weights of a table's sample, at most
  double width = 4.0;  // w = width * tolerance * sqrt(sample size)
  float tolerance = 0.01f;
  uint64_t seed = 0x6d6f73616963;  // part of what a stored key means
};

class LshFamily {
 public:
  // REQUIRES: NearShareable(geometry); all settings > 0.
  LshFamily(const MosaicGeometry& geometry, const LshSettings& settings);

  // At most settings.tables: a small block has fewer distinct samples.
  int tables() const { return static_cast<int>(samples_.size()); }

  // One key per table; 0 where a table has none, because its sample holds nothing to tell a block
  // by: its root mean square is below the tolerance, as in filling or pruned weights. Keys of
  // different geometries or tables differ (as far as 64-bit hashes do).
  void Keys(const float* values, uint64_t* keys) const;

  // The elements of the block that table t looks at, ascending.
  const std::vector<int32_t>& sample(int t) const { return samples_[static_cast<size_t>(t)]; }

  // The chance that one hash of two samples agrees, for distance / w = c (> 0): published theory,
  // for the choice of settings and for tests.
  static double CollisionProbability(double c);

 private:
  uint64_t geometry_;
  int hashes_;
  float min_square_;  // per element
  std::vector<std::vector<int32_t>> samples_;
  std::vector<float> widths_;                    // per table
  std::vector<std::vector<float>> projections_;  // per table: sample size x hashes, row-major
  std::vector<std::vector<float>> offsets_;      // per table: hashes
};

}  // namespace mosaic
