#include "core/kernel/copy.h"

#include <cstring>

namespace mosaic {

namespace {

// Calls at(i) for the address of row i. A constant size makes the copy a load and a store.
template <int kBytes, typename At>
void CopyEach(const At& at, char* to, int64_t to_step, int64_t row_bytes, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    std::memcpy(to + i * to_step, at(i), static_cast<size_t>(kBytes > 0 ? kBytes : row_bytes));
  }
}

template <typename At>
void CopyAny(const At& at, void* out, int64_t to_step, int64_t row_bytes, int64_t rows) {
  char* to = static_cast<char*>(out);
  switch (row_bytes) {
    case 1:
      return CopyEach<1>(at, to, to_step, row_bytes, rows);
    case 2:
      return CopyEach<2>(at, to, to_step, row_bytes, rows);
    case 4:
      return CopyEach<4>(at, to, to_step, row_bytes, rows);
    case 8:
      return CopyEach<8>(at, to, to_step, row_bytes, rows);
    case 16:
      return CopyEach<16>(at, to, to_step, row_bytes, rows);
    default:
      return CopyEach<0>(at, to, to_step, row_bytes, rows);
  }
}

template <typename Index>
void Gather(const void* table, int64_t row_bytes, const Index* index, int64_t n, void* to) {
  const char* from = static_cast<const char*>(table);
  CopyAny([&](int64_t i) { return from + static_cast<int64_t>(index[i]) * row_bytes; }, to,
          row_bytes, row_bytes, n);
}

}  // namespace

void CopyRows(const void* from, int64_t from_step, void* to, int64_t to_step, int64_t row_bytes,
              int64_t rows) {
  if (from_step == row_bytes && to_step == row_bytes) {
    if (rows > 0) std::memcpy(to, from, static_cast<size_t>(rows * row_bytes));
    return;
  }
  const char* base = static_cast<const char*>(from);
  CopyAny([&](int64_t i) { return base + i * from_step; }, to, to_step, row_bytes, rows);
}

void GatherRows(const void* table, int64_t row_bytes, const int64_t* index, int64_t n, void* to) {
  Gather(table, row_bytes, index, n, to);
}
void GatherRows(const void* table, int64_t row_bytes, const int32_t* index, int64_t n, void* to) {
  Gather(table, row_bytes, index, n, to);
}

}  // namespace mosaic
