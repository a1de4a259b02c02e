// Functions of two elements on every instruction set, against one element at a time.
#include "core/kernel/binary.h"

#include <algorithm>

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

template <typename T>
constexpr int kType = 0;
template <>
constexpr int kType<float> = MOSAIC_FLOAT;
template <>
constexpr int kType<double> = MOSAIC_DOUBLE;
template <>
constexpr int kType<int8_t> = MOSAIC_INT8;
template <>
constexpr int kType<int16_t> = MOSAIC_INT16;
template <>
constexpr int kType<int32_t> = MOSAIC_INT32;
template <>
constexpr int kType<int64_t> = MOSAIC_INT64;
template <>
constexpr int kType<uint8_t> = MOSAIC_UINT8;
template <>
constexpr int kType<uint16_t> = MOSAIC_UINT16;
template <>
constexpr int kType<uint32_t> = MOSAIC_UINT32;
template <>
constexpr int kType<uint64_t> = MOSAIC_UINT64;

// Integers in 128 bits, cut to T.
template <typename T>
T Want(Binary f, T a, T b) {
  using Wide = std::conditional_t<std::is_integral_v<T>, __int128, T>;
  const Wide x = a, y = b;
  switch (f) {
    case Binary::kAdd:
      return static_cast<T>(x + y);
    case Binary::kSub:
      return static_cast<T>(x - y);
    case Binary::kMul:
      if constexpr (std::is_integral_v<T>) {  // wraps; the product of two uint64 passes __int128
        return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
      } else {
        return x * y;
      }
    case Binary::kDiv:
      return static_cast<T>(x / y);
    case Binary::kMin:
      return a != a ? a : b != b ? b : b < a ? b : a;
    case Binary::kMax:
      return a != a ? a : b != b ? b : b > a ? b : a;
    case Binary::kPRelu:
      return a < T(0) ? static_cast<T>(x * y) : a;
  }
  return a;
}
bool Want(Comparison f, double a, double b) {
  return f == Comparison::kEqual ? a == b : f == Comparison::kLess ? a < b : a <= b;
}

template <typename T>
std::vector<T> Values(std::mt19937& rng, size_t n, bool zero) {
  std::vector<T> x(n);
  std::normal_distribution<double> normal(0, 3);
  for (T& v : x) {
    if constexpr (std::is_integral_v<T>) {
      switch (rng() % 4) {
        case 0:
          v = std::numeric_limits<T>::min();
          break;
        case 1:
          v = static_cast<T>(-1);
          break;
        default:
          v = static_cast<T>((static_cast<uint64_t>(rng()) << 32 | rng()) >> rng() % 64);
      }
      if (v == 0 && !zero) v = 1;
    } else {
      v = static_cast<T>(normal(rng));
      const std::vector<float> special = SpecialValues();
      if (rng() % 4 == 0) v = static_cast<T>(special[rng() % special.size()]);
    }
  }
  return x;
}

template <typename T>
bool Same(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

class BinaryTest : public IsaTest {
 protected:
  struct Shape {
    int64_t rows, cols;
    Operand a, b;
  };
  // How an operand repeats: not; one row; an element a row; one element.
  static Operand Repeat(const void* data, int kind, int64_t cols) {
    switch (kind) {
      case 0:
        return {data, cols, 1};
      case 1:
        return {data, 0, 1};
      case 2:
        return {data, 1, 0};
      default:
        return {data, 0, 0};
    }
  }
  // Calls f(shape) for all combinations over a and b.
  template <typename T, typename F>
  void ForEachShape(const std::vector<T>& a, const std::vector<T>& b, const F& f) {
    for (int64_t cols = 0; cols <= 200; cols += cols < 36 ? 1 : 41) {
      for (int kind = 0; kind < 16; ++kind) {
        const size_t at = static_cast<size_t>(Uniform(0, 20));
        f(Shape{Uniform(0, 3), cols, Repeat(a.data() + at, kind / 4, cols),
                Repeat(b.data() + at / 2, kind % 4, cols)});
      }
    }
  }
  template <typename T>
  static T At(const Operand& o, int64_t r, int64_t c) {
    return static_cast<const T*>(o.data)[r * o.row_step + c * o.step];
  }

  template <typename T>
  void CheckType() {
    const std::vector<T> a = Values<T>(rng_, 700, true), b = Values<T>(rng_, 700, false);
    ForEachShape(a, b, [&](const Shape& s) {
      const int64_t step = s.cols + 1;
      for (int f = 0; f < kBinaryCount; ++f) {
        std::vector<T> out(static_cast<size_t>(3 * step), T(77));
        ComputeBinary(static_cast<Binary>(f), kType<T>, s.a, s.b, s.rows, s.cols, out.data(), step);
        for (int64_t r = 0; r < 3; ++r) {
          for (int64_t c = 0; c < step; ++c) {
            const bool in = r < s.rows && c < s.cols;
            const T want =
                in ? Want<T>(static_cast<Binary>(f), At<T>(s.a, r, c), At<T>(s.b, r, c)) : T(77);
            ASSERT_TRUE(Same(out[static_cast<size_t>(r * step + c)], want))
                << "function " << f << ", type " << kType<T> << ", seed " << seed_;
          }
        }
      }
    });
  }
};

TEST_P(BinaryTest, AllTypesAndWaysToRepeat) {
  CheckType<float>();
  CheckType<double>();
  CheckType<int8_t>();
  CheckType<int16_t>();
  CheckType<int32_t>();
  CheckType<int64_t>();
  CheckType<uint8_t>();
  CheckType<uint16_t>();
  CheckType<uint32_t>();
  CheckType<uint64_t>();
}

TEST_P(BinaryTest, Comparisons) {
  std::vector<float> a = Values<float>(rng_, 700, true), b = Values<float>(rng_, 700, true);
  for (size_t i = 0; i < 700; i += 3) b[i] = a[i];
  ForEachShape(a, b, [&](const Shape& s) {
    for (Comparison f : {Comparison::kEqual, Comparison::kLess, Comparison::kLessOrEqual}) {
      std::vector<uint8_t> out(static_cast<size_t>(3 * s.cols) + 1, 9);
      ComputeComparison(f, MOSAIC_FLOAT, s.a, s.b, s.rows, s.cols, out.data(), s.cols);
      for (int64_t i = 0; i < s.rows * s.cols; ++i) {
        const int64_t r = i / s.cols, c = i % s.cols;
        ASSERT_EQ(out[static_cast<size_t>(i)], Want(f, At<float>(s.a, r, c), At<float>(s.b, r, c)));
      }
      ASSERT_EQ(out.back(), 9);
    }
  });
  const int64_t x[] = {INT64_MIN, -1, 0, 1LL << 53, (1LL << 53) + 1}, y = 1LL << 53;
  uint8_t out[5];
  ComputeComparison(Comparison::kLess, MOSAIC_INT64, {x, 0, 1}, {&y, 0, 0}, 1, 5, out, 5);
  EXPECT_EQ(std::vector<uint8_t>(out, out + 5), (std::vector<uint8_t>{1, 1, 1, 0, 0}));
  ComputeComparison(Comparison::kEqual, MOSAIC_INT64, {x, 0, 1}, {&y, 0, 0}, 1, 5, out, 5);
  EXPECT_EQ(std::vector<uint8_t>(out, out + 5), (std::vector<uint8_t>{0, 0, 0, 1, 0}));
}

TEST_P(BinaryTest, LogicTakesAnyByteForTrue) {
  std::vector<uint8_t> a(700), b(700);
  for (size_t i = 0; i < 700; ++i) {
    a[i] = static_cast<uint8_t>(rng_() % 3 * 7);
    b[i] = static_cast<uint8_t>(rng_() % 2 * 128);
  }
  ForEachShape(a, b, [&](const Shape& s) {
    for (Logic f : {Logic::kAnd, Logic::kOr, Logic::kXor}) {
      std::vector<uint8_t> out(static_cast<size_t>(3 * s.cols) + 1, 9);
      ComputeLogic(f, s.a, s.b, s.rows, s.cols, out.data(), s.cols);
      for (int64_t i = 0; i < s.rows * s.cols; ++i) {
        const bool x = At<uint8_t>(s.a, i / s.cols, i % s.cols) != 0;
        const bool y = At<uint8_t>(s.b, i / s.cols, i % s.cols) != 0;
        const bool want = f == Logic::kAnd ? x && y : f == Logic::kOr ? x || y : x != y;
        ASSERT_EQ(out[static_cast<size_t>(i)], want ? 1 : 0);
      }
    }
  });
}

TEST_P(BinaryTest, Selects) {
  std::vector<uint8_t> condition(700);
  for (uint8_t& c : condition) c = static_cast<uint8_t>(rng_() % 2 * (rng_() % 255 + 1));
  const auto check = [&](auto type) {
    using T = decltype(type);
    std::vector<T> a = Values<T>(rng_, 700, true), b = Values<T>(rng_, 700, true);
    ForEachShape(a, b, [&](const Shape& s) {
      for (int kind = 0; kind < 4; ++kind) {
        const Operand c = Repeat(condition.data(), kind, s.cols);
        std::vector<T> out(static_cast<size_t>(3 * s.cols) + 1, T(7));
        ComputeSelect(sizeof(T), c, s.a, s.b, s.rows, s.cols, out.data(), s.cols);
        for (int64_t i = 0; i < s.rows * s.cols; ++i) {
          const int64_t row = i / s.cols, col = i % s.cols;
          const T want = At<uint8_t>(c, row, col) ? At<T>(s.a, row, col) : At<T>(s.b, row, col);
          ASSERT_EQ(out[static_cast<size_t>(i)], want);
        }
        ASSERT_EQ(out[static_cast<size_t>(s.rows * s.cols)], T(7));
      }
    });
  };
  check(uint8_t());
  check(uint16_t());
  check(uint32_t());
  check(uint64_t());
}

TEST_P(BinaryTest, InPlace) {
  const std::vector<float> a = Normal(1000), b = Normal(1000);
  std::vector<float> want(1000), x = a, y = b;
  ComputeBinary(Binary::kSub, MOSAIC_FLOAT, {a.data(), 0, 1}, {b.data(), 0, 1}, 1, 1000,
                want.data(), 1000);
  ComputeBinary(Binary::kSub, MOSAIC_FLOAT, {x.data(), 0, 1}, {b.data(), 0, 1}, 1, 1000, x.data(),
                1000);
  ComputeBinary(Binary::kSub, MOSAIC_FLOAT, {a.data(), 0, 1}, {y.data(), 0, 1}, 1, 1000, y.data(),
                1000);
  EXPECT_TRUE(SameBits(x, want));
  EXPECT_TRUE(SameBits(y, want));
}

INSTANTIATE_TEST_SUITE_P(Isas, BinaryTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
