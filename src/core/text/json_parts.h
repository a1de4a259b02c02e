// The parts of a tokenizer.json, each from its JSON object. Sequences become flat lists.
#pragma once

#include <nlohmann/json.hpp>

#include "core/text/decoder.h"
#include "core/text/normalizer.h"
#include "core/text/post_processor.h"
#include "core/text/pre_tokenizer.h"

namespace mosaic::text {

Status BuildNormalizers(const nlohmann::json& object, Normalizers* out);
Status BuildPreTokenizers(const nlohmann::json& object, PreTokenizers* out);
Status BuildPostProcessor(const nlohmann::json& object, PostProcessor* out);
Status BuildDecoders(const nlohmann::json& object, Decoders* out);

}  // namespace mosaic::text
