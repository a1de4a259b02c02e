// Random access to the bytes of a model file, wherever they are: a file, a large object, memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Reads exactly len bytes at offset. REQUIRES: offset + len <= size().
  // Errors: HOST, where the host holds its own error.
  virtual Status Read(uint64_t offset, size_t len, void* out) = 0;
};

// Over memory that outlives it.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  Status Read(uint64_t offset, size_t len, void* out) override;

 private:
  std::string_view bytes_;
};

// Opens an external data file by its checked location (relative, no ".."); the caller owns the
// result.
using ExternalOpener =
    std::function<Status(const std::string& location, std::unique_ptr<ByteSource>* out)>;

// Over the host's callbacks. Borrows source.
class HostSource : public ByteSource {
 public:
  explicit HostSource(const MosaicSource& source) : source_(source) {}
  uint64_t size() const override { return source_.size; }
  Status Read(uint64_t offset, size_t len, void* out) override;

 private:
  MosaicSource source_;
};

}  // namespace mosaic
