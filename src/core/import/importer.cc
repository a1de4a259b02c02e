#include "core/import/importer.h"

#include "core/graph/graph_format.h"
#include "core/import/block_cutter.h"
#include "core/import/graph_builder.h"
#include "core/import/layout_planner.h"
#include "core/import/onnx_reader.h"
#include "core/plan/model.h"
#include "core/util/quote.h"

namespace mosaic {

namespace {

// The elements as mosaic.tensor.value has them: of strings the length of each as uint32, then all
// characters.
Status ReadInline(const GraphTensor& t, std::string* out) {
  if (t.dtype != MOSAIC_STRING) {
    out->resize(static_cast<size_t>(t.elements * DTypeSize(t.dtype)));
    return ElementReader(t.data, t.dtype).Read(0, t.elements, out->data());
  }
  for (const std::string& s : t.strings) {
    const uint32_t length = static_cast<uint32_t>(s.size());
    out->append(reinterpret_cast<const char*>(&length), sizeof(length));
  }
  for (const std::string& s : t.strings) *out += s;
  return {};
}

}  // namespace

class Importer::Impl {
 public:
  explicit Impl(std::string model_name) : model_name_(std::move(model_name)) {}

  Status Open(const Options& options, ByteSource* source, ExternalOpener opener, Graph* graph);
  Status Next(MosaicBlock* block, bool* more);
  const std::vector<MosaicTensorDesc>& descs() const { return descs_; }
  const std::string& encoded_graph() const { return encoded_graph_; }

  // The failure with the model's name, if it has one, unless the host has its own words for it.
  Status Named(const Status& s) const {
    if (s.code() == MOSAIC_E_HOST || model_name_.empty()) return s;
    return s.In("model " + Quoted(model_name_));
  }

 private:
  Status DescribeTensors();
  static Status CheckBatchAxis(const Model& model, const std::string& axis);

  const std::string model_name_;
  std::vector<GraphTensor> tensors_;
  std::vector<Layout> layouts_;
  std::vector<std::string> values_;  // of INLINE tensors
  std::vector<MosaicTensorDesc> descs_;
  std::string encoded_graph_;
  size_t tensor_ = 0;  // being cut
  std::unique_ptr<BlockCutter> cutter_;
};

Status Importer::Impl::Open(const Options& options, ByteSource* source, ExternalOpener opener,
                            Graph* into) {
  const int height = options.block_height;
  if (!MOSAIC_BLOCK_HEIGHT_IS_VALID(height)) {
    return Status::Invalid("block height " + std::to_string(height) + " is not 126, 63 or 31");
  }
  if (options.weight_dtype != MOSAIC_FLOAT && options.weight_dtype != MOSAIC_BFLOAT16) {
    return Status::Invalid(std::string("weights are stored as float32 or bfloat16, not as ") +
                           DTypeName(options.weight_dtype));
  }
  OnnxModel model;
  MOSAIC_RETURN_IF_ERROR(OnnxReader(source, std::move(opener), options.ascii_names).Read(&model));
  Graph& graph = *into;
  MOSAIC_RETURN_IF_ERROR(BuildGraph(std::move(model), &graph, &tensors_));
  MOSAIC_RETURN_IF_ERROR(PlanLayouts(graph, tensors_, height, options.weight_dtype, &layouts_));
  graph.batch_axis = options.batch_axis;
  encoded_graph_ = EncodeGraph(graph);
  MOSAIC_RETURN_IF_ERROR(DescribeTensors());
  // Loaded as it will be: shapes that contradict each other are found now.
  std::unique_ptr<Model> loaded;
  MOSAIC_RETURN_IF_ERROR(Model::Load("", encoded_graph_, descs_.data(),
                                     static_cast<int>(descs_.size()), &loaded));
  return CheckBatchAxis(*loaded, options.batch_axis);
}

Status Importer::Impl::CheckBatchAxis(const Model& model, const std::string& axis) {
  if (axis.empty() || axis == "none" || model.items.independent) return {};
  return Status::Invalid("batch axis " + Quoted(axis) + " does not count independent items" +
                         (model.items.reason.empty() ? "" : ": " + model.items.reason))
      .WithHint("Every input needs a dimension of that name; with \"none\" items are never computed together.");
}

Status Importer::Impl::DescribeTensors() {
  values_.resize(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const GraphTensor& t = tensors_[i];
    const Layout& l = layouts_[i];
    MosaicTensorDesc d = {};
    d.name = t.name.c_str();
    d.dtype = t.dtype;
    d.ndim = static_cast<int>(t.dims.size());
    std::copy(t.dims.begin(), t.dims.end(), d.dims);
    d.layout = l.layout;
    if (l.layout == MOSAIC_LAYOUT_INLINE) {
      d.stored_dtype = t.dtype;
      const Status s = ReadInline(t, &values_[i]);
      if (!s.ok()) return s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + Quoted(t.name));
      d.value = values_[i].data();
      d.value_bytes = values_[i].size();
    } else {
      d.stored_dtype = l.blocking.dtype;
      d.transposed = l.transposed;
      d.rows = l.blocking.rows;
      d.cols = l.blocking.cols;
      d.block_rows = l.blocking.block_rows;
      d.block_cols = l.blocking.block_cols;
      d.nblocks = l.blocking.blocks();
    }
    descs_.push_back(d);
  }
  return {};
}

Status Importer::Impl::Next(MosaicBlock* block, bool* more) {
  for (; tensor_ < tensors_.size(); ++tensor_, cutter_.reset()) {
    const GraphTensor& t = tensors_[tensor_];
    const Layout& l = layouts_[tensor_];
    if (l.layout == MOSAIC_LAYOUT_INLINE) continue;
    if (cutter_ == nullptr) cutter_ = std::make_unique<BlockCutter>(t, l, kWindowBytes);
    const Status s = cutter_->Next(block, more);
    if (!s.ok()) return s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + Quoted(t.name));
    block->tensor = static_cast<int>(tensor_);
    if (*more) return {};
  }
  *more = false;
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

Status Importer::Next(MosaicBlock* block, bool* more) {
  const Status s = impl_->Next(block, more);
  return s.ok() ? s : impl_->Named(s);
}

const std::vector<MosaicTensorDesc>& Importer::tensors() const { return impl_->descs(); }
const std::string& Importer::encoded_graph() const { return impl_->encoded_graph(); }

}  // namespace mosaic
