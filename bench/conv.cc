// conv: Conv of one image and of eight, on layers of ResNet-50 and MobileNet, kernels in blocks as
// a store has them.
//
//   conv [--quick]
//
// One thread, CPU time, the best of some runs. GF/s: two operations for each product of the
// definition, padding included. The last lines are tools/bench_report.py's.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench_util.h"
#include "core/op/run_op.h"

namespace {

using namespace mosaic;  // NOLINT

struct Layer {
  const char* name;
  int64_t channels, size, filters, kernel, stride, groups;
};

constexpr Layer kLayers[] = {
    {"first_7x7", 3, 224, 64, 7, 2, 1},
    {"1x1_64_256_at_56", 64, 56, 256, 1, 1, 1},
    {"1x1_256_64_at_56", 256, 56, 64, 1, 1, 1},
    {"1x1_1024_256_at_14", 1024, 14, 256, 1, 1, 1},
    {"1x1_512_2048_at_7", 512, 7, 2048, 1, 1, 1},
    {"3x3_64_at_56", 64, 56, 64, 3, 1, 1},
    {"3x3_128_at_28", 128, 28, 128, 3, 1, 1},
    {"3x3_256_at_14", 256, 14, 256, 3, 1, 1},
    {"3x3_512_at_7", 512, 7, 512, 3, 1, 1},
    {"depthwise_144_at_56", 144, 56, 144, 3, 1, 144},
    {"depthwise_144_stride_2", 144, 56, 144, 3, 2, 144},
    {"depthwise_480_at_14", 480, 14, 480, 3, 1, 480},
    {"depthwise_960_5x5_at_7", 960, 7, 960, 5, 1, 960},
};

Tensor Noise(Arena* arena, const Shape& shape) {
  Tensor t = arena->New(MOSAIC_FLOAT, shape);
  for (int64_t i = 0; i < t.size(); ++i) {
    t.mutable_data<float>()[i] = static_cast<float>(i * 7919 % 1000) / 1000 - 0.5F;
  }
  return t;
}

// The kernels as the blocks of a store.
struct Weight {
  Weight(const Tensor& w, int64_t height) {
    const int64_t m = w.dim(0), taps = w.dim(2) * w.dim(3), channels = w.dim(1);
    streamed.shape = w.shape();
    streamed.transposed = true;
    streamed.blocking = PlanStrip(channels * taps, m, static_cast<int>(height), MOSAIC_FLOAT);
    std::vector<float> matrix(static_cast<size_t>(w.size()));  // (taps, channels) x filters
    for (int64_t i = 0; i < w.size(); ++i) {
      const int64_t t = i % taps, c = i / taps % channels, j = i / taps / channels;
      matrix[static_cast<size_t>((t * channels + c) * m + j)] = w.data<float>()[i];
    }
    const Blocking& b = streamed.blocking;
    const int64_t bytes = (b.payload_bytes() + 63) / 64 * 64;
    memory = arena.New(MOSAIC_UINT8, {b.blocks() * bytes});
    for (int64_t i = 0; i < b.blocks(); ++i) {
      char* to = memory.mutable_data<char>() + i * bytes;
      PackBlock(b, i % b.row_blocks(), i / b.row_blocks(), matrix.data(), 0, m, 1, to);
      payloads.push_back(to);
    }
  }
  Arena arena;
  StreamedWeight streamed;
  Tensor memory;
  std::vector<const void*> payloads;
};

Status RunAll(const Op& op, Call* call, const Weight* weight) {
  std::vector<int32_t> indexes;
  std::vector<const void*> blocks;
  for (size_t p = 0; p < call->phases.size(); ++p) {
    const Phase& phase = call->phases[p];
    const int64_t step = phase.stream < 0 ? phase.units : 256 / phase.grain * phase.grain;
    for (int64_t u = 0; u < phase.units; u += std::max(step, phase.grain)) {
      const int64_t end = std::min(u + std::max(step, phase.grain), phase.units);
      if (phase.stream >= 0) {
        indexes.clear();
        blocks.clear();
        op.Blocks(*call, static_cast<int>(p), u, end, &indexes);
        for (int32_t i : indexes) blocks.push_back(weight->payloads[static_cast<size_t>(i)]);
        call->blocks = blocks.data();
      }
      MOSAIC_RETURN_IF_ERROR(op.Run(*call, static_cast<int>(p), u, end));
    }
  }
  return Status();
}

// GF/s of a layer.
Status Measure(const Layer& l, int64_t images, double seconds, double* figure) {
  Node node;
  node.op_type = "Conv";
  node.inputs = {0, 1, 2};
  node.outputs = {3};
  const int64_t pad = l.kernel / 2;
  node.attributes = {{"group", l.groups},
                     {"strides", std::vector<int64_t>(2, l.stride)},
                     {"pads", std::vector<int64_t>(4, pad)}};
  std::unique_ptr<Op> op;
  MOSAIC_RETURN_IF_ERROR(FindOp("", "Conv")->make(node, &op));
  Arena arena;
  const Tensor x = Noise(&arena, {images, l.channels, l.size, l.size});
  const Tensor w = Noise(&arena, {l.filters, l.channels / l.groups, l.kernel, l.kernel});
  std::unique_ptr<Weight> weight;
  Call call;
  for (const Tensor& t : {x, w, Noise(&arena, {l.filters})}) {
    call.inputs.push_back(t);
    call.weights.push_back(nullptr);
    call.facts.push_back(Fact::Of(t.dtype(), DimsOf(t.shape())));
  }
  if (l.groups == 1) {
    weight = std::make_unique<Weight>(w, 63);
    call.inputs[1] = Tensor();
    call.weights[1] = &weight->streamed;
    call.working_set = w.bytes();
  }
  std::vector<Fact> facts;
  bool deferred = false;
  MOSAIC_RETURN_IF_ERROR(InferOp(*op, call.facts, 1, "", &facts, &deferred));
  MOSAIC_RETURN_IF_ERROR(StartCall(*op, facts, {true}, &call));
  call.arena = &arena;
  call.outputs[0] = arena.New(MOSAIC_FLOAT, call.outputs[0].shape());
  Tensor scratch = arena.New(MOSAIC_UINT8, {call.scratch_bytes});
  call.scratch = scratch.mutable_raw();
  const double operations = 2.0 * static_cast<double>(call.outputs[0].size() * l.channels /
                                                      l.groups * l.kernel * l.kernel);
  double best = 1e9;
  for (const double first = bench::CpuSeconds(); bench::CpuSeconds() - first < seconds;) {
    const double begin = bench::CpuSeconds();
    MOSAIC_RETURN_IF_ERROR(RunAll(*op, &call, weight.get()));
    best = std::min(best, bench::CpuSeconds() - begin);
  }
  *figure = operations / best * 1e-9;
  return Status();
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
  for (const Layer& l : kLayers) {
    for (int64_t images : {1, 8}) {
      double figure = 0;
      const Status s = Measure(l, images, quick ? 0.05 : 0.5, &figure);
      if (!s.ok()) {
        std::fprintf(stderr, "%s: %s\n", l.name, s.message().c_str());
        return 1;
      }
      std::printf("%-24s %d images %7.1f GF/s\n", l.name, static_cast<int>(images), figure);
      std::printf("report %s_batch_%d=%.3g\n", l.name, static_cast<int>(images), figure);
    }
  }
  return 0;
}
