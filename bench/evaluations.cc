// evaluations: what the gate saves by keeping the activations before the first layer that changes.
//
//   evaluations DIR
//
// DIR holds the models of bench/dedup/train_fashion.py. Of fashion_noise and a version of it whose
// first layer was frozen, 256 and 128 wide: what is merged lies behind the layer that most of the
// work is in. Random pictures, agreement at least 0.999; the gate runs with no memory for
// activations, little, and enough, by turns.
#include <algorithm>
#include <cstdio>
#include <random>
#include <set>

#include "bench_util.h"
#include "core/dedup/activation_cache.h"
#include "dedup/near_search.h"

namespace {

constexpr int64_t kRows = 4096, kBatch = 256, kWidth = 784, kClasses = 10;

struct Job {
  bench::BlockStore store{MOSAIC_DEFAULT_BLOCK_HEIGHT};
  bench::StoredModel model;
  std::vector<mosaic::Merge> merges;
  std::vector<size_t> layers;
  std::vector<float> pictures;
};

void FindMerges(Job* job, const bench::StoredModel& partner) {
  std::vector<mosaic::Layer> sizes(job->model.maps.size());
  std::vector<float> buffer;
  std::set<uint32_t> stored;
  for (const auto& map : partner.maps) stored.insert(map.begin(), map.end());
  const std::vector<uint32_t> all(stored.begin(), stored.end());
  for (size_t t = 0; t < job->model.maps.size(); ++t) {
    const auto& map = job->model.maps[t];
    for (size_t i = 0; i < map.size(); ++i) {
      sizes[t].blocks += 1;
      sizes[t].bytes += job->store.block(map[i]).bytes;
      if (stored.count(map[i]) > 0 || !mosaic::NearShareable(job->store.block(map[i]).geometry)) {
        continue;
      }
      const auto shape = mosaic::ShapeOfBlock(job->model.blockings[t], static_cast<int64_t>(i));
      const auto best = bench::BestOf(job->store, shape, map[i], all, mosaic::NearSettings());
      if (!best.likeness.accepted) continue;
      mosaic::Merge merge;
      merge.tensor = static_cast<int>(t);
      merge.index = static_cast<int64_t>(i);
      merge.partner = best.partner;
      merge.third_quartile = mosaic::ThirdQuartile(shape, job->store.values(map[i]), &buffer);
      job->merges.push_back(merge);
    }
  }
  job->layers = mosaic::OrderMerges(sizes, &job->merges);
}

// Calls fn(tensor) for the merges of layers [first, end).
template <typename Fn>
void ForTensors(const Job& job, size_t first, size_t end, Fn fn) {
  size_t begin = 0;
  for (size_t l = 0; l < end; begin += job.layers[l++]) {
    if (l >= first) fn(job.merges[begin].tensor);
  }
}

// The outputs of all rows, as the maps say.
std::vector<float> Outputs(const Job& job, const bench::Maps& maps,
                           mosaic::ActivationCache* cache) {
  mosaic::BatchRun executor(*job.model.model, 4096);
  std::vector<float> outputs;
  std::vector<const void*> payloads;
  for (int64_t batch = 0; batch < kRows / kBatch; ++batch) {
    const auto input = mosaic::Tensor::Borrow(MOSAIC_FLOAT, {kBatch, kWidth},
                                              job.pictures.data() + batch * kBatch * kWidth);
    bench::Check(cache->Start(&executor, static_cast<size_t>(batch), {input}, kBatch));
    auto outcome = mosaic::BatchRun::Outcome::kMore;
    while (outcome != mosaic::BatchRun::Outcome::kDone) {
      bench::Check(executor.Step(&outcome));
      if (outcome != mosaic::BatchRun::Outcome::kNeedBlocks) continue;
      const mosaic::BlockRequest& request = executor.request();
      payloads.clear();
      for (int32_t i : request.indexes) {
        const auto& map = maps[static_cast<size_t>(request.tensor)];
        payloads.push_back(job.store.block(map[static_cast<size_t>(i)]).payload);
      }
      executor.Supply(payloads.data());
    }
    const float* from = executor.output(0).data<float>();
    outputs.insert(outputs.end(), from, from + kBatch * kClasses);
  }
  return outputs;
}

struct Result {
  double seconds = 0;
  size_t merged = 0, evaluations = 0;
  std::vector<double> metrics;
};

Result RunGate(const Job& job, int64_t max_bytes) {
  Result r;
  const double start = bench::CpuSeconds();
  mosaic::GateSettings settings;
  settings.max_drop = 0.001;
  mosaic::Gate gate(job.layers, settings);
  mosaic::ActivationCache cache(*job.model.model, max_bytes);
  mosaic::Selection last(job.layers.size());
  std::vector<float> original;
  while (gate.Next()) {
    const mosaic::Selection& now = gate.candidate();
    bench::Maps maps = job.model.maps;
    std::vector<int> changed, next;
    size_t begin = 0;
    for (size_t l = 0; l < job.layers.size(); begin += job.layers[l++]) {
      if (now[l] != last[l]) ForTensors(job, l, l + 1, [&](int t) { changed.push_back(t); });
      for (size_t i = begin; i < begin + now[l]; ++i) {
        const mosaic::Merge& m = job.merges[i];
        maps[static_cast<size_t>(m.tensor)][static_cast<size_t>(m.index)] = m.partner;
      }
    }
    const auto [first, end] = gate.Undecided();
    ForTensors(job, first, end, [&](int t) { next.push_back(t); });
    cache.Begin(changed, next);
    last = now;
    const std::vector<float> outputs = Outputs(job, maps, &cache);
    if (original.empty()) original = outputs;
    int64_t same = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      same += mosaic::ChosenClass(outputs.data() + i * kClasses, kClasses) ==
              mosaic::ChosenClass(original.data() + i * kClasses, kClasses);
    }
    gate.Report(static_cast<double>(same) / kRows);
    r.metrics.push_back(static_cast<double>(same) / kRows);
  }
  r.seconds = bench::CpuSeconds() - start;
  r.merged = gate.merged();
  r.evaluations = gate.points().size();
  return r;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: evaluations DIR\n");
    return 2;
  }
  try {
    Job job;
    const bench::StoredModel noise = job.store.Load("noise", "test/data/models/fashion_noise.onnx");
    job.model = job.store.Load("head", std::string(argv[1]) + "/head.onnx");
    FindMerges(&job, noise);
    std::mt19937 rng(5);
    std::uniform_real_distribution<float> pixel(0, 1);
    job.pictures.resize(kRows * kWidth);
    for (float& p : job.pictures) p = pixel(rng) < 0.5f ? 0 : pixel(rng);
    const int64_t sizes[] = {0, 1 << 20, 64 << 20};
    std::vector<double> best(3, 1e9);
    Result results[3];
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 3; ++i) {
        results[i] = RunGate(job, sizes[i]);
        best[static_cast<size_t>(i)] = std::min(best[static_cast<size_t>(i)], results[i].seconds);
      }
    }
    for (int i = 0; i < 3; ++i) {
      std::printf("%4ld MB for activations: %zu evaluations, %zu of %zu merged, %.3f s\n",
                  static_cast<long>(sizes[i] >> 20), results[i].evaluations, results[i].merged,
                  job.merges.size(), best[static_cast<size_t>(i)]);
      if (results[i].metrics != results[0].metrics) throw std::runtime_error("other metrics");
    }
    std::printf("report evaluations=%zu\nreport speed_up=%.2f\nreport speed_up_1_mb=%.2f\n",
                results[0].evaluations, best[0] / best[2], best[0] / best[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "evaluations: %s\n", e.what());
    return 1;
  }
  return 0;
}
