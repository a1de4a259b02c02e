// The C boundary, new weights for stored models: each Status and each exception becomes a
// MosaicError.
#include "mosaic/capi_like.h"

#include "core/capi_guard.h"
#include "core/capi_handles.h"
#include "core/graph/graph_format.h"
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

}  // namespace

MosaicCode mosaic_import_like_new(const MosaicStored* base, const MosaicSource* weights,
                                  const MosaicSource* base_weights,
                                  const MosaicImportOptions* options, MosaicImport** out,
                                  MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto job = std::make_unique<MosaicImport>();
    mosaic::StoredModel stored;
    MOSAIC_RETURN_IF_ERROR(mosaic::DecodeGraph(
        {static_cast<const char*>(base->graph), base->graph_bytes}, &stored.graph));
    // Shapes and cuts are checked by loading it.
    std::unique_ptr<mosaic::Model> loaded;
    MOSAIC_RETURN_IF_ERROR(
        mosaic::Model::Load("", {static_cast<const char*>(base->graph), base->graph_bytes},
                            base->tensors, base->ntensors, &loaded));
    stored.descs.assign(base->tensors, base->tensors + base->ntensors);
    job->blocks = std::make_unique<HostBlocks>(*base);
    stored.blocks = job->blocks.get();
    MOSAIC_RETURN_IF_ERROR(mosaic::OpenLike(options->model_name, mosaic::OptionsOf(*options),
                                            stored, SourceOf(weights), SourceOf(base_weights),
                                            &job->importer));
    *out = job.release();
    return Status();
  });
}
