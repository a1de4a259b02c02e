// The table of all operators: those of the families, by domain and name.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/op/family.h"

namespace mosaic {

extern const OpFamily kMathOps;
extern const OpFamily kReduceOps;
extern const OpFamily kNnOps;
extern const OpFamily kArrayOps;
extern const OpFamily kProductOps;
extern const OpFamily kConvOps;
extern const OpFamily kRnnOps;
extern const OpFamily kQuantOps;
extern const OpFamily kMlOps;
extern const OpFamily kTextOps;
extern const OpFamily kControlOps;
extern const OpFamily kSignalOps;
extern const OpFamily kSpatialOps;
extern const OpFamily kMicrosoftOps;
extern const OpFamily kAttentionOps;

namespace {

const OpFamily* const kFamilies[] = {
    &kMathOps,
    &kReduceOps,
    &kNnOps,
    &kArrayOps,
    &kProductOps,
    &kConvOps,
    &kRnnOps,
    &kQuantOps,
    &kMlOps,
    &kTextOps,
    &kControlOps,
    &kSignalOps,
    &kSpatialOps,
    &kMicrosoftOps,
    &kAttentionOps,
};

bool Before(const OpDef* a, const OpDef* b) {
  const int domains = std::strcmp(a->domain, b->domain);
  return domains != 0 ? domains < 0 : std::strcmp(a->op_type, b->op_type) < 0;
}

std::string KeyOf(const std::string& domain, const std::string& op_type) {
  return domain + '.' + op_type;
}

}  // namespace

const std::vector<const OpDef*>& AllOps() {
  static const auto* const all = [] {
    auto* ops = new std::vector<const OpDef*>();  // never destroyed
    for (const OpFamily* f : kFamilies) ops->insert(ops->end(), f->begin, f->end);
    std::sort(ops->begin(), ops->end(), Before);
    return ops;
  }();
  return *all;
}

const OpDef* FindOp(const std::string& domain, const std::string& op_type) {
  static const auto* const by_name = [] {
    auto* map = new std::unordered_map<std::string, const OpDef*>();
    for (const OpDef* def : AllOps()) map->emplace(KeyOf(def->domain, def->op_type), def);
    return map;
  }();
  const auto found = by_name->find(KeyOf(domain, op_type));
  return found == by_name->end() ? nullptr : found->second;
}

}  // namespace mosaic
