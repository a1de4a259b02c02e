#include "core/run/copies.h"

#include <algorithm>
#include <cstring>

namespace mosaic {
namespace {

constexpr int64_t kAtOnce = 64 << 10;  // bytes
constexpr int64_t kPiece = 4 << 20;    // bytes of a piece
constexpr int64_t kRunBytes = 256;     // that a run costs at least

}  // namespace

Copy Copy::Take(const Tensor& whole, int axis, int64_t begin, const Tensor& part) {
  const AxisRuns runs(whole, axis);
  Copy c;
  c.parts = {whole};
  c.to = part;
  c.outer = runs.outer;
  c.bytes = runs.outer == 0 ? 0 : part.bytes() / runs.outer;
  c.from_at = begin * runs.inner;
  c.from_outer = whole.dim(axis) * runs.inner;
  c.to_outer = c.bytes;
  return c;
}

Copy Copy::Put(const Tensor& part, int axis, int64_t begin, const Tensor& whole) {
  const AxisRuns runs(whole, axis);
  Copy c;
  c.parts = {part};
  c.to = whole;
  c.outer = runs.outer;
  c.bytes = runs.outer == 0 ? 0 : part.bytes() / runs.outer;
  c.from_outer = c.bytes;
  c.to_at = begin * runs.inner;
  c.to_outer = whole.dim(axis) * runs.inner;
  return c;
}

Copy Copy::Unstack(const Tensor& stacked, int axis, const Tensor& whole) {
  const AxisRuns runs(whole, axis);
  Copy c;
  c.parts = {stacked};
  c.to = whole;
  c.outer = runs.outer;
  c.inner = whole.dim(axis);
  c.bytes = runs.inner;
  c.from_outer = runs.inner;
  c.from_inner = runs.outer * runs.inner;
  c.to_outer = c.inner * runs.inner;
  c.to_inner = runs.inner;
  return c;
}

Copy Copy::Stack(const Tensor& whole, int axis, const Tensor& stacked) {
  const AxisRuns runs(whole, axis);
  const int64_t parts = stacked.dim(0);
  Copy c;
  c.parts = {whole};
  c.to = stacked;
  c.outer = runs.outer;
  c.inner = parts;
  c.bytes = whole.dim(axis) / parts * runs.inner;
  c.from_outer = parts * c.bytes;
  c.from_inner = c.bytes;
  c.to_outer = c.bytes;
  c.to_inner = runs.outer * c.bytes;
  return c;
}

Copy Copy::Repeat(const Tensor& whole, const Tensor& repeated) {
  Copy c;
  c.parts = {whole};
  c.to = repeated;
  c.outer = repeated.dim(0);
  c.bytes = whole.bytes();
  c.to_outer = c.bytes;
  return c;
}

void Copies::Add(Copy copy) {
  if (copy.outer * copy.inner == 0 || copy.bytes == 0 || copy.parts.empty()) return;
  const int64_t runs = static_cast<int64_t>(copy.parts.size()) * copy.outer * copy.inner;
  const bool small = due_.empty() && runs <= kAtOnce / std::max(copy.bytes, kRunBytes);
  due_.push_back(std::move(copy));
  while (small && !done()) Advance();
}

double Copies::Advance() {
  Copy& c = due_.front();
  int64_t left = kPiece;
  while (left > 0 && part_ < c.parts.size()) {
    const int64_t n = std::min(c.bytes - done_, left);
    const int64_t o = run_ / c.inner, i = run_ % c.inner, part = static_cast<int64_t>(part_) * c.bytes;
    std::memcpy(c.to.mutable_data<char>() + c.to_at + o * c.to_outer + i * c.to_inner + part + done_,
                c.parts[part_].data<char>() + c.from_at + o * c.from_outer + i * c.from_inner + done_,
                static_cast<size_t>(n));
    left -= std::max(n, kRunBytes);
    done_ += n;
    if (done_ < c.bytes) continue;
    done_ = 0;
    if (++run_ < c.outer * c.inner) continue;
    run_ = 0;
    c.parts[part_++] = Tensor();  // its memory may be used again
  }
  if (part_ == c.parts.size()) {
    part_ = 0;
    due_.pop_front();
  }
  return static_cast<double>(kPiece - left) / 2;
}

}  // namespace mosaic
