// Reads the header of a safetensors file: the names, types, shapes and places of its tensors, no
// elements.
//
// A file is the length of the header (uint64, little endian), the header, a JSON object
// {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, .., "__metadata__":
// {..}}, and the elements, row-major, to which the offsets are relative
// (https://github.com/huggingface/safetensors#format).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/import/byte_source.h"
#include "core/import/tensor_data.h"
#include "core/util/status.h"

namespace mosaic {

constexpr uint64_t kMaxSafetensorsHeader = 16 << 20;  // some 100,000 tensors

struct SafetensorsEntry {
  std::string name;
  std::string type;              // as the file names it: "F32"
  int dtype = MOSAIC_UNDEFINED;  // UNDEFINED where we have no such type
  std::vector<int64_t> dims;
  int64_t elements = 0;
  uint64_t offset = 0, bytes = 0;  // in the file

  // F32, F16, BF16: what weights may be.
  bool is_weight() const {
    return dtype == MOSAIC_FLOAT || dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16;
  }
};

// The tensors by name, ascending; no name twice, no two that overlap, none beyond the file. What is
// held in memory is within a small factor of the header's bytes that were read. ascii_names: others
// are refused (UNSUPPORTED). Errors: BAD_MODEL where the file is not safetensors or damaged, LIMIT,
// HOST.
Status ReadSafetensors(ByteSource* source, bool ascii_names, std::vector<SafetensorsEntry>* out);

// Its elements where they lie. REQUIRES: entry.dtype is one we have.
TensorData DataOf(const SafetensorsEntry& entry, const std::shared_ptr<ByteSource>& source);

}  // namespace mosaic
