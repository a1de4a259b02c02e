// vector: the kernels beside the products, in cache and from memory, against memcpy and plain loops; attention.
//
//   vector [--quick] [--isa avx512|avx2|generic]
//
// One thread, CPU time, medians of alternating runs. A kernel's bandwidth is the bytes that it must
// read and write; "of memcpy" is that over memcpy's on as many bytes. "plain" is the same with scalar
// loops and the C library. The last line is tools/bench_report.py's.
#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>

#include "bench_util.h"
#include "core/kernel/attention.h"
#include "core/kernel/binary.h"
#include "core/kernel/cast.h"
#include "core/kernel/fast/isa.h"
#include "core/kernel/normalize.h"
#include "core/kernel/quantize.h"
#include "core/kernel/reduce.h"
#include "core/kernel/softmax.h"
#include "core/kernel/transpose.h"
#include "core/kernel/unary.h"

namespace {

using namespace mosaic;  // NOLINT

double turn_seconds = 0.02;
int turns = 9;

// Seconds of one call, medians; the functions take turns.
std::vector<double> Times(const std::vector<std::function<void()>>& functions) {
  std::vector<std::vector<double>> times(functions.size());
  std::vector<int> repeats(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    functions[i]();
    const double begin = bench::CpuSeconds();
    functions[i]();
    const double once = std::max(1e-7, bench::CpuSeconds() - begin);
    repeats[i] = std::max(1, static_cast<int>(turn_seconds / once));
  }
  for (int t = 0; t < turns; ++t) {
    for (size_t i = 0; i < functions.size(); ++i) {
      const double begin = bench::CpuSeconds();
      for (int r = 0; r < repeats[i]; ++r) {
        functions[i]();
        asm volatile("" ::: "memory");
      }
      times[i].push_back((bench::CpuSeconds() - begin) / repeats[i]);
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& t : times) medians.push_back(bench::Median(t));
  return medians;
}

// Tensors of rows x columns.
struct Data {
  Data(int64_t r, int64_t c)
      : rows(r),
        columns(c),
        n(r * c),
        x(bench::RandomFloats(n, 1)),
        y(bench::RandomFloats(n, 2)),
        out(static_cast<size_t>(n)),
        scale(bench::RandomFloats(columns, 3)),
        half(static_cast<size_t>(n)) {}
  int64_t rows, columns, n;
  std::vector<float> x, y, out, scale;
  std::vector<uint16_t> half;
};

struct Case {
  std::string name;
  double bytes;  // of an element, read and written
  std::function<void()> ours, plain;
};

template <typename F>
std::function<void()> Loop(Data& d, F f) {
  return [&d, f] {
    for (int64_t i = 0; i < d.n; ++i) {
      d.out[static_cast<size_t>(i)] = f(d.x[static_cast<size_t>(i)], d.y[static_cast<size_t>(i)]);
    }
  };
}
std::function<void()> Function(Data& d, Unary f, UnaryParameters p = {}) {
  return [&d, f, p] { ComputeUnary(f, p, d.x.data(), d.out.data(), d.n); };
}

void PlainSoftmax(Data& d) {
  for (int64_t r = 0; r < d.rows; ++r) {
    const float* x = d.x.data() + r * d.columns;
    float* y = d.out.data() + r * d.columns;
    float max = x[0];
    for (int64_t k = 0; k < d.columns; ++k) max = std::max(max, x[k]);
    double sum = 0;
    for (int64_t k = 0; k < d.columns; ++k) sum += static_cast<double>(y[k] = std::exp(x[k] - max));
    for (int64_t k = 0; k < d.columns; ++k) y[k] /= static_cast<float>(sum);
  }
}

void PlainNormalize(Data& d) {
  for (int64_t r = 0; r < d.rows; ++r) {
    const float* x = d.x.data() + r * d.columns;
    const float* residual = d.y.data() + r * d.columns;
    float* y = d.out.data() + r * d.columns;
    double sum = 0, squares = 0;
    for (int64_t k = 0; k < d.columns; ++k) {
      y[k] = x[k] + residual[k];
      sum += static_cast<double>(y[k]);
    }
    const double mean = sum / static_cast<double>(d.columns);
    for (int64_t k = 0; k < d.columns; ++k) {
      const double e = static_cast<double>(y[k]) - mean;
      squares += e * e;
    }
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(d.columns) + 1e-5);
    for (int64_t k = 0; k < d.columns; ++k) {
      const float scale = d.scale[static_cast<size_t>(k)];
      y[k] = static_cast<float>((static_cast<double>(y[k]) - mean) * inverse) * scale + scale;
    }
  }
}

std::vector<Case> Cases(Data& d) {
  const auto binary = [&d](Binary f) {
    return [&d, f] {
      ComputeBinary(f, MOSAIC_FLOAT, {d.x.data(), 0, 1}, {d.y.data(), 0, 1}, 1, d.n, d.out.data(),
                    d.n);
    };
  };
  std::vector<Case> cases = {
      {"add", 12, binary(Binary::kAdd), Loop(d, [](float x, float y) { return x + y; })},
      {"divide", 12, binary(Binary::kDiv), Loop(d, [](float x, float y) { return x / y; })},
      {"maximum", 12, binary(Binary::kMax),
       Loop(d, [](float x, float y) { return y > x || y != y ? y : x; })},
      {"add a row", 8,
       [&d] {
         ComputeBinary(Binary::kAdd, MOSAIC_FLOAT, {d.x.data(), d.columns, 1}, {d.scale.data(), 0, 1},
                       d.rows, d.columns, d.out.data(), d.columns);
       },
       [&d] {
         for (int64_t i = 0; i < d.n; ++i) {
           d.out[static_cast<size_t>(i)] = d.x[static_cast<size_t>(i)] +
                                           d.scale[static_cast<size_t>(i % d.columns)];
         }
       }},
      {"exp", 8, Function(d, Unary::kExp), Loop(d, [](float x, float) { return std::exp(x); })},
      {"log", 8, Function(d, Unary::kLog), Loop(d, [](float x, float) { return std::log(x); })},
      {"tanh", 8, Function(d, Unary::kTanh), Loop(d, [](float x, float) { return std::tanh(x); })},
      {"sigmoid", 8, Function(d, Unary::kSigmoid),
       Loop(d, [](float x, float) { return 1 / (1 + std::exp(-x)); })},
      {"erf", 8, Function(d, Unary::kErf), Loop(d, [](float x, float) { return std::erf(x); })},
      {"gelu", 8, Function(d, Unary::kGelu),
       Loop(d, [](float x, float) { return 0.5f * x * (1 + std::erf(x * 0.70710678f)); })},
      {"sin", 8, Function(d, Unary::kSin), Loop(d, [](float x, float) { return std::sin(x); })},
      {"sqrt", 8, Function(d, Unary::kSqrt), Loop(d, [](float x, float) { return std::sqrt(x); })},
      {"x^3", 8, [&d] { ComputePower(d.x.data(), 3, d.out.data(), d.n); },
       Loop(d, [](float x, float) { return std::pow(x, 3.0f); })},
      {"x^y", 12, [&d] { ComputePower(d.x.data(), d.y.data(), d.out.data(), d.n); },
       Loop(d, [](float x, float y) { return std::pow(x, y); })},
      {"sum of rows", 4,
       [&d] {
         ReduceRows(Reduction::kSum, d.x.data(), d.columns, d.rows, d.columns, d.out.data());
       },
       [&d] {
         for (int64_t r = 0; r < d.rows; ++r) {
           double sum = 0;
           for (int64_t k = 0; k < d.columns; ++k) {
             sum += static_cast<double>(d.x[static_cast<size_t>(r * d.columns + k)]);
           }
           d.out[static_cast<size_t>(r)] = static_cast<float>(sum);
         }
       }},
      {"max of columns", 4,
       [&d] {
         ReduceColumns(Reduction::kMax, d.x.data(), d.columns, d.rows, d.columns, d.out.data());
       },
       [&d] {
         for (int64_t c = 0; c < d.columns; ++c) {
           float max = d.x[static_cast<size_t>(c)];
           for (int64_t r = 0; r < d.rows; ++r) {
             const float v = d.x[static_cast<size_t>(r * d.columns + c)];
             if (v > max || v != v) max = v;
           }
           d.out[static_cast<size_t>(c)] = max;
         }
       }},
      {"softmax", 8,
       [&d] {
         SoftmaxArgs a;
         a.x = d.x.data();
         a.y = d.out.data();
         a.n = a.x_step = a.y_step = d.columns;
         SoftmaxRows(a, 0, d.rows);
       },
       [&d] { PlainSoftmax(d); }},
      {"add + layer norm", 12,
       [&d] {
         NormalizeArgs a;
         a.x = d.x.data();
         a.residual = d.y.data();
         a.y = d.out.data();
         a.n = a.x_step = a.residual_step = a.y_step = d.columns;
         a.scale = a.bias = d.scale.data();
         NormalizeRows(a, 0, d.rows);
       },
       [&d] { PlainNormalize(d); }},
      {"transpose", 8,
       [&d] {
         const Transposition t({d.rows, d.columns}, {1, 0}, 4);
         t.Run(d.x.data(), d.out.data(), 0, t.units());
       },
       [&d] {
         for (int64_t c = 0; c < d.columns; ++c) {
           for (int64_t r = 0; r < d.rows; ++r) {
             d.out[static_cast<size_t>(c * d.rows + r)] =
                 d.x[static_cast<size_t>(r * d.columns + c)];
           }
         }
       }},
      {"to float16", 6, [&d] { Cast(MOSAIC_FLOAT, d.x.data(), MOSAIC_FLOAT16, d.half.data(), d.n); },
       [&d] {
         for (size_t i = 0; i < d.half.size(); ++i) d.half[i] = FloatToFloat16(d.x[i]);
       }},
      {"to int8", 5,
       [&d] { Quantize(d.x.data(), 0.01f, 3, MOSAIC_INT8, d.half.data(), d.n); },
       [&d] {
         int8_t* q = reinterpret_cast<int8_t*>(d.half.data());
         for (size_t i = 0; i < d.half.size(); ++i) {
           const float v = std::nearbyint(d.x[i] / 0.01f) + 3;
           q[i] = static_cast<int8_t>(v < -128 ? -128.0f : v > 127 ? 127.0f : v);
         }
       }}};
  return cases;
}

// Figures for the report, by name.
std::vector<std::pair<std::string, double>> figures;
void Figure(std::string name, double value) {
  for (char& c : name) c = c == ' ' || c == '+' || c == '^' ? '_' : c;
  figures.emplace_back(name, value);
}

void RunKernels(const char* where, int64_t rows, int64_t columns) {
  Data d(rows, columns);
  std::printf("\n%s: %lld x %lld float32\n%-18s %10s %12s %12s %10s\n", where,
              static_cast<long long>(rows), static_cast<long long>(columns), "kernel", "GB/s",
              "ns/element", "of memcpy", "plain / ours");
  const double n = static_cast<double>(d.n);
  const auto copy = [&d] { std::memcpy(d.out.data(), d.x.data(), d.x.size() * sizeof(float)); };
  for (const Case& c : Cases(d)) {
    const std::vector<double> t = Times({c.ours, c.plain, copy});
    const double rate = c.bytes * n / t[0], memcpy_rate = 8 * n / t[2];
    std::printf("%-18s %10.1f %12.3f %11.0f%% %10.1f\n", c.name.c_str(), rate * 1e-9, t[0] / n * 1e9,
                100 * rate / memcpy_rate, t[1] / t[0]);
    Figure(c.name + "_" + where + "_of_memcpy", rate / memcpy_rate);
    Figure(c.name + "_" + where + "_plain_over_ours", t[1] / t[0]);
  }
}

// The same as products, scaling, softmax and product, over whole matrices.
void Composition(const AttentionArgs& a, std::vector<float>& scores) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using View = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  using Result = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;
  const View q(a.q, a.queries, a.depth, Eigen::OuterStride<>(a.q_step));
  const View k(a.k, a.keys, a.depth, Eigen::OuterStride<>(a.k_step));
  const View v(a.v, a.keys, a.value_depth, Eigen::OuterStride<>(a.v_step));
  Result s(scores.data(), a.queries, a.keys, Eigen::OuterStride<>(a.keys));
  s.noalias() = q * k.transpose();
  s *= a.scale;
  for (int64_t i = 0; i < a.queries; ++i) {
    float* row = scores.data() + i * a.keys;
    float max = row[0], sum = 0;
    for (int64_t j = 0; j < a.keys; ++j) max = std::max(max, row[j]);
    for (int64_t j = 0; j < a.keys; ++j) sum += row[j] = std::exp(row[j] - max);
    for (int64_t j = 0; j < a.keys; ++j) row[j] /= sum;
  }
  Result out(a.out, a.queries, a.value_depth, Eigen::OuterStride<>(a.out_step));
  out.noalias() = s * v;
}

void RunAttentions() {
  std::printf("\nattention of one head, rows 12 heads apart\n%-14s %12s %10s %24s\n", "tokens x depth",
              "us", "GF/s", "composition / fused");
  for (int64_t depth : {32, 64}) {
    for (int64_t tokens : {16, 64, 128, 256, 512, 2048}) {
      const int64_t step = 3 * 12 * depth + 16;
      const std::vector<float> x = bench::RandomFloats(tokens * step, 4);
      std::vector<float> out(static_cast<size_t>(tokens * 12 * depth));
      std::vector<float> scores(static_cast<size_t>(tokens * tokens));
      AttentionArgs a;
      a.queries = a.keys = tokens;
      a.depth = a.value_depth = depth;
      a.q = x.data();
      a.k = x.data() + 12 * depth;
      a.v = x.data() + 24 * depth;
      a.q_step = a.k_step = a.v_step = step;
      a.out = out.data();
      a.out_step = 12 * depth;
      a.scale = 1 / std::sqrt(static_cast<float>(depth));
      std::vector<float> memory(static_cast<size_t>(AttentionPacked::Bytes(a)) / sizeof(float));
      AttentionPacked packed(a, memory.data());
      const std::vector<double> t = Times({[&] {
                                             PackAttention(a, 0, packed.units(), &packed);
                                             RunAttention(a, 0, tokens, &packed);
                                           },
                                           [&] { Composition(a, scores); }});
      const double flops = 4.0 * static_cast<double>(tokens * tokens * depth);
      const std::string name = std::to_string(tokens) + "x" + std::to_string(depth);
      std::printf("%-14s %12.1f %10.1f %24.2f\n", name.c_str(), t[0] * 1e6, flops / t[0] * 1e-9,
                  t[1] / t[0]);
      Figure("attention_" + name + "_gflops", flops / t[0] * 1e-9);
      Figure("attention_" + name + "_composition_over_fused", t[1] / t[0]);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    Isa isa;
    if (argument == "--quick") {
      quick = true;
    } else if (argument == "--isa" && i + 1 < argc && IsaOfName(argv[i + 1], &isa)) {
      SetIsa(isa);
      ++i;
    } else {
      std::fprintf(stderr, "usage: vector [--quick] [--isa avx512|avx2|generic]\n");
      return 2;
    }
  }
  if (quick) turn_seconds = 0.002, turns = 5;
  std::printf("kernel %s\n", IsaName(ActiveIsa()));
  RunKernels("L2", 96, 384);
  RunKernels("memory", quick ? 4096 : 32768, 1024);
  RunAttentions();
  for (const auto& [name, value] : figures) std::printf("report %s=%.3g\n", name.c_str(), value);
  return 0;
}
