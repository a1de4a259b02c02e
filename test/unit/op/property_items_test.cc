// The second half of op/property_test.cc: operators as models. Items of a batch keep their bits alone and beside other
// neighbours wherever a model says that they are independent, and weights give the same results in every layout.
#include <gtest/gtest.h>

#include "op/samples/call.h"
#include "op/samples/compare.h"
#include "op/samples/seed.h"
#include "run/fake_store.h"

namespace mosaic {
namespace {

using namespace samples;          // NOLINT: all of it
using namespace mosaic::testing;  // NOLINT

constexpr int kSamples = 8;  // of each operator
constexpr int kMaxBlocks = 3;

enum class Layout { kInline, kRows, kStrips, kTransposedStrips };

// A model of one node: inputs that are data and have the items of the first are inputs of the model, all else weights.
class NodeModel {
 public:
  // free: the number of items is.
  NodeModel(const Sample& s, const std::vector<Tensor>& inputs, Layout layout, bool free) {
    graph_.graph.opset = kReviewedOpset;
    graph_.graph.domains = {{kMlDomain, kReviewedMlOpset}, {kMicrosoftDomain, 1}};
    items_ = inputs[0].defined() && inputs[0].rank() > 0 ? inputs[0].dim(0) : 0;
    std::vector<int> values;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& t = inputs[i];
      if (!t.defined()) {
        values.push_back(-1);
      } else if (s.inputs[i].data && t.rank() > 1 && t.dim(0) == items_) {
        Shape dims = t.shape();
        if (free) dims[0] = kSymbolic;
        values.push_back(graph_.Input("x" + std::to_string(i), t.dtype(), dims));
        if (free) graph_.graph.values.back().dim_names[0] = "items";
        data_.push_back(i);
      } else {
        values.push_back(graph_.Constant(Store(t, layout, i)));
      }
    }
    graph_.Output(graph_.Call(s.node.op_type, values, s.node.attributes));
    Node& node = graph_.graph.nodes.back();
    node.domain = s.node.domain;
    node.attribute_inputs = s.node.attribute_inputs;
    for (size_t o = 1; o < s.outputs; ++o) {
      graph_.graph.values.emplace_back();
      graph_.graph.values.back().name = "o" + std::to_string(o);
      node.outputs.push_back(static_cast<int>(graph_.graph.values.size()) - 1);
      graph_.Output(node.outputs.back());
    }
  }

  // Of the node's outputs, only this one is wanted; the others have no name. Before Load.
  void KeepOutput(size_t o) {
    std::vector<int>& outputs = graph_.graph.nodes.back().outputs;
    const int kept = outputs[o];
    std::fill(outputs.begin(), outputs.end(), -1);
    outputs[o] = kept;
    graph_.graph.outputs = {kept};
  }

  // The node lists no output behind this one. Before Load.
  void EndOutputs(size_t last) {
    graph_.graph.nodes.back().outputs.resize(last + 1);
    graph_.graph.outputs.resize(last + 1);
  }

  // The inputs that are the model's own.
  const std::vector<size_t>& data() const { return data_; }
  int64_t items() const { return items_; }
  Status Load() { return graph_.TryLoad(&model_); }
  const Model& model() const { return *model_; }

  // Output o item after item.
  Status Run(const std::vector<Array>& inputs, int64_t items, std::vector<Array>* out) {
    BatchRun run(*model_, kMaxBlocks);
    std::vector<Array> whole;
    MOSAIC_RETURN_IF_ERROR(Predict(&run, graph_.store, inputs, items, 0, &whole));
    out->clear();
    for (size_t o = 0; o < model_->graph.outputs.size(); ++o) {
      Shape item;
      Tensor all;
      for (bool more = true; more;) MOSAIC_RETURN_IF_ERROR(run.ItemOutput(o, true, &item, &all, &more));
      out->push_back(Array(all));
    }
    return Status();
  }

 private:
  int Store(const Tensor& t, Layout layout, size_t i) {
    const std::string name = "w" + std::to_string(i);
    const bool strips = layout == Layout::kStrips || layout == Layout::kTransposedStrips;
    if (layout == Layout::kRows && t.rank() > 0 && t.size() > 0) return graph_.store.AddRow(name, t.shape(), t.dim(0), t.dtype(), t.raw(), 31);
    if (strips && t.dtype() == MOSAIC_FLOAT && t.size() > 0) {
      const std::vector<float> elements(t.data<float>(), t.data<float>() + t.size());
      const bool transposed = layout == Layout::kTransposedStrips;
      if (t.rank() == 2) return graph_.store.AddStrip(name, t.dim(transposed ? 1 : 0), t.dim(transposed ? 0 : 1), elements, transposed, 31);
      if (t.rank() > 2 && t.dim(0) % 16 == 0) return graph_.store.AddKernels(name, t.shape(), elements, 31);
    }
    return graph_.store.AddInline(name, t.shape(), t.dtype(), t.raw());
  }

  GraphBuilder graph_;
  std::vector<size_t> data_;
  int64_t items_ = 0;
  std::unique_ptr<Model> model_;
};

bool Storable(const std::vector<Tensor>& inputs) {
  for (const Tensor& t : inputs) {
    if (t.defined() && (t.dtype() == MOSAIC_STRING || t.dtype() == MOSAIC_SEQUENCE)) return false;
  }
  return !inputs.empty();
}

std::vector<Array> DataOf(const NodeModel& m, const std::vector<Tensor>& inputs) {
  std::vector<Array> data;
  for (size_t i : m.data()) data.push_back(Array(inputs[i]));
  return data;
}

// Item i of arrays that hold all items one after another.
std::string ItemBytes(const Array& all, int64_t i, int64_t items) {
  const size_t n = all.bytes.size() / static_cast<size_t>(items);
  return std::string(all.bytes.data() + static_cast<size_t>(i) * n, n);
}

// An item alone, and with everything else in the batch replaced.
void CheckItem(NodeModel* m, const std::vector<Array>& data, const std::vector<Array>& other, const std::vector<Array>& together, int64_t i) {
  std::vector<Array> alone, beside = other, out;
  for (size_t k = 0; k < data.size(); ++k) {
    alone.push_back(data[k].item(i));
    const size_t n = data[k].bytes.size() / static_cast<size_t>(m->items()), at = static_cast<size_t>(i) * n;
    std::copy_n(data[k].bytes.begin() + static_cast<std::ptrdiff_t>(at), n, beside[k].bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const Status first = m->Run(alone, 1, &out);
  ASSERT_TRUE(first.ok()) << first.message();
  for (size_t o = 0; o < out.size(); ++o) {
    EXPECT_EQ(std::string(out[o].bytes.data(), out[o].bytes.size()), ItemBytes(together[o], i, m->items())) << "alone, output " << o << ", item " << i;
  }
  const Status second = m->Run(beside, m->items(), &out);
  ASSERT_TRUE(second.ok()) << second.message();
  for (size_t o = 0; o < out.size(); ++o) {
    EXPECT_EQ(ItemBytes(out[o], i, m->items()), ItemBytes(together[o], i, m->items())) << "beside others, output " << o << ", item " << i;
  }
}

TEST(OperatorItems, KeepTheirBitsAloneAndBesideOthers) {
  const uint64_t seed = TestSeed();
  int64_t independent = 0;
  for (const Generator& g : Generators()) {
    SCOPED_TRACE(g.op_type);
    const int failures = Failures();
    for (int k = 0; k < kSamples; ++k) {
      Draw d(seed + static_cast<uint64_t>(k), 120);
      const Sample s = DrawSample(g, d);
      SCOPED_TRACE(DescribeSample(s));
      Arena arena;
      const std::vector<Tensor> inputs = MakeInputs(s, &arena, seed, false), others = MakeInputs(s, &arena, seed + 77, k % 2 == 1);
      std::vector<Tensor> expected;
      if (!Storable(inputs) || !RunSample(s, inputs, &arena, &expected).ok()) continue;
      NodeModel m(s, inputs, Layout::kInline, true);
      if (m.items() < 2 || m.data().empty() || !m.Load().ok() || !m.model().items.independent) continue;
      ++independent;
      const std::vector<Array> data = DataOf(m, inputs), other = DataOf(m, others);
      std::vector<Array> together;
      const Status status = m.Run(data, m.items(), &together);
      ASSERT_TRUE(status.ok()) << status.message();
      for (int64_t i : {int64_t{0}, m.items() / 2, m.items() - 1}) CheckItem(&m, data, other, together, i);
      if (Failures() > failures) break;
    }
  }
  EXPECT_GT(independent, static_cast<int64_t>(Generators().size())) << "too few samples keep items apart for this test to say much";
}

TEST(OperatorOutputs, AreTheSameWithoutTheOthers) {
  const uint64_t seed = TestSeed();
  int64_t tried = 0;
  for (const Generator& g : Generators()) {
    SCOPED_TRACE(g.op_type);
    for (int k = 0; k < kSamples; ++k) {
      Draw d(seed + static_cast<uint64_t>(k), 200);
      const Sample s = DrawSample(g, d);
      SCOPED_TRACE(DescribeSample(s));
      Arena arena;
      const std::vector<Tensor> inputs = MakeInputs(s, &arena, seed, false);
      std::vector<Tensor> expected;
      if (s.outputs < 2 || !Storable(inputs) || !RunSample(s, inputs, &arena, &expected).ok()) continue;
      NodeModel whole(s, inputs, Layout::kInline, false);
      std::vector<Array> all, one;
      if (whole.data().empty() || !whole.Load().ok() || !whole.Run(DataOf(whole, inputs), 1, &all).ok()) continue;
      for (size_t way = 0; way < 2 * all.size(); ++way) {
        const size_t o = way / 2;
        SCOPED_TRACE((way % 2 == 0 ? "alone, output " : "to output ") + std::to_string(o));
        NodeModel m(s, inputs, Layout::kInline, false);
        if (way % 2 == 0) {
          m.KeepOutput(o);
        } else {
          m.EndOutputs(o);
        }
        const Status loaded = m.Load();
        if (loaded.code() == MOSAIC_E_UNSUPPORTED || loaded.code() == MOSAIC_E_BAD_MODEL) continue;  // it is needed
        ASSERT_TRUE(loaded.ok()) << loaded.message();
        const Status status = m.Run(DataOf(m, inputs), 1, &one);
        ASSERT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(one.back().bytes, all[o].bytes);
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 100) << "too few outputs for this test to say much";
}

TEST(OperatorWeights, GiveTheSameResultsInEveryLayout) {
  const uint64_t seed = TestSeed();
  for (const Generator& g : Generators()) {
    SCOPED_TRACE(g.op_type);
    const int failures = Failures();
    for (int k = 0; k < kSamples; ++k) {
      Draw d(seed + static_cast<uint64_t>(k), 400);
      const Sample s = DrawSample(g, d);
      SCOPED_TRACE(DescribeSample(s));
      Arena arena;
      const std::vector<Tensor> inputs = MakeInputs(s, &arena, seed, false);
      std::vector<Tensor> expected;
      if (!Storable(inputs) || !RunSample(s, inputs, &arena, &expected).ok()) continue;
      for (Layout layout : {Layout::kInline, Layout::kRows, Layout::kStrips, Layout::kTransposedStrips}) {
        SCOPED_TRACE("layout " + std::to_string(static_cast<int>(layout)));
        NodeModel m(s, inputs, layout, false);
        if (m.data().empty() || m.data().size() == inputs.size()) continue;
        const Status loaded = m.Load();
        if (loaded.code() == MOSAIC_E_UNSUPPORTED) continue;  // of a computed value that must be a constant
        if (s.node.Find("projected") != nullptr) continue;    // made by lower/ only
        ASSERT_TRUE(loaded.ok()) << loaded.message();
        BatchRun run(m.model(), kMaxBlocks);
        std::vector<Array> out;
        std::vector<double> slack;
        if (g.slack != nullptr) g.slack(s.node, inputs, expected, &slack);
        const Status status = m.Run(DataOf(m, inputs), 1, &out);
        ASSERT_TRUE(status.ok()) << status.message();
        for (size_t o = 0; o < out.size(); ++o) {
          if (expected[o].dtype() == MOSAIC_SEQUENCE) continue;
          const Tensor got = Tensor::Borrow(out[o].dtype, expected[o].shape(), out[o].bytes.data());
          ASSERT_EQ(static_cast<int64_t>(out[o].bytes.size()), expected[o].bytes());
          EXPECT_EQ(Differs(got, expected[o], g.ulps, ReachOfSums(inputs), o == 0 ? slack : std::vector<double>()), "") << "output " << o;
        }
        if (Failures() > failures) break;
      }
    }
  }
}

}  // namespace
}  // namespace mosaic
