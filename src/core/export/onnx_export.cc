#include "core/export/onnx_export.h"

#include <algorithm>
#include <utility>

#include "core/export/onnx_writer.h"
#include "core/graph/graph_format.h"
#include "core/util/quote.h"

namespace mosaic {

Status OnnxExport::Open(const std::string& name, std::string_view graph, const MosaicTensorDesc* descs, int ndescs,
                        std::unique_ptr<OnnxExport>* out) {
  std::unique_ptr<OnnxExport> e(new OnnxExport);
  // Loading checks tensors and graph against each other; it lowers a copy of the graph.
  MOSAIC_RETURN_IF_ERROR(Model::Load(name, graph, descs, ndescs, &e->model_));
  MOSAIC_RETURN_IF_ERROR(DecodeGraph(graph, &e->graph_));
  e->descs_.assign(descs, descs + ndescs);
  for (int t : ListTensors(e->graph_)) {
    const MosaicTensorDesc& d = e->descs_[static_cast<size_t>(t)];
    if (d.layout != MOSAIC_LAYOUT_INLINE) {
      e->lists_.push_back(t);
    } else {
      e->kept_[t].assign(static_cast<const char*>(d.value), d.value_bytes);
    }
  }
  *out = std::move(e);
  return {};
}

void OnnxExport::Begin(int tensor) {
  tensor_ = tensor;
  elements_ = Tensor();
  loader_.Start(model_->tensors[static_cast<size_t>(tensor)], &arena_);
}

void OnnxExport::Block(const void* payload) {
  loader_.Copy(&payload, 1);
  if (!loader_.done()) return;
  elements_ = loader_.Take();
  if (!IsPacked(elements_.dtype())) return;
  packed_ = PackElements(elements_.dtype(),
                         {elements_.data<char>(), static_cast<size_t>(elements_.bytes())});
}

std::string_view OnnxExport::Elements() const {
  if (IsPacked(elements_.dtype())) return packed_;
  return {static_cast<const char*>(elements_.raw()), static_cast<size_t>(elements_.bytes())};
}

void OnnxExport::KeepList() { kept_[tensor_] = std::string(Elements()); }

Status OnnxExport::Plan() {
  const auto elements = [this](int tensor) {
    const auto found = kept_.find(tensor);
    return found == kept_.end() ? std::string() : found->second;
  };
  pieces_ = FilePieces();
  return WriteOnnx(graph_, descs_, elements, &pieces_).In("model " + Quoted(model_->name));
}

}  // namespace mosaic
