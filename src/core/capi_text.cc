// The C boundary, text.
#include "mosaic/capi_text.h"

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/capi_guard.h"
#include "core/tensor/tensor.h"
#include "core/text/encoder.h"
#include "core/text/folder_settings.h"
#include "core/text/pooling.h"

using mosaic::Guard;
using mosaic::Status;
namespace text = mosaic::text;

static_assert(sizeof(MosaicString) == sizeof(mosaic::StringElement) &&
              offsetof(MosaicString, size) == offsetof(mosaic::StringElement, size));
static_assert(MOSAIC_POOL_LAST == static_cast<int>(text::Pooling::kLast));
static_assert(MOSAIC_MAX_TEXT_BYTES == text::kMaxTextBytes);
static_assert(MOSAIC_MAX_TOKENIZER_BYTES == text::kMaxTokenizerBytes);

namespace {
constexpr const char* kPoolingNames[] = {"mean", "cls", "max", "last"};  // by MosaicPooling
}

struct MosaicTokenizer {
  text::Tokenizer tokenizer;
  std::string description;
};

struct MosaicFolderSettings {
  text::FolderSettings settings;
};

struct MosaicEncoder {
  explicit MosaicEncoder(const text::Tokenizer& t) : tokenizer(t), encoder(std::make_unique<text::Encoder>(t)) {}
  const text::Tokenizer& tokenizer;
  std::unique_ptr<text::Encoder> encoder;
  std::string decoded;
};

MosaicCode mosaic_tokenizer_new(const void* bytes, size_t len, MosaicTokenizer** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto made = std::make_unique<MosaicTokenizer>();
    MOSAIC_RETURN_IF_ERROR(text::ReadTokenizer({static_cast<const char*>(bytes), len}, &made->tokenizer));
    *out = made.release();
    return Status();
  });
}

void mosaic_tokenizer_free(MosaicTokenizer* tokenizer) { delete tokenizer; }

size_t mosaic_tokenizer_memory(const MosaicTokenizer* tokenizer) { return tokenizer->tokenizer.bytes(); }

MosaicCode mosaic_tokenizer_describe(MosaicTokenizer* tokenizer, const char** json, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const text::Tokenizer& t = tokenizer->tokenizer;
    nlohmann::ordered_json j;
    j["model"] = t.model->name();
    j["tokens"] = t.model->vocabulary().size();
    j["added_tokens"] = t.added.size();
    j["max_length"] = nullptr;
    if (t.truncation) j["max_length"] = t.truncation->max_length;
    j["special_tokens"] = t.post.added(false);
    tokenizer->description = j.dump();
    *json = tokenizer->description.c_str();
    return Status();
  });
}

void mosaic_tokenizer_hash(const void* bytes, size_t len, uint8_t hash[16]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, len));
  std::memcpy(hash, canonical.digest, sizeof canonical.digest);
}

MosaicCode mosaic_encoder_new(const MosaicTokenizer* tokenizer, MosaicEncoder** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    *out = new MosaicEncoder(tokenizer->tokenizer);
    return Status();
  });
}

MosaicCode mosaic_encoder_start(MosaicEncoder* encoder, const char* first, size_t first_len,
                                const char* second, size_t second_len,
                                const MosaicEncodeOptions* options, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    text::EncodeOptions o;
    o.special_tokens = options->special_tokens;
    o.truncate = options->truncate;
    o.max_length = options->max_length;
    std::string_view pair;
    if (second != nullptr) pair = {second, second_len};
    return encoder->encoder->Start({first, first_len}, pair, o);
  });
}

MosaicCode mosaic_encoder_step(MosaicEncoder* encoder, MosaicTokens* tokens, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    text::Budget budget;
    bool done;
    MOSAIC_RETURN_IF_ERROR(encoder->encoder->Step(&budget, &done));
    if (!done) {
      *code = MOSAIC_MORE;
      return Status();
    }
    const text::Encoding& result = encoder->encoder->result();
    *tokens = {result.ids.data(), result.type_ids.data(), static_cast<int64_t>(result.ids.size()), result.truncated};
    return Status();
  });
}

void mosaic_encoder_give_back(MosaicEncoder* encoder) {
  if (encoder->decoded.capacity() > MOSAIC_ENCODER_KEPT) std::string().swap(encoder->decoded);
  if (encoder->encoder->bytes() <= MOSAIC_ENCODER_KEPT) return;
  // What it has besides grows with the same texts.
  MosaicError unused;
  (void)Guard(&unused, [&](MosaicCode*) -> Status {
    encoder->encoder = std::make_unique<text::Encoder>(encoder->tokenizer);
    return Status();
  });
}

void mosaic_encoder_free(MosaicEncoder* encoder) { delete encoder; }

void mosaic_tokenizer_padding(const MosaicTokenizer* tokenizer, MosaicPadding* out) {
  const text::Padding& padding = tokenizer->tokenizer.padding;
  *out = {padding.left, padding.id, padding.type_id};
}

bool mosaic_pooling_by_name(const char* name, MosaicPooling* out) {
  for (int i = 0; i <= MOSAIC_POOL_LAST; ++i) {
    if (std::strcmp(name, kPoolingNames[i]) != 0) continue;
    *out = static_cast<MosaicPooling>(i);
    return true;
  }
  return false;
}

void mosaic_pool(MosaicPooling pooling, const float* rows, int64_t count, int64_t width, float* out) {
  text::Pool(static_cast<text::Pooling>(pooling), rows, count, width, out);
}

void mosaic_normalize(float* vector, int64_t width) { text::Normalize(vector, width); }

MosaicCode mosaic_folder_settings_new(const MosaicFolderFiles* files, MosaicFolderSettings** out,
                                      MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    const auto file = [&](MosaicFolderFile i) {
      return files->content[i] == nullptr ? std::string_view() : std::string_view(files->content[i], files->len[i]);
    };
    auto made = std::make_unique<MosaicFolderSettings>();
    MOSAIC_RETURN_IF_ERROR(text::ReadFolderSettings(
        {file(MOSAIC_FOLDER_CONFIG), file(MOSAIC_FOLDER_TOKENIZER_CONFIG), file(MOSAIC_FOLDER_SENTENCE_CONFIG),
         file(MOSAIC_FOLDER_MODULES), file(MOSAIC_FOLDER_POOLING)},
        &made->settings));
    *out = made.release();
    return Status();
  });
}

int mosaic_folder_label_count(const MosaicFolderSettings* s) { return static_cast<int>(s->settings.labels.size()); }

const char* mosaic_folder_label(const MosaicFolderSettings* s, int i, size_t* len) {
  const std::string& label = s->settings.labels[static_cast<size_t>(i)];
  *len = label.size();
  return label.c_str();
}

const char* mosaic_folder_pooling(const MosaicFolderSettings* s) {
  return s->settings.pooling ? kPoolingNames[static_cast<int>(*s->settings.pooling)] : nullptr;
}

bool mosaic_folder_normalizes(const MosaicFolderSettings* s) { return s->settings.normalize; }
bool mosaic_folder_has_dense(const MosaicFolderSettings* s) { return s->settings.has_dense; }
int mosaic_folder_max_tokens(const MosaicFolderSettings* s) { return static_cast<int>(s->settings.max_tokens); }
void mosaic_folder_settings_free(MosaicFolderSettings* settings) { delete settings; }

MosaicCode mosaic_encoder_decode(MosaicEncoder* encoder, const int32_t* ids, int64_t count,
                                 bool skip_special, const char** out, size_t* len, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    MOSAIC_RETURN_IF_ERROR(
        encoder->tokenizer.Decode(ids, static_cast<size_t>(count), skip_special, &encoder->decoded));
    *out = encoder->decoded.data();
    *len = encoder->decoded.size();
    return Status();
  });
}
