// The C boundary, text.
#include "mosaic/capi_text.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/capi_guard.h"
#include "core/text/encoder.h"
#include "core/text/token_batch.h"

using mosaic::Guard;
using mosaic::Status;
namespace text = mosaic::text;

static_assert(MOSAIC_MAX_TEXT_BYTES == text::kMaxTextBytes);
static_assert(MOSAIC_MAX_TOKENIZER_BYTES == text::kMaxTokenizerBytes);

struct MosaicTokenizer {
  text::Tokenizer tokenizer;
  std::string description;
};

struct MosaicEncoder {
  explicit MosaicEncoder(const text::Tokenizer& t) : tokenizer(t), encoder(t) {}
  const text::Tokenizer& tokenizer;
  text::Encoder encoder;
  std::string decoded;
};

struct MosaicTokenBatch {
  explicit MosaicTokenBatch(const text::Padding& padding) : batch(padding) {}
  text::TokenBatch batch;
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
    return encoder->encoder.Start({first, first_len}, pair, o);
  });
}

MosaicCode mosaic_encoder_step(MosaicEncoder* encoder, MosaicTokens* tokens, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    text::Budget budget;
    bool done;
    MOSAIC_RETURN_IF_ERROR(encoder->encoder.Step(&budget, &done));
    if (!done) {
      *code = MOSAIC_MORE;
      return Status();
    }
    const text::Encoding& result = encoder->encoder.result();
    *tokens = {result.ids.data(), result.type_ids.data(), static_cast<int64_t>(result.ids.size()), result.truncated};
    return Status();
  });
}

void mosaic_encoder_free(MosaicEncoder* encoder) { delete encoder; }

MosaicCode mosaic_token_batch_new(const MosaicTokenizer* tokenizer, MosaicTokenBatch** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    *out = new MosaicTokenBatch(tokenizer->tokenizer.padding);
    return Status();
  });
}

MosaicCode mosaic_token_batch_add(MosaicTokenBatch* batch, const MosaicTokens* tokens, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    batch->batch.Add(tokens->ids, tokens->type_ids, static_cast<size_t>(tokens->count));
    return Status();
  });
}

MosaicCode mosaic_token_batch_rows(MosaicTokenBatch* batch, MosaicTokenRows* rows, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    batch->batch.Fill();
    *rows = {batch->batch.count(), batch->batch.length(), batch->batch.ids().data(), batch->batch.mask().data(),
             batch->batch.type_ids().data()};
    return Status();
  });
}

void mosaic_token_batch_clear(MosaicTokenBatch* batch) { batch->batch.Clear(); }
void mosaic_token_batch_free(MosaicTokenBatch* batch) { delete batch; }

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
