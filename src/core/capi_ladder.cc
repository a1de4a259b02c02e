// The C boundary, the ladder.
#include "mosaic/capi_ladder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/capi_dedup_state.h"
#include "core/capi_guard.h"
#include "core/codec/delta.h"
#include "core/codec/low_bits.h"
#include "mosaic/capi_delta.h"
#include "mosaic/page_format.h"

using mosaic::Guard;
using mosaic::Status;

namespace {

bool Sampling(const MosaicDedup* d) {
  return d->ladder_gate && d->ladder_gate->asked() == mosaic::LadderGate::Asks::kSample;
}

// Of a block of fewer bytes two rungs may take as many.
constexpr uint32_t kRungsDiffer = 2048;

// What the block searched for costs on each rung, of those that the bound on weights allows; and
// how it is stored without any loss. Where nothing is judged only the lowest of them counts.
mosaic::LadderBlock Rungs(const MosaicDedup* d, const MosaicStoredBlock& own) {
  const uint32_t stored = own.bytes;
  const MosaicGeometry geometry = d->blocking(d->tensor).geometry();
  const auto whole = static_cast<uint32_t>(d->best_payload.size());
  const void* base = d->best_payload.data();
  alignas(64) uint8_t delta[MOSAIC_MAX_PAYLOAD], made[MOSAIC_MAX_PAYLOAD];
  mosaic::LadderBlock block;
  block.tensor = d->tensor;
  block.index = d->place;
  block.block = static_cast<uint32_t>(own.id);
  block.places = own.places;
  block.base = d->best.partner;
  block.similarity = d->best.likeness.similarity;
  block.stored = block.bytes = stored;
  const auto lossless = [&] {
    const uint32_t exact =
        MOSAIC_PAYLOAD_OFFSET +
        mosaic_delta_encode(geometry, d->payload, base, whole, 1, mosaic_delta_limit(whole), delta);
    block.lossless = exact > MOSAIC_PAYLOAD_OFFSET && exact < stored;
    if (block.lossless) block.bytes = exact;
  };
  const auto add = [&](int bits, uint32_t bytes, const void* instead) {
    const auto error = mosaic::DifferenceOf(d->payload, instead, whole, geometry.dtype);
    // Of a small block more bits may take no more: fewer would lose something for nothing.
    const uint32_t above =
        block.rungs > 0 ? block.rung[static_cast<size_t>(block.rungs - 1)].bytes : block.bytes;
    if (bytes >= above || !(error.largest <= d->near.max_abs)) return;
    mosaic::Rung& rung = block.rung[static_cast<size_t>(block.rungs++)];
    rung = {static_cast<int8_t>(bits), bytes, static_cast<float>(error.squared)};
  };
  const auto code = [&](int bits) {
    const uint32_t n = mosaic::EncodeLowBits(d->payload, base, whole, geometry.dtype, bits, 1,
                                             MOSAIC_MAX_PAYLOAD, delta);
    if (n == 0 || !mosaic::DecodeDelta(delta, n, base, whole, made)) return;
    add(bits, MOSAIC_PAYLOAD_OFFSET + n, made);
  };
  if (d->unjudged && whole >= kRungsDiffer) {
    add(0, 0, base);
    for (int bits : {1, 2, 4, 8}) {
      if (block.rungs == 0) code(bits);
    }
    const uint32_t lowest = block.rungs > 0 ? block.rung[0].bytes : stored;
    // Seldom is what loses nothing the shorter one.
    if (mosaic_delta_estimate(geometry, d->payload, base, whole) < 2 * lowest) lossless();
    if (block.lossless && lowest >= block.bytes) block.rungs = 0;
    return block;
  }
  lossless();
  for (int bits : {8, 4, 2, 1}) code(bits);
  add(0, 0, base);
  return block;
}

uint8_t RungOf(const mosaic::LadderBlock& block, const mosaic::Rung* rung, bool accepted) {
  if (rung == nullptr) {
    return accepted && block.lossless ? MOSAIC_RUNG_LOSSLESS : MOSAIC_RUNG_AS_IT_IS;
  }
  return rung->bits == 0 ? MOSAIC_RUNG_MERGED : static_cast<uint8_t>(rung->bits);
}

mosaic::Outcome OutcomeOfRung(uint8_t rung) {
  switch (rung) {
    case MOSAIC_RUNG_AS_IT_IS:
      return mosaic::Outcome::kAsItIs;
    case MOSAIC_RUNG_LOSSLESS:
      return mosaic::Outcome::kLossless;
    case MOSAIC_RUNG_MERGED:
      return mosaic::Outcome::kMerged;
    default:
      return static_cast<mosaic::Outcome>('0' + rung);
  }
}

}  // namespace

bool MosaicDedup::RungDecision(size_t i, mosaic::Decision* decision) const {
  if (i >= accepted_rungs.size()) return false;
  const mosaic::LadderBlock& b = ladder_gate->blocks()[i];
  // No later call begins from it: without a fingerprint it is not recognised.
  *decision = {
      b.tensor, b.index, b.base, b.similarity, OutcomeOfRung(RungOf(b, accepted_rungs[i], true)),
      0};
  return true;
}

MosaicRungs MosaicDedup::AcceptedRungs() const {
  return ladder_gate ? RungsOf(ladder_gate->accepted()) : MosaicRungs{};
}

MosaicRungs MosaicDedup::RungsOf(const std::vector<const mosaic::Rung*>& state) const {
  MosaicRungs rungs{};
  const auto& blocks = ladder_gate->blocks();
  for (size_t i = 0; i < blocks.size(); ++i) {
    switch (RungOf(blocks[i], state[i], true)) {
      case MOSAIC_RUNG_MERGED:
        ++rungs.merged;
        break;
      case MOSAIC_RUNG_LOSSLESS:
        ++rungs.lossless;
        break;
      case 1:
        ++rungs.bits[0];
        break;
      case 2:
        ++rungs.bits[1];
        break;
      case 4:
        ++rungs.bits[2];
        break;
      case 8:
        ++rungs.bits[3];
        break;
      default:
        break;
    }
  }
  return rungs;
}

MosaicCode mosaic_dedup_choose_rungs(MosaicDedup* d, const MosaicStoredBlock* own,
                                     MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (!d->best.likeness.accepted) return Status();
    const mosaic::LadderBlock block = Rungs(d, *own);
    if (block.rungs > 0 || block.lossless) d->ladder.Add(block);
    return Status();
  });
}

MosaicCode mosaic_dedup_apply_rungs(const MosaicDedup* d, bool accepted, uint8_t* const* rungs,
                                    int32_t* const* bases, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const auto& blocks = d->ladder_gate->blocks();
    const auto state = accepted ? d->ladder_gate->accepted() : d->ladder_gate->candidate();
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto tensor = static_cast<size_t>(blocks[i].tensor);
      rungs[tensor][blocks[i].index] = RungOf(blocks[i], state[i], accepted);
      bases[tensor][blocks[i].index] = static_cast<int32_t>(blocks[i].base);
    }
    return Status();
  });
}

int64_t mosaic_dedup_sample(const MosaicDedup* d) {
  return Sampling(d) ? mosaic::OutputSample::kRows : 0;
}

MosaicCode mosaic_dedup_sample_row(MosaicDedup* d, const float* outputs, int64_t n,
                                   MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (d->ladder_gate) d->ladder_gate->sample()->Row(outputs, n);
    return Status();
  });
}

void mosaic_dedup_report_sample(MosaicDedup* d) {
  if (Sampling(d)) d->ladder_gate->ReportSample();
}

MosaicCode mosaic_dedup_rungs(MosaicDedup* d, MosaicRungs* rungs, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    *rungs = d->AcceptedRungs();
    if (d->ladder_gate) d->accepted_rungs = d->ladder_gate->accepted();
    return Status();
  });
}

MosaicCode mosaic_dedup_point_rungs(const MosaicDedup* d, int64_t i, MosaicRungs* rungs,
                                    MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const mosaic::Gate::Point& p = d->the_gate().points()[static_cast<size_t>(i)];
    *rungs = d->ladder_gate ? d->RungsOf(d->ladder_gate->at(p)) : MosaicRungs{};
    return Status();
  });
}

// Of the last evaluation of the accepted state.
double mosaic_dedup_standard_error(const MosaicDedup* d) {
  const auto& points = d->the_gate().points();
  for (size_t i = points.size(); i-- > 0;) {
    if (points[i].selection == d->the_gate().accepted()) return d->errors[i];
  }
  return std::numeric_limits<double>::quiet_NaN();
}
