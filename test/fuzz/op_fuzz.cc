// Random graphs of random operators (test/unit/op/samples): shapes, also of nothing, types, NaN and
// infinities. Node by node the fast kernels are compared with the reference ones on the same
// inputs; then the whole is loaded as a model and run, which has to give arrays of the same types
// and shapes. At the end maybe a call that is not right, which has to end in a result or in an error.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/graph/graph_format.h"
#include "core/kernel/fast/isa.h"
#include "core/op/reviewed.h"
#include "core/run/batch.h"
#include "core/tensor/element.h"
#include "op/samples/call.h"
#include "op/samples/compare.h"
#include "op/samples/oracles.h"
#include "op/samples/wrong.h"

namespace op_fuzz {

using namespace mosaic;           // NOLINT: a test
using namespace mosaic::samples;  // NOLINT

constexpr double kMostOfSums = 1e3;  // beyond it no bound is stated for sums that may cancel
constexpr int64_t kElements = 24, kNodes = 4, kMaxSteps = 100000, kMaxMemory = int64_t{64} << 20;

void Require(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "op_fuzz: %s\n", what.c_str());
  std::abort();
}

// A graph that grows node by node; each value also as the array that it has.
struct Chain {
  Graph graph;
  std::vector<Tensor> values, inputs,
      constants;  // constants: of the values that are tensors, by their number

  int Add(const Tensor& t, bool input) {
    const int v = static_cast<int>(values.size());
    Value value;
    value.name = "v" + std::to_string(v);
    value.dtype = t.dtype();
    if (t.dtype() != MOSAIC_SEQUENCE) {
      value.has_shape = true;
      value.dims.assign(t.shape().begin(), t.shape().end());
      value.dim_names.assign(value.dims.size(), "");
    }
    if (input) {
      graph.inputs.push_back(v);
      inputs.push_back(t);
    }
    graph.values.push_back(value);
    values.push_back(t);
    return v;
  }
  int AddConstant(const Tensor& t) {
    const int v = Add(t, false);
    graph.values.back().tensor = static_cast<int>(constants.size());
    constants.push_back(t);
    return v;
  }
  // An earlier value that an input could be; or -1.
  int Fitting(const Given& g, Draw& d) const {
    std::vector<int> same;
    for (size_t v = 0; v < values.size(); ++v) {
      if (values[v].dtype() == g.dtype && (values[v].shape() == g.shape || d.Rarely()))
        same.push_back(static_cast<int>(v));
    }
    return same.empty()
               ? -1
               : same[static_cast<size_t>(d.Int(0, static_cast<int64_t>(same.size()) - 1))];
  }
};

// Whether an element is beyond `most`, infinite or NaN.
bool Beyond(const Tensor& t, double most) {
  if (!t.defined() || !HasType(FloatTypes(), t.dtype())) return false;
  for (int64_t i = 0; i < t.size(); ++i) {
    if (!(std::fabs(ElementAt(t, i)) <= most)) return true;
  }
  return false;
}

// Where results overflow, a last bit decides between a number and infinity; so does the order of a
// sum.
bool Overflows(const Tensor& t) {
  return Beyond(t, t.dtype() == MOSAIC_FLOAT16 ? 6e4 : t.dtype() == MOSAIC_DOUBLE ? 1e300 : 1e37);
}

// The node on every instruction set; *out as the best one computes it. False where its inputs are
// refused.
bool RunNode(const Generator& g, const Sample& s, const std::vector<Tensor>& inputs, Arena* arena,
             std::vector<Tensor>* out) {
  const Isa best = ActiveIsa(MOSAIC_BFLOAT16);
  SetIsa(Isa::kReference);
  std::vector<Tensor> reference;
  const Status expected = RunSample(s, inputs, arena, &reference);
  Require(expected.code() != MOSAIC_E_INTERNAL, DescribeSample(s) + ": " + expected.message());
  bool sums = false;
  for (const Tensor& t : inputs) sums = sums || (g.ulps >= kOfLargest && Beyond(t, kMostOfSums));
  for (Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, best}) {
    if (!IsaSupported(isa)) continue;
    SetIsa(isa);
    const Status status =
        RunSample(s, inputs, arena, out, isa == Isa::kGeneric ? OneUnit : nullptr);
    Require(status.code() == expected.code(), DescribeSample(s) + ": " + IsaName(isa) + ": " +
                                                  status.message() + " / " + expected.message());
    for (size_t o = 0; status.ok() && o < out->size(); ++o) {
      if (sums || (g.ulps > 0 && (Overflows(reference[o]) || Overflows((*out)[o])))) continue;
      std::vector<double> slack;
      if (g.slack != nullptr && o == 0) g.slack(s.node, inputs, reference, &slack);
      const std::string differs =
          Differs((*out)[o], reference[o], 4 * g.ulps, ReachOfSums(inputs), slack);
      Require(differs.empty(), DescribeSample(s) + " on " + IsaName(isa) + ", output " +
                                   std::to_string(o) + ": " + differs);
    }
  }
  return expected.ok();
}

// Adds a node to the chain where it computes something.
void AddNode(Draw& d, Chain* chain, Arena* arena) {
  const Generator& g =
      Generators()[static_cast<size_t>(d.Int(0, static_cast<int64_t>(Generators().size()) - 1))];
  Sample s = DrawSample(g, d);
  const bool special = d.Flip();
  std::vector<Tensor> inputs, out;
  std::vector<int> from;
  for (const Given& given : s.inputs) {
    from.push_back(given.data && d.Flip() ? chain->Fitting(given, d) : -1);
    inputs.push_back(from.back() >= 0
                         ? chain->values[static_cast<size_t>(from.back())]
                         : MakeTensor(given, arena, static_cast<uint64_t>(d.Int(0, 255)), special));
  }
  if (!RunNode(g, s, inputs, arena, &out)) return;
  Node node = s.node;
  node.inputs.clear();
  node.outputs.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool constant = !s.inputs[i].data && inputs[i].dtype() != MOSAIC_SEQUENCE &&
                          inputs[i].dtype() != MOSAIC_STRING;
    node.inputs.push_back(!inputs[i].defined() ? -1
                          : from[i] >= 0       ? from[i]
                          : constant           ? chain->AddConstant(inputs[i])
                                               : chain->Add(inputs[i], true));
  }
  for (const Tensor& t : out) node.outputs.push_back(chain->Add(t, false));
  for (int v : node.outputs) {  // type and shape are for the model to find
    Value& value = chain->graph.values[static_cast<size_t>(v)];
    value = Value();
    value.name = "v" + std::to_string(v);
  }
  chain->graph.nodes.push_back(std::move(node));
}

// What the nodes made, all of it or only what no node reads: such arrays are released, overwritten,
// and left out where steps become one.
void SetOutputs(bool all, Graph* graph) {
  std::vector<bool> read(graph->values.size(), false);
  for (const Node& n : graph->nodes) {
    for (int v : n.inputs) {
      if (v >= 0) read[static_cast<size_t>(v)] = !all;
    }
  }
  for (const Node& n : graph->nodes) {
    for (int v : n.outputs) {
      if (!read[static_cast<size_t>(v)]) graph->outputs.push_back(v);
    }
  }
}

// Whether the steps of the model are the nodes of its graph: none was folded, lowered or taken into
// another.
bool StepsAreNodes(const Model& model, const Graph& graph) {
  const std::vector<Step>& steps = model.main().steps;
  bool same = steps.size() == graph.nodes.size();
  for (size_t i = 0; same && i < steps.size(); ++i)
    same = steps[i].node.op_type == graph.nodes[i].op_type;
  return same;
}

std::string NodesOf(const Graph& graph) {
  std::string all;
  for (const Node& n : graph.nodes) all += (all.empty() ? "" : ", ") + n.op_type;
  return all;
}

// The model of the chain gives what its nodes gave.
void RunModel(Chain* chain) {
  for (const Tensor& t : chain->inputs) {
    if (t.dtype() == MOSAIC_SEQUENCE) return;  // no input of a model
  }
  for (const Node& n : chain->graph.nodes) {
    if (n.Find("projected") != nullptr) return;  // made by lower/ only
  }
  chain->graph.opset = kNewestOpset;
  chain->graph.domains = {{kMlDomain, kReviewedMlOpset}, {kMicrosoftDomain, 1}};
  std::vector<MosaicTensorDesc> descs;
  for (const Tensor& t : chain->constants) {
    MosaicTensorDesc desc{};
    desc.name = "c";
    desc.dtype = t.dtype();
    desc.ndim = t.rank();
    std::copy(t.shape().begin(), t.shape().end(), desc.dims);
    desc.layout = MOSAIC_LAYOUT_INLINE;
    desc.value = t.raw();
    desc.value_bytes = static_cast<size_t>(t.bytes());
    descs.push_back(desc);
  }
  std::unique_ptr<Model> model;
  const Status loaded = Model::Load("m", EncodeGraph(chain->graph), descs.data(),
                                    static_cast<int>(descs.size()), &model);
  Require(loaded.ok() || loaded.code() == MOSAIC_E_UNSUPPORTED || loaded.code() == MOSAIC_E_LIMIT,
          "a model is refused: " + loaded.message());
  if (!loaded.ok()) return;
  BatchRun run(*model, 4);
  run.SetMemoryLimit(kMaxMemory, kMaxMemory);
  Status status = run.Start(chain->inputs, 1);
  BatchRun::Outcome outcome = BatchRun::Outcome::kMore;
  for (int i = 0; i < kMaxSteps && status.ok() && outcome != BatchRun::Outcome::kDone; ++i)
    status = run.Step(&outcome);
  Require(status.ok() && outcome == BatchRun::Outcome::kDone,
          "a model does not run: " + status.message());
  for (size_t o = 0; o < chain->graph.outputs.size(); ++o) {
    const Tensor& want = chain->values[static_cast<size_t>(chain->graph.outputs[o])];
    const Tensor& got = run.output(o);
    Require(got.dtype() == want.dtype() &&
                (got.dtype() == MOSAIC_SEQUENCE || got.shape() == want.shape()),
            "output " + std::to_string(o) + " of the model has shape " + ShapeString(got.shape()) +
                ", of the nodes " + ShapeString(want.shape()));
    Require(
        !StepsAreNodes(*model, chain->graph) || SameElements(got, want),
        "output " + std::to_string(o) + " of the model has other elements than that of its node: " +
            NodesOf(chain->graph));
  }
}

void Wrong(Draw& d) {
  const Generator& g =
      Generators()[static_cast<size_t>(d.Int(0, static_cast<int64_t>(Generators().size()) - 1))];
  Sample s = DrawSample(g, d);
  const std::string what = MakeWrong(&s, d);
  const Status status = RunWrong(s, static_cast<uint64_t>(d.Int(0, 255)), kMaxMemory);
  Require(status.code() != MOSAIC_E_INTERNAL, what + ": " + DescribeSample(s) + ": " + status.message());
}

int Check(const uint8_t* data, size_t size) {
  Arena arena;
  arena.SetLimit(kMaxMemory);
  Chain chain;
  Draw d(data, size, kElements);
  d.AllowEmpty();
  try {
    for (int64_t n = d.Int(1, kNodes); n > 0; --n) AddNode(d, &chain, &arena);
    SetOutputs(d.Flip(), &chain.graph);
    if (!chain.graph.nodes.empty()) RunModel(&chain);
    if (d.Rarely()) Wrong(d);
  } catch (const MemoryLimitExceeded&) {
  } catch (const std::bad_alloc&) {
  }
  return 0;
}

}  // namespace op_fuzz

#ifndef MOSAIC_FUZZ_CORPUS_TEST
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return size > 4096 ? 0 : op_fuzz::Check(data, size);
}
#endif
