// MatMulInteger: numpy's matmul of (A - zero points) and (B - zero points) in int32. Exact, so its
// order does not matter. Rows of A are packed once; some panels of B at a time then meet all rows
// (kernel/integer_product.h). A stored B is read in place: its blocks are panels. QGemm, which is
// lowered to it, also transposes. Fused (matmul_integer.h), a scale and a bias follow.
#include "core/op/quant/matmul_integer.h"

#include <algorithm>

#include "core/kernel/integer_product.h"
#include "core/kernel/integer_rows.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kRowPiece = 1 << 16;    // of k in a unit that packs a row
constexpr int64_t kPanelPiece = 1 << 13;  // of k in a unit that packs a panel
constexpr int64_t kWork = 1 << 24;        // products of a unit, about
constexpr int64_t kMostRows = 480;        // of A in a unit
constexpr int64_t kPanels = 4;            // of B in a unit
constexpr int64_t kColumns = kPanels * kIntegerColumns;

struct State {
  int64_t n = 0, k = 0, m = 0;
  int64_t padded = 0;                 // k, as it is packed
  Shape batch, a_strides, b_strides;  // leading dimensions, strides in matrices
  int64_t strips = 0, places = 0;     // of columns of B; of kPanels strips
  int64_t rows = 1, parts = 0;        // of A in a unit; parts of its rows
  int64_t pieces = 0;                 // of k, where B is packed
  int64_t blocks = 0;                 // of a strip, where B is streamed
  // In the scratch memory, bytes.
  int64_t sums_at = 0, panel_at = 0, ones_at = 0, column_at = 0, product_at = 0;

  int64_t panels(int64_t place) const { return std::min(kPanels, strips - place * kPanels); }
};

int32_t Element(const Tensor& t, int64_t i) {
  return t.dtype() == MOSAIC_UINT8 ? t.data<uint8_t>()[i] : t.data<int8_t>()[i];
}

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

class MatMulInteger : public Op {
 public:
  explicit MatMulInteger(const Node& node, bool scaled = false)
      : scaled_(scaled),
        trans_a_(node.Int("transA", 0) != 0),
        trans_b_(node.Int("transB", 0) != 0) {}

  std::vector<WeightStream> streams() const override {
    return {{1, MOSAIC_LAYOUT_STRIP, trans_b_}};
  }
  Status Infer(InferContext& c) const override;
  Status Start(Call& c) const override;
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 private:
  template <typename T>
  static T* At(const Call& c, int64_t at) {
    return reinterpret_cast<T*>(static_cast<char*>(c.scratch) + at);
  }
  // The matrices that a product reads.
  static void Operands(const State& s, int64_t index, int64_t* a, int64_t* b) {
    *a = *b = 0;
    for (size_t d = s.batch.size(); d-- > 0;) {
      *a += index % s.batch[d] * s.a_strides[d];
      *b += index % s.batch[d] * s.b_strides[d];
      index /= s.batch[d];
    }
  }
  static bool Moved(const Call& c) {
    const StreamedWeight* w = c.weight(1);
    return (w != nullptr ? w->dtype : c.inputs[1].dtype()) == MOSAIC_UINT8;
  }

  void StartDense(Call& c) const;
  void StartStreamed(Call& c) const;
  void PackRow(Call& c, int64_t unit) const;
  void PackPanels(Call& c, int64_t product, int64_t piece) const;
  void RunDense(Call& c, int64_t unit) const;
  // A unit where B is streamed: a block of a strip with a part of A's rows. The strips of a place
  // follow one another, so that consecutive units are one call of the kernel.
  struct StreamedUnit {
    int64_t part, place, block, panel;
  };
  static StreamedUnit UnitAt(const State& s, int64_t unit);
  void RunStreamed(Call& c, const StreamedUnit& u, int64_t panels, const void* const* blocks) const;
  static void Multiply(Call& c, IntegerProductArgs g, int64_t a_row, int64_t k_begin,
                       int64_t panel);
  void Finish(Call& c, int64_t place, int64_t a_row, int64_t b_matrix, int64_t rows,
              int64_t out_row) const;
  Status InferScale(InferContext& c, const Dim& columns) const;

  bool scaled_, trans_a_, trans_b_;
};

Status MatMulInteger::Infer(InferContext& c) const {
  for (size_t i : {0, 1}) {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int8_t, uint8_t>>(c.dtype(i), "an operand")));
    if (c.Has(i + 2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, i + 2));
  }
  const int to = scaled_ ? MOSAIC_FLOAT : MOSAIC_INT32;
  if (!c.in(0).ranked || !c.in(1).ranked) {
    c.SetUnranked(0, to);
    return Status();
  }
  Dims a = c.dims(0), b = c.dims(1);
  const std::string shapes = "shapes " + ShapeString(a) + " and " + ShapeString(b);
  if (a.size() < 2 || b.size() < 2) {
    return Status::Unsupported("operands of " + shapes + " (vectors) are not supported");
  }
  if (trans_a_) std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (trans_b_) std::swap(b[b.size() - 1], b[b.size() - 2]);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(a.back(), b[b.size() - 2], shapes + " do not fit"));
  Dims out;
  MOSAIC_RETURN_IF_ERROR(
      c.Broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2), &out));
  out.push_back(a[a.size() - 2]);
  out.push_back(b.back());
  if (scaled_) MOSAIC_RETURN_IF_ERROR(InferScale(c, b.back()));
  MOSAIC_RETURN_IF_ERROR(c.Set(0, to, std::move(out)));
  // Items are rows or leading dimensions of A; B and the zero points are the same for all.
  const bool rows = c.item_axis(0) >= 0 && c.item_axis(0) < c.in(0).rank() - 1 && !trans_a_;
  bool one = !c.Has(2) || (c.in(2).ranked && Product(c.dims(2)).Is(1));
  for (size_t i = 4; i < c.inputs(); ++i) one = one && !(c.Has(i) && c.Itemised(i));
  if (c.itemised() && rows && one && b.size() == 2) {
    c.ItemsOf(0);
  } else if (c.itemised()) {
    c.Mix();
  }
  return Status();
}

// One factor, or one for each column; an addend for each column.
Status MatMulInteger::InferScale(InferContext& c, const Dim& columns) const {
  for (size_t i : {4, 5}) {
    if (!c.Has(i) || !c.in(i).ranked) continue;
    const Dims& d = c.dims(i);
    if (c.dtype(i) != MOSAIC_FLOAT || d.size() > 1) {
      return Status::BadModel("a scale or bias has shape " + ShapeString(d));
    }
    if (i == 4 && (d.empty() || d[0].Is(1))) continue;
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d.empty() ? Dim(1) : d[0], columns,
                                          "a scale or bias does not fit the columns"));
  }
  return Status();
}

Status MatMulInteger::Start(Call& c) const {
  State& s = c.NewState<State>();
  const Shape &a = c.inputs[0].shape(), &b = c.shape(1);
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
  const auto reserve = [&](int64_t bytes) {
    const int64_t at = c.scratch_bytes;
    c.scratch_bytes += (bytes + 63) / 64 * 64;
    return at;
  };
  reserve(a_rows * s.padded);  // the packed rows
  s.sums_at = reserve(a_rows * 4);
  s.ones_at = reserve(s.padded);
  s.column_at = reserve(kColumns * 4);
  s.product_at = reserve(kMostRows * kColumns * 4);
  c.phases = {Phase{a_rows * Pieces(s.k, kRowPiece),
                    2.0 * static_cast<double>(std::min(s.k, kRowPiece)) + 16}};
  if (c.weight(1) != nullptr) {
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
void MatMulInteger::StartDense(Call& c) const {
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

void MatMulInteger::StartStreamed(Call& c) const {
  State& s = c.state<State>();
  const Blocking& b = c.weight(1)->blocking;
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

MatMulInteger::StreamedUnit MatMulInteger::UnitAt(const State& s, int64_t unit) {
  const int64_t per_part = s.strips * s.blocks, per_place = kPanels * s.blocks;
  StreamedUnit u = {unit / per_part, 0, 0, 0};
  unit %= per_part;
  u.place = unit / per_place;
  unit %= per_place;
  u.block = unit / s.panels(u.place);
  u.panel = unit % s.panels(u.place);
  return u;
}

void MatMulInteger::Blocks(const Call& c, int, int64_t begin, int64_t end,
                           std::vector<int32_t>* out) const {
  const State& s = c.state<State>();
  const Blocking& b = c.weight(1)->blocking;
  for (int64_t unit = begin; unit < end; ++unit) {
    const StreamedUnit u = UnitAt(s, unit);
    out->push_back(static_cast<int32_t>(b.Index(u.block, u.place * kPanels + u.panel)));
  }
}

Status MatMulInteger::Run(Call& c, int phase, int64_t begin, int64_t end) const {
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

void MatMulInteger::PackRow(Call& c, int64_t unit) const {
  const State& s = c.state<State>();
  const int64_t pieces = Pieces(s.k, kRowPiece), row = unit / pieces;
  const int64_t begin = unit % pieces * kRowPiece, size = std::min(s.k - begin, kRowPiece);
  const Shape& shape = c.inputs[0].shape();
  const int64_t n = shape[shape.size() - (trans_a_ ? 1 : 2)];
  const int64_t matrix = row / n, i = row % n, step = trans_a_ ? n : 1;
  const uint8_t* a = static_cast<const uint8_t*>(c.inputs[0].raw()) + matrix * n * s.k +
                     (trans_a_ ? i : i * s.k) + begin * step;
  uint32_t* sum = At<uint32_t>(c, s.sums_at) + row;
  if (begin == 0) *sum = 0;
  *sum += PackIntegerRow(a, step, c.inputs[0].dtype() == MOSAIC_INT8, size,
                         At<uint8_t>(c, row * s.padded + begin));
}

void MatMulInteger::PackPanels(Call& c, int64_t product, int64_t piece) const {
  const State& s = c.state<State>();
  const int64_t place = product % s.places;
  int64_t a_matrix, b_matrix;
  Operands(s, product / s.places, &a_matrix, &b_matrix);
  const uint8_t* b = static_cast<const uint8_t*>(c.inputs[1].raw()) + b_matrix * s.k * s.m;
  for (int64_t p = 0; p < s.panels(place); ++p) {
    const int64_t col = place * kColumns + p * kIntegerColumns;
    PackIntegerPanel(b + col * (trans_b_ ? s.k : 1), trans_b_ ? 1 : s.m, trans_b_ ? s.k : 1,
                     std::min(kIntegerColumns, s.m - col), s.k, piece * kPanelPiece,
                     std::min(s.k, (piece + 1) * kPanelPiece),
                     At<uint8_t>(c, s.panel_at) + p * kIntegerColumns * s.padded);
  }
}

void MatMulInteger::RunDense(Call& c, int64_t unit) const {
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

void MatMulInteger::RunStreamed(Call& c, const StreamedUnit& u, int64_t panels,
                                const void* const* blocks) const {
  const State& s = c.state<State>();
  const int64_t begin = u.part * s.rows;
  const int64_t depth = c.weight(1)->blocking.depth(), k_begin = u.block * depth;
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
void MatMulInteger::Multiply(Call& c, IntegerProductArgs g, int64_t a_row, int64_t k_begin,
                             int64_t panel) {
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
void MatMulInteger::Finish(Call& c, int64_t place, int64_t a_row, int64_t b_matrix, int64_t rows,
                           int64_t out_row) const {
  const State& s = c.state<State>();
  const int64_t first = place * kColumns, columns = std::min(kColumns, s.m - first);
  const int64_t a_zeros = c.Given(2) ? c.inputs[2].size() : 0;
  const int64_t b_zeros = c.Given(3) ? c.inputs[3].size() : 0;
  const int32_t a_moved = c.inputs[0].dtype() == MOSAIC_INT8 ? 128 : 0;
  const int32_t b_moved = Moved(c) ? -128 : 0;
  uint32_t b_zero[kColumns];
  float scale[kColumns];
  for (int64_t j = 0; j < columns; ++j) {
    const int64_t at = b_zeros <= 1 ? 0 : (b_matrix * s.m + first + j) % b_zeros;
    b_zero[j] = static_cast<uint32_t>((b_zeros == 0 ? 0 : Element(c.inputs[3], at)) + b_moved);
    if (scaled_) scale[j] = c.inputs[4].data<float>()[c.inputs[4].size() == 1 ? 0 : first + j];
  }
  const float* bias = scaled_ && c.Given(5) ? c.inputs[5].data<float>() + first : nullptr;
  IntegerRow row = {nullptr, At<uint32_t>(c, s.column_at), b_zero, 0, 0, columns};
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = a_zeros <= 1 ? 0 : (a_row + i) % a_zeros;
    row.a_zero = static_cast<uint32_t>((a_zeros == 0 ? 0 : Element(c.inputs[2], at)) + a_moved);
    row.rest = At<uint32_t>(c, s.sums_at)[a_row + i] - static_cast<uint32_t>(s.k) * row.a_zero;
    row.sums = At<uint32_t>(c, s.product_at) + i * kColumns;
    const int64_t to = (out_row + i) * s.m + first;
    if (scaled_) {
      FinishScaled(row, scale, bias, c.outputs[0].mutable_data<float>() + to);
    } else {
      FinishIntegers(row, c.outputs[0].mutable_data<int32_t>() + to);
    }
  }
}

}  // namespace

std::unique_ptr<Op> MakeScaledMatMulInteger(const Node& node) {
  return std::make_unique<MatMulInteger>(node, true);
}

extern const OpDef kMatMulInteger = {kOnnxDomain, "MatMulInteger", 10, 25,
                                     &MakeOf<MatMulInteger, 2, 4>};

}  // namespace mosaic
