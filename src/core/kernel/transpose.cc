#include "core/kernel/transpose.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/fast/isa.h"
#include "core/kernel/vector/transpose.h"

namespace mosaic {

namespace {

constexpr int64_t kUnitBytes = 64 << 10;
constexpr int64_t kTileColumns = 64;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A square of 16-byte registers: as many rows as a register has elements.
template <typename T>
struct Square {
  static constexpr int kSide = 16 / sizeof(T);
  typedef T Reg __attribute__((vector_size(16)));
  typedef T Mem __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));

  MOSAIC_INLINE static void Interleave(const Reg& a, const Reg& b, Reg& low, Reg& high) {
    if constexpr (sizeof(T) == 8) {
      low = __builtin_shufflevector(a, b, 0, 2);
      high = __builtin_shufflevector(a, b, 1, 3);
    } else if constexpr (sizeof(T) == 2) {
      low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    } else {
      low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                     31);
    }
  }

  // Interleaving the first half of the rows with the second, log2(kSide) times, transposes.
  MOSAIC_INLINE static void Run(const T* in, int64_t in_step, T* out, int64_t out_step) {
    Reg v[kSide], w[kSide];
    MOSAIC_UNROLL
    for (int i = 0; i < kSide; ++i) v[i] = *reinterpret_cast<const Mem*>(in + i * in_step);
    MOSAIC_UNROLL
    for (int n = 1; n < kSide; n *= 2) {
      MOSAIC_UNROLL
      for (int i = 0; i < kSide / 2; ++i)
        Interleave(v[i], v[i + kSide / 2], w[2 * i], w[2 * i + 1]);
      MOSAIC_UNROLL
      for (int i = 0; i < kSide; ++i) v[i] = w[i];
    }
    MOSAIC_UNROLL
    for (int i = 0; i < kSide; ++i) *reinterpret_cast<Mem*>(out + i * out_step) = v[i];
  }
};

// out[c * out_step + r] = in[r * in_step + c]
template <typename T>
void TransposeMatrix(const T* in, int64_t in_step, int64_t rows, int64_t columns, T* out,
                     int64_t out_step) {
  constexpr int kSide = Square<T>::kSide;
  const int64_t whole_rows = rows - rows % kSide, whole_columns = columns - columns % kSide;
  for (int64_t c = 0; c < whole_columns; c += kSide) {
    for (int64_t r = 0; r < whole_rows; r += kSide) {
      Square<T>::Run(in + r * in_step + c, in_step, out + c * out_step + r, out_step);
    }
  }
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) {
      out[c * out_step + r] = in[r * in_step + c];
    }
  }
}

}  // namespace

Transposition::Transposition(const std::vector<int64_t>& dims, const std::vector<int>& permutation,
                             int element_size)
    : element_size_(element_size) {
  std::vector<int64_t> steps(dims.size());
  int64_t total = 1;
  for (size_t d = dims.size(); d-- > 0;) {
    steps[d] = total;
    total *= dims[d];
  }
  if (total == 0) return;
  // In the order of the result; one that continues its outer neighbour in the input joins it.
  for (int from : permutation) {
    const int64_t dim = dims[static_cast<size_t>(from)], step = steps[static_cast<size_t>(from)];
    if (dim == 1) continue;
    if (!dims_.empty() && in_steps_.back() == step * dim) {
      dims_.back() *= dim;
      in_steps_.back() = step;
    } else {
      dims_.push_back(dim);
      in_steps_.push_back(step);
    }
  }
  out_steps_.resize(dims_.size());
  int64_t step = 1;
  for (size_t d = dims_.size(); d-- > 0;) {
    out_steps_[d] = step;
    step *= dims_[d];
  }
  if (!dims_.empty() && in_steps_.back() != 1) {
    // The result's last dimension are the rows, the input's last the columns.
    const auto last = std::find(in_steps_.begin(), in_steps_.end(), 1) - in_steps_.begin();
    rows_ = dims_.back();
    row_step_ = in_steps_.back();
    columns_ = dims_[static_cast<size_t>(last)];
    column_step_ = out_steps_[static_cast<size_t>(last)];
    for (std::vector<int64_t>* v : {&dims_, &in_steps_, &out_steps_}) {
      v->pop_back();
      v->erase(v->begin() + last);
    }
    column_tiles_ = CeilDiv(columns_, kTileColumns);
    row_tiles_ = CeilDiv(rows_, kUnitBytes / kTileColumns / element_size_);
    units_ = row_tiles_ * column_tiles_;
    for (int64_t d : dims_) units_ *= d;
    return;
  }
  if (!dims_.empty()) {
    run_ = dims_.back();
    for (std::vector<int64_t>* v : {&dims_, &in_steps_, &out_steps_}) v->pop_back();
  }
  // A unit is a piece of a run, or some runs.
  const int64_t bytes = run_ * element_size_;
  row_tiles_ = CeilDiv(bytes, kUnitBytes);
  run_units_ = std::max<int64_t>(1, kUnitBytes / bytes);
  int64_t runs = 1;
  for (int64_t d : dims_) runs *= d;
  units_ = row_tiles_ > 1 ? runs * row_tiles_ : CeilDiv(runs, run_units_);
}

void Transposition::Run(const void* in, void* out, int64_t begin, int64_t end) const {
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  if (columns_ > 0) {
    for (int64_t u = begin; u < end; ++u) RunTile(from, to, u);
  } else {
    RunPiece(from, to, begin, end);
  }
}

// Units of runs.
void Transposition::RunPiece(const char* in, char* out, int64_t begin, int64_t end) const {
  int64_t runs = 1;
  for (int64_t d : dims_) runs *= d;
  const bool pieces = row_tiles_ > 1;
  const int64_t first = pieces ? begin : begin * run_units_;
  const int64_t last = pieces ? end : std::min(runs, end * run_units_);
  for (int64_t u = first; u < last; ++u) {
    int64_t rest = pieces ? u / row_tiles_ : u, at = 0;
    const int64_t to = rest * run_;
    for (size_t d = dims_.size(); d-- > 0;) {
      at += rest % dims_[d] * in_steps_[d];
      rest /= dims_[d];
    }
    const int64_t part = pieces ? u % row_tiles_ : 0;
    const int64_t from = run_ * part / row_tiles_, until = run_ * (part + 1) / row_tiles_;
    std::memcpy(out + (to + from) * element_size_, in + (at + from) * element_size_,
                static_cast<size_t>((until - from) * element_size_));
  }
}

void Transposition::RunTile(const char* in, char* out, int64_t unit) const {
  const int64_t row_tile = unit % row_tiles_, column_tile = unit / row_tiles_ % column_tiles_;
  int64_t rest = unit / row_tiles_ / column_tiles_, in_at = 0, out_at = 0;
  for (size_t d = dims_.size(); d-- > 0;) {
    in_at += rest % dims_[d] * in_steps_[d];
    out_at += rest % dims_[d] * out_steps_[d];
    rest /= dims_[d];
  }
  // Tiles begin at whole squares.
  constexpr int64_t side = 16;
  const auto begin_of = [](int64_t total, int64_t tile, int64_t tiles) {
    return tile == tiles ? total : total * tile / tiles / side * side;
  };
  const int64_t r = begin_of(rows_, row_tile, row_tiles_);
  const int64_t rows = begin_of(rows_, row_tile + 1, row_tiles_) - r;
  const int64_t c = begin_of(columns_, column_tile, column_tiles_);
  const int64_t columns = begin_of(columns_, column_tile + 1, column_tiles_) - c;
  const char* from = in + (in_at + r * row_step_ + c) * element_size_;
  char* to = out + (out_at + c * column_step_ + r) * element_size_;
  const auto run = [&](auto type) {
    using T = decltype(type);
    TransposeMatrix(reinterpret_cast<const T*>(from), row_step_, rows, columns,
                    reinterpret_cast<T*>(to), column_step_);
  };
  switch (element_size_) {
    case 1:
      return run(uint8_t());
    case 2:
      return run(uint16_t());
    case 4:
      return TransposeWords(reinterpret_cast<const float*>(from), row_step_, rows, columns,
                            reinterpret_cast<float*>(to), column_step_);
    default:
      return run(uint64_t());
  }
}

}  // namespace mosaic
