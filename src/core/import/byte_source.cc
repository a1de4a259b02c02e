#include "core/import/byte_source.h"

#include <cstring>

namespace mosaic {

Status MemorySource::Read(uint64_t offset, size_t len, void* out) {
  if (len > 0) std::memcpy(out, bytes_.data() + offset, len);
  return {};
}

Status HostSource::Read(uint64_t offset, size_t len, void* out) {
  if (len > 0 && source_.read(source_.ctx, offset, len, out) != 0) {
    return Status(MOSAIC_E_HOST, "reading the model failed");
  }
  return {};
}

}  // namespace mosaic
