// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kArrayFeatureExtractor;
extern const OpDef kBinarizer;
extern const OpDef kCastMap;
extern const OpDef kCategoryMapper;
extern const OpDef kDictVectorizer;
extern const OpDef kFeatureVectorizer;
extern const OpDef kImputer;
extern const OpDef kLabelEncoder;
extern const OpDef kLinearClassifier;
extern const OpDef kLinearRegressor;
extern const OpDef kNormalizer;
extern const OpDef kOneHotEncoder;
extern const OpDef kSVMClassifier;
extern const OpDef kSVMRegressor;
extern const OpDef kScaler;
extern const OpDef kTreeEnsemble;
extern const OpDef kTreeEnsembleClassifier;
extern const OpDef kTreeEnsembleRegressor;
extern const OpDef kZipMap;

namespace {

const OpDef* const kOps[] = {
    &kArrayFeatureExtractor,
    &kBinarizer,
    &kCastMap,
    &kCategoryMapper,
    &kDictVectorizer,
    &kFeatureVectorizer,
    &kImputer,
    &kLabelEncoder,
    &kLinearClassifier,
    &kLinearRegressor,
    &kNormalizer,
    &kOneHotEncoder,
    &kSVMClassifier,
    &kSVMRegressor,
    &kScaler,
    &kTreeEnsemble,
    &kTreeEnsembleClassifier,
    &kTreeEnsembleRegressor,
    &kZipMap,
};

}  // namespace

extern const OpFamily kMlOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
