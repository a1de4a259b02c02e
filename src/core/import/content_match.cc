#include "core/import/content_match.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "core/block/block_hash.h"
#include "core/import/block_cutter.h"
#include "core/import/dense.h"
#include "core/import/importer.h"

namespace mosaic {
namespace {

using Dims = std::vector<int64_t>;

uint64_t Short(const uint8_t hash[16]) {
  uint64_t h = 0;
  std::memcpy(&h, hash, sizeof(h));
  return h;
}

// Tensors of one shape that are cut alike, so that an entry is cut once for all of them.
using Cut = std::tuple<Dims, int, int, int, bool, int, int>;

Cut CutOf(const MosaicTensorDesc& d) {
  return {DimsOf(d), d.dtype, d.layout, d.stored_dtype, d.transposed, d.block_rows, d.block_cols};
}

bool CanRead(int file, int as) { return as == file || as == MOSAIC_FLOAT || as == MOSAIC_BFLOAT16; }

class Matcher {
 public:
  Matcher(const StoredModel& base, std::vector<std::vector<ContentMatch>>* out)
      : base_(base), out_(*out), hashes_(base.descs.size()), best_(base.descs.size()) {
    out_.assign(base.descs.size(), {});
  }

  Status ReadStored() {
    std::vector<char> payload(MOSAIC_MAX_PAYLOAD);
    for (size_t i = 0; i < base_.descs.size(); ++i) {
      const MosaicTensorDesc& d = base_.descs[i];
      if (!IsFloat(d.dtype)) continue;
      groups_[CutOf(d)].push_back(i);
      if (d.layout == MOSAIC_LAYOUT_INLINE) continue;
      const Blocking b = BlockingOf(d);
      for (int64_t k = 0; k < d.nblocks; ++k) {
        MOSAIC_RETURN_IF_ERROR(base_.blocks->Read(static_cast<int>(i), k, payload.data()));
        uint8_t hash[16];
        HashBlock(b.geometry(), payload.data(), b.payload_bytes(), hash);
        hashes_[i].push_back(Short(hash));
      }
    }
    return {};
  }

  Status Try(int index, const SafetensorsEntry& e, const std::shared_ptr<ByteSource>& source) {
    const Dims turned(e.dims.rbegin(), e.dims.rend());
    for (const auto& [cut, tensors] : groups_) {
      const Dims& dims = std::get<0>(cut);
      const MosaicTensorDesc& d = base_.descs[tensors[0]];
      if (!CanRead(e.dtype, d.stored_dtype)) continue;
      if (dims == e.dims) MOSAIC_RETURN_IF_ERROR(Compare({index, false}, e, source, tensors));
      const bool turns = d.layout != MOSAIC_LAYOUT_ROW && dims.size() == 2;
      if (turns && dims == turned)
        MOSAIC_RETURN_IF_ERROR(Compare({index, true}, e, source, tensors));
    }
    return {};
  }

 private:
  Status Compare(ContentMatch match, const SafetensorsEntry& e,
                 const std::shared_ptr<ByteSource>& source, const std::vector<size_t>& tensors) {
    const MosaicTensorDesc& d = base_.descs[tensors[0]];
    GraphTensor t;
    t.name = e.name;
    t.dtype = d.dtype;
    t.dims = DimsOf(d);
    t.elements = e.elements;
    t.data = DataOf(e, source);
    t.flipped = match.flipped;
    if (d.layout == MOSAIC_LAYOUT_INLINE) return CompareInline(match, t, tensors);
    std::vector<int64_t> equal(tensors.size());
    BlockCutter cutter(t, LayoutOf(d), Importer::kWindowBytes);
    for (bool more = true;;) {
      MosaicBlock block = {};
      MOSAIC_RETURN_IF_ERROR(cutter.Next(&block, &more));
      if (!more) break;
      for (size_t i = 0; i < tensors.size(); ++i) {
        equal[i] += hashes_[tensors[i]][static_cast<size_t>(block.index)] == Short(block.hash);
      }
    }
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (equal[i] * 2 > d.nblocks) Note(tensors[i], match, equal[i]);
    }
    return {};
  }

  Status CompareInline(ContentMatch match, const GraphTensor& t,
                       const std::vector<size_t>& tensors) {
    std::string bytes;
    MOSAIC_RETURN_IF_ERROR(ReadDense(t, &bytes));
    for (size_t i : tensors) {
      const MosaicTensorDesc& d = base_.descs[i];
      const bool equal =
          d.value_bytes == bytes.size() && std::memcmp(d.value, bytes.data(), bytes.size()) == 0;
      if (equal) Note(i, match, 1);
    }
    return {};
  }

  // What is the same either way round is taken as it lies.
  void Note(size_t tensor, ContentMatch match, int64_t equal) {
    std::vector<ContentMatch>& found = out_[tensor];
    if (equal < best_[tensor]) return;
    if (equal > best_[tensor]) found.clear();
    best_[tensor] = equal;
    if (found.empty() || found.back().entry != match.entry) found.push_back(match);
  }

  const StoredModel& base_;
  std::vector<std::vector<ContentMatch>>& out_;
  std::vector<std::vector<uint64_t>> hashes_;
  std::vector<int64_t> best_;
  std::map<Cut, std::vector<size_t>> groups_;
};

}  // namespace

Status MatchContent(const StoredModel& base, const std::vector<SafetensorsEntry>& entries,
                    const std::shared_ptr<ByteSource>& source,
                    std::vector<std::vector<ContentMatch>>* out) {
  Matcher matcher(base, out);
  MOSAIC_RETURN_IF_ERROR(matcher.ReadStored());
  for (size_t i = 0; i < entries.size(); ++i) {
    const SafetensorsEntry& e = entries[i];
    if (!e.is_weight() || e.elements == 0) continue;
    const Status s = matcher.Try(static_cast<int>(i), e, source);
    if (!s.ok()) return s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + e.name);
  }
  return {};
}

}  // namespace mosaic
