#include "core/import/dense.h"

#include <cstring>

namespace mosaic {

Status ReadDense(const GraphTensor& t, std::string* out) {
  if (t.dtype != MOSAIC_STRING) {
    const size_t size = static_cast<size_t>(DTypeSize(t.dtype)),
                 n = static_cast<size_t>(t.elements);
    out->resize(n * size);
    MOSAIC_RETURN_IF_ERROR(ElementReader(t.data, t.dtype).Read(0, t.elements, out->data()));
    if (!t.flipped) return {};
    const std::string read = *out;
    const size_t rows = static_cast<size_t>(t.dims[0]), cols = static_cast<size_t>(t.dims[1]);
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(out->data() + i * size, read.data() + (i % cols * rows + i / cols) * size, size);
    }
    return {};
  }
  out->clear();
  for (const std::string& s : t.strings) {
    const uint32_t length = static_cast<uint32_t>(s.size());
    out->append(reinterpret_cast<const char*>(&length), sizeof(length));
  }
  for (const std::string& s : t.strings) *out += s;
  return {};
}

}  // namespace mosaic
