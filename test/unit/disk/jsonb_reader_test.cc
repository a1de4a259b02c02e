// Values of jsonb as PostgreSQL writes them are sound; any that would lead it outside are not.
#include "mosaic/jsonb_reader.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

std::string U16(unsigned v) { return {static_cast<char>(v), static_cast<char>(v >> 8)}; }
std::string U32(uint32_t v) { return std::string(reinterpret_cast<const char*>(&v), sizeof(v)); }

// A value as convertToJsonb() of the server puts it at a place of its container's data.
struct Value {
  uint32_t kind;
  std::string bytes;
  bool aligned;
};
Value Text(const std::string& s) { return {0, s, false}; }
Value Null() { return {4, "", false}; }
Value Number(const std::vector<unsigned>& digits) {  // to the base 10,000, weight 0
  std::string body = U16(0x8000);
  for (unsigned digit : digits) body += U16(digit);
  return {1, U32(static_cast<uint32_t>(body.size() + 4) << 2) + body, true};
}

std::string Container(uint32_t header, const std::vector<Value>& children) {
  std::string entries;
  std::string data;
  for (size_t i = 0; i < children.size(); ++i) {
    const size_t begin = data.size();
    while (children[i].aligned && data.size() % 4 != 0) data += '\0';
    data += children[i].bytes;
    const bool offset = i % 32 == 0;
    entries += U32(static_cast<uint32_t>(offset ? data.size() : data.size() - begin) |
                   children[i].kind << 28 | (offset ? 0x80000000 : 0));
  }
  return U32(header) + entries + data;
}
Value Object(const std::vector<Value>& keys, const std::vector<Value>& values) {
  std::vector<Value> all = keys;
  all.insert(all.end(), values.begin(), values.end());
  return {5, Container(0x20000000 | static_cast<uint32_t>(keys.size()), all), true};
}
Value Array(const std::vector<Value>& values, uint32_t flags = 0x40000000) {
  return {5, Container(flags | static_cast<uint32_t>(values.size()), values), true};
}
std::string Datum(const Value& root) {
  return U32(static_cast<uint32_t>(root.bytes.size() + 4) << 2) + root.bytes;
}

bool IsSound(const std::string& datum) {
  // Behind the bytes there are none: sanitizers see what reads them.
  const std::vector<char> exact(datum.begin(), datum.end());
  char damage[MOSAIC_DAMAGE_BYTES] = "";
  const bool sound = mosaic_jsonb_is_sound(exact.data(), exact.size(), damage);
  EXPECT_EQ(sound, damage[0] == '\0');
  return sound;
}

const Value kSample = Object(
    {Text("a"), Text("b"), Text("abc")},
    {Number({12, 9999}), Array({Text("x"), Null(), Number({7}), Object({}, {})}), Text("yz")});

TEST(JsonbTest, WhatTheServerWritesIsSound) {
  EXPECT_TRUE(IsSound(Datum(kSample)));
  EXPECT_TRUE(IsSound(Datum(Object({}, {}))));
  EXPECT_TRUE(IsSound(Datum(Array({}))));
  EXPECT_TRUE(IsSound(Datum(Array({Number({1})}, 0x50000000))));
  std::vector<Value> many(100, Number({3}));
  for (size_t i = 0; i < many.size(); i += 3) many[i] = Text("t");
  EXPECT_TRUE(IsSound(Datum(Array(many))));
}

TEST(JsonbTest, EveryPrefixIsDamaged) {
  const std::string whole = Datum(kSample);
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(IsSound(whole.substr(0, n))) << n;
  EXPECT_FALSE(IsSound(whole + '\0'));
}

TEST(JsonbTest, WhatIsNotTheServersIsDamaged) {
  EXPECT_FALSE(IsSound(Datum(Array({Number({1}), Number({1})}, 0x50000000))));  // a scalar of two
  EXPECT_FALSE(IsSound(Datum(Array({Array({})}, 0x50000000))));                 // of a container
  EXPECT_FALSE(IsSound(Datum(Array({Array({Null()}, 0x50000000)}))));           // within another
  EXPECT_FALSE(IsSound(Datum(Array({}, 0x60000000))));                          // both kinds
  EXPECT_FALSE(IsSound(Datum(Object({Number({1})}, {Null()}))));
  EXPECT_FALSE(IsSound(Datum(Object({Text("a"), Null()}, {Null(), Null()}))));
  EXPECT_FALSE(IsSound(Datum(Object({Text("b"), Text("a")}, {Null(), Null()}))));
  EXPECT_FALSE(IsSound(Datum(Object({Text("a"), Text("a")}, {Null(), Null()}))));
  EXPECT_FALSE(IsSound(Datum(Object({Text("ab"), Text("c")}, {Null(), Null()}))));
  EXPECT_FALSE(IsSound(Datum(Array({{4, "x", false}}))));  // null with bytes
  EXPECT_FALSE(IsSound(Datum(Array({{6, "", false}}))));
  EXPECT_FALSE(IsSound(Datum(Array({Number({10000})}))));
  EXPECT_FALSE(IsSound(Datum(Array({{1, U32(6 << 2) + U16(0xc000), true}}))));  // NaN
  EXPECT_FALSE(IsSound(Datum(Array({{1, U32(8 << 2) + U16(0x8000), true}}))));  // longer than it is
  EXPECT_FALSE(IsSound(Datum(Array({{1, U32(6 << 2) + U16(0), true}}))));  // no room for the weight
}

TEST(JsonbTest, ContainersEndSomewhere) {
  Value deep = Array({});
  for (int i = 0; i < MOSAIC_JSONB_DEPTH; ++i) deep = Array({deep});
  EXPECT_TRUE(IsSound(Datum(deep)));
  EXPECT_FALSE(IsSound(Datum(Array({deep}))));
}

}  // namespace
