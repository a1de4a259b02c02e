// A model as the database has it, in memory: imported, its blocks in a store, run with them handed in.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/import/importer.h"
#include "core/run/batch.h"

namespace mosaic::conformance {

// What the tables of the database hold: payloads at 32-byte aligned addresses, by place.
class BlockStore {
 public:
  void Put(const MosaicBlock& block, Arena* arena) {
    Tensor copy = arena->New(MOSAIC_UINT8, {block.length});
    std::memcpy(copy.mutable_raw(), block.payload, block.length);
    blocks_[{block.tensor, block.index}] = copy;
  }
  const void* Get(int tensor, int64_t index) const { return blocks_.at({tensor, index}).raw(); }
  // Whether a block with these bytes is there, of any tensor.
  bool Has(const Tensor& block) const {
    for (const auto& [place, other] : blocks_) {
      if (other.bytes() == block.bytes() && std::memcmp(other.raw(), block.raw(), static_cast<size_t>(block.bytes())) == 0) return true;
    }
    return false;
  }
  // How many of the blocks are not in another store.
  int64_t NotIn(const BlockStore& other) const {
    int64_t n = 0;
    for (const auto& [place, block] : blocks_) n += other.Has(block) ? 0 : 1;
    return n;
  }
  int64_t size() const { return static_cast<int64_t>(blocks_.size()); }

 private:
  std::map<std::pair<int, int64_t>, Tensor> blocks_;
};

// Imports the model and puts its blocks into the store, in memory of the arena.
inline Status ImportBlocks(const std::string& name, int block_height, ByteSource* source, Arena* arena,
                           std::unique_ptr<Importer>* importer, BlockStore* store) {
  Importer::Options options;
  options.block_height = block_height;
  MOSAIC_RETURN_IF_ERROR(Importer::Open(name, options, source, {}, importer));
  for (;;) {
    MosaicBlock block;
    bool more = false;
    MOSAIC_RETURN_IF_ERROR((*importer)->Next(&block, &more));
    if (!more) return Status();
    store->Put(block, arena);
  }
}

// Runs a model on so many items of the inputs, with its blocks handed in; max_blocks: as of the run.
inline Status Execute(const Model& model, const BlockStore& store, std::vector<Tensor> inputs,
                      int64_t items, size_t max_blocks, BatchRun* run) {
  MOSAIC_RETURN_IF_ERROR(run->Start(std::move(inputs), items));
  std::vector<const void*> payloads;  // read until the next request
  for (;;) {
    BatchRun::Outcome outcome;
    MOSAIC_RETURN_IF_ERROR(run->Step(&outcome));
    if (outcome == BatchRun::Outcome::kDone) return Status();
    if (outcome == BatchRun::Outcome::kMore) continue;
    const BlockRequest& request = run->request();
    if (request.indexes.empty() || request.indexes.size() > max_blocks) {
      return Status::Internal("a request for " + std::to_string(request.indexes.size()) +
                              " blocks of " +
                              model.tensors[static_cast<size_t>(request.tensor)].name);
    }
    payloads.clear();
    for (int32_t index : request.indexes) payloads.push_back(store.Get(request.tensor, index));
    run->Supply(payloads.data());
  }
}

}  // namespace mosaic::conformance
