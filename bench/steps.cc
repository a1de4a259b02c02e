// The longest steps of every operator: what a cancelled statement waits for. Each operator of the registry runs on arrays of
// 10^8 elements, or the largest that fit MOST_BYTES, in ranges as the executor chooses them (by the costs that the operator
// declares), and the CPU time of each range is taken; so is that of inferring and starting, and of freeing what was used. A
// sample that takes more than kMostSeconds is cut short, and drawn again with fewer elements until it ends, so that its
// last phases are seen, too. Weights are arrays here, not streams of blocks, whose ranges the executor bounds by blocks.
//
//   steps [--elements N] [--samples N] [--only OPERATOR]
#include <map>

#include "bench_util.h"
#include "core/op/preparing.h"
#include "op/samples/call.h"

namespace {

using namespace mosaic;           // NOLINT
using namespace mosaic::samples;  // NOLINT

constexpr double kStepCost = 6e6;      // as of run/executor.cc
constexpr double kMostSeconds = 3;     // of CPU for one sample
constexpr double kMostBytes = 3e9;     // of inputs and outputs
constexpr int64_t kTile = 65521;       // elements that are drawn and then repeated

struct Longest {
  double seconds = 0, cost = 0;  // of a range, with what it declared
  double start = 0, freeing = 0, ran = 0;
  bool cut = false;  // not all of it was run
  int samples = 0;
  std::string sample;
};

Tensor Large(const Given& g, Arena* arena, uint64_t seed) {
  int64_t n = 1;
  for (int64_t d : g.shape) n *= d;
  if (g.dtype == MOSAIC_UNDEFINED || g.dtype == MOSAIC_SEQUENCE || g.dtype == MOSAIC_STRING || g.known() || n <= kTile) {
    return MakeTensor(g, arena, seed);
  }
  Given few = g;
  few.shape = {kTile};
  const Tensor tile = MakeTensor(few, arena, seed);
  Tensor t = arena->New(g.dtype, g.shape);
  const size_t bytes = static_cast<size_t>(t.bytes()), part = static_cast<size_t>(tile.bytes());
  for (size_t at = 0; at < bytes; at += part) {
    std::memcpy(static_cast<char*>(t.mutable_raw()) + at, tile.raw(), std::min(part, bytes - at));
  }
  return t;
}

double BytesOf(const Given& g) {
  double n = 1;
  for (int64_t d : g.shape) n *= static_cast<double>(d);
  for (const Given& item : g.items) n += BytesOf(item);
  return n * static_cast<double>(std::max<int64_t>(1, DTypeSize(g.dtype)));
}

template <typename F>
bool RunPhases(const Call& call, Longest* longest, F&& run) {
  for (size_t p = 0; p < call.phases.size(); ++p) {
    const Phase& phase = call.phases[p];
    const double most = phase.unit_cost > 0 ? kStepCost / phase.unit_cost : 1e18;
    for (int64_t at = 0; at < phase.units;) {
      int64_t count = phase.units - at;
      if (most < static_cast<double>(count)) count = std::max<int64_t>(1, static_cast<int64_t>(most));
      const double begin = bench::CpuSeconds();
      if (!run(static_cast<int>(p), at, at + count).ok()) return false;
      const double seconds = bench::CpuSeconds() - begin;
      if (seconds > longest->seconds) {
        longest->seconds = seconds;
        longest->cost = phase.unit_cost * static_cast<double>(count);
      }
      longest->ran += seconds;
      if (longest->ran > kMostSeconds && (p + 1 < call.phases.size() || at + count < phase.units)) {
        longest->cut = true;
        return false;
      }
      at += count;
    }
  }
  return true;
}

bool Prepare(const PreparingOp& op, Call* of, Longest* longest) {
  Call call;
  call.inputs = of->inputs;
  call.weights = of->weights;
  call.arena = of->arena;
  int64_t bytes = 0;
  if (!op.StartPreparing(call, &bytes).ok()) return false;
  Tensor prepared = of->arena->New(MOSAIC_UINT8, {bytes});
  std::memset(prepared.mutable_raw(), 0, static_cast<size_t>(bytes));
  call.outputs = {prepared};
  if (!RunPhases(call, longest, [&](int phase, int64_t begin, int64_t end) { return op.RunPreparing(call, phase, begin, end); })) {
    return false;
  }
  op.UsePrepared(*of, prepared.raw());
  return true;
}

// False where the call is refused, or too large.
bool RunOne(const Sample& s, const std::vector<Tensor>& inputs, Arena* arena, Longest* longest) {
  std::unique_ptr<Op> op;
  if (!MakeOp(s.node, &op).ok()) return false;
  Call call;
  call.inputs = inputs;
  call.weights.assign(inputs.size(), nullptr);
  call.arena = arena;
  double begin = bench::CpuSeconds();
  for (const Tensor& t : inputs) call.facts.push_back(t.defined() ? Fact::OfTensor(t) : Fact());
  std::vector<Fact> facts;
  bool deferred = false;
  if (!InferOp(*op, call.facts, s.outputs, "", &facts, &deferred).ok()) return false;
  if (!StartCall(*op, facts, std::vector<bool>(s.outputs, true), &call).ok()) return false;
  longest->start = bench::CpuSeconds() - begin;
  double bytes = static_cast<double>(call.scratch_bytes);
  for (const Tensor& o : call.outputs) bytes += o.defined() ? static_cast<double>(o.bytes()) : 0;
  if (bytes > kMostBytes) return false;
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    Tensor& o = call.outputs[i];
    if (!o.defined()) continue;
    o = i == 0 && op->view_of() >= 0 ? inputs[static_cast<size_t>(op->view_of())].Reshaped(o.shape())
                                     : arena->New(o.dtype(), o.shape());
  }
  Tensor scratch;
  if (call.scratch_bytes > 0) {
    scratch = arena->New(MOSAIC_UINT8, {call.scratch_bytes});
    call.scratch = scratch.mutable_raw();
  }
  if (const PreparingOp* preparing = AsPreparing(*op)) {
    if (!Prepare(*preparing, &call, longest)) return longest->ran > 0;
  }
  RunPhases(call, longest, [&](int phase, int64_t from, int64_t to) { return op->Run(call, phase, from, to); });
  return true;
}

// One sample; false where there is none of so many elements.
bool MeasureOne(const Generator& g, uint64_t seed, int64_t elements, Longest* all, bool* cut) {
  Draw d(seed, elements);
  const Sample s = DrawSample(g, d);
  double bytes = 0;
  for (const Given& given : s.inputs) bytes += BytesOf(given);
  if (bytes > kMostBytes) return false;
  Longest one;
  double freed;
  bool ran;
  try {
    Arena arena;
    std::vector<Tensor> inputs;
    for (const Given& given : s.inputs) inputs.push_back(Large(given, &arena, seed + 1000 * inputs.size()));
    {
      auto used = std::make_unique<Arena>();
      ran = RunOne(s, inputs, used.get(), &one);
      freed = bench::CpuSeconds();
    }
    one.freeing = bench::CpuSeconds() - freed;
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (one.seconds > all->seconds) {
    all->seconds = one.seconds;
    all->cost = one.cost;
    all->sample = DescribeSample(s);
  }
  all->start = std::max(all->start, one.start);
  all->freeing = std::max(all->freeing, one.freeing);
  *cut = one.cut;
  return ran;
}

// The worst of some samples.
Longest Measure(const Generator& g, int64_t elements, int samples) {
  Longest all;
  for (uint64_t seed = 1; seed <= 40 && all.samples < samples; ++seed) {
    bool cut = false;
    int64_t n = seed <= 20 ? elements : elements / 10;
    if (!MeasureOne(g, seed, n, &all, &cut)) continue;
    ++all.samples;
    while (cut && n > 100 && (n /= 10) > 0) (void)MeasureOne(g, seed, n, &all, &cut);
    all.cut = all.cut || cut;
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t elements = 100000000;
  int samples = 3;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--elements") elements = std::atoll(argv[i + 1]);
    if (option == "--samples") samples = std::atoi(argv[i + 1]);
    if (option == "--only") only = argv[i + 1];
  }
  Longest worst;
  std::string worst_op;
  int operators = 0, late = 0, unmeasured = 0, cut = 0;
  std::printf("  %-34s %10s %12s %10s %10s\n", "operator", "step ms", "declared", "start ms", "free ms");
  for (const Generator& g : Generators()) {
    if (!only.empty() && only != g.op_type) continue;
    const Longest l = Measure(g, elements, samples);
    ++operators;
    const double ms = 1e3 * std::max({l.seconds, l.start, l.freeing});
    late += ms > 50;
    unmeasured += l.samples == 0;
    cut += l.cut;
    std::printf("  %-34s %10.2f %12.2g %10.2f %10.2f%s%s%s\n", g.op_type, 1e3 * l.seconds, l.cost, 1e3 * l.start, 1e3 * l.freeing,
                l.samples == 0 ? "   not measured" : l.cut ? "   cut short" : "", ms > 50 ? "   " : "", ms > 50 ? l.sample.substr(0, 200).c_str() : "");
    std::fflush(stdout);
    worst.seconds = std::max(worst.seconds, l.seconds);
    worst.start = std::max(worst.start, l.start);
    worst.freeing = std::max(worst.freeing, l.freeing);
  }
  std::printf("report operators=%d\nreport target:longest_step_ms=%.1f<=50\nreport target:longest_start_ms=%.1f<=50\n", operators,
              1e3 * worst.seconds, 1e3 * worst.start);
  std::printf("report target:longest_free_ms=%.1f<=50\nreport target:operators_beyond_50_ms=%d<=0\n", 1e3 * worst.freeing, late);
  std::printf("report target:not_measured=%d<=0\nreport target:never_to_the_end=%d<=0\n", unmeasured, cut);
  return 0;
}
