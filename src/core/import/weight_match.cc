#include "core/import/weight_match.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/import/name_list.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

using Index = std::unordered_map<std::string, int>;

constexpr int kMaxPrefix = 8;  // parts of a prefix

// Calls f(prefix, found) for each way to get a name of index by taking a prefix away.
template <typename F>
void ForEachSuffix(const std::string& name, const Index& index, const F& f) {
  size_t dot = name.find('.');
  for (int i = 0; i < kMaxPrefix && dot != std::string::npos; ++i, dot = name.find('.', dot + 1)) {
    const auto found = index.find(name.substr(dot + 1));
    if (found != index.end()) f(name.substr(0, dot + 1), found->second);
  }
}

class WeightMatcher {
 public:
  WeightMatcher(const StoredModel& base, const std::vector<SafetensorsEntry>& weights,
                const BaseContent* content, std::vector<ContentMatch>* out)
      : base_(base), weights_(weights), content_(content), out_(*out) {}

  Status Match() {
    out_.assign(base_.descs.size(), {});
    used_.assign(weights_.size(), false);
    doubtful_.assign(base_.descs.size(), false);
    const std::vector<std::string> names = NamesOf(weights_);
    by_name_ = PairNames(NamesOf(base_), names);
    if (content_ != nullptr) new_of_ = PairNames(NamesOf(content_->entries), names);
    for (size_t i = 0; i < base_.descs.size(); ++i) {
      if (!TakesWeights(base_.descs[i])) continue;
      Choose(i);
      if (out_[i].entry >= 0) Check(i);
    }
    content_ == nullptr ? NoteLeftByName() : NoteLeftByContent();
    return Outcome();
  }

 private:
  const MosaicTensorDesc& desc(size_t i) const { return base_.descs[i]; }
  const SafetensorsEntry& entry(int i) const { return weights_[static_cast<size_t>(i)]; }

  // Candidates of which the file has not all may have had other weights: then the name decides.
  void Choose(size_t i) {
    static const std::vector<ContentMatch> kNone;
    const std::vector<ContentMatch>& found =
        content_ == nullptr ? kNone : content_->matches.of_tensor[i];
    ContentMatch first, named;
    int there = 0, absent = 0;
    for (const ContentMatch& m : found) {
      const int now = new_of_[static_cast<size_t>(m.entry)];
      if (now < 0) {
        ++absent;
        continue;
      }
      if (there++ == 0) first = {now, m.flipped};
      if (now == by_name_[i]) named = {now, m.flipped};
    }
    const bool doubt = there > 0 && there + absent > 1 && named.entry < 0;
    if (doubt) (absent > 0 ? partly_ : ambiguous_).Add(Quoted(desc(i).name));
    doubtful_[i] = doubt && absent > 0;
    if (doubtful_[i]) return;
    out_[i] = named.entry >= 0 ? named : there > 0 ? first : ContentMatch{by_name_[i], false};
    if (out_[i].entry >= 0) used_[static_cast<size_t>(out_[i].entry)] = true;
  }

  void Check(size_t i) {
    const MosaicTensorDesc& d = desc(i);
    const SafetensorsEntry& e = entry(out_[i].entry);
    std::vector<int64_t> dims = e.dims;
    if (out_[i].flipped) std::reverse(dims.begin(), dims.end());
    const std::string who =
        e.name == d.name ? Quoted(d.name) : Quoted(d.name) + " (" + Quoted(e.name) + ")";
    if (dims != DimsOf(d)) {
      shapes_.Add(who + " " + ShapeString(DimsOf(d)) + ", in the file " + ShapeString(dims));
    } else if (!FitsType(e, d)) {
      types_.Add(who + " " + DTypeName(d.dtype) + ", in the file " + Shown(e.type));
    }
  }

  static std::string Module(const std::string& name) { return name.substr(0, name.rfind('.') + 1); }

  // Single numbers are constants of the exporter's, unless the file has others of their module.
  void NoteLeftByName() {
    std::set<std::string> modules;
    for (const SafetensorsEntry& e : weights_) modules.insert(Module(e.name));
    for (size_t i = 0; i < base_.descs.size(); ++i) {
      if (!TakesWeights(desc(i)) || out_[i].entry >= 0) continue;
      const std::string module = Module(desc(i).name);
      if (ElementsOf(desc(i)) > 1 || (!module.empty() && modules.count(module) > 0))
        missing_.Add(Quoted(desc(i).name));
    }
    for (size_t f = 0; f < weights_.size(); ++f) {
      if (!used_[f]) unused_.Add(Quoted(weights_[f].name));
    }
  }

  // A constant is what the base's file has nothing like: nothing of its shape is left there.
  void NoteLeftByContent() {
    std::set<std::vector<int64_t>> left_shapes, open_shapes;
    for (size_t b = 0; b < new_of_.size(); ++b) {
      const int now = new_of_[b];
      if (now >= 0 && (content_->matches.taken[b] || used_[static_cast<size_t>(now)])) continue;
      const std::vector<int64_t>& dims = content_->entries[b].dims;
      left_shapes.insert(dims);
      if (dims.size() == 2) left_shapes.insert({dims[1], dims[0]});
    }
    for (size_t i = 0; i < base_.descs.size(); ++i) {
      if (!TakesWeights(desc(i)) || out_[i].entry >= 0) continue;
      const std::vector<int64_t> dims = DimsOf(desc(i));
      if (content_->matches.of_tensor[i].empty() && left_shapes.count(dims) == 0) continue;
      if (!doubtful_[i]) missing_.Add(Quoted(desc(i).name));
      open_shapes.insert(dims);
      if (dims.size() == 2) open_shapes.insert({dims[1], dims[0]});
    }
    std::vector<bool> known(weights_.size());
    for (int now : new_of_) {
      if (now >= 0) known[static_cast<size_t>(now)] = true;
    }
    for (size_t f = 0; f < weights_.size(); ++f) {
      if (!used_[f] && (!known[f] || open_shapes.count(weights_[f].dims) > 0))
        unused_.Add(Quoted(weights_[f].name));
    }
  }

  Status Outcome() const {
    const int n = missing_.count() + unused_.count() + shapes_.count() + types_.count() +
                  ambiguous_.count() + partly_.count();
    if (n == 0) return {};
    std::string detail =
        missing_.Sentence("Not in the file") + unused_.Sentence("Not in the model") +
        shapes_.Sentence("Of another shape") + types_.Sentence("Of another type") +
        ambiguous_.Sentence("Equal in the base's file to several tensors that differ now") +
        partly_.Sentence(
            "Equal in the base's file to several tensors, of which the file lacks some");
    detail.pop_back();
    const char* hint = content_ != nullptr
                           ? "base_weights must be the file that the base was exported from."
                           : "Exporters rename and transpose weights. With base_weights => the "
                             "safetensors file that the base "
                             "was exported from, tensors are found by their content.";
    return Status(MOSAIC_E_INVALID,
                  "the weights do not fit the graph: " + std::to_string(n) +
                      (n == 1 ? " tensor does" : " tensors do") + " not match",
                  detail, hint);
  }

  const StoredModel& base_;
  const std::vector<SafetensorsEntry>& weights_;
  const BaseContent* const content_;
  std::vector<ContentMatch>& out_;
  std::vector<int> by_name_, new_of_;  // of stored tensors, of the base's file: entries of weights
  std::vector<bool> used_, doubtful_;  // of weights; stored tensors in partly_
  NameList missing_, unused_, shapes_, types_, ambiguous_, partly_;
};

}  // namespace

bool TakesWeights(const MosaicTensorDesc& d) {
  return (d.dtype == MOSAIC_FLOAT || d.dtype == MOSAIC_FLOAT16 || d.dtype == MOSAIC_BFLOAT16) &&
         ElementsOf(d) > 0;
}

bool FitsType(const SafetensorsEntry& e, const MosaicTensorDesc& d) {
  return e.is_weight() && (d.dtype == MOSAIC_FLOAT || d.dtype == e.dtype);
}

std::vector<std::string> NamesOf(const std::vector<SafetensorsEntry>& entries) {
  std::vector<std::string> names;
  for (const SafetensorsEntry& e : entries) names.push_back(e.name);
  return names;
}

std::vector<std::string> NamesOf(const StoredModel& base) {
  std::vector<std::string> names;
  for (const MosaicTensorDesc& d : base.descs) names.push_back(TakesWeights(d) ? d.name : "");
  return names;
}

std::vector<int> PairNames(const std::vector<std::string>& names,
                           const std::vector<std::string>& others) {
  std::vector<int> pairs(names.size(), -1);
  Index left;  // of others
  for (size_t i = 0; i < others.size(); ++i) left.emplace(others[i], static_cast<int>(i));
  const Index all = left;
  Index open;  // of names
  for (size_t i = 0; i < names.size(); ++i) {
    const auto found = all.find(names[i]);
    if (found != all.end()) {
      pairs[i] = found->second;
      left.erase(names[i]);
    } else if (!names[i].empty()) {
      open.emplace(names[i], static_cast<int>(i));
    }
  }
  // By prefix, of others (first) or of names: the pairs it makes.
  std::map<std::pair<bool, std::string>, std::vector<std::pair<int, int>>> prefixes;
  for (const auto& [other, o] : left) {
    ForEachSuffix(other, open, [&, o = o](const std::string& p, int n) {
      prefixes[{true, p}].push_back({n, o});
    });
  }
  for (const auto& [name, n] : open) {
    ForEachSuffix(name, left, [&, n = n](const std::string& p, int o) {
      prefixes[{false, p}].push_back({n, o});
    });
  }
  const std::vector<std::pair<int, int>>* best = nullptr;
  for (const auto& [prefix, found] : prefixes) {
    if (best == nullptr || found.size() > best->size()) best = &found;
  }
  if (best == nullptr) return pairs;
  for (const auto& [n, o] : *best) pairs[static_cast<size_t>(n)] = o;
  return pairs;
}

Status ReadBaseContent(const StoredModel& base, bool ascii_names,
                       const std::shared_ptr<ByteSource>& file, BaseContent* out) {
  MOSAIC_RETURN_IF_ERROR(ReadSafetensors(file.get(), ascii_names, &out->entries));
  const std::vector<int> named = PairNames(NamesOf(base), NamesOf(out->entries));
  return MatchContent(base, out->entries, named, file, &out->matches);
}

Status MatchWeights(const StoredModel& base, const std::vector<SafetensorsEntry>& weights,
                    const BaseContent* content, std::vector<ContentMatch>* out) {
  return WeightMatcher(base, weights, content, out).Match();
}

}  // namespace mosaic
