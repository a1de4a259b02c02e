// The fourth part of op/property_test.cc: what Infer says of items, along any axis of any input. Three items are computed one
// by one and joined; where each can be and Infer says that items stay apart, the batch is computed too, and gives the outputs
// of the items, joined along the axis that Infer says. Also for calls that are not quite right (op/samples/wrong.h): what is
// refused is refused for each item as for the batch.
#include <gtest/gtest.h>

#include <cstring>
#include <new>

#include "op/samples/compare.h"
#include "op/samples/seed.h"
#include "op/samples/wrong.h"

namespace mosaic {
namespace {

using namespace samples;  // NOLINT: all of it

constexpr int kSamples = 40;  // of each operator
constexpr size_t kItems = 3;
constexpr int64_t kMemory = int64_t{32} << 20, kElements = 50000;
constexpr char kSymbol[] = "#items";

Tensor Joined(const std::vector<Tensor>& parts, int axis, Arena* arena) {
  Shape shape = parts[0].shape();
  int64_t outer = 1, inner = DTypeSize(parts[0].dtype());
  for (int d = 0; d < axis; ++d) outer *= shape[static_cast<size_t>(d)];
  for (size_t d = static_cast<size_t>(axis); d < shape.size(); ++d) inner *= shape[d];
  shape[static_cast<size_t>(axis)] *= static_cast<int64_t>(parts.size());
  Tensor all = arena->New(parts[0].dtype(), shape);
  char* to = all.mutable_data<char>();
  for (int64_t u = 0; u < outer && inner > 0; ++u) {
    for (const Tensor& part : parts) {
      std::memcpy(to, part.data<char>() + u * inner, static_cast<size_t>(inner));
      to += inner;
    }
  }
  return all;
}

class Batch {
 public:
  // Which inputs have items along which axis is drawn. False: none can.
  bool Prepare(Sample* s, Draw& d, uint64_t seed) {
    const int64_t common = d.Int(0, 3) > 0 ? 0 : d.Int(0, 3);
    bool any = false;
    int64_t elements = 0;
    for (size_t i = 0; i < s->inputs.size(); ++i) {
      Given& g = s->inputs[i];
      int axis = -1;
      if (g.dtype != MOSAIC_UNDEFINED && g.dtype != MOSAIC_SEQUENCE && !g.shape.empty()) {
        const bool has = i == 0 ? d.Int(0, 5) > 0 : g.data ? d.Flip() : d.Int(0, 3) == 0;
        const int64_t at = d.Int(0, 7) > 0 ? common : d.Int(0, static_cast<int64_t>(g.shape.size()) - 1);
        if (has && at < static_cast<int64_t>(g.shape.size())) axis = static_cast<int>(at);
        if (axis >= 0 && d.Flip() && g.shape[static_cast<size_t>(axis)] > 0) g.shape[static_cast<size_t>(axis)] = 1;
      }
      axes_.push_back(axis);
      any = any || axis >= 0;
      elements += NumElements(g.shape);
    }
    if (!any || elements > kElements) return false;
    for (size_t i = 0; i < s->inputs.size(); ++i) {
      const Given& g = s->inputs[i];
      std::vector<Tensor> parts;
      for (size_t k = 0; k < kItems; ++k) {
        const uint64_t own = axes_[i] < 0 ? 0 : k + 1;
        parts.push_back(k > 0 && own == 0 ? parts[0] : MakeTensor(g, &arena_, seed + 1000 * i + 77 * own));
        alone_[k].push_back(parts.back());
      }
      together_.push_back(axes_[i] < 0 ? parts[0] : Joined(parts, axes_[i], &arena_));
      facts_.push_back(FactOf(together_.back(), axes_[i]));
    }
    return true;
  }

  // "" or what is wrong. tried: counts calls whose items Infer keeps apart.
  std::string Check(const Sample& s, int64_t* tried) {
    std::unique_ptr<Op> op;
    std::vector<Fact> facts;
    bool deferred = false;
    if (!MakeOp(s.node, &op).ok() || !InferOp(*op, facts_, s.outputs, kSymbol, &facts, &deferred).ok()) return "";
    for (const Fact& f : facts) {
      if (f.item_axis < kShared) return "";
    }
    std::vector<Tensor> each[kItems], all;
    for (size_t k = 0; k < kItems; ++k) {
      if (!RunBounded(s, alone_[k], &each[k]).ok()) return "";
    }
    const Status status = RunBounded(s, together_, &all);
    if (!status.ok()) return "each item is computed, the batch is not: " + status.message();
    ++*tried;
    for (size_t o = 0; o < all.size(); ++o) {
      if (facts[o].ints != nullptr) continue;  // numbers that may count items, and say so
      const std::string differs = CheckOutput(facts[o].item_axis, all[o], o, each);
      if (!differs.empty()) return "output " + std::to_string(o) + ": " + differs;
    }
    return "";
  }

  void SetLimit() { arena_.SetLimit(kMemory); }

 private:
  static Fact FactOf(const Tensor& t, int axis) {
    Fact f = t.defined() ? Fact::OfTensor(t) : Fact();
    f.item_axis = kShared;
    if (axis < 0) return f;
    Dims dims(t.shape().begin(), t.shape().end());
    dims[static_cast<size_t>(axis)] = Dim::Symbol(kSymbol) * Dim(t.dim(axis) / static_cast<int64_t>(kItems));
    f = Fact::Of(t.dtype(), dims);
    f.item_axis = axis;
    return f;
  }
  Status RunBounded(const Sample& s, const std::vector<Tensor>& inputs, std::vector<Tensor>* out) {
    return RunSample(s, inputs, &arena_, out, FewUnits);
  }
  std::string CheckOutput(int axis, const Tensor& all, size_t o, const std::vector<Tensor>* each) {
    if (all.dtype() == MOSAIC_SEQUENCE || all.dtype() == MOSAIC_STRING) return "";
    if (axis < 0) return SameElements(all, each[0][o]) ? "" : "it is not the same for all";
    std::vector<Tensor> parts;
    for (size_t k = 0; k < kItems; ++k) {
      parts.push_back(each[k][o]);
      if (parts[k].shape() != parts[0].shape()) return "items have different shapes";
    }
    if (axis >= parts[0].rank()) return "there is no axis " + std::to_string(axis);
    return SameElements(all, Joined(parts, axis, &arena_)) ? "" : "items have other elements in the batch";
  }

  Arena arena_;
  std::vector<int> axes_;
  std::vector<Tensor> alone_[kItems], together_;
  std::vector<Fact> facts_;
};

TEST(OperatorAxes, KeepItemsApartWhereInferSaysSo) {
  const uint64_t seed = TestSeed();
  int64_t tried = 0;
  for (const Generator& g : Generators()) {
    const int failures = Failures();
    for (int k = 0; k < kSamples && Failures() == failures; ++k) {
      const uint64_t own = seed * 1000 + static_cast<uint64_t>(k);
      Draw d(own, k % 3 == 0 ? 200 : 24);
      Sample s = DrawSample(g, d);
      std::string what;
      for (int64_t n = d.Int(0, 2); n > 0; --n) what += MakeWrong(&s, d) + ", ";
      Batch batch;
      batch.SetLimit();
      try {
        if (!batch.Prepare(&s, d, own)) continue;
        const std::string wrong = batch.Check(s, &tried);
        EXPECT_EQ(wrong, "") << g.op_type << ", " << what << DescribeSample(s);
      } catch (const MemoryLimitExceeded&) {
      } catch (const std::bad_alloc&) {
      }
    }
  }
  EXPECT_GT(tried, 10 * static_cast<int64_t>(Generators().size()) / 4) << "too few calls keep items apart for this test to say much";
}

}  // namespace
}  // namespace mosaic
