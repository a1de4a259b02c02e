#include "core/op/quant/depth_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/integer_strip.h"
#include "core/kernel/strip_gemm.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kRawBytes = 1 << 22;  // of rows that are copied for a group
constexpr int64_t kStrips = 32;         // in a unit
constexpr int64_t kColumns = kStrips * MOSAIC_STRIP_COLS;

int64_t Pieces(int64_t n, int64_t piece) { return (n + piece - 1) / piece; }

}  // namespace

std::vector<WeightStream> DepthProduct::streams() const {
  std::vector<WeightStream> all;
  for (size_t input : {in_.rows, in_.scales, in_.zeros}) {
    if (input != in_.rows && !stream_scales_) continue;
    all.push_back({static_cast<int>(input), MOSAIC_LAYOUT_ROW});
    all.back().any_cut = true;
  }
  return all;
}

Status DepthProduct::Start(Call& c) const {
  State& s = c.NewState<State>();
  const Shape& w = c.shape(in_.rows);
  s.k = w[0], s.n = w[1];
  if (c.outputs[0].size() == 0) return Status();
  MOSAIC_RETURN_IF_ERROR(MakeScaleAxis(w, c.shape(in_.scales), axis_, block_, &s.scale));
  s.rows = c.outputs[0].size() / s.n;
  s.groups = std::max<int64_t>(
      1, Pieces(s.k, std::clamp<int64_t>(kRawBytes / s.n, 1, MOSAIC_MAX_BLOCK_ROWS)));
  s.depth = std::max<int64_t>(1, Pieces(s.k, s.groups));
  s.row_parts = Pieces(s.rows, StripProduct::kRowChunk);
  s.row_part = Pieces(s.rows, s.row_parts);
  s.places = Pieces(s.n, kColumns);
  const auto reserve = [&](int64_t bytes) { return ReserveScratch(&c, bytes); };
  const int64_t strips = std::min(kStrips, Pieces(s.n, MOSAIC_STRIP_COLS));
  reserve(strips * s.depth * MOSAIC_ROW_BYTES);
  s.bytes_at = reserve(s.depth * MOSAIC_STRIP_COLS);
  // The most that a group has: blocks of scales may begin in one and end in the next.
  const auto room = [&](Part part) {
    if (c.weight(InputOf(part)) == nullptr) return int64_t{0};
    s.parts.push_back(part);
    int64_t elements = 1;
    for (int64_t g = 0; g < s.groups; ++g) {
      elements = std::max(elements, RangeOf(c, part, g).elements());
    }
    return reserve(elements * DTypeSize(c.dtype(InputOf(part))));
  };
  s.scales_at = room(Part::kScales);
  s.zeros_at = room(Part::kZeros);
  s.raw_at = c.weight(in_.rows) != nullptr ? reserve(s.depth * s.n) : 0;
  s.parts.push_back(Part::kProduct);
  const double widened = 4.0 * static_cast<double>(s.depth * strips * MOSAIC_STRIP_COLS);
  const double product = static_cast<double>(2 * s.depth * strips * MOSAIC_STRIP_COLS * s.row_part);
  for (int64_t g = 0; g < s.groups; ++g) {
    for (Part part : s.parts) {
      const bool streamed = c.weight(InputOf(part)) != nullptr;
      Phase phase;
      phase.units = streamed ? RangeOf(c, part, g).blocks() : 0;
      phase.unit_cost = 4096;
      if (part == Part::kProduct) {
        phase.units += s.row_parts * s.places;
        phase.unit_cost += widened + product / kOperationsAtOnce;
      }
      phase.stream = streamed ? static_cast<int>(part == Part::kProduct  ? 0
                                                 : part == Part::kScales ? 1
                                                                         : 2)
                              : -1;
      c.phases.push_back(phase);
    }
  }
  return Status();
}

StoredRange DepthProduct::RangeOf(const Call& c, Part part, int64_t group) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(InputOf(part))->blocking;
  int64_t first = s.begin(group) * s.n, last = s.end(group) * s.n;
  if (part != Part::kProduct && first < last) {
    last = s.scale.IndexOf(last - 1) + 1;
    first = s.scale.IndexOf(first);
  }
  return {b, first, last};
}

void DepthProduct::Blocks(const Call& c, int phase, int64_t begin, int64_t end,
                          std::vector<int32_t>* out) const {
  const State& s = c.state<State>();
  const int64_t parts = static_cast<int64_t>(s.parts.size());
  const StoredRange range = RangeOf(c, s.parts[static_cast<size_t>(phase % parts)], phase / parts);
  for (int64_t u = begin; u < std::min(end, range.blocks()); ++u) out->push_back(range.Index(u));
}

Status DepthProduct::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  const int64_t parts = static_cast<int64_t>(s.parts.size()), group = phase / parts;
  const Part part = s.parts[static_cast<size_t>(phase % parts)];
  int64_t copied = 0;  // units that copy a block
  if (c.weight(InputOf(part)) != nullptr) {
    const StoredRange range = RangeOf(c, part, group);
    copied = range.blocks();
    char* to = static_cast<char*>(c.scratch) + (part == Part::kScales  ? s.scales_at
                                                : part == Part::kZeros ? s.zeros_at
                                                                       : s.raw_at);
    for (int64_t u = begin; u < std::min(end, copied); ++u) {
      range.Copy(u, c.blocks[u - begin], c.dtype(InputOf(part)), to);
    }
  }
  for (int64_t u = std::max(begin, copied); u < end; ++u) RunUnit(c, group, u - copied);
  return Status();
}

void DepthProduct::RunUnit(Call& c, int64_t group, int64_t unit) const {
  const State& s = c.state<State>();
  const int64_t row = unit / s.places * s.row_part, column = unit % s.places * kColumns;
  const int64_t columns = std::min(kColumns, s.n - column);
  const void* blocks[kStrips];
  float* floats = static_cast<float*>(c.scratch);
  StripGemmArgs g;
  g.strips = Pieces(columns, MOSAIC_STRIP_COLS);
  for (int64_t i = 0; i < g.strips; ++i) {
    float* strip = floats + i * s.depth * MOSAIC_STRIP_COLS;
    MakeFloats(c, group, column + i * MOSAIC_STRIP_COLS, strip);
    blocks[i] = strip;
  }
  g.a = c.inputs[in_.a].data<float>() + row * s.k + s.begin(group);
  g.lda = s.k;
  g.n = std::min(s.row_part, s.rows - row);
  g.blocks = blocks;
  g.row_blocks = 1;
  g.block_rows = static_cast<int>(s.depth);
  g.k = s.end(group) - s.begin(group);
  g.c = c.outputs[0].mutable_data<float>() + row * s.n + column;
  g.ldc = s.n;
  g.m = columns;
  g.first = group == 0;
  g.last = group + 1 == s.groups;
  g.bias = c.Given(in_.bias) ? c.inputs[in_.bias].data<float>() + column : nullptr;
  StripGemm(g);
}

void DepthProduct::MakeFloats(Call& c, int64_t group, int64_t column, float* out) const {
  const State& s = c.state<State>();
  const int64_t k0 = s.begin(group), k1 = s.end(group);
  const int64_t columns = std::min<int64_t>(MOSAIC_STRIP_COLS, s.n - column);
  const char* scratch = static_cast<const char*>(c.scratch);
  const uint8_t* raw = c.weight(in_.rows) != nullptr
                           ? reinterpret_cast<const uint8_t*>(scratch + s.raw_at)
                           : static_cast<const uint8_t*>(c.inputs[in_.rows].raw()) + k0 * s.n;
  uint8_t* bytes = static_cast<uint8_t*>(c.scratch) + s.bytes_at;
  if (columns < MOSAIC_STRIP_COLS) {
    std::memset(bytes, 0, static_cast<size_t>(s.depth * MOSAIC_STRIP_COLS));
  }
  for (int64_t r = 0; r < k1 - k0; ++r) {
    std::memcpy(bytes + r * MOSAIC_STRIP_COLS, raw + r * s.n + column,
                static_cast<size_t>(columns));
  }
  // Where scales are copied, they begin with the group's first.
  const auto part = [&](size_t input, int64_t at, int64_t* from) -> const void* {
    *from = 0;
    if (!c.Given(input)) return nullptr;
    if (c.weight(input) == nullptr) return c.inputs[input].raw();
    *from = s.scale.IndexOf(k0 * s.n);
    return scratch + at;
  };
  int64_t scales_from, zeros_from;
  const float* scales = static_cast<const float*>(part(in_.scales, s.scales_at, &scales_from));
  const void* zeros = part(in_.zeros, s.zeros_at, &zeros_from);
  const int dtype = c.dtype(in_.rows);
  const bool is_signed = dtype == MOSAIC_INT8 || dtype == MOSAIC_INT4;
  IntegerStrip strip = {8, is_signed, {}, {}};
  for (int64_t k = k0; k < k1;) {
    int64_t stop = k1;  // as far as the scales are the same
    if (!s.scale.one && axis_ == 0)
      stop = block_ == 0 ? k + 1 : std::min(k1, (k / block_ + 1) * block_);
    if (!s.scale.one && axis_ == 1 && block_ != 0) stop = k + 1;
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t index = s.scale.IndexOf(k * s.n + column + j);
      strip.scale[j] = scales[index - scales_from];
      if (zeros == nullptr) continue;
      const int64_t at = index - zeros_from;
      strip.zero[j] = static_cast<float>(is_signed ? int{static_cast<const int8_t*>(zeros)[at]}
                                                   : int{static_cast<const uint8_t*>(zeros)[at]});
    }
    WidenIntegerStrip(strip, bytes + (k - k0) * MOSAIC_STRIP_COLS, stop - k,
                      out + (k - k0) * MOSAIC_STRIP_COLS);
    k = stop;
  }
  std::fill(out + (k1 - k0) * MOSAIC_STRIP_COLS, out + s.depth * MOSAIC_STRIP_COLS, 0.0F);
}

}  // namespace mosaic
