// The JSON files beside a model.
#include "core/text/folder_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mosaic::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

FolderSettings Read(const FolderFiles& files) {
  FolderSettings settings;
  const Status status = ReadFolderSettings(files, &settings);
  EXPECT_TRUE(status.ok()) << status.message();
  return settings;
}

Status Error(const FolderFiles& files) {
  FolderSettings settings;
  return ReadFolderSettings(files, &settings);
}

FolderFiles Config(std::string_view config) {
  FolderFiles files;
  files.config = config;
  return files;
}

TEST(FolderSettingsTest, NothingIsSaid) {
  for (const std::string_view config : {"", "{}", "{\"architectures\": [\"BertModel\"]}", "[]"}) {
    const FolderSettings s = Read(Config(config));
    EXPECT_THAT(s.labels, IsEmpty());
    EXPECT_FALSE(s.pooling || s.normalize || s.has_dense);
    EXPECT_EQ(s.max_tokens, 0);
  }
}

TEST(FolderSettingsTest, LabelsByTheirNumbers) {
  EXPECT_THAT(Read(Config(R"({"id2label": {"10": "k", "0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g", "7": "h", "8": "i", "9": "j"}})")).labels,
              ElementsAre("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"));
  EXPECT_THAT(Read(Config(R"({"id2label": {"0": "LABEL_0"}})")).labels, IsEmpty());  // of a regression
  EXPECT_EQ(Error(Config(R"({"id2label": {"0": "a", "2": "b"}})")).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Error(Config(R"({"id2label": {"0": "a", "00": "b"}})")).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Error(Config(R"({"id2label": {"0": "a", "x": "b"}})")).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Error(Config(R"({"id2label": {"0": "a", "1": 7}})")).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Error(Config(R"({"id2label": ["a", "b"]})")).code(), MOSAIC_E_BAD_MODEL);
}

TEST(FolderSettingsTest, PoolingAndWhatFollows) {
  FolderFiles files;
  files.pooling = R"({"word_embedding_dimension": 384, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "include_prompt": true})";
  files.modules = R"([{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"},
                      {"type": "sentence_transformers.models.Normalize"}])";
  FolderSettings s = Read(files);
  EXPECT_EQ(s.pooling, Pooling::kMean);
  EXPECT_TRUE(s.normalize);
  EXPECT_FALSE(s.has_dense);
  files.modules = R"([{"type": "sentence_transformers.models.Dense"}])";
  files.pooling = R"({"pooling_mode_lasttoken": true})";
  s = Read(files);
  EXPECT_EQ(s.pooling, Pooling::kLast);
  EXPECT_TRUE(s.has_dense);
  EXPECT_FALSE(s.normalize);

  for (const std::string_view unknown : {R"({"pooling_mode_weightedmean_tokens": true})",
                                         R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true})"}) {
    files.pooling = unknown;
    EXPECT_EQ(Error(files).code(), MOSAIC_E_UNSUPPORTED) << unknown;
  }
  files.pooling = R"({"pooling_mode_mean_tokens": false})";
  EXPECT_EQ(Error(files).code(), MOSAIC_E_BAD_MODEL);
}

TEST(FolderSettingsTest, LengthOfTheMostSpecificFile) {
  FolderFiles files = Config(R"({"model_type": "bert", "max_position_embeddings": 512})");
  EXPECT_EQ(Read(files).max_tokens, 512);
  files.tokenizer_config = R"({"model_max_length": 1000000000000000019884624838656})";
  EXPECT_EQ(Read(files).max_tokens, 512);
  files.tokenizer_config = R"({"model_max_length": 384})";
  EXPECT_EQ(Read(files).max_tokens, 384);
  files.sentence_config = R"({"max_seq_length": null})";
  EXPECT_EQ(Read(files).max_tokens, 384);
  files.sentence_config = R"({"max_seq_length": 256, "do_lower_case": false})";
  EXPECT_EQ(Read(files).max_tokens, 256);
  // RoBERTa's positions begin behind that of padding.
  EXPECT_EQ(Read(Config(R"({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1})")).max_tokens, 512);
}

TEST(FolderSettingsTest, FilesThatAreNoJsonAreNamed) {
  FolderFiles files;
  files.modules = "[{\"type\":";
  EXPECT_EQ(Error(files).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_THAT(Error(files).message(), HasSubstr("modules.json"));
  const std::string deep(100000, '[');
  EXPECT_EQ(Error(Config(deep)).code(), MOSAIC_E_BAD_MODEL);
}

}  // namespace
}  // namespace mosaic::text
