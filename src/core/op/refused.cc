#include "core/op/refused.h"

namespace mosaic {
namespace {

constexpr const char* kRandom = "it draws random numbers, and a prediction is the same every time";
constexpr const char* kTraining = "it is for training";
constexpr const char* kLayout =
    "it is in the memory layout of one machine; save the model without layout optimisations";
constexpr const char* kGeneration =
    "it generates a text inside of the model; export the model of one step";
constexpr const char* kCompiled = "it was compiled for one device";
constexpr const char* kCodec = "images are decoded outside of the model";

struct Refusal {
  const char* domain;
  const char* op_type;  // null: all of the domain
  const char* reason;
};

constexpr Refusal kRefusals[] = {
    {"", "Bernoulli", kRandom},
    {"", "ImageDecoder", kCodec},
    {"", "Multinomial", kRandom},
    {"", "RandomNormal", kRandom},
    {"", "RandomNormalLike", kRandom},
    {"", "RandomUniform", kRandom},
    {"", "RandomUniformLike", kRandom},
    {"ai.onnx.preview.training", nullptr, kTraining},
    {"ai.onnx.training", nullptr, kTraining},
    {"com.microsoft", "BeamSearch", kGeneration},
    {"com.microsoft", "BiasDropout", kTraining},
    {"com.microsoft", "BitmaskBiasDropout", kTraining},
    {"com.microsoft", "BitmaskDropout", kTraining},
    {"com.microsoft", "DropoutGrad", kTraining},
    {"com.microsoft", "EPContext", kCompiled},
    {"com.microsoft", "GreedySearch", kGeneration},
    {"com.microsoft", "NhwcConv", kLayout},
    {"com.microsoft", "NhwcFusedConv", kLayout},
    {"com.microsoft", "NhwcMaxPool", kLayout},
    {"com.microsoft", "Sampling", kGeneration},
    {"com.microsoft", "WhisperBeamSearch", kGeneration},
    {"com.microsoft.nchwc", nullptr, kLayout},
    {"com.ms.internal.nhwc", nullptr, kLayout},
};

}  // namespace

const char* WhyRefused(const std::string& domain, const std::string& op_type) {
  for (const Refusal& r : kRefusals) {
    if (domain == r.domain && (r.op_type == nullptr || op_type == r.op_type)) return r.reason;
  }
  return nullptr;
}

}  // namespace mosaic
