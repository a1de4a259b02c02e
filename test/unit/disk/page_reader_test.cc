// Rows and values as PostgreSQL writes them are sound; any that it would misread are not.
#include "mosaic/page_reader.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

// (int8 NOT NULL, int4 NOT NULL, text NOT NULL, bytea)
const std::vector<MosaicColumn> kColumns = {
    {8, 8, true, false}, {4, 4, true, false}, {-1, 4, true, false}, {-1, 4, false, false}};

std::string U32(uint32_t v) { return std::string(reinterpret_cast<const char*>(&v), sizeof(v)); }

// t_xmin .. t_ctid, t_infomask2 (columns), t_infomask, t_hoff, bitmap
std::string Header(unsigned columns, bool nulls, uint8_t bitmap) {
  std::string h(18, '\0');
  h += static_cast<char>(columns);
  h += '\0';
  h += nulls ? '\1' : '\0';
  h += '\0';
  h += '\x18';
  h += static_cast<char>(nulls ? bitmap : 0);
  return h;
}

std::string Value(const std::string& bytes) {
  return U32(static_cast<uint32_t>(bytes.size() + 4) << 2) + bytes;
}

// int8, int4, a short name "ab", and what follows it, aligned.
std::string Row(const std::string& last, bool has_last = true) {
  std::string row = Header(4, !has_last, 0x07) + std::string(8, '\7') + U32(5) + "\x07" + "ab";
  while (has_last && row.size() % 4 != 0) row += '\0';
  return row + last;
}

std::string Damage(const std::string& row, size_t ncolumns = kColumns.size()) {
  char damage[MOSAIC_DAMAGE_BYTES] = "";
  return mosaic_row_is_sound(row.data(), static_cast<uint32_t>(row.size()), kColumns.data(),
                             static_cast<int>(ncolumns), damage)
             ? ""
             : damage;
}

TEST(RowTest, RowsAsTheyAreWrittenAreSound) {
  EXPECT_EQ(Damage(Row(Value("abcdef"))), "");
  EXPECT_EQ(Damage(Row("", false)), "");
  EXPECT_EQ(Damage(Row(Value(""))), "");
}

TEST(RowTest, HeadersThatLieAreNamed) {
  const std::string row = Row(Value("abcdef"));
  std::string bad = row;
  bad[22] = '\x20';
  EXPECT_EQ(Damage(bad), "its header says that it ends at byte 32, not 24");
  bad = row;
  bad[18] = '\x05';
  EXPECT_EQ(Damage(bad), "its header says 5 columns, the table has 4");
  bad[18] = '\x02';
  EXPECT_EQ(Damage(bad), "its header says 2 columns, the table has 4");
  bad = row;
  bad[20] = '\1';  // the padding becomes a bitmap in which all are NULL
  EXPECT_EQ(Damage(bad), "column 1 is NULL, which it cannot be");
  EXPECT_EQ(Damage(row.substr(0, 20)), "it has only 20 bytes");
}

TEST(RowTest, ValuesThatLeaveTheRowAreNamed) {
  EXPECT_EQ(Damage(Row(U32(4000u << 2) + "abc")),
            "column 4 takes 4000 bytes, more than the row has left");
  EXPECT_EQ(Damage(Row(U32(3u << 2) + "abc")), "column 4 takes 3 bytes, less than its header");
  EXPECT_EQ(Damage(Row(Value("abc") + "x")), "its values end at byte 47, the row at 48");
  std::string bad = Row(Value("abc"));
  bad[36] = '\x7f';  // the name's header: 63 bytes
  EXPECT_EQ(Damage(bad), "column 3 takes 63 bytes, more than the row has left");
}

// Compressed: header with 2 in the low bits, then size in full and method.
TEST(RowTest, CompressedValuesClaimNoMoreThanTheyCanBecome) {
  auto compressed = [](uint32_t full, uint32_t method) {
    return Row(U32((8 + 20) << 2 | 2) + U32(full | method << 30) + std::string(20, 'x'));
  };
  EXPECT_EQ(Damage(compressed(1000, 0)), "");
  EXPECT_EQ(Damage(compressed(1000, 1)), "");
  EXPECT_EQ(Damage(compressed(1000, 2)), "column 4 is compressed by method 2, which is none");
  EXPECT_EQ(Damage(compressed(0x3fffffff, 0)),
            "column 4 claims to become 1073741823 bytes, more than its own can");
}

TEST(RowTest, ExternalValuesArePointersOfTheDisk) {
  auto external = [](uint8_t tag, uint32_t full, uint32_t stored) {
    return Row("\1" + std::string(1, static_cast<char>(tag)) + U32(full) + U32(stored) + U32(77) +
               U32(88));
  };
  EXPECT_EQ(Damage(external(18, 5004, 5000)), "");
  EXPECT_EQ(Damage(external(18, 5004, 100)), "");
  // An address in memory would be followed.
  EXPECT_EQ(Damage(external(1, 5004, 5000)),
            "column 4 has an external value of kind 1, which is none on disk");
  EXPECT_EQ(Damage(external(2, 5004, 5000)),
            "column 4 has an external value of kind 2, which is none on disk");
  EXPECT_EQ(Damage(external(18, 5004, 5001)),
            "column 4 claims 5001 bytes out of line, more than its value has");
  EXPECT_EQ(Damage(external(18, 0x3fffffff, 10)),
            "column 4 claims to become 1073741823 bytes, more than its own can");
}

TEST(PageTest, LinesLeadIntoThePage) {
  std::vector<char> page(MOSAIC_PAGE_BYTES, '\0');
  auto set = [&](size_t at, uint32_t v, size_t n) { memcpy(page.data() + at, &v, n); };
  auto line = [&](uint32_t offset, uint32_t flags, uint32_t length) {
    set(24, offset | flags << 15 | length << 17, 4);
    uint32_t o;
    uint32_t l;
    return mosaic_page_line(page.data(), 1, &o, &l);
  };
  EXPECT_EQ(line(8000, 1, 64), MOSAIC_LINE_EMPTY);  // a new page
  set(12, 28, 2);
  EXPECT_EQ(line(8000, 1, 64), MOSAIC_LINE_ROW);
  EXPECT_EQ(line(8000, 3, 64), MOSAIC_LINE_EMPTY);
  EXPECT_EQ(line(8000, 1, 193), MOSAIC_LINE_DAMAGED);
  EXPECT_EQ(line(8001, 1, 64), MOSAIC_LINE_DAMAGED);
  EXPECT_EQ(line(24, 1, 64), MOSAIC_LINE_DAMAGED);
  EXPECT_EQ(line(32760, 1, 64), MOSAIC_LINE_DAMAGED);
  set(12, 24 + 4 * 292, 2);
  EXPECT_EQ(line(8000, 1, 64), MOSAIC_LINE_EMPTY);
}

TEST(ArrayTest, SizeAndTypeMustAgree) {
  const std::string good =
      U32(0) + U32(1) + U32(0) + U32(20) + U32(2) + U32(1) + std::string(16, 'x');
  char damage[MOSAIC_DAMAGE_BYTES];
  uint32_t n;
  auto parse = [&](const std::string& a) {
    return mosaic_array_parse(a.data(), a.size(), 20, 8, &n, damage) != nullptr;
  };
  EXPECT_TRUE(parse(good));
  EXPECT_EQ(n, 2u);
  EXPECT_TRUE(parse(U32(0) + U32(0) + U32(0) + U32(20)));
  EXPECT_EQ(n, 0u);
  for (size_t at : {4, 8, 12, 16}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] + 1);
    EXPECT_FALSE(parse(bad)) << at;
  }
  EXPECT_FALSE(parse(good.substr(0, 30)));
  EXPECT_FALSE(parse(good.substr(0, 20)));
}

TEST(MapTest, LengthMustBeThatOfItsIds) {
  const std::string good = std::string("MMAP\1\0\0\0\2\0\0\0", 12) + U32(7) + U32(9);
  char damage[MOSAIC_DAMAGE_BYTES];
  const void* ids;
  uint32_t n;
  auto parse = [&](const std::string& m) {
    return mosaic_map_parse(m.data(), m.size(), &ids, &n, damage);
  };
  ASSERT_EQ(parse(good), MOSAIC_MAP_SOUND);
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(mosaic_disk_u32(ids), 7u);
  EXPECT_EQ(parse(good + "x"), MOSAIC_MAP_DAMAGED);
  EXPECT_EQ(parse(good.substr(0, 11)), MOSAIC_MAP_DAMAGED);
  std::string newer = good;
  newer[4] = '\2';
  EXPECT_EQ(parse(newer), MOSAIC_MAP_NEWER);
}

}  // namespace
