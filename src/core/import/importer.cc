#include "core/import/importer.h"

#include "core/graph/graph_format.h"
#include "core/block/block_hash.h"
#include "core/import/block_cutter.h"
#include "core/import/dense.h"
#include "core/import/graph_builder.h"
#include "core/import/layout_planner.h"
#include "core/import/onnx_reader.h"
#include "core/plan/model.h"
#include "core/util/quote.h"

namespace mosaic {

class Importer::Impl {
 public:
  explicit Impl(std::string model_name) : model_name_(std::move(model_name)) {}

  Status Open(const Options& options, ByteSource* source, ExternalOpener opener, Graph* graph);
  Status OpenStored(const Options& options, const StoredModel& base, Graph graph, std::vector<GraphTensor> tensors,
                    std::vector<int> kept);
  Status Next(MosaicBlock* block, bool* more);
  const std::vector<MosaicTensorDesc>& descs() const { return descs_; }
  const std::string& encoded_graph() const { return encoded_graph_; }

  // The failure with the model's name, if it has one, unless the host has its own words for it.
  Status Named(const Status& s) const {
    if (s.code() == MOSAIC_E_HOST || model_name_.empty()) return s;
    return s.In("model " + Quoted(model_name_));
  }

 private:
  static Status CheckOptions(const Options& options);
  Status Finish(const Options& options, const Graph& graph, std::unique_ptr<Model>* loaded);
  Status DescribeTensors();
  Status Describe(size_t i, MosaicTensorDesc* d);
  bool is_kept(size_t i) const { return !kept_.empty() && kept_[i] >= 0; }
  Status CopyBlock(MosaicBlock* block, bool* more);
  static Status CheckBatchAxis(const Model& model, const std::string& axis);

  const std::string model_name_;
  std::vector<GraphTensor> tensors_;
  std::vector<Layout> layouts_;
  std::vector<std::string> values_;  // of INLINE tensors
  std::vector<MosaicTensorDesc> descs_;
  std::string encoded_graph_;
  size_t tensor_ = 0;  // being cut
  // Of a stored model: its tensors, which of them are copied, and the one that is.
  StoredBlocks* stored_ = nullptr;
  std::vector<int> kept_;
  int64_t next_block_ = 0;
  std::vector<char> payload_;
  std::unique_ptr<BlockCutter> cutter_;
};

Status Importer::Impl::CheckOptions(const Options& options) {
  const int height = options.block_height;
  if (!MOSAIC_BLOCK_HEIGHT_IS_VALID(height)) {
    return Status::Invalid("block height " + std::to_string(height) + " is not 126, 63 or 31");
  }
  if (options.weight_dtype != MOSAIC_FLOAT && options.weight_dtype != MOSAIC_BFLOAT16) {
    return Status::Invalid(std::string("weights are stored as float32 or bfloat16, not as ") +
                           DTypeName(options.weight_dtype));
  }
  return {};
}

Status Importer::Impl::Open(const Options& options, ByteSource* source, ExternalOpener opener,
                            Graph* into) {
  MOSAIC_RETURN_IF_ERROR(CheckOptions(options));
  OnnxModel model;
  MOSAIC_RETURN_IF_ERROR(OnnxReader(source, std::move(opener), options.ascii_names).Read(&model));
  Graph& graph = *into;
  MOSAIC_RETURN_IF_ERROR(BuildGraph(std::move(model), &graph, &tensors_));
  graph.batch_axis = options.batch_axis;
  std::unique_ptr<Model> loaded;
  MOSAIC_RETURN_IF_ERROR(Finish(options, graph, &loaded));
  return CheckBatchAxis(*loaded, options.batch_axis);
}

Status Importer::Impl::OpenStored(const Options& options, const StoredModel& base, Graph graph,
                                  std::vector<GraphTensor> tensors, std::vector<int> kept) {
  MOSAIC_RETURN_IF_ERROR(CheckOptions(options));
  tensors_ = std::move(tensors);
  kept_ = std::move(kept);
  stored_ = base.blocks;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!is_kept(i)) continue;
    const MosaicTensorDesc& d = base.descs[static_cast<size_t>(kept_[i])];
    tensors_[i].name = d.name;
    tensors_[i].dtype = d.dtype;
    tensors_[i].dims = DimsOf(d);
    tensors_[i].elements = ElementsOf(d);
  }
  descs_.resize(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (is_kept(i)) descs_[i] = base.descs[static_cast<size_t>(kept_[i])];
  }
  std::unique_ptr<Model> loaded;
  return Finish(options, graph, &loaded);
}

Status Importer::Impl::Finish(const Options& options, const Graph& graph, std::unique_ptr<Model>* loaded) {
  MOSAIC_RETURN_IF_ERROR(PlanLayouts(graph, tensors_, options.block_height, options.weight_dtype, &layouts_));
  encoded_graph_ = EncodeGraph(graph);
  MOSAIC_RETURN_IF_ERROR(DescribeTensors());
  // Loaded as it will be: shapes that contradict each other are found now. Nothing is wrong with the
  // bytes of the file, which are read.
  const Status status =
      Model::Load("", encoded_graph_, descs_.data(), static_cast<int>(descs_.size()), loaded);
  if (status.code() != MOSAIC_E_BAD_MODEL) return status;
  return Status(MOSAIC_E_INVALID, status.message(), status.detail(), status.hint());
}

Status Importer::Impl::CheckBatchAxis(const Model& model, const std::string& axis) {
  if (axis.empty() || axis == "none" || model.items.independent) return {};
  return Status::Invalid("batch axis " + Quoted(axis) + " does not count independent items" +
                         (model.items.reason.empty() ? "" : ": " + model.items.reason))
      .WithHint("Every input needs a dimension of that name; with \"none\" items are never computed together.");
}

Status Importer::Impl::DescribeTensors() {
  values_.resize(tensors_.size());
  descs_.resize(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    MosaicTensorDesc& d = descs_[i];
    if (is_kept(i)) {
      layouts_[i] = LayoutOf(d);
      if (d.value != nullptr) values_[i].assign(static_cast<const char*>(d.value), d.value_bytes);
    } else {
      MOSAIC_RETURN_IF_ERROR(Describe(i, &d));
    }
    d.name = tensors_[i].name.c_str();
    if (d.layout == MOSAIC_LAYOUT_INLINE) {
      d.value = values_[i].data();
      d.value_bytes = values_[i].size();
    }
  }
  return {};
}

// All but what points to its name and value.
Status Importer::Impl::Describe(size_t i, MosaicTensorDesc* d) {
  const GraphTensor& t = tensors_[i];
  const Layout& l = layouts_[i];
  *d = {};
  d->dtype = t.dtype;
  d->ndim = static_cast<int>(t.dims.size());
  std::copy(t.dims.begin(), t.dims.end(), d->dims);
  d->layout = l.layout;
  if (l.layout == MOSAIC_LAYOUT_INLINE) {
    d->stored_dtype = t.dtype;
    const Status s = ReadDense(t, &values_[i]);
    return s.ok() || s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + Quoted(t.name));
  }
  d->stored_dtype = l.blocking.dtype;
  d->transposed = l.transposed;
  d->rows = l.blocking.rows;
  d->cols = l.blocking.cols;
  d->block_rows = l.blocking.block_rows;
  d->block_cols = l.blocking.block_cols;
  d->nblocks = l.blocking.blocks();
  return {};
}

Status Importer::Impl::Next(MosaicBlock* block, bool* more) {
  for (; tensor_ < tensors_.size(); ++tensor_, next_block_ = 0, cutter_.reset()) {
    const GraphTensor& t = tensors_[tensor_];
    const Layout& l = layouts_[tensor_];
    if (l.layout == MOSAIC_LAYOUT_INLINE) continue;
    if (!is_kept(tensor_) && cutter_ == nullptr) cutter_ = std::make_unique<BlockCutter>(t, l, kWindowBytes);
    const Status s = is_kept(tensor_) ? CopyBlock(block, more) : cutter_->Next(block, more);
    if (!s.ok()) return s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + Quoted(t.name));
    block->tensor = static_cast<int>(tensor_);
    if (*more) return {};
  }
  *more = false;
  return {};
}

// The next block of a tensor of the stored model.
Status Importer::Impl::CopyBlock(MosaicBlock* block, bool* more) {
  const Blocking& b = layouts_[tensor_].blocking;
  *more = next_block_ < b.blocks();
  if (!*more) return {};
  payload_.resize(MOSAIC_MAX_PAYLOAD);
  MOSAIC_RETURN_IF_ERROR(stored_->Read(kept_[tensor_], next_block_, payload_.data()));
  block->index = next_block_++;
  block->geometry = b.geometry();
  block->payload = payload_.data();
  block->length = b.payload_bytes();
  HashBlock(block->geometry, block->payload, block->length, block->hash);
  return {};
}

Importer::Importer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Importer::~Importer() = default;

Status Importer::Open(const std::string& model_name, const Options& options, ByteSource* source,
                      ExternalOpener opener, std::unique_ptr<Importer>* out, Graph* graph) {
  auto impl = std::make_unique<Impl>(model_name);
  Graph own;
  const Status s =
      impl->Open(options, source, std::move(opener), graph == nullptr ? &own : graph);
  if (!s.ok()) return impl->Named(s);
  out->reset(new Importer(std::move(impl)));
  return {};
}

Status Importer::OpenStored(const std::string& model_name, const Options& options, const StoredModel& base,
                            Graph graph, std::vector<GraphTensor> tensors, std::vector<int> kept,
                            std::unique_ptr<Importer>* out) {
  auto impl = std::make_unique<Impl>(model_name);
  const Status s = impl->OpenStored(options, base, std::move(graph), std::move(tensors), std::move(kept));
  if (!s.ok()) return impl->Named(s);
  out->reset(new Importer(std::move(impl)));
  return {};
}

Status Importer::Next(MosaicBlock* block, bool* more) {
  const Status s = impl_->Next(block, more);
  return s.ok() ? s : impl_->Named(s);
}

const std::vector<MosaicTensorDesc>& Importer::tensors() const { return impl_->descs(); }
const std::string& Importer::encoded_graph() const { return impl_->encoded_graph(); }

}  // namespace mosaic
