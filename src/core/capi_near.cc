// The C boundary, keys of near duplicates.
#include "mosaic/capi_near.h"

#include <memory>

#include "core/capi_guard.h"
#include "core/dedup/block_values.h"
#include "core/dedup/near_keys.h"

using mosaic::Guard;
using mosaic::Status;

struct MosaicNear {
  mosaic::NearKeys keys;
};

MosaicCode mosaic_near_check(const MosaicNearSettings* settings, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) { return mosaic::CheckNearSettings(*settings); });
}

MosaicCode mosaic_near_new(const MosaicNearSettings* settings, int32_t domain, MosaicNear** out,
                           MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    MOSAIC_RETURN_IF_ERROR(mosaic::CheckNearSettings(*settings));
    *out = new MosaicNear{mosaic::NearKeys(*settings, domain)};
    return Status();
  });
}

bool mosaic_near_shareable(MosaicGeometry geometry) { return mosaic::NearShareable(geometry); }

MosaicCode mosaic_near_keys(MosaicNear* maker, MosaicGeometry geometry, const void* payload,
                            int32_t* keys, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    maker->keys.Of(geometry, payload, keys);
    return Status();
  });
}

void mosaic_near_free(MosaicNear* maker) { delete maker; }
