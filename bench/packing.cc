// packing: which blocks share a page: pages, page reads, time; the paper's inputs, and larger ones
//
//   packing [--quick] [--seed N]
//
// Run in the root of the source tree (bench/data/packing). Times are CPU times of one thread.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench_util.h"
#include "core/pack/packer.h"
#include "packing_inputs.h"
#include "packing_peers.h"

namespace {

// Bytes on the heap now, and the most since the last reset.
size_t g_heap = 0, g_heap_peak = 0;

}  // namespace

void* operator new(size_t n) {
  void* p = std::malloc(n);
  if (p == nullptr) throw std::bad_alloc();
  g_heap += malloc_usable_size(p);
  g_heap_peak = std::max(g_heap_peak, g_heap);
  return p;
}
void operator delete(void* p) noexcept {
  g_heap -= malloc_usable_size(p);
  std::free(p);
}
void operator delete(void* p, size_t) noexcept { operator delete(p); }

namespace {

using bench::PackingInput;
using bench::PeerPacking;
using mosaic::PackAim;

// What no packing with every block on one page can go below, over all models together; found by
// integer programming (docs/packing.md). The bound of each model by itself is lower.
struct PaperCase {
  const char* name;
  const char* file;
  uint64_t least_reads;
};
constexpr PaperCase kPaperCases[] = {{"word2vec", "word2vec_100x10000_64mb.json", 381},
                                     {"text", "text_100x10000_64mb.json", 323}};

struct Outcome {
  uint64_t pages = 0, stored = 0, reads = 0, runs = 0;
  double seconds = 0;
  double longest_step = 0;
  double bytes_per_block = 0;
  size_t classes = 0;
};

void Must(const mosaic::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

Outcome Pack(const PackingInput& in, PackAim aim) {
  Outcome out;
  const size_t heap_before = g_heap;
  g_heap_peak = g_heap;
  const double begin = bench::CpuSeconds();
  mosaic::Packer packer({aim, in.capacity});
  Must(packer.SetBlocks(in.blocks, nullptr));
  for (const auto& m : in.models) {
    Must(packer.AddModel(1.0));
    Must(packer.AddBlocks(m.data(), m.size()));
  }
  for (bool done = false; !done;) {
    const double step_begin = bench::CpuSeconds();
    done = packer.Step();
    out.longest_step = std::max(out.longest_step, bench::CpuSeconds() - step_begin);
  }
  const mosaic::Packing packing = packer.Take();
  out.seconds = bench::CpuSeconds() - begin;
  out.bytes_per_block = static_cast<double>(g_heap_peak - heap_before) / in.blocks;
  out.classes = packer.classes();
  out.pages = packing.pages();
  out.stored = packing.blocks.size();
  const std::vector<uint32_t> page_of = mosaic::PageOfBlocks(packing);
  for (const auto& m : in.models) {
    const mosaic::ModelReads reads = mosaic::CountReads(page_of, m.data(), m.size());
    out.reads += reads.pages;
    out.runs += reads.runs;
  }
  return out;
}

// The peer's measures; its times are for this C++ version (the published Python takes 10 - 400 ms).
Outcome Peer(const PackingInput& in, const std::function<PeerPacking(const PackingInput&)>& pack) {
  Outcome out;
  const double begin = bench::CpuSeconds();
  const PeerPacking packing = pack(in);
  out.seconds = bench::CpuSeconds() - begin;
  out.pages = packing.pages.size();
  out.reads = packing.total_reads();
  for (const auto& page : packing.pages) out.stored += page.size();
  return out;
}

// The run of the median time.
Outcome MedianOf(int runs, const std::function<Outcome()>& run) {
  std::vector<Outcome> outcomes;
  for (int i = 0; i < runs; i++) outcomes.push_back(run());
  std::sort(outcomes.begin(), outcomes.end(),
            [](const Outcome& a, const Outcome& b) { return a.seconds < b.seconds; });
  return outcomes[outcomes.size() / 2];
}

// The same models with their blocks in random order.
PackingInput Shuffled(PackingInput in, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (auto& m : in.models) std::shuffle(m.begin(), m.end(), random);
  return in;
}

const std::vector<std::pair<const char*, std::function<PeerPacking(const PackingInput&)>>>&
Peers() {
  static const std::vector<std::pair<const char*, std::function<PeerPacking(const PackingInput&)>>>
      peers = {
          {"order of arrival", bench::PackArrival},
          {"baseline", bench::PackBaseline},
          {"baseline, shuffled",
           [](const PackingInput& in) { return bench::PackBaseline(Shuffled(in, 1)); }},
          {"greedy-1", bench::PackGreedy1},
          {"greedy-2",
           [](const PackingInput& in) {
             return bench::PackGreedy2(in.models, in.blocks, in.capacity);
           }},
          {"two-stage", bench::PackTwoStage},
      };
  return peers;
}

class Report {
 public:
  void Figure(const std::string& name, const nlohmann::json& value) { figures_[name] = value; }
  void AtMost(const std::string& name, double value, double limit) {
    figures_[name] = value;
    char text[40];
    std::snprintf(text, sizeof text, "<= %g", limit);
    targets_[name] = {{"value", value}, {"target", text}, {"met", value <= limit}};
  }
  void Print() const {
    std::string cpu = "unknown", line;
    std::ifstream cpuinfo("/proc/cpuinfo");
    while (std::getline(cpuinfo, line)) {
      if (line.rfind("model name", 0) == 0) cpu = line.substr(line.find(':') + 2);
    }
    const char* commit = std::getenv("MOSAIC_COMMIT");
    const nlohmann::json json = {{"bench", "packing"},
                                 {"commit", commit ? commit : "unknown"},
                                 {"cpu", cpu},
                                 {"figures", figures_},
                                 {"targets", targets_}};
    std::printf("\n%s\n", json.dump().c_str());
  }

 private:
  nlohmann::json figures_ = nlohmann::json::object(), targets_ = nlohmann::json::object();
};

void PrintRow(const char* name, const PackingInput& in, const Outcome& o, uint64_t least_reads) {
  std::printf("  %-20s %9lu %8lu %10lu %+7.2f %% %10.2f\n", name, o.pages, o.stored - in.blocks,
              o.reads,
              100.0 * static_cast<double>(o.reads) / static_cast<double>(least_reads) - 100,
              o.seconds * 1e3);
}

void PrintHead(const PackingInput& in) {
  std::printf("\n%s: %zu models, %u distinct blocks, %u a page: at least %u pages\n",
              in.name.c_str(), in.models.size(), in.blocks, in.capacity, in.bound());
  std::printf("  %-20s %9s %8s %10s %9s %10s\n", "", "pages", "copies", "page reads", "over min",
              "ms");
}

void RunPaperCase(const PaperCase& paper, int runs, Report* report) {
  const PackingInput in =
      bench::ReadPaperInput(std::string("bench/data/packing/") + paper.file, paper.name);
  PrintHead(in);
  uint64_t two_stage = 0;
  for (const auto& [name, pack] : Peers()) {
    const Outcome o = MedianOf(runs, [&, f = pack] { return Peer(in, f); });
    PrintRow(name, in, o, paper.least_reads);
    if (std::string(name) == "two-stage") two_stage = o.pages;
  }
  std::printf("  the artifact counts:");
  for (const auto& [name, pages] : in.reference_pages) std::printf(" %s %u", name.c_str(), pages);
  std::printf("\n");
  const Outcome storage = MedianOf(runs, [&] { return Pack(in, PackAim::kStorage); });
  const Outcome reads = MedianOf(runs, [&] { return Pack(in, PackAim::kReads); });
  PrintRow("ours, storage", in, storage, paper.least_reads);
  PrintRow("ours, reads", in, reads, paper.least_reads);
  std::printf("  min: %lu reads, every block on one page; %lu with copies allowed\n",
              paper.least_reads, in.least_reads());

  const std::string prefix = std::string(paper.name) + "_";
  const double least = static_cast<double>(paper.least_reads);
  report->AtMost(prefix + "storage_pages", static_cast<double>(storage.pages), in.bound());
  report->AtMost(prefix + "storage_reads", static_cast<double>(storage.reads), 1.02 * least);
  report->AtMost(prefix + "storage_ms", storage.seconds * 1e3, 10);
  report->AtMost(prefix + "reads_reads", static_cast<double>(reads.reads), least);
  report->AtMost(
      prefix + "reads_pages", static_cast<double>(reads.pages),
      static_cast<double>(std::min<uint64_t>(two_stage, in.reference_pages.at("two_stage"))));
  report->AtMost(prefix + "reads_ms", reads.seconds * 1e3, 10);
  report->Figure(prefix + "least_reads_with_copies", in.least_reads());
}

void RunScale(uint32_t blocks, uint32_t capacity, uint64_t seed, Report* report) {
  PackingInput in = bench::FamilyTree(500, blocks, capacity, seed);
  PrintHead(in);
  for (const auto& [name, pack] : Peers()) {
    if (std::strncmp(name, "baseline,", 9) == 0) continue;
    PrintRow(name, in, Peer(in, pack), in.least_reads());
  }
  const Outcome storage = Pack(in, PackAim::kStorage);
  const Outcome reads = Pack(in, PackAim::kReads);
  PrintRow("ours, storage", in, storage, in.least_reads());
  PrintRow("ours, reads", in, reads, in.least_reads());
  std::printf("  min: each model by itself, out of reach without copies\n");
  std::printf(
      "  storage: %zu sharing classes, %.1f bytes of memory a block, longest step %.1f ms\n",
      storage.classes, storage.bytes_per_block, storage.longest_step * 1e3);
  const std::string prefix = "scale_" + std::to_string(capacity) + "_";
  report->Figure(prefix + "blocks", in.blocks);
  report->Figure(prefix + "classes", storage.classes);
  report->Figure(prefix + "storage_reads_over_min",
                 static_cast<double>(storage.reads) / static_cast<double>(in.least_reads()));
  report->Figure(prefix + "longest_step_ms", storage.longest_step * 1e3);
  report->AtMost(prefix + "storage_pages_over_bound",
                 static_cast<double>(storage.pages) / in.bound(), 1.005);
  report->AtMost(prefix + "storage_s", storage.seconds, 3);
  report->AtMost(prefix + "storage_bytes_per_block", storage.bytes_per_block, 200);
}

void RunGrowth(const std::vector<uint32_t>& sizes, uint64_t seed, Report* report) {
  std::printf("\ngrowth: 500 models, 8 blocks a page, aim storage\n");
  std::printf("  %10s %8s %10s %10s %9s %12s %12s\n", "blocks", "classes", "references", "ms",
              "ns/block", "bytes/block", "longest step");
  for (uint32_t blocks : sizes) {
    const PackingInput in = bench::FamilyTree(500, blocks, 8, seed);
    size_t references = 0;
    for (const auto& m : in.models) references += m.size();
    const Outcome o = Pack(in, PackAim::kStorage);
    std::printf("  %10u %8zu %10zu %10.1f %9.0f %12.1f %9.1f ms\n", in.blocks, o.classes,
                references, o.seconds * 1e3, o.seconds * 1e9 / in.blocks, o.bytes_per_block,
                o.longest_step * 1e3);
    report->Figure("growth_" + std::to_string(blocks) + "_ms", o.seconds * 1e3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  uint64_t seed = 1;
  for (int i = 1; i < argc; i++) {
    const std::string arg = argv[i];
    if (arg == "--quick") {
      quick = true;
    } else if (arg == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: packing [--quick] [--seed N]\n");
      return 2;
    }
  }
  try {
    Report report;
    for (const PaperCase& paper : kPaperCases) RunPaperCase(paper, quick ? 3 : 21, &report);
    std::printf("\nfamily trees of fine-tunes from seed %lu\n", seed);
    report.Figure("seed", seed);
    for (uint32_t capacity : {4u, 8u, 46u, 88u}) {
      if (quick && capacity != 8) continue;
      RunScale(quick ? 200000 : 2150000, capacity, seed, &report);
    }
    std::vector<uint32_t> sizes = {10000, 100000, 1000000};
    if (!quick) sizes.push_back(10000000);
    RunGrowth(sizes, seed, &report);
    report.Print();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "packing: %s\n", e.what());
    return 1;
  }
  return 0;
}
