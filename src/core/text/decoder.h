// From tokens back to text: a list of decoders, each of which changes the list of token strings.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/normalizer.h"
#include "core/util/status.h"

namespace mosaic::text {

// Of all token strings together, at any stage.
constexpr size_t kMaxDecodedBytes = 256 * 1024 * 1024;
// Of one text, in units of Budget: no step of it is interrupted.
constexpr int64_t kMaxDecodeWork = 1024 * kStepUnits;

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Uses the budget for work beyond the tokens' bytes, and may end when it is spent.
  virtual Status Run(std::vector<std::string>* tokens, Budget* budget) const = 0;
};

using Decoders = std::vector<std::unique_ptr<const Decoder>>;

std::unique_ptr<Decoder> NewWordPieceDecoder(std::string prefix, bool cleanup);
std::unique_ptr<Decoder> NewBpeDecoder(std::string suffix);
std::unique_ptr<Decoder> NewByteLevelDecoder();
std::unique_ptr<Decoder> NewMetaspaceDecoder(std::string replacement, bool prepended);
std::unique_ptr<Decoder> NewByteFallbackDecoder();
std::unique_ptr<Decoder> NewFuseDecoder();
std::unique_ptr<Decoder> NewStripDecoder(std::string character, size_t start, size_t stop);
std::unique_ptr<Decoder> NewCtcDecoder(std::string pad, std::string delimiter, bool cleanup);
// Of whole tokens, and of parts of them: one string becomes another. Any bytes.
std::unique_ptr<Decoder> NewTokenDecoder(std::string from, std::string to);
std::unique_ptr<Decoder> NewPartDecoder(std::string from, std::string to);
std::unique_ptr<Decoder> NewReplaceDecoder(std::unique_ptr<Normalizer> replace);

}  // namespace mosaic::text
