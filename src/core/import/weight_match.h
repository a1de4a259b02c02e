// Which tensor of a safetensors file is which of a stored graph.
#pragma once

#include <string>
#include <vector>

#include "core/import/content_match.h"
#include "core/import/safetensors.h"
#include "core/import/stored_model.h"

namespace mosaic {

// Whether a stored tensor may be weights, and whether an entry has elements for it, without loss.
bool TakesWeights(const MosaicTensorDesc& d);
bool FitsType(const SafetensorsEntry& e, const MosaicTensorDesc& d);

// For each name the index of its equal among others, or -1. Where names have none, one prefix that
// ends with a dot and that either all of these or all of their equals have ("bert.") makes no
// difference: the one that finds most. REQUIRES: others are distinct.
std::vector<int> PairNames(const std::vector<std::string>& names,
                           const std::vector<std::string>& others);
std::vector<std::string> NamesOf(const std::vector<SafetensorsEntry>& entries);
std::vector<std::string> NamesOf(const StoredModel& base);  // empty where it takes no weights

// The file that the model was exported from, and what of it the stored tensors are.
struct BaseContent {
  std::vector<SafetensorsEntry> entries;
  ContentMatches matches;
};

Status ReadBaseContent(const StoredModel& base, bool ascii_names,
                       const std::shared_ptr<ByteSource>& file, BaseContent* out);

// For each stored tensor its new weights: entry -1 where it stays as it is. Tensors are matched by
// content, where the base's file is given (content is not null), else by name. All of these must be
// matched: the tensors of floats, but for single numbers and, where content is given, what its file
// has nothing like; and the file's tensors, but for those that the base's file has too without the
// model having them. Errors: INVALID, one for all tensors that have no counterpart, or one of
// another shape or type.
Status MatchWeights(const StoredModel& base, const std::vector<SafetensorsEntry>& weights,
                    const BaseContent* content, std::vector<ContentMatch>* out);

}  // namespace mosaic
