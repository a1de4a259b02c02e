// The export of one model, pulled piece by piece: the way back of Importer.
//
// First the elements of lists() are read, then Plan() tells the size, then the pieces come in their order; of a
// tensor at a time all blocks are handed in, and its elements are there until the next one begins.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/export/pieces.h"
#include "core/plan/model.h"
#include "core/run/loader.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

class OnnxExport {
 public:
  // descs, and what they point to, must outlive the export. Errors: those of Model::Load.
  static Status Open(const std::string& name, std::string_view graph, const MosaicTensorDesc* descs, int ndescs,
                     std::unique_ptr<OnnxExport>* out);

  // Tensors that must be read before Plan().
  const std::vector<int>& lists() const { return lists_; }

  // Reads a tensor: Begin(), then its blocks in the order of its map. The elements are row-major, of the graph's type, as the file has them.
  // REQUIRES: it is not INLINE.
  void Begin(int tensor);
  void Block(const void* payload);
  // REQUIRES: all of its blocks were handed in. Valid until Begin().
  std::string_view Elements() const;
  // Keeps them for Plan().
  void KeepList();

  Status Plan();
  uint64_t size() const { return pieces_.size(); }
  const std::vector<FilePiece>& pieces() const { return pieces_.list(); }

 private:
  OnnxExport() = default;

  Graph graph_;
  std::unique_ptr<Model> model_;
  std::vector<MosaicTensorDesc> descs_;
  std::vector<int> lists_;
  std::map<int, std::string> kept_;
  Arena arena_;
  TensorLoader loader_;
  int tensor_ = -1;
  Tensor elements_;
  std::string packed_;  // instead, of types of four bits
  FilePieces pieces_;
};

}  // namespace mosaic
