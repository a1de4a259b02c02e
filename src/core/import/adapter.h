// A LoRA adapter (PEFT) on a stored model: y = x W + s (x A) B, with the base's own W.
//
// Each product with an adapted weight gets a second way beside it, Add(product,
// Einsum(Mul(Einsum(x, A), s), B)); A and B are stored as they lie in the file, in its type.
// Tensors of the file that belong to no pair (modules_to_save, biases) are new weights, as in
// like.h. Everything else is the base's, with its blocks.
// (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.)
#pragma once

#include <memory>
#include <string>

#include "core/import/adapter_config.h"
#include "core/import/importer.h"

namespace mosaic {

// adapter is a safetensors file, as is base_weights (or null), the one that the base was exported
// from, by which weights are found that the exporter renamed. base.blocks must outlive the
// importer. Errors: INVALID, one for all tensors that fit nothing; UNSUPPORTED where an adapted
// weight is used otherwise than as the right-hand side of MatMul or Gemm, all in one; those of
// ReadSafetensors.
Status OpenAdapter(const std::string& model_name, const Importer::Options& options,
                   const StoredModel& base, const std::shared_ptr<ByteSource>& adapter,
                   const std::shared_ptr<ByteSource>& base_weights, const AdapterConfig& config,
                   std::unique_ptr<Importer>* out);

}  // namespace mosaic
