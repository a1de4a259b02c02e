// A loaded model: what its stored graph becomes, once. Immutable, but for what is prepared of
// constants when they are first read; no weights.
//
//   stored graph -> lower/ (old forms become the newest) -> operators -> inference in symbols, with
//   constants folded -> passes (pass/) -> steps
//
// The plan is the semantics of the model: it depends on the graph and on this version alone, never
// on a batch, its cut, a worker, pages or cost. It knows nothing of CPUs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/graph.h"
#include "core/op/preparing.h"
#include "core/plan/prepared.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

// A stored tensor, with its own copy of the names and inline bytes.
struct ModelTensor {
  std::string name;
  int layout = MOSAIC_LAYOUT_INLINE;
  StreamedWeight weight;    // type and shape; the rest where layout is STRIP or ROW
  std::vector<char> value;  // where it is INLINE; aligned for any element type
  std::vector<StringElement> strings;  // of type STRING: the elements, in value

  bool is_inline() const { return layout == MOSAIC_LAYOUT_INLINE; }
  // REQUIRES: is_inline().
  Tensor AsTensor() const {
    static constexpr char kNothing = 0;  // no elements, but they are known
    const void* data = weight.dtype == MOSAIC_STRING ? static_cast<const void*>(strings.data())
                                                     : static_cast<const void*>(value.data());
    return Tensor::Borrow(weight.dtype, weight.shape, data != nullptr ? data : &kNothing);
  }
};

// A node to be executed.
struct Step {
  Node node;  // of the newest form; inputs and outputs are values of its body
  std::unique_ptr<Op> op;
  const PreparingOp* preparing = nullptr;  // op, where it is one
  std::vector<int> streams;   // per input: the tensor that is read as a stream, or -1
  std::vector<int> releases;  // values that nothing reads after it
  std::vector<bool> wanted;   // per output
};

struct BodyPlan {
  std::vector<Value> values;
  std::vector<Fact> facts;  // of the values, in symbols; of the main body only
  std::vector<Step> steps;
  std::vector<int> inputs, outputs;
  std::vector<int> captures;  // values that stand for one of the body around (Value::capture)
  std::vector<bool> constant;  // per value: follows from constants alone
};

// How the model treats the items of a batch.
struct ItemPlan {
  bool independent = false;  // items may be computed together: the bits of each are its own
  std::string reason;        // why not: the first node that mixes them, or an input or output
  std::vector<int> inputs;   // per graph input: the axis that counts items, or -1
  std::vector<int> outputs;  // per graph output: likewise; -1: the same for all items
};

struct Model {
  std::string name;
  Graph graph;  // as imported
  std::vector<ModelTensor> tensors;  // those stored, then constants made while loading
  size_t stored_tensors = 0;
  std::vector<BodyPlan> bodies;  // the main one, then as Graph::bodies
  ItemPlan items;
  int64_t weight_bytes = 0;  // of all blocks
  mutable PreparedConstants prepared;  // of its own weights

  const BodyPlan& main() const { return bodies[0]; }

  // Errors: CORRUPT where graph and tensors do not fit each other; UNSUPPORTED as the operators
  // say; BAD_MODEL where shapes contradict each other.
  // (load/load.cc)
  static Status Load(const std::string& name, std::string_view graph,
                     const MosaicTensorDesc* tensors, int ntensors, std::unique_ptr<Model>* out);
};

// Describe() of a step.
std::string DescribeStep(const BodyPlan& body, const Step& step);
// The tensor that an op reads block by block at input i, or -1: see Op::streams.
int StreamedTensor(const Model& model, const BodyPlan& body, const Node& node, const Op& op,
                   size_t i);
// Sets t->strings from t->value, as mosaic.tensor has it. Errors: CORRUPT where it is damaged.
Status DecodeStrings(ModelTensor* t);
// A constant of the model in memory of its own. Returns its tensor.
int AddConstant(Model* model, const std::string& name, const Tensor& value);

}  // namespace mosaic
