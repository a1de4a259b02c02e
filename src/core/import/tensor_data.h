// The elements of a tensor where they lie in a model file, read on demand and converted.
//
// ONNX keeps elements as raw little-endian bytes (raw_data, external files), or as a repeated
// protobuf field, packed or not, possibly in several pieces, with narrow types widened to int32.
// All are described by segments, so that any range of elements can be read without the rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/import/byte_source.h"
#include "core/import/wire_reader.h"
#include "core/util/dtype.h"

namespace mosaic {

// A run of elements: "header" bytes (the tag of an unpacked field), then the element, repeated.
struct Segment {
  int64_t first = 0;  // index of its first element
  int64_t count = 0;
  uint64_t offset = 0;  // of its first header
  uint32_t header = 0;
};

struct TensorData {
  // Most elements in a segment of varints: what a seek may have to step over.
  static constexpr int64_t kVarintRun = 16 << 10;

  int dtype = MOSAIC_UNDEFINED;  // of the model
  bool varint = false;           // else fixed width: DTypeSize(dtype)
  std::shared_ptr<ByteSource> source;
  std::vector<Segment> segments;  // ascending, without gaps

  int64_t count() const {
    return segments.empty() ? 0 : segments.back().first + segments.back().count;
  }
};

// Elements that are held in memory, in the tensor's own type: dense row-major bytes.
TensorData DataInMemory(int dtype, std::string bytes);

// Elements of a type of less than a byte, several of which share one of the bytes (uint8), the
// first in the low bits: unpacked as they are read. REQUIRES: bytes has as many as they take.
TensorData UnpackedData(int dtype, int64_t elements, TensorData bytes);

// Reads ranges of elements. data must outlive it. Ascending ranges are fastest.
class ElementReader {
 public:
  // out_dtype is data.dtype, or MOSAIC_FLOAT or MOSAIC_BFLOAT16 where that is any float type.
  // bfloat16 is rounded to nearest even, but a finite element stays finite.
  ElementReader(const TensorData& data, int out_dtype);

  // REQUIRES: [first, first + count) is within the data.
  // Errors: BAD_MODEL where an element does not fit its type; HOST.
  Status Read(int64_t first, int64_t count, void* out);

 private:
  Status ReadNative(int64_t first, int64_t count, char* out);
  Status ReadFixed(const Segment& s, int64_t first, int64_t count, char* out);
  Status ReadVarints(const Segment& s, int64_t first, int64_t count, char* out);

  const TensorData& data_;
  const int out_dtype_;
  BufferedSource buffered_;
  std::vector<char> chunk_, spaced_;
  std::vector<float> floats_;
  // Where the last read of varints ended.
  int64_t next_element_ = -1;
  uint64_t next_offset_ = 0;
};

}  // namespace mosaic
