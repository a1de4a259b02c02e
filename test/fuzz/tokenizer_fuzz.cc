// Any bytes as a tokenizer, and any as a text: what can be read makes tokens that do not depend on the steps
// they are made in, within the limits, and text of them again.
//
// An input is the length of the tokenizer (16 bits, little-endian), the tokenizer, the text.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/text/encoder.h"

namespace {

using namespace mosaic;

constexpr size_t kMaxInput = 1 << 15;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

// Encodes in steps of so many units; as many steps as that takes, but an end there must be.
Status Encode(text::Encoder* encoder, std::string_view first, std::string_view second,
              const text::EncodeOptions& options, int64_t units) {
  MOSAIC_RETURN_IF_ERROR(encoder->Start(first, second, options));
  for (bool done = false; !done;) {
    text::Budget budget(units);
    MOSAIC_RETURN_IF_ERROR(encoder->Step(&budget, &done));
  }
  return Status();
}

void EncodeAndDecode(const text::Tokenizer& tokenizer, std::string_view first, std::string_view second,
                     const text::EncodeOptions& options) {
  text::Encoder encoder(tokenizer);
  if (!Encode(&encoder, first, second, options, text::kStepUnits).ok()) return;
  const std::vector<int32_t> ids = encoder.result().ids, types = encoder.result().type_ids;
  Require(ids.size() == types.size(), "each token has a type");
  if (options.max_length > 0)
    Require(ids.size() <= static_cast<size_t>(options.max_length), "a text is cut to the length asked for");

  // The same encoder once more, and as little at a time as there can be.
  Require(Encode(&encoder, first, second, options, 64).ok(), "a text that was encoded can be encoded again");
  Require(encoder.result().ids == ids && encoder.result().type_ids == types, "tokens do not depend on the steps");

  std::string back;
  (void)tokenizer.Decode(ids.data(), ids.size(), true, &back);
  (void)tokenizer.Decode(ids.data(), ids.size(), false, &back);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t length = data[0] + 256u * data[1];
  const std::string_view content = bytes.substr(0, length);
  const std::string_view text = bytes.substr(content.size());

  text::Tokenizer tokenizer;
  if (!text::ReadTokenizer(content, &tokenizer).ok()) return 0;
  text::EncodeOptions options;
  EncodeAndDecode(tokenizer, text, {}, options);
  options.max_length = 7;
  EncodeAndDecode(tokenizer, text.substr(0, text.size() / 2), text.substr(text.size() / 2), options);
  return 0;
}
