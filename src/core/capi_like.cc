// The C boundary, new weights for stored models: each Status and each exception becomes a
// MosaicError.
#include "mosaic/capi_like.h"

#include "core/capi_guard.h"
#include "core/capi_handles.h"
#include "core/graph/graph_format.h"
#include "core/import/adapter.h"
#include "core/import/like.h"

using mosaic::Guard;
using mosaic::Status;

namespace {

class HostBlocks : public mosaic::StoredBlocks {
 public:
  explicit HostBlocks(const MosaicStored& host) : host_(host) {}
  Status Read(int tensor, int64_t index, void* payload) override {
    if (host_.read_block(host_.ctx, tensor, index, payload) == 0) return {};
    return Status(MOSAIC_E_HOST, "reading a block failed");
  }

 private:
  const MosaicStored host_;
};

std::shared_ptr<mosaic::ByteSource> SourceOf(const MosaicSource* source) {
  return source == nullptr ? nullptr : std::make_shared<mosaic::HostSource>(*source);
}

// Shapes and cuts are checked by loading the base.
Status TakeBase(const MosaicStored& base, MosaicImport* job, mosaic::StoredModel* stored) {
  const std::string_view graph(static_cast<const char*>(base.graph), base.graph_bytes);
  std::unique_ptr<mosaic::Model> loaded;
  MOSAIC_RETURN_IF_ERROR(mosaic::Model::Load("", graph, base.tensors, base.ntensors, &loaded));
  MOSAIC_RETURN_IF_ERROR(mosaic::DecodeGraph(graph, &stored->graph));
  stored->descs.assign(base.tensors, base.tensors + base.ntensors);
  job->blocks = std::make_unique<HostBlocks>(base);
  stored->blocks = job->blocks.get();
  return Status();
}

}  // namespace

MosaicCode mosaic_import_like_new(const MosaicStored* base, const MosaicSource* weights,
                                  const MosaicSource* base_weights,
                                  const MosaicImportOptions* options, MosaicImport** out,
                                  MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto job = std::make_unique<MosaicImport>();
    mosaic::StoredModel stored;
    MOSAIC_RETURN_IF_ERROR(TakeBase(*base, job.get(), &stored));
    MOSAIC_RETURN_IF_ERROR(mosaic::OpenLike(options->model_name, mosaic::OptionsOf(*options),
                                            stored, SourceOf(weights), SourceOf(base_weights),
                                            &job->importer));
    *out = job.release();
    return Status();
  });
}

MosaicCode mosaic_import_adapter_new(const MosaicStored* base, const MosaicSource* adapter,
                                     const MosaicSource* base_weights,
                                     const MosaicAdapterText* config,
                                     const MosaicImportOptions* options, MosaicImport** out,
                                     MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto job = std::make_unique<MosaicImport>();
    mosaic::StoredModel stored;
    mosaic::AdapterConfig settings;
    MOSAIC_RETURN_IF_ERROR(
        mosaic::ReadAdapterConfig({config->text, config->bytes}, config->in_order != 0, &settings)
            .In("adapter_config.json"));
    MOSAIC_RETURN_IF_ERROR(TakeBase(*base, job.get(), &stored));
    MOSAIC_RETURN_IF_ERROR(mosaic::OpenAdapter(options->model_name, mosaic::OptionsOf(*options),
                                               stored, SourceOf(adapter), SourceOf(base_weights),
                                               settings, &job->importer));
    *out = job.release();
    return Status();
  });
}
