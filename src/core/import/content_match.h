// Which tensors of a safetensors file are those of a stored model, by their elements: exporters
// rename weights, and transpose them.
#pragma once

#include <memory>
#include <vector>

#include "core/import/byte_source.h"
#include "core/import/safetensors.h"
#include "core/import/stored_model.h"

namespace mosaic {

struct ContentMatch {
  int entry = -1;
  bool flipped = false;  // the file has the matrix the other way round
};

// What a file has of a stored model.
struct ContentMatches {
  // For each stored tensor the entries that have its elements, in the type that it is stored in; of
  // a tensor in blocks, of which some were merged with others', those that have most of its blocks,
  // if that is more than half of them. Empty where there is none. Of many, two are kept, and the
  // one that has the tensor's name.
  std::vector<std::vector<ContentMatch>> of_tensor;
  std::vector<bool> taken;  // of entries: whether it is one of these, kept or not
};

// named: of each stored tensor the entry of that name, or -1; no entry twice. Holds 8 bytes for
// each block of the model; reads each entry once or, of matrices, twice.
Status MatchContent(const StoredModel& base, const std::vector<SafetensorsEntry>& entries,
                    const std::vector<int>& named, const std::shared_ptr<ByteSource>& source,
                    ContentMatches* out);

}  // namespace mosaic
