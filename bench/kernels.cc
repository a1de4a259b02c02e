// kernels: products straight from pages, with weights of float32 and of bfloat16, against ONNX
// Runtime, oneDNN, OpenBLAS and Eigen with float32, and oneDNN with bfloat16.
//
//   kernels PEER.so... [--quick] [--isa amx|avx512_bf16|avx512|avx2|generic] [--only K,M,N]
//
// One thread. The contenders take turns in one process; a turn repeats one product for some
// milliseconds after an untimed one, so that each finds the caches as its own repetition leaves
// them. Weights beyond the caches are several copies, visited in turn. Reported are medians of CPU
// time, and medians of each round's ratio. The last lines are the arguments of
// tools/bench_report.py.
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "bench_util.h"
#include "core/kernel/fast/isa.h"
#include "core/kernel/strip_gemm.h"
#include "peers/gemm_peer.h"

namespace {

using mosaic::Isa;

class OurKernel : public GemmPeer {
 public:
  explicit OurKernel(int dtype) : dtype_(dtype) {}
  const char* name() const override { return dtype_ == MOSAIC_FLOAT ? "mosaic" : "bf16"; }
  bool rounds() const override { return dtype_ != MOSAIC_FLOAT; }
  void AddWeights(const float* w, int64_t k, int64_t m) override {
    w_.emplace_back(w, k, m, static_cast<unsigned>(w_.size() + 1), dtype_);
    k_ = k;
    m_ = m;
  }
  void Clear() override { w_.clear(); }
  void Run(int64_t weights, int64_t n, const float* a, float* c) override {
    const bench::PagedWeights& w = w_[static_cast<size_t>(weights)];
    mosaic::StripGemmArgs g;
    g.a = a;
    g.lda = g.k = k_;
    g.n = n;
    g.dtype = dtype_;
    g.blocks = w.blocks();
    g.strips = w.strips();
    g.row_blocks = w.row_blocks();
    g.block_rows = w.block_rows();
    g.c = c;
    g.ldc = g.m = m_;
    g.working_set = static_cast<int64_t>(w_.size()) * k_ * m_ * mosaic::DTypeSize(dtype_);
    mosaic::StripGemm(g);
  }

 private:
  const int dtype_;
  std::vector<bench::PagedWeights> w_;
  int64_t k_ = 0, m_ = 0;
};

// Reads dense weights as fast as it can: the limit for one row.
template <int kLanes>
MOSAIC_INLINE float Sum(const float* w, int64_t count) {
  constexpr int kSums = 8;
  typename mosaic::Simd<kLanes>::Reg sum[kSums] = {};
  for (int64_t i = 0; i + kSums * kLanes <= count; i += kSums * kLanes) {
    MOSAIC_UNROLL
    for (int j = 0; j < kSums; ++j) {
      sum[j] += *reinterpret_cast<const typename mosaic::Simd<kLanes>::Mem*>(w + i + j * kLanes);
    }
  }
  float total = 0;
  for (auto& s : sum) {
    for (int j = 0; j < kLanes; ++j) total += s[j];
  }
  return total;
}
#if MOSAIC_X86
MOSAIC_AVX512 float Sum512(const float* w, int64_t count) { return Sum<16>(w, count); }
MOSAIC_AVX2 float Sum256(const float* w, int64_t count) { return Sum<8>(w, count); }
#endif

class StreamRead : public GemmPeer {
 public:
  const char* name() const override { return "read"; }
  void AddWeights(const float* w, int64_t k, int64_t m) override { w_.emplace_back(w, w + k * m); }
  void Clear() override { w_.clear(); }
  void Run(int64_t weights, int64_t, const float*, float* c) override {
    const std::vector<float>& w = w_[static_cast<size_t>(weights)];
    const auto count = static_cast<int64_t>(w.size());
#if MOSAIC_X86
    if (mosaic::IsaSupported(Isa::kAvx512)) return void(*c = Sum512(w.data(), count));
    if (mosaic::IsaSupported(Isa::kAvx2)) return void(*c = Sum256(w.data(), count));
#endif
    *c = Sum<4>(w.data(), count);
  }

 private:
  std::vector<std::vector<float>> w_;
};

struct Case {
  const char* name;
  int64_t k, m;
  bool beyond_caches;
};
constexpr Case kCases[] = {{"784x256", 784, 256, false},
                           {"1024x1024", 1024, 1024, false},
                           {"1024x1024 cold", 1024, 1024, true},
                           {"4096x4096", 4096, 4096, false},
                           {"4096x4096 cold", 4096, 4096, true}};

struct Options {
  bool quick = false;
  int64_t k = 0, m = 0, n = 0;  // 0: all
};

int64_t Copies(const Case& c) {
  if (!c.beyond_caches) return 1;
  const int64_t bytes = c.k * c.m * 4;
  const int64_t want = std::min<int64_t>(4 * bench::CacheBytes(3, 32 << 20), 512 << 20);
  return std::max<int64_t>(2, (want + bytes - 1) / bytes);
}

const char* Residence(const Case& c) {
  const int64_t bytes = c.k * c.m * 4 * Copies(c);
  if (bytes <= bench::CacheBytes(2, 1 << 20)) return "L2";
  return bytes <= bench::CacheBytes(3, 32 << 20) ? "L3" : "DRAM";
}

// Seconds of one product, each contender's median, and the medians of contender 0's and 1's time
// relative to it. Contender 0 is ours with float32, 1 with bfloat16.
struct Result {
  std::vector<double> seconds, ratio, half_ratio;
};

Result Measure(const std::vector<GemmPeer*>& peers, int64_t copies, int64_t n, const float* a,
               std::vector<std::vector<float>>* c, bool quick) {
  const size_t count = peers.size();
  std::vector<int64_t> repeats(count), at(count, 0);
  const auto turn = [&](size_t p) { peers[p]->Run(at[p]++ % copies, n, a, (*c)[p].data()); };
  for (size_t p = 0; p < count; ++p) {
    for (int64_t i = 0; i < copies; ++i) turn(p);
    const double begin = bench::CpuSeconds();
    turn(p);
    const double once = std::max(1e-7, bench::CpuSeconds() - begin);
    repeats[p] = std::clamp<int64_t>(static_cast<int64_t>((quick ? 2e-3 : 5e-3) / once), 1, 10000);
  }
  std::vector<std::vector<double>> seconds(count), ratio(count), half_ratio(count);
  const double deadline = bench::CpuSeconds() + (quick ? 0.25 : 2.5);
  for (int round = 0; round < (quick ? 3 : 5) || (round < 61 && bench::CpuSeconds() < deadline);
       ++round) {
    for (size_t i = 0; i < count; ++i) {
      const size_t p = (i + static_cast<size_t>(round)) % count;
      turn(p);
      const double begin = bench::CpuSeconds();
      for (int64_t r = 0; r < repeats[p]; ++r) turn(p);
      seconds[p].push_back((bench::CpuSeconds() - begin) / static_cast<double>(repeats[p]));
    }
    for (size_t p = 0; p < count; ++p) {
      ratio[p].push_back(seconds[0].back() / seconds[p].back());
      half_ratio[p].push_back(seconds[1].back() / seconds[p].back());
    }
  }
  Result result;
  for (size_t p = 0; p < count; ++p) {
    result.seconds.push_back(bench::Median(seconds[p]));
    result.ratio.push_back(bench::Median(ratio[p]));
    result.half_ratio.push_back(bench::Median(half_ratio[p]));
  }
  return result;
}

// All contenders but the last (which only reads) must agree with the first; those that round their
// operands to bfloat16, within 2 % of the largest.
void Check(const std::vector<GemmPeer*>& peers, const std::vector<std::vector<float>>& c,
           size_t n) {
  double scale = 0;
  for (size_t i = 0; i < n; ++i) scale = std::max(scale, std::fabs(double{c[0][i]}));
  for (size_t p = 1; p + 1 < peers.size(); ++p) {
    for (size_t i = 0; i < n; ++i) {
      if (!(std::fabs(double{c[p][i]} - double{c[0][i]}) <=
            (peers[p]->rounds() ? 0.02 : 1e-4) * scale)) {
        std::fprintf(stderr, "%s differs at %zu: %g, ours %g\n", peers[p]->name(), i,
                     double{c[p][i]}, double{c[0][i]});
        std::exit(1);
      }
    }
  }
}

class Report {
 public:
  explicit Report(const std::vector<GemmPeer*>& peers) : peers_(peers) {}

  void Row(const Case& shape, int64_t n, const Result& r) {
    const double flops = 2.0 * static_cast<double>(shape.k * shape.m * n);
    std::printf("%-15s %-4s %5ld %9.1f us %7.1f GF/s bf16 %7.1f GF/s ", shape.name,
                Residence(shape), static_cast<long>(n), r.seconds[0] * 1e6,
                flops / r.seconds[0] * 1e-9, flops / r.seconds[1] * 1e-9);
    for (size_t p = 1; p < peers_.size(); ++p) {
      const bool read = p + 1 == peers_.size();
      if (read && n > 1) continue;
      if (p == 1) {
        std::printf(" bf16/f32 %.2f", 1 / r.ratio[p]);
      } else if (read) {
        std::printf(" %s %.2f", Short(p).c_str(), r.ratio[p]);
      } else {
        std::printf(" %s %.2f %.2f", Short(p).c_str(), r.ratio[p], r.half_ratio[p]);
        lines_.push_back("bf16_" + Key(shape, n, p) + "=" + Format(r.half_ratio[p]));
      }
      if (Residence(shape) != std::string("L2")) {
        if (Short(p) == "ort")
          ort_[n].push_back(r.ratio[p]), half_ort_[n].push_back(r.half_ratio[p]);
        if (read) bandwidth_.push_back(1 / r.ratio[p]);
      }
      lines_.push_back(Key(shape, n, p) + "=" + Format(r.ratio[p]));
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  // The targets are held against the worst shape, of those that are not in L2.
  void Finish() {
    const auto worst = [](const std::vector<double>& v) {
      return *std::max_element(v.begin(), v.end());
    };
    for (const auto& [n, ratios] : ort_) {
      const std::string key = "time_over_ort_n" + std::to_string(n);
      if (n == 4) {
        lines_.push_back(key + "=" + Format(worst(ratios)));
      } else {
        lines_.push_back("target:" + key + "=" + Format(worst(ratios)) +
                         (n == 16 ? "<=0.95" : "<=1.05"));
      }
    }
    for (const auto& [n, ratios] : half_ort_) {
      const std::string key = "bf16_time_over_ort_n" + std::to_string(n);
      const bool target = n == 1 || n >= 64;  // set for CPUs with AMX
      lines_.push_back((target ? "target:" : "") + key + "=" + Format(worst(ratios)) +
                       (!target  ? ""
                        : n == 1 ? "<=0.5"
                                 : "<=0.25"));
    }
    if (!bandwidth_.empty()) {
      const double low = *std::min_element(bandwidth_.begin(), bandwidth_.end());
      lines_.push_back("target:bandwidth_over_read_n1=" + Format(low) + ">=0.9");
    }
    std::printf("\n");
    for (const std::string& line : lines_) std::printf("report %s\n", line.c_str());
  }

 private:
  std::string Short(size_t p) const {
    const std::string name = peers_[p]->name();
    return name.substr(0, name.find(' '));
  }
  std::string Key(const Case& shape, int64_t n, size_t p) const {
    std::string key = std::string(shape.name) + "_n" + std::to_string(n) + "_over_" + Short(p);
    std::replace(key.begin(), key.end(), ' ', '_');
    return key;
  }
  static std::string Format(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", x);
    return text;
  }
  const std::vector<GemmPeer*>& peers_;
  std::map<int64_t, std::vector<double>> ort_, half_ort_;
  std::vector<double> bandwidth_;
  std::vector<std::string> lines_;
};

void RunCase(const Case& shape, const std::vector<GemmPeer*>& peers, const Options& o,
             Report* report) {
  const int64_t copies = Copies(shape);
  std::vector<std::vector<float>> weights;
  for (int64_t i = 0; i < copies; ++i) {
    weights.push_back(bench::RandomFloats(shape.k * shape.m, 1));
    for (GemmPeer* p : peers) p->AddWeights(weights.back().data(), shape.k, shape.m);
  }
  for (int64_t n : {1, 4, 16, 64, 256, 1024}) {
    if ((o.n != 0 && o.n != n) || (o.quick && n * shape.k > (1 << 20))) continue;
    const std::vector<float> a = bench::RandomFloats(n * shape.k, 2);
    std::vector<std::vector<float>> c(peers.size(),
                                      std::vector<float>(static_cast<size_t>(n * shape.m)));
    const Result r = Measure(peers, copies, n, a.data(), &c, o.quick);
    Check(peers, c, static_cast<size_t>(n * shape.m));
    report->Row(shape, n, r);
  }
  for (GemmPeer* p : peers) p->Clear();
}

GemmPeer* Load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void* make = library ? dlsym(library, "MakeGemmPeer") : nullptr;
  if (make) return reinterpret_cast<GemmPeer* (*)()>(make)();
  std::fprintf(stderr, "without %s: %s\n", path, dlerror());
  return nullptr;
}

bool SetIsaByName(const std::string& name) {
  for (Isa isa : mosaic::kAllIsas) {
    if (name != mosaic::IsaName(isa) || !mosaic::IsaSupported(isa)) continue;
    mosaic::SetIsa(isa);
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("OMP_NUM_THREADS", "1", 1);
  OurKernel ours(MOSAIC_FLOAT), half(MOSAIC_BFLOAT16);
  StreamRead read;
  std::vector<GemmPeer*> peers = {&ours, &half};
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--quick") {
      o.quick = true;
    } else if (arg == "--isa" && i + 1 < argc) {
      if (!SetIsaByName(argv[++i])) return std::fprintf(stderr, "no %s here\n", argv[i]), 2;
    } else if (arg == "--only" && i + 1 < argc) {
      if (std::sscanf(argv[++i], "%ld,%ld,%ld", &o.k, &o.m, &o.n) < 1) return 2;
    } else if (GemmPeer* p = Load(argv[i])) {
      peers.push_back(p);
    }
  }
  peers.push_back(&read);
  std::printf("kernels %s, %s; peers:", mosaic::StripGemmKernelName(MOSAIC_FLOAT),
              mosaic::StripGemmKernelName(MOSAIC_BFLOAT16));
  for (size_t p = 2; p + 1 < peers.size(); ++p) std::printf(" %s", peers[p]->name());
  std::printf("\nour time, and time / each peer's: with float32, with bfloat16\n\n");
  Report report(peers);
  for (const Case& c : kCases) {
    if ((o.k != 0 && o.k != c.k) || (o.m != 0 && o.m != c.m)) continue;
    // A matrix that is beyond the caches anyway is measured once.
    if (!c.beyond_caches && Residence(c) == std::string("DRAM")) continue;
    RunCase(c, peers, o, &report);
  }
  report.Finish();
}
