// New weights on the graph of a stored model.
#pragma once

#include <memory>
#include <string>

#include "core/import/importer.h"

namespace mosaic {

// weights is a safetensors file, as is base_weights (or null), the one that the base was exported
// from: weight_match.h. Tensors that are no weights are the base's, with their blocks. New ones are
// stored as options say. base.blocks must outlive the importer. Errors: INVALID where they do not
// fit; those of ReadSafetensors.
Status OpenLike(const std::string& model_name, const Importer::Options& options,
                const StoredModel& base, const std::shared_ptr<ByteSource>& weights,
                const std::shared_ptr<ByteSource>& base_weights, std::unique_ptr<Importer>* out);

}  // namespace mosaic
