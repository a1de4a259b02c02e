// Streams of an encoder that does what the format allows, and damaged ones, against a plain
// decoder.
#include "core/codec/pglz.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <vector>

namespace mosaic {
namespace {

using Bytes = std::vector<uint8_t>;

// Byte by byte, as the format is described.
std::optional<Bytes> PlainDecompress(const Bytes& in, size_t out_size) {
  Bytes out;
  size_t at = 0;
  while (at < in.size() && out.size() < out_size) {
    unsigned control = in[at++];
    for (int i = 0; i < 8 && at < in.size() && out.size() < out_size; ++i, control >>= 1) {
      if (!(control & 1)) {
        out.push_back(in[at++]);
        continue;
      }
      size_t length = (in[at] & 15) + 3;
      if (at + (length == 18 ? 3 : 2) > in.size()) return std::nullopt;
      const size_t offset = (in[at] & 0xf0u) << 4 | in[at + 1];
      at += 2;
      if (length == 18) length += in[at++];
      if (offset == 0 || offset > out.size() || length > out_size - out.size()) return std::nullopt;
      for (; length > 0; --length) out.push_back(out[out.size() - offset]);
    }
  }
  if (at != in.size() || out.size() != out_size) return std::nullopt;
  return out;
}

// Writes items, with a control byte before every eight.
class Encoder {
 public:
  void Literal(uint8_t byte) {
    Item(false);
    stream_.push_back(byte);
  }
  void Match(size_t offset, size_t length) {
    Item(true);
    const size_t low = std::min<size_t>(length, 18) - 3;
    stream_.push_back(static_cast<uint8_t>(offset / 256 << 4 | low));
    stream_.push_back(static_cast<uint8_t>(offset % 256));
    if (low == 15) stream_.push_back(static_cast<uint8_t>(length - 18));
  }
  const Bytes& stream() const { return stream_; }

 private:
  void Item(bool match) {
    if (items_++ % 8 == 0) {
      control_ = stream_.size();
      stream_.push_back(0);
    }
    if (match) stream_[control_] |= static_cast<uint8_t>(1u << (items_ - 1) % 8);
  }

  Bytes stream_;
  size_t items_ = 0, control_ = 0;
};

// In memory of exactly the sizes promised, for the sanitizers; guards tell of writes beyond.
std::optional<Bytes> Decompress(const Bytes& in, size_t out_size) {
  constexpr size_t kGuard = 64;
  const Bytes exact(in);
  Bytes out(out_size + kPglzSlack + kGuard, 0xa5);
  const bool ok = PglzDecompress(exact.data(), exact.size(), out.data(), out_size);
  EXPECT_EQ(std::count(out.end() - kGuard, out.end(), 0xa5), static_cast<ptrdiff_t>(kGuard));
  if (!ok) return std::nullopt;
  out.resize(out_size);
  return out;
}

// A random stream of about `size` bytes of output, whose exact number is set.
Bytes RandomStream(std::mt19937* random, size_t size, size_t* out_size) {
  Encoder encoder;
  *out_size = 0;
  const unsigned literals = (*random)() % 100, near = (*random)() % 100, runs = (*random)() % 100;
  while (*out_size < size) {
    if (*out_size == 0 || (*random)() % 100 < literals) {
      encoder.Literal(static_cast<uint8_t>((*random)()));
      ++*out_size;
      continue;
    }
    size_t offset = 1 + (*random)() % std::min<size_t>(*out_size, 4095);
    if ((*random)() % 100 < near) offset = 1 + (*random)() % std::min<size_t>(*out_size, 20);
    const size_t length = 3 + (*random)() % ((*random)() % 100 < runs ? 271 : 16);
    encoder.Match(offset, length);
    *out_size += length;
  }
  return encoder.stream();
}

class PglzTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("MOSAIC_TEST_SEED");
    const uint32_t seed = given ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
    std::cout << "seed " << seed << "\n";
    random_.seed(seed);
  }
  std::mt19937 random_;
};

TEST_F(PglzTest, EveryDistanceAndLength) {
  for (size_t offset = 1; offset <= 40; ++offset) {
    for (size_t length = 3; length <= 273; ++length) {
      Encoder encoder;
      for (size_t i = 0; i < 40; ++i) encoder.Literal(static_cast<uint8_t>(7 * i + 1));
      encoder.Match(offset, length);
      for (size_t i = 0; i < 30; ++i) encoder.Literal(static_cast<uint8_t>(i));
      const auto expected = PlainDecompress(encoder.stream(), 70 + length);
      ASSERT_TRUE(expected);
      ASSERT_EQ(Decompress(encoder.stream(), 70 + length), expected) << offset << " " << length;
    }
  }
}

TEST_F(PglzTest, RandomStreams) {
  for (int i = 0; i < 3000; ++i) {
    size_t size;
    const Bytes stream = RandomStream(&random_, random_() % (i % 10 ? 300 : 9000), &size);
    const auto expected = PlainDecompress(stream, size);
    ASSERT_TRUE(expected);
    ASSERT_EQ(Decompress(stream, size), expected) << "stream " << i;
    EXPECT_EQ(Decompress(stream, size + 1), std::nullopt);
    if (size > 0) {
      EXPECT_EQ(Decompress(stream, size - 1), std::nullopt);
    }
  }
}

TEST_F(PglzTest, DamagedStreams) {
  int failed = 0;
  for (int i = 0; i < 20000; ++i) {
    size_t size;
    Bytes stream = RandomStream(&random_, random_() % 400, &size);
    for (unsigned n = random_() % 4; n > 0 && !stream.empty(); --n)
      stream[random_() % stream.size()] ^= static_cast<uint8_t>(1u << random_() % 8);
    if (random_() % 3 == 0) stream.resize(random_() % (stream.size() + 1));
    const auto expected = PlainDecompress(stream, size);
    failed += !expected;
    ASSERT_EQ(Decompress(stream, size), expected) << "stream " << i;
  }
  EXPECT_GT(failed, 1000);
}

TEST_F(PglzTest, Nothing) {
  EXPECT_EQ(Decompress({}, 0), Bytes());
  EXPECT_EQ(Decompress({}, 1), std::nullopt);
  EXPECT_EQ(Decompress({0}, 0), std::nullopt);
}

}  // namespace
}  // namespace mosaic
