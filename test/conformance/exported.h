// A model of a store, as the file that export_model() writes.
#pragma once

#include <memory>
#include <string>

#include "conformance/block_store.h"
#include "core/export/onnx_export.h"

namespace mosaic::conformance {

inline Status ExportedFile(const std::string& name, const Importer& importer, const BlockStore& store, std::string* file) {
  const std::vector<MosaicTensorDesc>& descs = importer.tensors();
  std::unique_ptr<OnnxExport> e;
  MOSAIC_RETURN_IF_ERROR(OnnxExport::Open(name, importer.encoded_graph(), descs.data(), static_cast<int>(descs.size()), &e));
  const auto read = [&](int tensor) {
    e->Begin(tensor);
    for (int64_t i = 0; i < descs[static_cast<size_t>(tensor)].nblocks; ++i) e->Block(store.Get(tensor, i));
  };
  for (int t : e->lists()) {
    read(t);
    e->KeepList();
  }
  MOSAIC_RETURN_IF_ERROR(e->Plan());
  for (const FilePiece& p : e->pieces()) {
    if (p.tensor >= 0) read(p.tensor);
    file->append(p.tensor >= 0 ? e->Elements() : std::string_view(p.bytes));
    if (p.tensor >= 0 && e->Elements().size() != p.size) return Status::Internal("a piece has another size than was planned");
  }
  return file->size() == e->size() ? Status() : Status::Internal("the file has another size than was planned");
}

}  // namespace mosaic::conformance
