// The import of one model, pulled step by step: bytes in, graph + tensors + blocks out.
//
// The graph is read and checked first (all unsupported operators are named in one error); the
// tensors are then read and cut one after another, so that memory is bounded by a window of a
// tensor (kWindowBytes) plus the graph, not by the model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/byte_source.h"
#include "core/import/graph_builder.h"
#include "core/import/stored_model.h"
#include "core/block/blocking.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

class Importer {
 public:
  static constexpr int64_t kWindowBytes = 4 << 20;  // small enough for a step of some ms

  struct Options {
    int block_height = MOSAIC_DEFAULT_BLOCK_HEIGHT;
    int weight_dtype = MOSAIC_FLOAT;  // or MOSAIC_BFLOAT16: layout_planner.h
    bool ascii_names = false;         // others are refused
    std::string batch_axis;           // Graph::batch_axis
  };

  // opener may be empty: external data is then refused. source must outlive the importer. graph, if
  // not null, receives the graph as far as it was read, also where that fails.
  static Status Open(const std::string& model_name, const Options& options, ByteSource* source,
                     ExternalOpener opener, std::unique_ptr<Importer>* out,
                     Graph* graph = nullptr);
  // Of a stored model and what is new: tensor i of graph is the base's tensor kept[i], with its blocks, or where that is
  // -1 tensors[i]. base.blocks must outlive the importer, base.descs the call. options.batch_axis is not looked at.
  static Status OpenStored(const std::string& model_name, const Options& options, const StoredModel& base,
                           Graph graph, std::vector<GraphTensor> tensors, std::vector<int> kept,
                           std::unique_ptr<Importer>* out);
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
