#include "core/dedup/lsh.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "core/block/blocking.h"

namespace mosaic {
namespace {

constexpr double kPi = 3.14159265358979323846;

// splitmix64. Not <random>: its distributions differ between libraries, and keys are stored.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In (0, 1).
  double Uniform() { return (static_cast<double>(Next() >> 11) + 0.5) * 0x1p-53; }
  // Box and Muller.
  double Gaussian() {
    const double radius = std::sqrt(-2 * std::log(Uniform()));
    return radius * std::cos(2 * kPi * Uniform());
  }

 private:
  uint64_t state_;
};

// Item t of `take` items spread evenly over n.
int64_t Spread(int64_t t, int64_t take, int64_t n) { return (2 * t + 1) * n / (2 * take); }

// Runs of at most `size` elements that are whole rows or lie within one row: run i of RunCount.
struct Runs {
  int64_t rows_per_run, runs_per_row, length, cols;
  int64_t count;
};

Runs CutIntoRuns(const MosaicGeometry& g, int64_t size) {
  Runs r{};
  r.cols = g.cols;
  r.rows_per_run = std::min<int64_t>(g.rows, std::max<int64_t>(1, size / r.cols));
  r.runs_per_row = std::max<int64_t>(1, r.cols / size);
  r.length = r.rows_per_run > 1 ? r.rows_per_run * r.cols : std::min(size, r.cols);
  r.count = (g.rows / r.rows_per_run) * r.runs_per_row;
  return r;
}

std::vector<int32_t> Run(const Runs& runs, int64_t i) {
  const int64_t row = i / runs.runs_per_row * runs.rows_per_run;
  const int64_t col = i % runs.runs_per_row * (runs.cols / runs.runs_per_row);
  std::vector<int32_t> elements(static_cast<size_t>(runs.length));
  for (int64_t e = 0; e < runs.length; ++e) {
    elements[static_cast<size_t>(e)] = static_cast<int32_t>(row * runs.cols + col + e);
  }
  return elements;
}

std::vector<int32_t> Column(const MosaicGeometry& g, int64_t col, int64_t size) {
  const int64_t n = std::min<int64_t>(g.rows, size);
  std::vector<int32_t> elements(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = Spread(i, n, g.rows);
    elements[static_cast<size_t>(i)] = static_cast<int32_t>(row * g.cols + col);
  }
  return elements;
}

std::vector<std::vector<int32_t>> ChooseSamples(MosaicGeometry g, const LshSettings& s) {
  g.rows = static_cast<uint16_t>(g.rows * RowsPerRow(g.layout, g.dtype));  // of the matrix
  const bool strip = g.layout == MOSAIC_LAYOUT_STRIP;
  const Runs runs = CutIntoRuns(g, s.sample);
  const int64_t columns = strip ? std::min<int64_t>(s.tables / 2, g.cols) : 0;
  const int64_t rows = std::min<int64_t>(s.tables - columns, runs.count);
  std::vector<std::vector<int32_t>> samples;
  for (int64_t t = 0; t < rows; ++t) samples.push_back(Run(runs, Spread(t, rows, runs.count)));
  for (int64_t t = 0; t < columns; ++t) {
    samples.push_back(Column(g, Spread(t, columns, g.cols), s.sample));
  }
  return samples;
}

}  // namespace

LshFamily::LshFamily(const MosaicGeometry& geometry, const LshSettings& settings)
    : geometry_(mosaic_geometry_pack(geometry)),
      hashes_(settings.hashes),
      min_square_(settings.tolerance * settings.tolerance),
      samples_(ChooseSamples(geometry, settings)) {
  Random random(settings.seed ^ geometry_);
  const size_t k = static_cast<size_t>(hashes_);
  for (const auto& sample : samples_) {
    const double w = settings.width * static_cast<double>(settings.tolerance) *
                     std::sqrt(static_cast<double>(sample.size()));
    std::vector<float> a(sample.size() * k), b(k);
    for (float& x : a) x = static_cast<float>(random.Gaussian());
    for (float& x : b) x = static_cast<float>(random.Uniform() * w);
    widths_.push_back(static_cast<float>(w));
    projections_.push_back(std::move(a));
    offsets_.push_back(std::move(b));
  }
}

void LshFamily::Keys(const float* values, uint64_t* keys) const {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::RowVectorXf x, y;
  std::vector<uint64_t> joined(static_cast<size_t>(hashes_) + 2);
  for (size_t t = 0; t < samples_.size(); ++t) {
    keys[t] = 0;
    const auto& sample = samples_[t];
    const auto n = static_cast<Eigen::Index>(sample.size());
    x.resize(n);
    for (size_t i = 0; i < sample.size(); ++i) x[static_cast<Eigen::Index>(i)] = values[sample[i]];
    // Not ">= ... continue": NaN has no key either.
    if (!(x.squaredNorm() >= min_square_ * static_cast<float>(n))) continue;
    y.noalias() = x * Eigen::Map<const Matrix>(projections_[t].data(), n, hashes_);
    joined[0] = geometry_;
    joined[1] = t;
    bool finite = true;
    for (size_t j = 0; j < static_cast<size_t>(hashes_); ++j) {
      const float place =
          std::floor((y[static_cast<Eigen::Index>(j)] + offsets_[t][j]) / widths_[t]);
      finite = finite && std::fabs(place) < 0x1p62f;
      if (finite) joined[j + 2] = static_cast<uint64_t>(static_cast<int64_t>(place));
    }
    if (!finite) continue;
    const uint64_t key = XXH3_64bits(joined.data(), joined.size() * sizeof(joined[0]));
    keys[t] = key == 0 ? 1 : key;
  }
}

double LshFamily::CollisionProbability(double c) {
  const double r = 1 / c;
  return std::erf(r / std::sqrt(2.0)) - 2 / (std::sqrt(2 * kPi) * r) * (1 - std::exp(-r * r / 2));
}

}  // namespace mosaic
