#include "core/import/like.h"

#include "core/import/weight_match.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

Status In(const Status& s, const char* what) {
  return s.ok() || s.code() == MOSAIC_E_HOST ? s : s.In(what);
}

Status Match(const Importer::Options& options, const StoredModel& base,
             const std::shared_ptr<ByteSource>& weights,
             const std::shared_ptr<ByteSource>& base_weights, std::vector<GraphTensor>* tensors,
             std::vector<int>* kept) {
  std::vector<SafetensorsEntry> entries;
  MOSAIC_RETURN_IF_ERROR(
      In(ReadSafetensors(weights.get(), options.ascii_names, &entries), "weights"));
  BaseContent content;
  if (base_weights != nullptr) {
    MOSAIC_RETURN_IF_ERROR(
        In(ReadBaseContent(base, options.ascii_names, base_weights, &content), "base_weights"));
  }
  std::vector<ContentMatch> matches;
  MOSAIC_RETURN_IF_ERROR(
      MatchWeights(base, entries, base_weights == nullptr ? nullptr : &content, &matches));
  tensors->resize(base.descs.size());
  for (size_t i = 0; i < base.descs.size(); ++i) {
    const ContentMatch& m = matches[i];
    kept->push_back(m.entry < 0 ? static_cast<int>(i) : -1);
    if (m.entry < 0) continue;
    GraphTensor& t = (*tensors)[i];
    t.name = base.descs[i].name;
    t.dtype = base.descs[i].dtype;
    t.dims = DimsOf(base.descs[i]);
    t.elements = ElementsOf(base.descs[i]);
    t.data = DataOf(entries[static_cast<size_t>(m.entry)], weights);
    t.flipped = m.flipped;
  }
  return {};
}

}  // namespace

Status OpenLike(const std::string& model_name, const Importer::Options& options,
                const StoredModel& base, const std::shared_ptr<ByteSource>& weights,
                const std::shared_ptr<ByteSource>& base_weights, std::unique_ptr<Importer>* out) {
  std::vector<GraphTensor> tensors;
  std::vector<int> kept;
  MOSAIC_RETURN_IF_ERROR(In(Match(options, base, weights, base_weights, &tensors, &kept),
                            ("model " + Quoted(model_name)).c_str()));
  return Importer::OpenStored(model_name, options, base, base.graph, std::move(tensors),
                              std::move(kept), out);
}

}  // namespace mosaic
