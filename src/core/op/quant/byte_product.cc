#include "core/op/quant/byte_product.h"

#include <algorithm>

#include "core/kernel/integer_product.h"
#include "core/op/op_support.h"
#include "core/op/quant/requantize.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kRowPiece = 1 << 16;    // of k in a unit that packs a row
constexpr int64_t kPanelPiece = 1 << 13;  // of k in a unit that packs a panel
constexpr int64_t kWork = 1 << 24;        // products of a unit, about
constexpr int64_t kMostRows = 480;        // of A in a unit

Shape MatrixStrides(const Shape& shape, const Shape& batch) {
  Shape strides(batch.size(), 0);
  int64_t stride = 1;
  for (size_t i = 0; i + 2 < shape.size(); ++i) {
    const int64_t d = shape[shape.size() - 3 - i];
    if (d != 1) strides[batch.size() - 1 - i] = stride;
    stride *= d;
  }
  return strides;
}

int64_t Pieces(int64_t n, int64_t piece) { return std::max<int64_t>(1, (n + piece - 1) / piece); }

}  // namespace

Status ByteProduct::Start(Call& c) const {
  State& s = c.NewState<State>();
  const Shape a = ByteMatrix(c.inputs[in_.a].shape(), true, int64_t{1});
  const Shape b = ByteMatrix(c.shape(in_.b), false, int64_t{1});
  s.n = a[a.size() - (trans_a_ ? 1 : 2)];
  s.k = a[a.size() - (trans_a_ ? 2 : 1)];
  s.m = b[b.size() - (trans_b_ ? 2 : 1)];
  s.padded = PaddedDepth(s.k);
  MOSAIC_RETURN_IF_ERROR(
      BroadcastShapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2), &s.batch));
  s.a_strides = MatrixStrides(a, s.batch);
  s.b_strides = MatrixStrides(b, s.batch);
  if (c.outputs[0].size() == 0) return Status();
  const int64_t a_rows = NumElements(Shape(a.begin(), a.end() - 2)) * s.n;
  s.strips = Pieces(s.m, kIntegerColumns);
  s.places = Pieces(s.m, kColumns);
  const auto reserve = [&](int64_t bytes) { return ReserveScratch(&c, bytes); };
  reserve(a_rows * s.padded);  // the packed rows
  s.sums_at = reserve(a_rows * 4);
  s.ones_at = reserve(s.padded);
  s.column_at = reserve(kColumns * 4);
  s.product_at = reserve(kMostRows * kColumns * 4);
  c.phases = {Phase{a_rows * Pieces(s.k, kRowPiece),
                    2.0 * static_cast<double>(std::min(s.k, kRowPiece)) + 16}};
  s.row_count = s.n;
  if (c.weight(in_.b) != nullptr) {
    s.n = a_rows;  // all rows meet the same B
    StartStreamed(c);
  } else {
    s.panel_at = reserve(kColumns * s.padded);
    StartDense(c);
  }
  return Status();
}

// Units: of each product, of each place, its pieces packed, and then of each part of A's rows the
// pieces.
void ByteProduct::StartDense(Call& c) const {
  State& s = c.state<State>();
  const int64_t depth = std::min(s.padded, kPanelPiece);
  s.pieces = Pieces(s.k, kPanelPiece);
  s.rows =
      std::clamp<int64_t>(kWork / std::max<int64_t>(kColumns * depth, 1) / 12 * 12, 12, kMostRows);
  s.parts = Pieces(s.n, s.rows);
  const double packing = static_cast<double>(kColumns * depth) / 8;
  const double products = static_cast<double>(kColumns * std::min(s.rows, s.n) * depth) / 16;
  c.phases.push_back(
      Phase{NumElements(s.batch) * s.places * s.pieces * (1 + s.parts), packing + products + 1024});
}

void ByteProduct::StartStreamed(Call& c) const {
  State& s = c.state<State>();
  const Blocking& b = c.weight(in_.b)->blocking;
  s.blocks = b.row_blocks();
  s.parts = Pieces(s.n, kMostRows);
  s.rows = ((s.n + s.parts - 1) / s.parts + 11) / 12 * 12;
  s.parts = Pieces(s.n, s.rows);
  const double products =
      static_cast<double>(kIntegerColumns * std::min(s.rows, s.n) * b.depth()) / 16;
  Phase phase{s.parts * s.strips * s.blocks, products + 256, kPanels * s.blocks};
  phase.stream = 0;
  c.phases.push_back(phase);
}

ByteProduct::StreamedUnit ByteProduct::UnitAt(const State& s, int64_t unit) {
  const int64_t per_part = s.strips * s.blocks, per_place = kPanels * s.blocks;
  StreamedUnit u = {unit / per_part, 0, 0, 0};
  unit %= per_part;
  u.place = unit / per_place;
  unit %= per_place;
  u.block = unit / s.panels(u.place);
  u.panel = unit % s.panels(u.place);
  return u;
}

void ByteProduct::Blocks(const Call& c, int, int64_t begin, int64_t end,
                         std::vector<int32_t>* out) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(in_.b)->blocking;
  for (int64_t unit = begin; unit < end; ++unit) {
    const StreamedUnit u = UnitAt(s, unit);
    out->push_back(static_cast<int32_t>(b.Index(u.block, u.place * kPanels + u.panel)));
  }
}

Status ByteProduct::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const State& s = c.state<State>();
  if (begin == 0) {
    uint8_t* ones = At<uint8_t>(c, s.ones_at);
    std::fill_n(ones, s.padded, uint8_t{0});
    std::fill_n(ones, s.k, uint8_t{1});
  }
  for (int64_t unit = begin; unit < end;) {
    int64_t n = 1;
    if (phase == 0) {
      PackRow(c, unit);
    } else if (s.blocks == 0) {
      RunDense(c, unit);
    } else {
      const StreamedUnit u = UnitAt(s, unit);
      n = std::min(end - unit, s.panels(u.place) - u.panel);
      RunStreamed(c, u, n, c.blocks + (unit - begin));
    }
    unit += n;
  }
  return Status();
}

void ByteProduct::PackRow(Call& c, int64_t unit) const {
  const State& s = c.state<State>();
  const int64_t pieces = Pieces(s.k, kRowPiece), row = unit / pieces;
  const int64_t begin = unit % pieces * kRowPiece, size = std::min(s.k - begin, kRowPiece);
  const int64_t n = s.row_count;
  const int64_t matrix = row / n, i = row % n, step = trans_a_ ? n : 1;
  const uint8_t* a = static_cast<const uint8_t*>(c.inputs[in_.a].raw()) + matrix * n * s.k +
                     (trans_a_ ? i : i * s.k) + begin * step;
  uint32_t* sum = At<uint32_t>(c, s.sums_at) + row;
  if (begin == 0) *sum = 0;
  *sum += PackIntegerRow(a, step, c.inputs[in_.a].dtype() == MOSAIC_INT8, size,
                         At<uint8_t>(c, row * s.padded + begin));
}

void ByteProduct::PackPanels(Call& c, int64_t product, int64_t piece) const {
  const State& s = c.state<State>();
  const int64_t place = product % s.places;
  int64_t a_matrix, b_matrix;
  Operands(s, product / s.places, &a_matrix, &b_matrix);
  const uint8_t* b = static_cast<const uint8_t*>(c.inputs[in_.b].raw()) + b_matrix * s.k * s.m;
  for (int64_t p = 0; p < s.panels(place); ++p) {
    const int64_t col = place * kColumns + p * kIntegerColumns;
    PackIntegerPanel(b + col * (trans_b_ ? s.k : 1), trans_b_ ? 1 : s.m, trans_b_ ? s.k : 1,
                     std::min(kIntegerColumns, s.m - col), s.k, piece * kPanelPiece,
                     std::min(s.k, (piece + 1) * kPanelPiece),
                     At<uint8_t>(c, s.panel_at) + p * kIntegerColumns * s.padded);
  }
}

void ByteProduct::RunDense(Call& c, int64_t unit) const {
  const State& s = c.state<State>();
  const int64_t per_place = s.pieces * (1 + s.parts);
  const int64_t product = unit / per_place, step = unit % per_place, piece = step % s.pieces;
  if (step < s.pieces) return PackPanels(c, product, piece);
  const int64_t place = product % s.places, index = product / s.places;
  const int64_t begin = (step / s.pieces - 1) * s.rows, rows = std::min(s.rows, s.n - begin);
  const int64_t k_begin = piece * kPanelPiece;
  int64_t a_matrix, b_matrix;
  Operands(s, index, &a_matrix, &b_matrix);
  const void* panels[kPanels];
  for (int64_t p = 0; p < kPanels; ++p) {
    panels[p] = At<uint8_t>(c, s.panel_at) + kIntegerColumns * (p * s.padded + k_begin);
  }
  IntegerProductArgs g = {};
  g.rows = rows;
  g.panels = panels;
  g.count = s.panels(place);
  g.quads = std::min(kPanelPiece, s.padded - k_begin) / 4;
  Multiply(c, g, a_matrix * s.n + begin, k_begin, 0);
  if (piece + 1 < s.pieces) return;
  Finish(c, place, a_matrix * s.n + begin, b_matrix, rows, index * s.n + begin);
}

void ByteProduct::RunStreamed(Call& c, const StreamedUnit& u, int64_t panels,
                              const void* const* blocks) const {
  const State& s = c.state<State>();
  const int64_t begin = u.part * s.rows;
  const int64_t depth = c.weight(in_.b)->blocking.depth(), k_begin = u.block * depth;
  IntegerProductArgs g = {};
  g.rows = std::min(s.rows, s.n - begin);
  g.panels = blocks;
  g.count = panels;
  g.quads = std::min(depth, s.padded - k_begin) / 4;
  Multiply(c, g, begin, k_begin, u.panel);
  const bool last = u.block + 1 == s.blocks && u.panel + panels == s.panels(u.place);
  if (last) Finish(c, u.place, begin, 0, g.rows, begin);
}

// Adds a part of k to the sums of the unit, from a panel of its place on: those of A's packed rows,
// and of the columns.
void ByteProduct::Multiply(Call& c, IntegerProductArgs g, int64_t a_row, int64_t k_begin,
                           int64_t panel) const {
  const State& s = c.state<State>();
  g.moved = Moved(c);
  g.add = k_begin > 0;
  g.pitch = kColumns;
  g.a = At<uint8_t>(c, a_row * s.padded + k_begin);
  g.a_pitch = s.padded;
  g.c = At<uint32_t>(c, s.product_at) + panel * kIntegerColumns;
  IntegerProduct(g);
  g.a = At<uint8_t>(c, s.ones_at + k_begin);
  g.rows = 1;
  g.c = At<uint32_t>(c, s.column_at) + panel * kIntegerColumns;
  IntegerProduct(g);
}

// (A - a)(B - b) = A B - b sum(A) - a sum(B) + k a b, where what was moved by 128 is in a and b.
void ByteProduct::Finish(Call& c, int64_t place, int64_t a_row, int64_t b_matrix, int64_t rows,
                         int64_t out_row) const {
  const State& s = c.state<State>();
  const int64_t first = place * kColumns, columns = std::min(kColumns, s.m - first);
  const int64_t a_zeros = c.Given(in_.a_zero) ? c.inputs[in_.a_zero].size() : 0;
  const int64_t b_zeros = c.Given(in_.b_zero) ? c.inputs[in_.b_zero].size() : 0;
  const int32_t a_moved = c.inputs[in_.a].dtype() == MOSAIC_INT8 ? 128 : 0;
  const int32_t b_moved = Moved(c) ? -128 : 0;
  uint32_t b_zero[kColumns];
  for (int64_t j = 0; j < columns; ++j) {
    const int64_t at = b_zeros <= 1 ? 0 : (b_matrix * s.m + first + j) % b_zeros;
    b_zero[j] =
        static_cast<uint32_t>((b_zeros == 0 ? 0 : ByteAt(c.inputs[in_.b_zero], at)) + b_moved);
  }
  IntegerRow row = {nullptr, At<uint32_t>(c, s.column_at), b_zero, 0, 0, columns};
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = a_zeros <= 1 ? 0 : (a_row + i) % a_zeros;
    row.a_zero =
        static_cast<uint32_t>((a_zeros == 0 ? 0 : ByteAt(c.inputs[in_.a_zero], at)) + a_moved);
    row.rest = At<uint32_t>(c, s.sums_at)[a_row + i] - static_cast<uint32_t>(s.k) * row.a_zero;
    row.sums = At<uint32_t>(c, s.product_at) + i * kColumns;
    FinishRow(c, row, {a_row + i, b_matrix * s.m + first, first, (out_row + i) * s.m + first});
  }
}

}  // namespace mosaic
