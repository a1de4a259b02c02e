#include "core/kernel/transpose.h"

#include <algorithm>
#include <numeric>

#include "core/kernel/copy.h"
#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class TransposeTest : public ::testing::TestWithParam<int> {};

// The definition, element by element.
std::vector<char> Want(const std::vector<char>& in, const std::vector<int64_t>& dims,
                       const std::vector<int>& permutation, size_t size) {
  std::vector<char> out(in.size());
  for (size_t i = 0; i < in.size() / size; ++i) {
    std::vector<int64_t> at(dims.size());
    size_t rest = i;
    for (size_t d = dims.size(); d-- > 0;) {
      at[d] = static_cast<int64_t>(rest) % dims[d];
      rest /= static_cast<size_t>(dims[d]);
    }
    size_t to = 0;
    for (int p : permutation) {
      to = to * static_cast<size_t>(dims[static_cast<size_t>(p)]) +
           static_cast<size_t>(at[static_cast<size_t>(p)]);
    }
    std::memcpy(out.data() + to * size, in.data() + i * size, size);
  }
  return out;
}

void Check(std::mt19937& rng, const std::vector<int64_t>& dims, const std::vector<int>& permutation,
           int size) {
  int64_t bytes = size;
  for (int64_t d : dims) bytes *= d;
  std::vector<char> in(static_cast<size_t>(bytes)), out(in.size() + 1, 77);
  for (char& c : in) c = static_cast<char>(rng());
  const Transposition t(dims, permutation, size);
  // In units, last first.
  for (int64_t u = t.units(); u-- > 0;) t.Run(in.data(), out.data(), u, u + 1);
  ASSERT_EQ(out.back(), 77);
  out.pop_back();
  const std::vector<char> want = Want(in, dims, permutation, static_cast<size_t>(size));
  ASSERT_EQ(out, want) << ::testing::PrintToString(dims) << ::testing::PrintToString(permutation);
  std::fill(out.begin(), out.end(), 0);
  t.Run(in.data(), out.data(), 0, t.units());
  ASSERT_EQ(out, want);
  ASSERT_LE(t.units(), std::max<int64_t>(bytes, 0));
  ASSERT_GE(t.units() * (256 << 10), bytes);
}

TEST_P(TransposeTest, AllPermutations) {
  std::mt19937 rng(5);
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{},
                                           {0},
                                           {7},
                                           {3, 0},
                                           {5, 1},
                                           {33, 17},
                                           {2, 3, 4},
                                           {1, 19, 37},
                                           {6, 1, 35},
                                           {2, 3, 18, 5},
                                           {1, 2, 1, 33},
                                           {3, 2, 2, 3, 5}}) {
    std::vector<int> permutation(dims.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    do {
      Check(rng, dims, permutation, GetParam());
    } while (std::next_permutation(permutation.begin(), permutation.end()));
  }
}

TEST_P(TransposeTest, Matrices) {
  std::mt19937 rng(6);
  for (int64_t rows = 1; rows <= 200; rows += rows < 36 ? 1 : 41) {
    for (int64_t columns : {1, 2, 3, 8, 15, 16, 17, 64, 65, 130}) {
      Check(rng, {rows, columns}, {1, 0}, GetParam());
    }
  }
  Check(rng, {5000, 3}, {1, 0}, GetParam());  // several tiles of rows
  Check(rng, {3, 5000}, {1, 0}, GetParam());
  Check(rng, {2, 100000, 2}, {1, 0, 2}, GetParam());
  Check(rng, {2, 2, 100000}, {1, 0, 2}, GetParam());  // long runs
}

INSTANTIATE_TEST_SUITE_P(ElementSizes, TransposeTest, ::testing::Values(1, 2, 4, 8));

TEST(CopyTest, RowsAndGather) {
  std::mt19937 rng(8);
  for (int64_t bytes : {0, 1, 2, 3, 4, 8, 12, 16, 17, 64, 1000}) {
    const int64_t rows = 7, step = bytes + 5;
    std::vector<char> in(static_cast<size_t>(rows * step + 1)), out(in.size(), 77);
    for (char& c : in) c = static_cast<char>(rng());
    CopyRows(in.data(), step, out.data(), bytes + 2, bytes, rows);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < bytes + 2; ++i) {
        ASSERT_EQ(out[static_cast<size_t>(r * (bytes + 2) + i)],
                  i < bytes ? in[static_cast<size_t>(r * step + i)] : 77);
      }
    }
    // Backwards, and one row for all.
    CopyRows(in.data() + (rows - 1) * step, -step, out.data(), bytes, bytes, rows);
    ASSERT_EQ(std::memcmp(out.data(), in.data() + (rows - 1) * step, static_cast<size_t>(bytes)),
              0);
    ASSERT_EQ(std::memcmp(out.data() + (rows - 1) * bytes, in.data(), static_cast<size_t>(bytes)),
              0);
    CopyRows(in.data(), 0, out.data(), bytes, bytes, rows);
    ASSERT_EQ(std::memcmp(out.data() + 3 * bytes, in.data(), static_cast<size_t>(bytes)), 0);

    const std::vector<int64_t> index = {3, 0, 5, 5, 1};
    const std::vector<int32_t> narrow(index.begin(), index.end());
    std::vector<char> a(static_cast<size_t>(5 * bytes) + 1, 77), b = a;
    GatherRows(in.data(), bytes, index.data(), 5, a.data());
    GatherRows(in.data(), bytes, narrow.data(), 5, b.data());
    ASSERT_EQ(a, b);
    ASSERT_EQ(a.back(), 77);
    for (size_t i = 0; i < 5; ++i) {
      ASSERT_EQ(std::memcmp(a.data() + static_cast<int64_t>(i) * bytes,
                            in.data() + index[i] * bytes, static_cast<size_t>(bytes)),
                0);
    }
  }
}

}  // namespace
}  // namespace mosaic
