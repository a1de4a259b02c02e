#include "core/op/quant/row_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/transpose_bytes.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kDepth = 4096;  // of k in a unit that makes floats

int64_t Pieces(int64_t n, int64_t piece) { return (n + piece - 1) / piece; }

}  // namespace

int64_t RowProduct::State::columns(int64_t strip) const {
  return std::min<int64_t>(MOSAIC_STRIP_COLS, form.n - strip * MOSAIC_STRIP_COLS);
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
  const auto reserve = [&](int64_t bytes) {
    const int64_t at = c.scratch_bytes;
    c.scratch_bytes += (bytes + 63) / 64 * 64;
    return at;
  };
  s.turned_at = reserve(MOSAIC_STRIP_COLS * std::min(k, kDepth));
  Phase phase;
  if (const StreamedWeight* w = c.weight(rows_)) {
    const Blocking& b = w->blocking;
    const int64_t bytes = MOSAIC_STRIP_COLS * s.form.row_bytes;
    const int64_t touched = Pieces(bytes, b.cols) + (b.cols == s.form.row_bytes ? 0 : 1);
    s.blocks = std::min(Pieces(touched - 1, b.block_rows) + 1, b.row_blocks()) * b.col_blocks();
    s.raw_at = reserve(bytes);
    phase.stream = 0;
  }
  phase.units = s.strips * s.units();
  phase.unit_cost =
      std::max(8.0 * static_cast<double>(std::min(k, kDepth)) + 256, s.whole->unit_cost());
  phase.grain = s.units();
  c.phases = {phase};
  return Status();
}

// The block that a unit copies from; -1: none. A strip begins in the block of its first byte,
// whatever the table's rows are; it may end sooner than another.
int32_t RowProduct::BlockOf(const Call& c, int64_t unit) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(rows_)->blocking;
  const int64_t strip = unit / s.units(), index = unit % s.units(), panels = b.col_blocks();
  if (index >= s.blocks) return -1;
  const int64_t begin = strip * MOSAIC_STRIP_COLS * s.form.row_bytes;
  const int64_t row_block = begin / b.cols / b.block_rows + index / panels;
  if (row_block * b.block_rows * b.cols >= begin + s.columns(strip) * s.form.row_bytes) return -1;
  return static_cast<int32_t>(b.Index(row_block, index % panels));
}

void RowProduct::Blocks(const Call& c, int, int64_t begin, int64_t end,
                        std::vector<int32_t>* out) const {
  for (int64_t u = begin; u < end; ++u) {
    const int32_t block = BlockOf(c, u);
    if (block >= 0) out->push_back(block);
  }
}

Status RowProduct::Run(Call& c, int, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  const void* const* block = c.blocks;
  for (int64_t u = begin; u < end;) {
    const int64_t strip = u / s.units(), index = u % s.units();
    if (index < s.blocks) {
      if (BlockOf(c, u) >= 0) CopyRows(c, u, *block++);
      ++u;
    } else if (index < s.blocks + s.depths) {
      MakeFloats(c, strip, index - s.blocks);
      ++u;
    } else {
      const int64_t stop = std::min(end, (strip + 1) * s.units());
      const int64_t first = index - s.blocks - s.depths;
      Multiply(c, strip, first, first + stop - u);
      u = stop;
    }
  }
  return Status();
}

// What a block has of the bytes of a strip.
void RowProduct::CopyRows(Call& c, int64_t unit, const void* block) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(rows_)->blocking;
  const int64_t strip = unit / s.units(), index = unit % s.units(), panels = b.col_blocks();
  const int64_t first = strip * MOSAIC_STRIP_COLS * s.form.row_bytes;
  const int64_t last = first + s.columns(strip) * s.form.row_bytes;
  const int64_t row0 = (first / b.cols / b.block_rows + index / panels) * b.block_rows;
  char* raw = static_cast<char*>(c.scratch) + s.raw_at;
  const char* from = static_cast<const char*>(block);
  const auto copy = [&](int64_t at, int64_t bytes, const char* source) {
    const int64_t begin = std::max(at, first), end = std::min(at + bytes, last);
    if (begin < end) {
      std::memcpy(raw + begin - first, source + begin - at, static_cast<size_t>(end - begin));
    }
  };
  if (panels == 1) {  // its rows follow one another
    copy(row0 * b.cols, b.block_rows * b.cols, from);
    return;
  }
  const int64_t column = index % panels * b.block_cols;
  const int64_t bytes = std::min<int64_t>(b.block_cols, b.cols - column);
  for (int64_t row = std::max(row0, first / b.cols); row < row0 + b.block_rows; ++row) {
    copy(row * b.cols + column, bytes, from + (row - row0) * b.block_cols);
  }
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
                   : static_cast<const uint8_t*>(c.inputs[rows_].raw()) + first * f.row_bytes;
  uint8_t* turned = static_cast<uint8_t*>(c.scratch) + s.turned_at;
  if (s.columns(strip) < MOSAIC_STRIP_COLS) {
    std::memset(turned, 0, static_cast<size_t>(bytes * MOSAIC_STRIP_COLS));
  }
  TransposeBytes(rows + begin / per_byte, f.row_bytes, s.columns(strip), bytes, 0, turned,
                 MOSAIC_STRIP_COLS);
  IntegerStrip scales = {f.bits, f.is_signed, {}, {}};
  float* w = static_cast<float*>(c.scratch);
  for (int64_t k = begin; k < end;) {
    const int64_t block = k / f.block, stop = std::min(end, (block + 1) * f.block);
    SetScales(c, first, s.columns(strip), block, &scales);
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
  const float* bias = c.Given(bias_) ? c.inputs[bias_].data<float>() + first : nullptr;
  const StripProduct::Operands x{c.inputs[a_].data<float>(),
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
