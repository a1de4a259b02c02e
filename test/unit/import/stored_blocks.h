// The blocks of an imported model, as a store gives them back.
#pragma once

#include <map>
#include <utility>

#include "core/import/stored_model.h"
#include "import/onnx_builder.h"

namespace mosaic::onnx_test {

class BlocksOfImport : public StoredBlocks {
 public:
  explicit BlocksOfImport(const Imported& imported) {
    for (const ImportedBlock& b : imported.blocks) payloads_[{b.tensor, b.index}] = b.payload;
  }
  Status Read(int tensor, int64_t index, void* payload) override {
    const auto found = payloads_.find({tensor, index});
    if (found == payloads_.end()) return Status::Internal("there is no such block");
    std::memcpy(payload, found->second.data(), found->second.size());
    return {};
  }

 private:
  std::map<std::pair<int, int64_t>, std::string> payloads_;
};

}  // namespace mosaic::onnx_test
