// lsh: recall and speed of the search for near duplicates on real blocks, against comparing all
// pairs.
//
//   lsh DIR [--quick] [--queries N] [--height N] [--tables N] [--hashes N] [--sample N] [--width X]
//
// DIR holds the text classifiers of bench/dedup/train_text.py. For blocks chosen at random, every
// other block of the same geometry is compared by the measure: the pairs that it accepts are those
// that the index must find. It is asked with 1/8, 1/4, 1/2 and all of the blocks, to show how both
// ways grow.
#include <algorithm>
#include <cstdio>
#include <random>

#include "bench_util.h"
#include "dedup/near_search.h"

namespace {

struct Options {
  std::string dir;
  size_t queries = 1000;
  int height = MOSAIC_DEFAULT_BLOCK_HEIGHT;
  mosaic::LshSettings lsh;
};

Options Parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const auto next = [&] { return i + 1 < argc ? std::atof(argv[++i]) : 0; };
    if (a == "--quick")
      o.queries = 100;
    else if (a == "--queries")
      o.queries = static_cast<size_t>(next());
    else if (a == "--height")
      o.height = static_cast<int>(next());
    else if (a == "--tables")
      o.lsh.tables = static_cast<int>(next());
    else if (a == "--hashes")
      o.lsh.hashes = static_cast<int>(next());
    else if (a == "--sample")
      o.lsh.sample = static_cast<int>(next());
    else if (a == "--width")
      o.lsh.width = next();
    else
      o.dir = a;
  }
  return o;
}

struct Figures {
  size_t blocks = 0, pairs = 0, found = 0, candidates = 0, same_best = 0, with_partner = 0;
  double keys_s = 0, probe_s = 0, exhaustive_s = 0;  // per block
};

// ids: the blocks indexed; queries: which of them are searched both ways.
Figures Measure(const bench::BlockStore& store, const std::vector<uint32_t>& ids, size_t nqueries,
                const mosaic::LshSettings& settings) {
  Figures f;
  f.blocks = ids.size();
  bench::KeyCache keys(store, settings);
  mosaic::LshIndex index;
  double start = bench::CpuSeconds();
  for (uint32_t id : ids) keys.Of(id);
  f.keys_s = (bench::CpuSeconds() - start) / static_cast<double>(ids.size());
  for (uint32_t id : ids) index.Add(keys.Of(id).data(), static_cast<int>(keys.Of(id).size()), id);

  std::vector<uint32_t> queries;
  std::sample(ids.begin(), ids.end(), std::back_inserter(queries), nqueries, std::mt19937(11));
  const mosaic::NearSettings near;
  std::vector<std::vector<uint32_t>> candidates(queries.size());
  std::vector<mosaic::Match> best(queries.size());
  start = bench::CpuSeconds();
  for (size_t q = 0; q < queries.size(); ++q) {
    auto& c = candidates[q];
    index.Probe(keys.Of(queries[q]).data(), static_cast<int>(keys.Of(queries[q]).size()), &c);
    c.erase(std::remove(c.begin(), c.end(), queries[q]), c.end());
    best[q] = bench::BestOf(store, store.block(queries[q]).shape, queries[q], c, near);
  }
  f.probe_s = (bench::CpuSeconds() - start) / static_cast<double>(queries.size());

  start = bench::CpuSeconds();
  for (size_t q = 0; q < queries.size(); ++q) {
    const bench::StoredBlock& block = store.block(queries[q]);
    mosaic::Match exhaustive;
    for (uint32_t id : ids) {
      if (id == queries[q]) continue;
      const auto likeness =
          mosaic::Compare(block.shape, store.values(queries[q]), store.values(id), near);
      if (!likeness.accepted) continue;
      ++f.pairs;
      f.found += std::binary_search(candidates[q].begin(), candidates[q].end(), id);
      const mosaic::Match match{id, likeness};
      if (!exhaustive.likeness.accepted || mosaic::Better(match, exhaustive)) exhaustive = match;
    }
    f.with_partner += exhaustive.likeness.accepted;
    f.same_best += exhaustive.likeness.accepted && exhaustive.partner == best[q].partner;
    f.candidates += candidates[q].size();
  }
  f.exhaustive_s = (bench::CpuSeconds() - start) / static_cast<double>(queries.size());
  return f;
}

int Run(const Options& o) {
  bench::BlockStore store(o.height);
  std::vector<bench::StoredModel> models;
  for (const char* name : {"imdb", "reuters", "spam", "reviews", "sentences"}) {
    models.push_back(store.Load(name, o.dir + "/" + name + ".onnx"));
  }
  // The same rows in random order, and with each row's values turned: blocks as real ones, like
  // none.
  store.Load("control", o.dir + "/control_rows.onnx");
  store.Load("control", o.dir + "/control_turned.onnx");
  const uint64_t geometry = mosaic_geometry_pack(store.block(models[0].maps[0][0]).geometry);
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < store.size(); ++id) {
    if (mosaic_geometry_pack(store.block(id).geometry) == geometry) ids.push_back(id);
  }
  std::printf(
      "%zu distinct embedding blocks of height %d; %d tables, %d hashes, samples of %d, width %g\n",
      ids.size(), o.height, o.lsh.tables, o.lsh.hashes, o.lsh.sample, o.lsh.width);
  std::printf("%9s %9s %8s %8s %11s %10s %10s %12s %9s\n", "blocks", "pairs", "recall", "best",
              "candidates", "keys us", "probe us", "all pairs us", "speed-up");
  std::shuffle(ids.begin(), ids.end(), std::mt19937(13));
  Figures f;
  for (size_t part : {8, 4, 2, 1}) {
    std::vector<uint32_t> some(ids.begin(),
                               ids.begin() + static_cast<std::ptrdiff_t>(ids.size() / part));
    std::sort(some.begin(), some.end());
    f = Measure(store, some, o.queries, o.lsh);
    std::printf("%9zu %9zu %7.2f%% %7.2f%% %11.2f %10.2f %10.2f %12.1f %8.0fx\n", f.blocks, f.pairs,
                100.0 * static_cast<double>(f.found) / static_cast<double>(f.pairs),
                100.0 * static_cast<double>(f.same_best) / static_cast<double>(f.with_partner),
                static_cast<double>(f.candidates) / static_cast<double>(o.queries), 1e6 * f.keys_s,
                1e6 * f.probe_s, 1e6 * f.exhaustive_s, f.exhaustive_s / (f.keys_s + f.probe_s));
    std::fflush(stdout);
  }
  std::printf("report blocks=%zu\nreport pairs=%zu\nreport target:recall=%.4f>=0.95\n", f.blocks,
              f.pairs, static_cast<double>(f.found) / static_cast<double>(f.pairs));
  std::printf("report target:speed_up=%.1f>=20\n", f.exhaustive_s / (f.keys_s + f.probe_s));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Options o = Parse(argc, argv);
  if (o.dir.empty()) {
    std::fprintf(stderr, "usage: lsh DIR [--quick] [--height N] ...\n");
    return 2;
  }
  try {
    return Run(o);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lsh: %s\n", e.what());
    return 1;
  }
}
