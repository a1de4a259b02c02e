#include "core/tensor/arena.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "core/tensor/capacity.h"
#include "core/tensor/heap.h"

namespace mosaic {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kSlack = 64;
constexpr size_t kCharacterChunk = size_t{64} << 10;
constexpr size_t kLarge = size_t{128} << 10;  // what is no smaller is taken from the heap

// Capacities are multiples of 64 up to 4 KB and then powers of two or three quarters of them, so
// that activations of slightly different sizes reuse each other's memory.
size_t Capacity(size_t bytes) {
  size_t need = bytes + kSlack;
  if (need <= 4096) return (need + kAlign - 1) / kAlign * kAlign;
  if (need >= kLarge) return (need + kAlign - 1) / kAlign * kAlign;
  size_t power = 8192;
  while (power < need) power *= 2;
  return need <= power / 4 * 3 ? power / 4 * 3 : power;
}

}  // namespace

// Chunks of memory with their header of references, in use or kept. Those kept are a stack: what
// was freed last is still in the cache and is looked at first. The number of tensors alive in a run
// is small, so is the list. Large ones are blocks of the heap.
struct Arena::Pool {
  struct Chunk : public Storage {
    Pool* pool = nullptr;
    size_t capacity = 0;
    void* memory = nullptr;
    Heap::Block* block = nullptr;
    void Dispose() override { pool->Give(this); }
  };

  std::vector<Chunk*> kept;
  Heap heap;
  std::vector<std::pair<std::unique_ptr<char[]>, size_t>> characters;
  size_t characters_left = 0;                           // of the last chunk
  size_t bytes = 0;                                     // in use or kept
  size_t used = 0;                                      // in use
  size_t peak = 0;                                      // of used, since StartPeak
  size_t chunks = 0, chunks_used = 0, chunks_most = 0;  // beside the heap: bytes; in use; ever
  size_t limit = static_cast<size_t>(INT64_MAX);
  int64_t owners = 1;  // the arena, and every chunk in use

  void Check(size_t more) const {
    if (more <= limit - std::min(limit, used)) return;
    throw MemoryLimitExceeded(static_cast<int64_t>(used + more), static_cast<int64_t>(limit));
  }
  void Count(size_t more) {
    used += more;
    peak = std::max(peak, used);
  }

  Chunk* Take(size_t capacity) {
    Check(capacity);
    Chunk* chunk = capacity < kLarge ? nullptr : TakeLarge(capacity);
    for (size_t i = kept.size(); i-- > 0 && chunk == nullptr;) {
      if (kept[i]->capacity != capacity) continue;
      chunk = kept[i];
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (chunk == nullptr) chunk = TakeNew(capacity);
    if (chunk->block == nullptr) {
      chunks_used += capacity;
      chunks_most = std::max(chunks_most, chunks_used);
    }
    Count(chunk->capacity);
    ++owners;
    return chunk;
  }

  Chunk* TakeLarge(size_t capacity) {
    auto chunk = std::make_unique<Chunk>();
    chunk->pool = this;
    chunk->block = heap.Take(capacity, limit - std::min(limit, chunks));
    if (chunk->block == nullptr) return nullptr;
    chunk->capacity = chunk->block->size;
    chunk->memory = chunk->block->memory;
    bytes = chunks + heap.held();
    return chunk.release();
  }

  // Runs of other sizes leave chunks that fit nothing any more: the oldest go first.
  Chunk* TakeNew(size_t capacity) {
    size_t old = 0;
    while (old < kept.size() && chunks + capacity > std::max(chunks_most, chunks_used + capacity)) {
      Free(kept[old++]);
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(old));
    kept.reserve(kept.size() + 1);
    auto chunk = std::make_unique<Chunk>();
    chunk->pool = this;
    chunk->capacity = capacity;
    chunk->memory = ::operator new (capacity, std::align_val_t{kAlign});
    chunks += capacity;
    bytes += capacity;
    return chunk.release();
  }

  void Give(Chunk* chunk) {
    used -= chunk->capacity;
    if (chunk->block != nullptr) {
      heap.Give(chunk->block);
      delete chunk;
      return Disown();
    }
    chunks_used -= chunk->capacity;
    try {
      kept.push_back(chunk);
    } catch (const std::bad_alloc&) {
      Free(chunk);
    }
    Disown();
  }

  void Free(Chunk* chunk) {
    chunks -= chunk->capacity;
    bytes -= chunk->capacity;
    ::operator delete (chunk->memory, std::align_val_t{kAlign});
    delete chunk;
  }
  void Trim(size_t keep) {
    heap.Trim(keep - std::min(keep, chunks));
    bytes = chunks + heap.held();
    size_t old = 0;
    while (old < kept.size() && bytes > keep) Free(kept[old++]);
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(old));
  }
  void Disown() {
    if (--owners > 0) return;
    Trim(0);
    delete this;
  }
};

int64_t ArenaCapacity(int64_t bytes) {
  return static_cast<int64_t>(Capacity(static_cast<size_t>(bytes)));
}

Arena::Arena() : pool_(new Pool) {}
Arena::~Arena() { pool_->Disown(); }

Tensor Arena::New(int dtype, const Shape& shape) {
  if (!ShapeFits(shape, dtype)) throw std::bad_alloc();
  const int64_t size = NumElements(shape);
  Pool::Chunk* chunk = pool_->Take(Capacity(static_cast<size_t>(size * DTypeSize(dtype))));
  return Tensor(dtype, shape, size, chunk->memory, chunk);
}

char* Arena::Characters(size_t n) {
  Pool& p = *pool_;
  if (n > p.characters_left || p.characters.empty()) {
    const size_t chunk = std::max(n, kCharacterChunk);
    p.Check(chunk);
    p.characters.emplace_back(std::make_unique<char[]>(chunk), chunk);
    p.characters_left = chunk;
    p.Count(chunk);
  }
  p.characters_left -= n;
  return p.characters.back().first.get() + p.characters_left;
}

Arena::Mark Arena::CharactersMark() const {
  return {pool_->characters.size(), pool_->characters_left};
}

void Arena::ReleaseCharacters(const Mark& since) {
  for (; pool_->characters.size() > since.chunks; pool_->characters.pop_back()) {
    pool_->used -= pool_->characters.back().second;
  }
  pool_->characters_left = since.left;
}

void Arena::SetLimit(int64_t bytes) {
  pool_->limit = static_cast<size_t>(std::max<int64_t>(bytes, 0));
}
int64_t Arena::bytes() const { return static_cast<int64_t>(pool_->bytes); }
int64_t Arena::used() const { return static_cast<int64_t>(pool_->used); }
int64_t Arena::peak() const { return static_cast<int64_t>(pool_->peak); }
void Arena::StartPeak() { pool_->peak = pool_->used; }
void Arena::Trim(int64_t keep) { pool_->Trim(static_cast<size_t>(std::max<int64_t>(keep, 0))); }

}  // namespace mosaic
