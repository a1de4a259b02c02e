// com.microsoft's MatMulNBits: a product with weights of 4 or 8 bits, in blocks of a scale and a
// zero point each.
//
//   inputs    A [..., K]; B uint8 [N, blocks, bytes of a block], low bits first; scales [N *
//   blocks];
//             zero points: of the type of the scales, or packed as B is, the row of a column in
//             whole bytes; bias [N] at 5
//
// Sixteen columns at a time are made float32, and meet all rows of A in the order of every product
// (kernel/strip_gemm.h).
#include <algorithm>
#include <optional>

#include "core/op/op_support.h"
#include "core/op/product/strip_product.h"

namespace mosaic {
namespace {

constexpr int64_t kDepth = 4096;  // of k in a unit that makes floats
constexpr int64_t kMost = int64_t{1} << 30;

enum Input : size_t { kA, kB, kScales, kZeros, kGroups, kBias };

struct State {
  int64_t rows = 0, strips = 0, depths = 0;
  std::optional<StripProduct> whole, last;  // of 16 columns, and of those that are left
  int64_t pack_at = 0;                      // in floats, behind the columns

  const StripProduct& product(int64_t strip) const {
    return strip + 1 == strips && last ? *last : *whole;
  }
  int64_t units() const { return depths + whole->units(); }
};

class MatMulNBits : public Op {
 public:
  explicit MatMulNBits(const Node& node)
      : k_(node.Int("K", 0)),
        n_(node.Int("N", 0)),
        bits_(node.Int("bits", 4)),
        block_(node.Int("block_size", 0)) {}

  Status Check() const {
    if (k_ < 1 || n_ < 1) return Status::BadModel("K and N are missing or below 1");
    if (bits_ != 4 && bits_ != 8) {
      return Status::Unsupported("weights of " + std::to_string(bits_) + " bits are not supported");
    }
    if (block_ < 16 || (block_ & (block_ - 1)) != 0) {
      return Status::BadModel("block_size is " + std::to_string(block_));
    }
    // So that what is computed of the three stays in range: the sizes of B are checked with it.
    if (k_ > kMost || n_ > kMost || block_ > kMost) {
      return Status::Limit("K, N or block_size is above " + std::to_string(kMost));
    }
    return Status();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(kA), "A"));
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<uint8_t>>(c.dtype(kB), "B"));
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(kScales), "a scale"));
    if (c.Has(kZeros)) {
      MOSAIC_RETURN_IF_ERROR((CheckType<Types<uint8_t, float>>(c.dtype(kZeros), "a zero point")));
    }
    if (c.Has(kBias)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, kA, kBias));
    c.SetUnranked(0, MOSAIC_FLOAT);
    if (!c.Ranked()) return Status();
    if (c.in(kA).rank() < 1) return Status::BadModel("a scalar cannot be multiplied");
    Dims out = c.dims(kA);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(out.back(), Dim(k_), "A does not fit K"));
    const bool packed = c.Has(kZeros) && c.dtype(kZeros) == MOSAIC_UINT8;
    const struct {
      size_t input;
      int64_t elements;
      const char* what;
    } sizes[] = {{kB, n_ * blocks() * (block_ * bits_ / 8), "B does not fit N, K and block_size"},
                 {kScales, n_ * blocks(), "the scales do not fit N, K and block_size"},
                 {kZeros, n_ * (packed ? zero_bytes() : blocks()),
                  "the zero points do not fit N, K and block_size"},
                 {kBias, n_, "the bias does not fit N"}};
    for (const auto& s : sizes) {
      if (!c.Has(s.input)) continue;
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(Product(c.dims(s.input)), Dim(s.elements), s.what));
    }
    const int last = c.in(kA).rank() - 1;
    out.back() = n_;
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(out)));
    c.ItemsOf(kA, c.item_axis(kA) != last);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    s.rows = c.inputs[kA].size() / k_;
    s.strips = (n_ + 15) / 16;
    s.depths = (k_ + kDepth - 1) / kDepth;
    const Blocking whole = StripProduct::DenseBlocking(k_, 16);
    s.whole.emplace(s.rows, whole, c.working_set);
    if (n_ % 16 != 0) {
      s.last.emplace(s.rows, StripProduct::DenseBlocking(k_, n_ % 16), c.working_set);
    }
    s.pack_at = 16 * k_;
    c.scratch_bytes = 64 * k_ + StripProduct::kPackBlocks * whole.payload_bytes();
    if (s.rows == 0) return Status();
    c.OnePhase(s.strips * s.units(), std::max(64.0 * kDepth, s.whole->unit_cost()));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    for (int64_t u = begin; u < end;) {
      const int64_t strip = u / s.units(), index = u % s.units();
      if (index < s.depths) {
        MakeFloats(c, strip, index * kDepth, std::min(k_, (index + 1) * kDepth));
        ++u;
        continue;
      }
      const int64_t stop = std::min(end, (strip + 1) * s.units());
      Multiply(c, strip, index - s.depths, index - s.depths + stop - u);
      u = stop;
    }
    return Status();
  }

 private:
  int64_t blocks() const { return (k_ + block_ - 1) / block_; }
  int64_t zero_bytes() const { return (blocks() * bits_ + 7) / 8; }  // of a column

  float ZeroOf(const Call& c, int64_t column, int64_t block) const {
    if (!c.Given(kZeros)) return bits_ == 4 ? 8 : 128;
    const Tensor& t = c.inputs[kZeros];
    if (t.dtype() == MOSAIC_FLOAT) return t.data<float>()[column * blocks() + block];
    const uint8_t* zeros = t.data<uint8_t>() + column * zero_bytes();
    return static_cast<float>(bits_ == 8 ? zeros[block] : zeros[block / 2] >> (block % 2 * 4) & 15);
  }

  // Rows [begin, end) of k of a strip's columns: element (k, j) at k * 16 + j.
  void MakeFloats(Call& c, int64_t strip, int64_t begin, int64_t end) const {
    float* w = static_cast<float*>(c.scratch);
    const int64_t bytes = block_ * bits_ / 8;
    for (int64_t j = 0; j < std::min<int64_t>(16, n_ - 16 * strip); ++j) {
      const int64_t column = 16 * strip + j;
      for (int64_t k = begin; k < end;) {
        const int64_t block = k / block_, stop = std::min(end, (block + 1) * block_);
        const uint8_t* q = c.inputs[kB].data<uint8_t>() + (column * blocks() + block) * bytes;
        const float scale = c.inputs[kScales].data<float>()[column * blocks() + block];
        const float zero = ZeroOf(c, column, block);
        for (; k < stop; ++k) {
          const int64_t at = k % block_;
          const int v = bits_ == 8 ? q[at] : q[at / 2] >> (at % 2 * 4) & 15;
          w[k * 16 + j] = (static_cast<float>(v) - zero) * scale;
        }
      }
    }
  }

  void Multiply(Call& c, int64_t strip, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    float* w = static_cast<float*>(c.scratch);
    const float* bias = c.Given(kBias) ? c.inputs[kBias].data<float>() + 16 * strip : nullptr;
    const StripProduct::Operands x{
        c.inputs[kA].data<float>(), k_, c.outputs[0].mutable_data<float>() + 16 * strip, n_, bias,
        Activation::kNone};
    s.product(strip).RunDense(x, begin, end, w, 16, 1, reinterpret_cast<char*>(w + s.pack_at), {});
  }

  int64_t k_, n_, bits_, block_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 6));
  if (HasInput(node, kGroups)) return Status::Unsupported("g_idx is not supported");
  auto op = std::make_unique<MatMulNBits>(node);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kMatMulNBits = {kMicrosoftDomain, "MatMulNBits", 1, 1, &Make};

}  // namespace mosaic
