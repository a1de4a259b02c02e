// The import of one model, pulled step by step: bytes in, graph + tensors + blocks out.
//
// The graph is read and checked first (all unsupported operators are named in one error); the
// tensors are then read and cut one after another, so that memory is bounded by a window of a
// tensor (kWindowBytes) plus the graph, not by the model.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/byte_source.h"
#include "core/tensor/blocking.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

// Opens an external data file by its checked location; the importer owns the result.
using ExternalOpener =
    std::function<Status(const std::string& location, std::unique_ptr<ByteSource>* out)>;

class Importer {
 public:
  static constexpr int64_t kWindowBytes = 32 << 20;

  // opener may be empty: external data is then refused. source must outlive the importer.
  static Status Open(const std::string& model_name, int block_height, ByteSource* source,
                     ExternalOpener opener, std::unique_ptr<Importer>* out);
  ~Importer();

  // *more = true: *block is the next block, its payload valid until the next call.
  Status Next(MosaicBlock* block, bool* more);

  const std::vector<MosaicTensorDesc>& tensors() const;
  const std::string& encoded_graph() const;

 private:
  class Impl;
  explicit Importer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mosaic
