// The reader of safetensors files, whose bytes are anybody's.
#include "core/import/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/safetensors_file.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Counts what is read at most at a time.
class CountingSource : public MemorySource {
 public:
  explicit CountingSource(std::string_view bytes) : MemorySource(bytes) {}
  Status Read(uint64_t offset, size_t len, void* out) override {
    most = std::max(most, len);
    return MemorySource::Read(offset, len, out);
  }
  size_t most = 0;
};

Status Read(const std::string& file, std::vector<SafetensorsEntry>* out, bool ascii = false) {
  CountingSource source(file);
  const Status s = ReadSafetensors(&source, ascii, out);
  EXPECT_LE(source.most, 16u << 10);
  return s;
}

std::string ErrorOf(const std::string& header, const std::string& data = "", bool ascii = false) {
  std::vector<SafetensorsEntry> entries;
  const Status s = Read(SafetensorsOf(header, data), &entries, ascii);
  EXPECT_FALSE(s.ok()) << header;
  return s.message();
}

TEST(Safetensors, NamesTypesShapesAndElements) {
  const std::string file = SafetensorsFile()
                               .Add("b", {2, 3}, Numbers(6))
                               .Add("half", "F16", {2}, std::string("\0\x3c\0\xc0", 4))
                               .Add("a", {}, Numbers(1, 7))
                               .Add("none", {0, 4}, {})
                               .Add("ids", "I64", {1}, std::string(8, '\1'))
                               .Add("new", "F4", {7}, "xy")
                               .Build();
  std::vector<SafetensorsEntry> entries;
  ASSERT_TRUE(Read(file, &entries).ok());
  std::vector<std::string> names;
  for (const SafetensorsEntry& e : entries) names.push_back(e.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "half", "ids", "new", "none"));
  EXPECT_THAT(entries[1].dims, ElementsAre(2, 3));
  EXPECT_EQ(entries[1].elements, 6);
  EXPECT_TRUE(entries[2].is_weight());
  EXPECT_FALSE(entries[3].is_weight());
  EXPECT_EQ(entries[4].dtype, MOSAIC_UNDEFINED);
  EXPECT_EQ(entries[4].type, "F4");
  EXPECT_EQ(entries[5].elements, 0);

  const auto source = std::make_shared<MemorySource>(file);
  std::vector<float> read(6), half(2);
  const TensorData data = DataOf(entries[1], source), halves = DataOf(entries[2], source);
  ASSERT_TRUE(ElementReader(data, MOSAIC_FLOAT).Read(0, 6, read.data()).ok());
  EXPECT_EQ(read, Numbers(6));
  ASSERT_TRUE(ElementReader(halves, MOSAIC_FLOAT).Read(0, 2, half.data()).ok());
  EXPECT_THAT(half, ElementsAre(1, -2));
}

TEST(Safetensors, HeadersThatClaimTooMuch) {
  std::vector<SafetensorsEntry> entries;
  std::string file = SafetensorsOf("{}", "");
  ASSERT_TRUE(Read(file, &entries).ok());
  file[5] = 1;  // 2^40 bytes of header
  EXPECT_THAT(Read(file, &entries).message(), HasSubstr("does not fit"));
  file[7] = '\xff';
  EXPECT_THAT(Read(file, &entries).message(), HasSubstr("does not fit"));
  EXPECT_THAT(Read("1234567", &entries).message(), HasSubstr("too short"));
  const Status s = Read(SafetensorsOf(std::string(kMaxSafetensorsHeader + 1, ' '), ""), &entries);
  EXPECT_EQ(s.code(), MOSAIC_E_LIMIT);
}

TEST(Safetensors, OtherJsonIsRefused) {
  for (const char* header :
       {"", "[", "{", "1", "null", "[]", "{\"a\":1}", "{\"a\":[]}", "{\"__metadata__\":1}",
        "{\"__metadata__\":{\"a\":{}}}", "{} {}", "{\"a\":{\"dtype\":{}}}"}) {
    std::vector<SafetensorsEntry> entries;
    const Status s = Read(SafetensorsOf(header, ""), &entries);
    EXPECT_EQ(s.code(), MOSAIC_E_BAD_MODEL) << header;
  }
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("does not list tensors"));
  EXPECT_THAT(ErrorOf("{\"a\":{\"shape\":[" + std::string(100000, '[')),
              HasSubstr("\"a\" is not described"));
}

TEST(Safetensors, TensorsThatAreNotWhole) {
  const std::string place = "\"data_offsets\":[0,4]", four(4, '\0');
  const std::string good = "\"dtype\":\"F32\",\"shape\":[1]," + place;
  const auto error = [](const std::string& fields, const std::string& data) {
    return ErrorOf("{\"a\":{" + fields + "}}", data);
  };
  std::vector<SafetensorsEntry> entries;
  ASSERT_TRUE(Read(SafetensorsOf("{\"a\":{" + good + "}}", four), &entries).ok());
  EXPECT_THAT(error(good + ",\"more\":1", four), HasSubstr("unknown field \"more\""));
  EXPECT_THAT(error(good + ",\"shape\":[1]", four), HasSubstr("twice the field \"shape\""));
  EXPECT_THAT(error("\"dtype\":\"F32\"," + place, four), HasSubstr("not described"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[2]," + place, four),
              HasSubstr("2 elements of type F32 has 4 bytes"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[-1]," + place, four), HasSubstr("not described"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1.0]," + place, four),
              HasSubstr("not described"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296]," + place, four),
              HasSubstr("too large"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[4611686018427387904]," + place, four),
              HasSubstr("has 4 bytes"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1]," + place, four),
              HasSubstr("dimensions"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]", four),
              HasSubstr("ends before it begins"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]", four),
              HasSubstr("not described"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]", four),
              HasSubstr("not described"));
  EXPECT_THAT(error(good, "abc"), HasSubstr("beyond the file"));
  EXPECT_THAT(error(good, four + "x"), HasSubstr("the file has 5"));
  EXPECT_THAT(error("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[18446744073709551612,"
                    "18446744073709551615]",
                    four),
              HasSubstr("has 3 bytes"));
}

TEST(Safetensors, PlacesThatOverlapOrLeaveHoles) {
  const auto header = [](const char* a, const char* b) {
    const std::string tensor = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":";
    return "{\"a\":" + tensor + a + "},\"b\":" + tensor + b + "}}";
  };
  std::vector<SafetensorsEntry> entries;
  ASSERT_TRUE(Read(SafetensorsOf(header("[4,8]", "[0,4]"), std::string(8, '\0')), &entries).ok());
  EXPECT_THAT(ErrorOf(header("[0,4]", "[0,4]"), std::string(8, '\0')),
              HasSubstr("the one before it ends at 4"));
  EXPECT_THAT(ErrorOf(header("[0,4]", "[2,6]"), std::string(8, '\0')),
              HasSubstr("the one before it ends at 4"));
  EXPECT_THAT(ErrorOf(header("[0,4]", "[5,9]"), std::string(9, '\0')),
              HasSubstr("the one before it ends at 4"));
  EXPECT_THAT(ErrorOf(header("[1,5]", "[5,9]"), std::string(9, '\0')),
              HasSubstr("the one before it ends at 0"));
}

TEST(Safetensors, Names) {
  const auto header = [](const std::string& name) {
    return "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
  };
  EXPECT_THAT(ErrorOf(header("a") + "," + header("a").substr(1) + "}"), HasSubstr("there twice"));
  EXPECT_THAT(ErrorOf(header(std::string(1025, 'x')) + "}"), HasSubstr("more than 1024 bytes"));
  EXPECT_THAT(ErrorOf(header("a\\u0000b") + "}"), HasSubstr("NUL"));
  EXPECT_THAT(ErrorOf(header("\xff") + "}"), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf(header("\xc3\xa4") + "}", "", true), HasSubstr("not ASCII"));
  std::vector<SafetensorsEntry> entries;
  EXPECT_TRUE(Read(SafetensorsOf(header("\xc3\xa4") + "}", ""), &entries).ok());
}

}  // namespace
}  // namespace mosaic
