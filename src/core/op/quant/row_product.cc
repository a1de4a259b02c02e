#include "core/op/quant/row_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/transpose_bytes.h"
#include "core/op/op_support.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kDepth = 4096;          // of k in a unit that makes floats
constexpr int64_t kGroupBytes = 1 << 18;  // of scales and zero points that are copied for a group

int64_t Pieces(int64_t n, int64_t piece) { return (n + piece - 1) / piece; }

}  // namespace

int64_t RowProduct::State::columns(int64_t strip) const {
  return std::min<int64_t>(MOSAIC_STRIP_COLS, form.n - strip * MOSAIC_STRIP_COLS);
}

std::vector<WeightStream> RowProduct::streams() const {
  WeightStream rows{static_cast<int>(in_.rows), MOSAIC_LAYOUT_ROW};
  rows.any_cut = any_cut_;
  WeightStream scales{static_cast<int>(in_.scales), MOSAIC_LAYOUT_ROW};
  scales.any_cut = true;
  WeightStream zeros = scales;
  zeros.input = static_cast<int>(in_.zeros);
  return {rows, scales, zeros};
}

Status RowProduct::Start(Call& c) const {
  State& s = c.NewState<State>();
  s.form = FormOf(c);
  const int64_t k = s.form.k;
  if (c.outputs[0].size() == 0) return Status();
  s.strips = Pieces(s.form.n, MOSAIC_STRIP_COLS);
  s.depths = Pieces(k, kDepth);
  s.blocking = StripProduct::DenseBlocking(k, MOSAIC_STRIP_COLS);
  const int64_t rows = c.outputs[0].size() / s.form.n;
  s.whole.emplace(rows, s.blocking, 0);
  if (const int64_t left = s.form.n % MOSAIC_STRIP_COLS) {
    s.last.emplace(rows, StripProduct::DenseBlocking(k, left), 0);
  }
  c.scratch_bytes = s.blocking.blocks() * s.blocking.payload_bytes();
  s.turned_at = ReserveScratch(&c, MOSAIC_STRIP_COLS * std::min(k, kDepth));
  if (const StreamedWeight* w = c.weight(in_.rows)) {
    const Blocking& b = w->blocking;
    const int64_t bytes = MOSAIC_STRIP_COLS * s.form.row_bytes;
    const int64_t touched = Pieces(bytes, b.cols) + (b.cols == s.form.row_bytes ? 0 : 1);
    s.blocks = std::min(Pieces(touched - 1, b.block_rows) + 1, b.row_blocks()) * b.col_blocks();
    s.raw_at = ReserveScratch(&c, bytes);
  }
  AddGroups(c);
  return Status();
}

// Groups are such that what is copied for one stays in the cache; where nothing is, all strips are
// one.
void RowProduct::AddGroups(Call& c) const {
  State& s = c.state<State>();
  int64_t bytes = 0;  // of a strip
  const auto add = [&](Part part, int64_t of_column) {
    if (c.weight(InputOf(part)) == nullptr) return;
    s.parts.push_back(part);
    bytes += MOSAIC_STRIP_COLS * of_column * DTypeSize(c.dtype(InputOf(part)));
  };
  add(Part::kScales, s.form.scales);
  add(Part::kZeros, s.form.zeros);
  s.group = s.parts.empty()
                ? s.strips
                : std::clamp<int64_t>(kGroupBytes / std::max<int64_t>(bytes, 1), 1, s.strips);
  const auto room = [&](Part part, int64_t of_column) {
    if (c.weight(InputOf(part)) == nullptr) return int64_t{0};
    const int64_t elements = std::max<int64_t>(1, s.group * MOSAIC_STRIP_COLS * of_column);
    return ReserveScratch(&c, elements * DTypeSize(c.dtype(InputOf(part))));
  };
  s.scales_at = room(Part::kScales, s.form.scales);
  s.zeros_at = room(Part::kZeros, s.form.zeros);
  s.parts.push_back(Part::kProduct);
  for (int64_t g = 0; g * s.group < s.strips; ++g) {
    for (Part part : s.parts) {
      Phase phase;
      if (part == Part::kProduct) {
        phase.units = std::min(s.group, s.strips - g * s.group) * s.units();
        phase.unit_cost = std::max(8.0 * static_cast<double>(std::min(s.form.k, kDepth)) + 256,
                                   s.whole->unit_cost());
        phase.grain = s.units();
        phase.stream = c.weight(in_.rows) != nullptr ? 0 : -1;
      } else {
        phase.units = PartOf(c, part, g).blocks();
        phase.unit_cost = 4096;
        phase.stream = part == Part::kScales ? 1 : 2;
      }
      c.phases.push_back(phase);
    }
  }
}

// A strip begins in the block of its first byte, whatever the table's rows are; it may end sooner
// than another.
StoredRange RowProduct::RowsOf(const Call& c, int64_t strip) const {
  const State& s = c.state<State>();
  const int64_t begin = strip * MOSAIC_STRIP_COLS;
  return {c.weight(in_.rows)->blocking, begin * s.form.row_bytes,
          (begin + s.columns(strip)) * s.form.row_bytes};
}

StoredRange RowProduct::PartOf(const Call& c, Part part, int64_t group) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(InputOf(part))->blocking;
  const int64_t of_column = part == Part::kScales ? s.form.scales : s.form.zeros;
  if (of_column == 0) return {b, 0, 1};
  const int64_t columns = s.group * MOSAIC_STRIP_COLS, first = group * columns;
  return {b, first * of_column, std::min(first + columns, s.form.n) * of_column};
}

void RowProduct::Blocks(const Call& c, int phase, int64_t begin, int64_t end,
                        std::vector<int32_t>* out) const {
  const State& s = c.state<State>();
  const int64_t parts = static_cast<int64_t>(s.parts.size()), group = phase / parts;
  const Part part = s.parts[static_cast<size_t>(phase % parts)];
  if (part != Part::kProduct) {
    const StoredRange range = PartOf(c, part, group);
    for (int64_t u = begin; u < end; ++u) out->push_back(range.Index(u));
    return;
  }
  for (int64_t u = begin; u < end; ++u) {
    const StoredRange rows = RowsOf(c, group * s.group + u / s.units());
    const int64_t index = u % s.units();
    if (index < std::min(s.blocks, rows.blocks())) out->push_back(rows.Index(index));
  }
}

Status RowProduct::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  const int64_t parts = static_cast<int64_t>(s.parts.size()), group = phase / parts;
  const Part part = s.parts[static_cast<size_t>(phase % parts)];
  if (part == Part::kProduct) {
    RunProduct(c, group * s.group, begin, end);
    return Status();
  }
  const StoredRange range = PartOf(c, part, group);
  char* to = static_cast<char*>(c.scratch) + (part == Part::kScales ? s.scales_at : s.zeros_at);
  for (int64_t u = begin; u < end; ++u) {
    range.Copy(u, c.blocks[u - begin], c.dtype(InputOf(part)), to);
  }
  return Status();
}

void RowProduct::RunProduct(Call& c, int64_t first_strip, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  const void* const* block = c.blocks;
  for (int64_t u = begin; u < end;) {
    const int64_t strip = first_strip + u / s.units(), index = u % s.units();
    if (index < s.blocks) {
      const StoredRange rows = RowsOf(c, strip);
      if (index < rows.blocks()) {
        rows.Copy(index, *block++, c.dtype(in_.rows), static_cast<char*>(c.scratch) + s.raw_at);
      }
      ++u;
    } else if (index < s.blocks + s.depths) {
      MakeFloats(c, strip, index - s.blocks);
      ++u;
    } else {
      const int64_t stop = std::min(end, (u / s.units() + 1) * s.units());
      const int64_t first = index - s.blocks - s.depths;
      Multiply(c, strip, first, first + stop - u);
      u = stop;
    }
  }
}

// What the first column of a strip has of an input: where it lies, or in the scratch memory.
const void* RowProduct::PartAt(const Call& c, size_t input, int64_t scratch, int64_t strip,
                               int64_t of_column) const {
  if (!c.Given(input)) return nullptr;
  const State& s = c.state<State>();
  const bool copied = c.weight(input) != nullptr;
  const char* from = copied ? static_cast<const char*>(c.scratch) + scratch
                            : static_cast<const char*>(c.inputs[input].raw());
  const int64_t column = (copied ? strip % s.group : strip) * MOSAIC_STRIP_COLS;
  return from + column * of_column * DTypeSize(c.dtype(input));
}

// A piece of k of the rows of a strip: turned, then widened, row k of the strip at 16 * k.
void RowProduct::MakeFloats(Call& c, int64_t strip, int64_t depth) const {
  const State& s = c.state<State>();
  const Form& f = s.form;
  const int64_t per_byte = 8 / f.bits, first = strip * MOSAIC_STRIP_COLS;
  const int64_t begin = depth * kDepth, end = std::min(f.k, begin + kDepth);
  const int64_t bytes = Pieces(end - begin, per_byte);
  const uint8_t* rows =
      s.blocks > 0 ? static_cast<const uint8_t*>(c.scratch) + s.raw_at
                   : static_cast<const uint8_t*>(c.inputs[in_.rows].raw()) + first * f.row_bytes;
  uint8_t* turned = static_cast<uint8_t*>(c.scratch) + s.turned_at;
  if (s.columns(strip) < MOSAIC_STRIP_COLS) {
    std::memset(turned, 0, static_cast<size_t>(bytes * MOSAIC_STRIP_COLS));
  }
  TransposeBytes(rows + begin / per_byte, f.row_bytes, s.columns(strip), bytes, 0, turned,
                 MOSAIC_STRIP_COLS);
  IntegerStrip scales = {f.bits, f.is_signed, {}, {}};
  const float* scale =
      static_cast<const float*>(PartAt(c, in_.scales, s.scales_at, strip, f.scales));
  const void* zero = PartAt(c, in_.zeros, s.zeros_at, strip, f.zeros);
  float* w = static_cast<float*>(c.scratch);
  for (int64_t k = begin; k < end;) {
    const int64_t block = k / f.block, stop = std::min(end, (block + 1) * f.block);
    SetScales(c, scale, zero, s.columns(strip), block, &scales);
    const uint8_t* q = turned + (k - begin) / per_byte * MOSAIC_STRIP_COLS;
    const int64_t whole = (stop - k) / per_byte;
    WidenIntegerStrip(scales, q, whole, w + k * MOSAIC_STRIP_COLS);
    if ((stop - k) % per_byte != 0) {  // the last half of a byte
      float both[2 * MOSAIC_STRIP_COLS];
      WidenIntegerStrip(scales, q + whole * MOSAIC_STRIP_COLS, 1, both);
      std::copy_n(both, MOSAIC_STRIP_COLS, w + (stop - 1) * MOSAIC_STRIP_COLS);
    }
    k = stop;
  }
  // What lies behind k in the last block.
  const int64_t rows_of_w = s.blocking.blocks() * s.blocking.depth();
  if (end == f.k) std::fill(w + f.k * MOSAIC_STRIP_COLS, w + rows_of_w * MOSAIC_STRIP_COLS, 0.0F);
}

void RowProduct::Multiply(Call& c, int64_t strip, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  const int64_t first = strip * MOSAIC_STRIP_COLS, payload = s.blocking.payload_bytes();
  const float* bias = c.Given(in_.bias) ? c.inputs[in_.bias].data<float>() + first : nullptr;
  const StripProduct::Operands x{c.inputs[in_.a].data<float>(),
                                 s.form.k,
                                 c.outputs[0].mutable_data<float>() + first,
                                 s.form.n,
                                 bias,
                                 Activation::kNone};
  std::vector<int32_t> indexes;
  s.product(strip).Blocks(begin, end, &indexes);
  std::vector<const void*> blocks;
  for (int32_t i : indexes) blocks.push_back(static_cast<const char*>(c.scratch) + i * payload);
  s.product(strip).Run(x, begin, end, blocks.data(), {});
}

}  // namespace mosaic
