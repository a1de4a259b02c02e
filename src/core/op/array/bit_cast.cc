// BitCast: the bits of the elements as elements of another type of the same size. Elements of less
// than a byte lie in one each, integers with their sign (tensor/small_types.h).
#include <algorithm>
#include <cstring>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 64 * 1024;  // bytes of a unit

class BitCastOp : public Op {
 public:
  explicit BitCastOp(int to) : to_(to) {}

  Status Infer(InferContext& c) const override {
    const int from = c.dtype(0);
    if (from == MOSAIC_STRING) return UnsupportedType("an input", from);
    if (DTypeBits(from) != DTypeBits(to_)) {
      return Status::BadModel(std::string("elements of ") + DTypeName(from) + " and of " +
                              DTypeName(to_) + " are of different sizes");
    }
    return InferSame(c, to_);
  }

  Status Start(Call& c) const override {
    c.OnePhase(Chunks(c.outputs[0].bytes(), kChunk), kChunk / 4);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].bytes());
    const char* from = c.inputs[0].data<char>();
    char* to = c.outputs[0].mutable_data<char>();
    const int bits = DTypeBits(to_);
    if (bits >= 8) {
      std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin));
      return Status();
    }
    const int mask = (1 << bits) - 1;
    const int sign = to_ == MOSAIC_INT4 || to_ == MOSAIC_INT2 ? 1 << (bits - 1) : 0;
    for (int64_t i = begin; i < end; ++i) {
      to[i] = static_cast<char>(((from[i] & mask) ^ sign) - sign);
    }
    return Status();
  }

 private:
  int to_;
};

Status MakeBitCast(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t to = node.Int("to", MOSAIC_UNDEFINED);
  if (to == MOSAIC_STRING || to > MOSAIC_INT2 || DTypeSize(static_cast<int>(to)) == 0) {
    return Status::Unsupported("attribute to is missing or names no type that is supported");
  }
  *out = std::make_unique<BitCastOp>(static_cast<int>(to));
  return Status();
}

}  // namespace

extern const OpDef kBitCast = {kOnnxDomain, "BitCast", 26, 26, &MakeBitCast};

}  // namespace mosaic
