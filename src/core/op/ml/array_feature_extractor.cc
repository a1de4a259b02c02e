// ArrayFeatureExtractor: the chosen columns, along the last dimension; of one dimension [C], a row [1, n].
#include <algorithm>
#include <cstring>

#include "core/op/ml/ml_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

class ArrayFeatureExtractor : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int64_t>>(c.dtype(1), "indices")));
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims dims = c.dims(0);
    if (dims.empty()) return Status::BadModel("the input is a scalar");
    const Dim n = Product(c.dims(1));
    const bool row = dims.size() == 1;
    dims.back() = n;
    if (row) dims.insert(dims.begin(), Dim(1));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(dims)));
    c.ItemsOf(0, !row && c.item_axis(0) + 1 < c.in(0).rank());
    return Status();
  }

  Status Start(Call& c) const override {
    c.OnePhase(Chunks(c.inputs[1].size(), kChunk), 2 * kChunk);
    c.phases.push_back(Phase{Chunks(c.outputs[0].size(), kChunk), 8 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const int64_t n = c.inputs[1].size(), width = WidthOf(c.inputs[0]);
    const int64_t* indices = c.inputs[1].data<int64_t>();
    const int64_t first = begin * kChunk, last = end * kChunk;
    if (phase == 0) {
      for (int64_t i = first; i < std::min(last, n); ++i) {
        if (indices[i] < 0 || indices[i] >= width) {
          return Status::Invalid("index " + std::to_string(indices[i]) + " is out of range for " +
                                 std::to_string(width) + " features");
        }
      }
      return Status();
    }
    const int64_t size = DTypeSize(c.outputs[0].dtype());
    const char* from = c.inputs[0].data<char>();
    char* to = c.outputs[0].mutable_data<char>();
    for (int64_t i = first; i < std::min(last, c.outputs[0].size()); ++i) {
      std::memcpy(to + i * size, from + (i / n * width + indices[i % n]) * size,
                  static_cast<size_t>(size));
    }
    return Status();
  }
};

}  // namespace

extern const OpDef kArrayFeatureExtractor = {kMlDomain, "ArrayFeatureExtractor", 1, 5,
                                             &MakePlain<ArrayFeatureExtractor, 2, 2>};

}  // namespace mosaic
