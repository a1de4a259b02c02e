// The C boundary, packing: a store's layout in, a plan of moves out.
#include <memory>
#include <optional>
#include <vector>

#include "core/capi_guard.h"
#include "core/pack/repacker.h"
#include "core/block/block_hash.h"
#include "mosaic/capi_pack.h"

using mosaic::Guard;
using mosaic::Status;

struct MosaicPack {
  mosaic::RepackOptions options;
  mosaic::StoreLayout layout;
  std::vector<uint32_t> free_pages;
  std::optional<mosaic::Repacker> repacker;  // once all is known
  std::vector<int32_t> ids;                  // of the move that was asked for last
};

MosaicCode mosaic_pack_new(const MosaicPackOptions* options, MosaicPack** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto pack = std::make_unique<MosaicPack>();
    pack->options.pack.aim = options->reads ? mosaic::PackAim::kReads : mosaic::PackAim::kStorage;
    pack->options.pack.capacity = options->page_bytes;
    pack->options.give_back = options->give_back;
    pack->options.survey = options->survey;
    *out = pack.release();
    return Status();
  });
}

MosaicCode mosaic_pack_add_block(MosaicPack* pack, int32_t id, uint32_t bytes, uint32_t page,
                                 MosaicError* err) {
  return Guard(err, [&](MosaicCode*) { return pack->layout.AddBlock(id, bytes, page); });
}

MosaicCode mosaic_pack_add_free_page(MosaicPack* pack, uint32_t page, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    pack->free_pages.push_back(page);
    return Status();
  });
}

MosaicCode mosaic_pack_add_model(MosaicPack* pack, double rate, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    pack->layout.AddModel(rate);
    return Status();
  });
}

MosaicCode mosaic_pack_add_map(MosaicPack* pack, const int32_t* ids, int64_t n, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) { return pack->layout.AddMap(ids, static_cast<size_t>(n)); });
}

MosaicCode mosaic_pack_step(MosaicPack* pack, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    if (!pack->repacker) {
      pack->repacker.emplace(&pack->layout, pack->options, std::move(pack->free_pages));
    }
    bool done = false;
    MOSAIC_RETURN_IF_ERROR(pack->repacker->Step(&done));
    if (!done) *code = MOSAIC_MORE;
    return Status();
  });
}

namespace {

void CopyReads(const mosaic::LayoutReads& reads, MosaicPackReads* out) {
  *out = {reads.blocks,      reads.bytes,         reads.pages_before,
          reads.pages_after, reads.pages_minimum, reads.runs_before,
          reads.runs_after,  reads.blocks_moved,  reads.bytes_moved};
}

}  // namespace

uint64_t mosaic_pack_missing(const MosaicPack* pack) { return pack->layout.missing(); }

void mosaic_pack_store(const MosaicPack* pack, MosaicPackReads* out) {
  CopyReads(pack->repacker->store(), out);
}

void mosaic_pack_model(const MosaicPack* pack, int model, MosaicPackReads* out) {
  CopyReads(pack->repacker->model(static_cast<uint32_t>(model)), out);
}

int64_t mosaic_pack_move_count(const MosaicPack* pack) {
  return static_cast<int64_t>(pack->repacker->moves().size());
}

MosaicCode mosaic_pack_move(MosaicPack* pack, int64_t i, uint32_t* page, const int32_t** ids,
                            int* n, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const mosaic::PageMove& move = pack->repacker->moves()[static_cast<size_t>(i)];
    pack->ids.clear();
    for (uint32_t b : move.blocks) pack->ids.push_back(pack->layout.id(b));
    *page = move.page;
    *ids = pack->ids.data();
    *n = static_cast<int>(pack->ids.size());
    return Status();
  });
}

int64_t mosaic_pack_class_count(const MosaicPack* pack) {
  return static_cast<int64_t>(pack->repacker->classes().size());
}

void mosaic_pack_class(const MosaicPack* pack, int64_t i, MosaicPackClass* out) {
  const mosaic::SharingClassInfo& info = pack->repacker->classes()[static_cast<size_t>(i)];
  *out = {info.models.data(), info.models.size(), info.blocks,
          info.bytes,         info.pages,         info.pages_minimum};
}

void mosaic_pack_free(MosaicPack* pack) { delete pack; }

void mosaic_block_hash(MosaicGeometry geometry, const void* payload, uint32_t length,
                       uint8_t hash[16]) {
  mosaic::HashBlock(geometry, payload, length, hash);
}

void mosaic_hash_in_domain(int32_t domain, uint8_t hash[16]) { mosaic::HashInDomain(domain, hash); }
