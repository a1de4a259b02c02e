// com.microsoft's MatMulNBits: a product with weights of 4 or 8 bits, in blocks of a scale and a
// zero point each.
//
//   inputs    A [..., K]; B uint8 [N, blocks, bytes of a block], low bits first; scales [N *
//   blocks];
//             zero points: of the type of the scales, or packed as B is, the row of a column in
//             whole bytes; bias [N] at 5
//
// The rest is that of every product with rows of integers (row_product.h).
#include "core/op/op_support.h"
#include "core/op/quant/row_product.h"

namespace mosaic {
namespace {

constexpr int64_t kMost = int64_t{1} << 30;

enum Input : size_t { kA, kB, kScales, kZeros, kGroups, kBias };

class MatMulNBits : public RowProduct {
 public:
  explicit MatMulNBits(const Node& node)
      : RowProduct({kA, kB, kScales, kZeros, kBias}, false),
        k_(node.Int("K", 0)),
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

 protected:
  Form FormOf(const Call& c) const override {
    const bool packed = c.Given(kZeros) && c.dtype(kZeros) == MOSAIC_UINT8;
    return {
        k_,     n_,       static_cast<int>(bits_),         false, blocks() * (block_ * bits_ / 8),
        block_, blocks(), packed ? zero_bytes() : blocks()};
  }
  void SetScales(const Call& c, const float* scales, const void* zeros, int64_t columns,
                 int64_t block, IntegerStrip* strip) const override {
    const bool packed = zeros != nullptr && c.dtype(kZeros) == MOSAIC_UINT8;
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t at = j * blocks() + block;
      strip->scale[j] = scales[at];
      if (zeros == nullptr) {
        strip->zero[j] = bits_ == 4 ? 8 : 128;
      } else if (packed) {
        strip->zero[j] = Packed(static_cast<const uint8_t*>(zeros) + j * zero_bytes(), block);
      } else {
        strip->zero[j] = static_cast<const float*>(zeros)[at];
      }
    }
  }

 private:
  int64_t blocks() const { return (k_ + block_ - 1) / block_; }
  int64_t zero_bytes() const { return (blocks() * bits_ + 7) / 8; }  // of a column

  float Packed(const uint8_t* zeros, int64_t block) const {
    return static_cast<float>(bits_ == 8 ? zeros[block] : zeros[block / 2] >> (block % 2 * 4) & 15);
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
