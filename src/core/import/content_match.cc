#include "core/import/content_match.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>

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

// Inline tensors that are cut alike and have the same elements: what one of them equals, all do.
struct Alike {
  std::vector<size_t> tensors;
  int entries = 0, last = -1;  // that all have noted
};

struct Group {
  std::vector<size_t> tensors;
  std::unordered_map<std::string_view, Alike> alike;  // by their bytes
};

class Matcher {
 public:
  Matcher(const StoredModel& base, const std::vector<int>& named, size_t entries,
          ContentMatches* out)
      : base_(base),
        named_(named),
        by_name_(entries, -1),
        out_(*out),
        hashes_(base.descs.size()),
        best_(base.descs.size()) {
    out_.of_tensor.assign(base.descs.size(), {});
    out_.taken.assign(entries, false);
    for (size_t i = 0; i < named.size(); ++i) {
      if (named[i] >= 0) by_name_[static_cast<size_t>(named[i])] = static_cast<int>(i);
    }
  }

  Status ReadStored() {
    std::vector<char> payload(MOSAIC_MAX_PAYLOAD);
    for (size_t i = 0; i < base_.descs.size(); ++i) {
      const MosaicTensorDesc& d = base_.descs[i];
      if (!IsFloat(d.dtype)) continue;
      Group& group = groups_[CutOf(d)];
      group.tensors.push_back(i);
      if (d.layout == MOSAIC_LAYOUT_INLINE) {
        group.alike[{static_cast<const char*>(d.value), d.value_bytes}].tensors.push_back(i);
        continue;
      }
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
    for (const bool flipped : {false, true}) {
      if (flipped && e.dims.size() != 2) break;
      const Dims dims = flipped ? Dims(e.dims.rbegin(), e.dims.rend()) : e.dims;
      const Cut first = {dims, INT_MIN, INT_MIN, INT_MIN, false, INT_MIN, INT_MIN};
      for (auto g = groups_.lower_bound(first); g != groups_.end(); ++g) {
        if (std::get<0>(g->first) != dims) break;
        const MosaicTensorDesc& d = base_.descs[g->second.tensors[0]];
        if (!CanRead(e.dtype, d.stored_dtype) || (flipped && d.layout == MOSAIC_LAYOUT_ROW))
          continue;
        MOSAIC_RETURN_IF_ERROR(Compare({index, flipped}, e, source, &g->second));
      }
    }
    return {};
  }

  void Finish() {
    for (const std::vector<ContentMatch>& found : out_.of_tensor) {
      for (const ContentMatch& m : found) out_.taken[static_cast<size_t>(m.entry)] = true;
    }
  }

 private:
  Status Compare(ContentMatch match, const SafetensorsEntry& e,
                 const std::shared_ptr<ByteSource>& source, Group* group) {
    const std::vector<size_t>& tensors = group->tensors;
    const MosaicTensorDesc& d = base_.descs[tensors[0]];
    GraphTensor t;
    t.name = e.name;
    t.dtype = d.dtype;
    t.dims = DimsOf(d);
    t.elements = e.elements;
    t.data = DataOf(e, source);
    t.flipped = match.flipped;
    if (d.layout == MOSAIC_LAYOUT_INLINE) return CompareInline(match, t, group);
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

  Status CompareInline(ContentMatch match, const GraphTensor& t, Group* group) {
    std::string bytes;
    MOSAIC_RETURN_IF_ERROR(ReadDense(t, &bytes));
    const auto found = group->alike.find(bytes);
    if (found == group->alike.end()) return {};
    Alike& alike = found->second;
    if (alike.last == match.entry) return {};
    alike.last = match.entry;
    out_.taken[static_cast<size_t>(match.entry)] = true;
    if (alike.entries++ < kKept) {
      for (size_t i : alike.tensors) Note(i, match, 1);
      return {};
    }
    const int by_name = by_name_[static_cast<size_t>(match.entry)];
    const std::vector<size_t>& all = alike.tensors;  // ascending
    if (by_name >= 0 && std::binary_search(all.begin(), all.end(), static_cast<size_t>(by_name)))
      Note(static_cast<size_t>(by_name), match, 1);
    return {};
  }

  // What is the same either way round is taken as it lies.
  void Note(size_t tensor, ContentMatch match, int64_t equal) {
    std::vector<ContentMatch>& found = out_.of_tensor[tensor];
    if (equal < best_[tensor]) return;
    if (equal > best_[tensor]) found.clear();
    best_[tensor] = equal;
    if (equal == base_.descs[tensor].nblocks) out_.taken[static_cast<size_t>(match.entry)] = true;
    if (!found.empty() && found.back().entry == match.entry) return;
    if (found.size() < kKept || match.entry == named_[tensor]) found.push_back(match);
  }

  // Two entries are enough to tell that elements do not say which one it is.
  static constexpr int kKept = 2;

  const StoredModel& base_;
  const std::vector<int>& named_;
  std::vector<int> by_name_;  // of entries: the tensor that has it in named_
  ContentMatches& out_;
  std::vector<std::vector<uint64_t>> hashes_;
  std::vector<int64_t> best_;
  std::map<Cut, Group> groups_;
};

}  // namespace

// Each entry that may match is read through source, whose host looks for interrupts.
Status MatchContent(const StoredModel& base, const std::vector<SafetensorsEntry>& entries,
                    const std::vector<int>& named, const std::shared_ptr<ByteSource>& source,
                    ContentMatches* out) {
  Matcher matcher(base, named, entries.size(), out);
  MOSAIC_RETURN_IF_ERROR(matcher.ReadStored());
  for (size_t i = 0; i < entries.size(); ++i) {
    const SafetensorsEntry& e = entries[i];
    if (!e.is_weight() || e.elements == 0) continue;
    const Status s = matcher.Try(static_cast<int>(i), e, source);
    if (!s.ok()) return s.code() == MOSAIC_E_HOST ? s : s.In("tensor " + e.name);
  }
  matcher.Finish();
  return {};
}

}  // namespace mosaic
