#include "core/codec/pglz.h"

#include <cstring>

namespace mosaic {
namespace {

// What eight items of three bytes and a literal read as a word can take, besides the control byte.
constexpr size_t kGroupBytes = 1 + 8 * 3 + 8;

template <size_t n>
void Copy(uint8_t* to, const uint8_t* from) {
  uint8_t word[n];
  std::memcpy(word, from, n);
  std::memcpy(to, word, n);
}

// Fills [out, end) with a word; may write up to 15 bytes more.
void Fill(uint8_t* out, const uint8_t* end, uint64_t word) {
  do {
    std::memcpy(out, &word, 8);
    std::memcpy(out + 8, &word, 8);
    out += 16;
  } while (out < end);
}

// [out, end) repeats what is `offset` bytes before it; may write up to 15 bytes more.
void CopyMatch(uint8_t* out, const uint8_t* end, size_t offset) {
  const uint8_t* from = out - offset;
  if (offset >= 16) {
    do {
      Copy<16>(out, from);
      out += 16;
      from += 16;
    } while (out < end);
    return;
  }
  uint16_t half;
  uint32_t single;
  switch (offset) {  // numbers of a few bytes repeat at such distances
    case 1:
      return Fill(out, end, *from * uint64_t{0x0101010101010101});
    case 2:
      std::memcpy(&half, from, 2);
      return Fill(out, end, half * uint64_t{0x0001000100010001});
    case 4:
      std::memcpy(&single, from, 4);
      return Fill(out, end, single * uint64_t{0x0000000100000001});
    default:
      break;
  }
  if (offset >= 8) {
    do {
      Copy<8>(out, from);
      out += 8;
      from += 8;
    } while (out < end);
    return;
  }
  for (; out < end; ++out, ++from) *out = *from;
}

class Decoder {
 public:
  Decoder(const uint8_t* in, size_t in_size, uint8_t* out, size_t out_size)
      : in_(in), in_end_(in + in_size), begin_(out), out_(out), out_end_(out + out_size) {}

  bool Run() {
    while (static_cast<size_t>(in_end_ - in_) >= kGroupBytes)
      if (!Group()) return false;
    while (in_ < in_end_ && out_ < out_end_)
      if (!LastGroup()) return false;
    return in_ == in_end_ && out_ == out_end_;
  }

 private:
  // A control byte and its eight items, all of which are there.
  bool Group() {
    unsigned control = *in_++;
    for (int left = 8; left > 0;) {
      // The bit above the items ends the last run of literals.
      const int literals = __builtin_ctz(control | 1u << left);
      if (literals > out_end_ - out_) return false;
      Copy<8>(out_, in_);
      in_ += literals;
      out_ += literals;
      control >>= literals;
      left -= literals;
      for (; control & 1; control >>= 1, --left)
        if (!Match()) return false;
    }
    return true;
  }

  // The same where the input may end anywhere.
  bool LastGroup() {
    unsigned control = *in_++;
    for (int i = 0; i < 8 && in_ < in_end_ && out_ < out_end_; ++i, control >>= 1) {
      if (!(control & 1)) {
        *out_++ = *in_++;
        continue;
      }
      const ptrdiff_t bytes = (*in_ & 15) == 15 ? 3 : 2;
      if (in_end_ - in_ < bytes || !Match()) return false;
    }
    return true;
  }

  bool Match() {
    const size_t offset = (in_[0] & 0xf0u) << 4 | in_[1];
    ptrdiff_t length = (in_[0] & 15) + 3;
    in_ += 2;
    if (length == 18) length += *in_++;
    if (length > out_end_ - out_ || offset == 0 || offset > static_cast<size_t>(out_ - begin_))
      return false;
    CopyMatch(out_, out_ + length, offset);
    out_ += length;
    return true;
  }

  const uint8_t* in_;
  const uint8_t* const in_end_;
  uint8_t* const begin_;
  uint8_t* out_;
  uint8_t* const out_end_;
};

}  // namespace

bool PglzDecompress(const uint8_t* in, size_t in_size, uint8_t* out, size_t out_size) {
  return Decoder(in, in_size, out, out_size).Run();
}

}  // namespace mosaic
