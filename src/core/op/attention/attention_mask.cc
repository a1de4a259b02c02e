#include "core/op/attention/attention_mask.h"

#include <algorithm>
#include <limits>

#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Keys of one row, of all "keys" of the range.
struct MaskKeys {
  int64_t begin, end, keys;
};

template <typename T>
void Hide(const T* from, const MaskPart& m, int64_t begin, int64_t end, float* row) {
  const bool where = m.kind == MaskPart::kHide;
  for (int64_t j = begin; j < end; ++j) {
    if ((Load(from[j * m.key]) > 0) != where) continue;
    row[j] = m.replaces ? m.hidden : row[j] + m.hidden;
  }
}

void AddLengths(const Tensor& t, const MaskPart& m, int64_t b, const MaskKeys& k, float* row) {
  const int32_t* ends = t.data<int32_t>();
  const int64_t end = std::clamp<int64_t>(ends[b], 0, k.keys);
  const int64_t start = m.starts == 0 ? 0 : std::clamp<int64_t>(ends[m.starts + b], 0, k.keys);
  for (int64_t j = k.begin; j < k.end; ++j) {
    if (j < start || j >= end) row[j] = m.hidden;
  }
}

void AddPart(const Call& c, const MaskPart& m, int64_t b, int64_t head, int64_t i, const MaskKeys& k,
             float* row) {
  const Tensor& t = c.inputs[static_cast<size_t>(m.input)];
  if (m.kind == MaskPart::kLengths) return AddLengths(t, m, b, k, row);
  const int64_t n = std::clamp(m.keys, k.begin, k.end);
  const int64_t at = b * m.batch + head * m.head + i * m.row;
  if (m.kind == MaskPart::kAdd) {
    Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* from = t.data<T>() + at;
      for (int64_t j = k.begin; j < n; ++j) row[j] += static_cast<float>(Load(from[j * m.key]));
    });
  } else {
    Dispatch(Types<Bool, int32_t, int64_t>(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      Hide(t.data<T>() + at, m, k.begin, n, row);
    });
  }
  std::fill(row + n, row + k.end, kMinusInfinity);
}

}  // namespace

bool OneMaskRow(const AttentionShape& s) {
  bool one = s.left < 0 && s.right < 0;
  for (const MaskPart& m : s.masks) one = one && m.row == 0;
  return one;
}

void FillMaskRow(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                 int64_t head, int64_t i, int64_t begin, int64_t end, float* row) {
  end = std::min(end, range.keys);
  if (begin >= end) return;
  std::fill(row + begin, row + end, 0.0F);
  for (const MaskPart& m : s.masks) AddPart(c, m, b, head, i, {begin, end, range.keys}, row);
  const int64_t at = range.offset + i;
  if (s.left >= 0) std::fill(row + begin, row + std::clamp(at - s.left, begin, end), kMinusInfinity);
  if (s.right >= 0) std::fill(row + std::clamp(at + s.right + 1, begin, end), row + end, kMinusInfinity);
}

const float* DirectMask(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                        int64_t head, int64_t* step) {
  if (s.masks.size() != 1 || s.left >= 0 || s.right >= 0) return nullptr;
  const MaskPart& m = s.masks[0];
  const Tensor& t = c.inputs[static_cast<size_t>(m.input)];
  if (m.kind != MaskPart::kAdd || t.dtype() != MOSAIC_FLOAT || m.key != 1 || m.keys < range.keys) {
    return nullptr;
  }
  *step = m.row;
  return t.data<float>() + b * m.batch + head * m.head;
}

}  // namespace mosaic
