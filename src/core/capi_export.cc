// The C boundary, export: each Status and each exception becomes a MosaicError.
#include "core/capi_guard.h"
#include "core/export/onnx_export.h"
#include "mosaic/capi_export.h"

using mosaic::Guard;
using mosaic::OnnxExport;
using mosaic::Status;

struct MosaicExport {
  std::unique_ptr<OnnxExport> job;
};

MosaicCode mosaic_export_new(const char* name, const void* graph, size_t len, const MosaicTensorDesc* tensors, int n,
                             MosaicExport** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto e = std::make_unique<MosaicExport>();
    MOSAIC_RETURN_IF_ERROR(
        OnnxExport::Open(name, {static_cast<const char*>(graph), len}, tensors, n, &e->job));
    *out = e.release();
    return {};
  });
}

void mosaic_export_free(MosaicExport* e) { delete e; }

int mosaic_export_list_count(const MosaicExport* e) { return static_cast<int>(e->job->lists().size()); }
int mosaic_export_list(const MosaicExport* e, int i) { return e->job->lists()[static_cast<size_t>(i)]; }

MosaicCode mosaic_export_begin(MosaicExport* e, int tensor, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    e->job->Begin(tensor);
    return {};
  });
}

MosaicCode mosaic_export_block(MosaicExport* e, const void* payload, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    e->job->Block(payload);
    return {};
  });
}

MosaicCode mosaic_export_keep_list(MosaicExport* e, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    e->job->KeepList();
    return {};
  });
}

MosaicCode mosaic_export_plan(MosaicExport* e, uint64_t* size, int* pieces, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    MOSAIC_RETURN_IF_ERROR(e->job->Plan());
    *size = e->job->size();
    *pieces = static_cast<int>(e->job->pieces().size());
    return {};
  });
}

int mosaic_export_piece_tensor(const MosaicExport* e, int i) { return e->job->pieces()[static_cast<size_t>(i)].tensor; }

const void* mosaic_export_piece(const MosaicExport* e, int i, size_t* len) {
  const mosaic::FilePiece& p = e->job->pieces()[static_cast<size_t>(i)];
  const std::string_view bytes = p.tensor < 0 ? std::string_view(p.bytes) : e->job->Elements();
  *len = bytes.size();
  return bytes.data();
}
