// The C boundary, cache: thin wrappers, since a table neither fails nor allocates.
#include "mosaic/capi_cache.h"

#include "core/cache/cache_table.h"
#include "core/cache/retention.h"

using mosaic::CacheTable;

namespace {

CacheTable Table(const MosaicCacheTable* table) {
  return CacheTable(const_cast<MosaicCacheTable*>(table));
}

}  // namespace

static_assert(MOSAIC_CACHE_NONE == CacheTable::kNone, "no slot");

size_t mosaic_cache_bytes(uint32_t pages) { return CacheTable::Bytes(pages); }

MosaicCacheTable* mosaic_cache_init(void* memory, uint32_t pages) {
  CacheTable::Initialize(memory, pages);
  return static_cast<MosaicCacheTable*>(memory);
}

uint32_t mosaic_cache_capacity(const MosaicCacheTable* table) { return Table(table).capacity(); }
uint32_t mosaic_cache_epoch(const MosaicCacheTable* table) { return Table(table).epoch(); }

int mosaic_cache_find(const MosaicCacheTable* table, int64_t model) {
  return Table(table).FindModel(model);
}

int mosaic_cache_known(const MosaicCacheTable* table, int64_t model) {
  return Table(table).KnownModel(model);
}

int mosaic_cache_add(MosaicCacheTable* table, int64_t model, const uint32_t* pages, size_t n) {
  return Table(table).AddModel(model, pages, n);
}

bool mosaic_cache_accepts(MosaicCacheTable* table) { return Table(table).Accepts(); }

void mosaic_cache_remove(MosaicCacheTable* table, int64_t model) {
  Table(table).RemoveModel(model);
}

void mosaic_cache_forget(MosaicCacheTable* table, uint32_t now, double half_life) {
  Table(table).Forget(now, half_life);
}

bool mosaic_cache_should_forget(const MosaicCacheTable* table, uint32_t now, double half_life) {
  return Table(table).ShouldForget(now, half_life);
}

void mosaic_cache_take_models(MosaicCacheTable* table, const MosaicCacheTable* old) {
  Table(table).TakeModels(Table(old));
}

void mosaic_cache_request(MosaicCacheTable* table, int slot, uint32_t now, double half_life) {
  Table(table).CountRequest(slot, now, half_life);
}

bool mosaic_cache_is_due(const MosaicCacheTable* table, uint32_t now) {
  return Table(table).IsDue(now);
}

void mosaic_cache_decide(MosaicCacheTable* table, uint64_t pool_pages, uint32_t now,
                         double half_life) {
  Table(table).Decide(pool_pages, now, half_life);
}

bool mosaic_cache_steering(const MosaicCacheTable* table) { return Table(table).steering(); }
bool mosaic_cache_larger(const MosaicCacheTable* table, int slot, uint64_t pool_pages) {
  return Table(table).IsLarger(slot, pool_pages);
}
bool mosaic_cache_keeps(const MosaicCacheTable* table, uint32_t page) {
  const uint32_t page_class = Table(table).ClassOf(page);
  return page_class == 0 || Table(table).Keeps(page, page_class);
}

uint32_t mosaic_cache_class_of(const MosaicCacheTable* table, uint32_t page) {
  return Table(table).ClassOf(page);
}

uint32_t mosaic_cache_steer(const MosaicCacheTable* table, uint32_t page, uint32_t page_class,
                            uint32_t usage, int64_t* credit) {
  return mosaic::SteerUsage(usage, Table(table).Keeps(page, page_class), credit);
}

int64_t mosaic_cache_credit(const MosaicCacheTable* table) { return *Table(table).credit(); }

void mosaic_cache_add_credit(MosaicCacheTable* table, int64_t change) {
  Table(table).credit()->fetch_add(change, std::memory_order_relaxed);
}

void mosaic_cache_count(MosaicCacheTable* table, int slot, uint64_t hits, uint64_t reads) {
  Table(table).CountPages(slot, hits, reads);
}

void mosaic_cache_count_class(MosaicCacheTable* table, uint32_t page_class, uint64_t hits,
                              uint64_t reads) {
  Table(table).CountClassPages(page_class, hits, reads);
}

double mosaic_cache_weight(const MosaicCacheTable* table, int slot, uint32_t now,
                           double half_life) {
  return Table(table).Weight(slot, now, half_life);
}

void mosaic_cache_counts(const MosaicCacheTable* table, int slot, uint64_t* hits, uint64_t* reads) {
  const CacheTable::Counts counts = Table(table).ModelCounts(slot);
  *hits = counts.hits;
  *reads = counts.reads;
}

uint32_t mosaic_cache_classes(const MosaicCacheTable* table) { return Table(table).classes(); }

void mosaic_cache_class(const MosaicCacheTable* table, uint32_t page_class, uint32_t now,
                        double half_life, MosaicCacheClass* out) {
  const CacheTable t = Table(table);
  const CacheTable::Counts counts = t.ClassCounts(page_class);
  out->pages = t.ClassPages(page_class);
  out->kept = t.steering() ? static_cast<double>(t.ClassKeep(page_class)) / mosaic::kKeepAll : 0;
  out->hits = counts.hits;
  out->reads = counts.reads;
  out->weight = t.ClassWeight(page_class, now, half_life);
}

size_t mosaic_cache_class_models(const MosaicCacheTable* table, uint32_t page_class, int64_t* ids,
                                 size_t room) {
  return Table(table).ClassModels(page_class, ids, room);
}

double mosaic_cache_rate(double weight, double half_life_seconds) {
  return mosaic::RatePerSecond(weight, half_life_seconds);
}
