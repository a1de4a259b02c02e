// The contract of an operator: one class per ONNX operator (or family), one registration each.
//
// An Op is made from a node (attributes checked, once, at import and again at plan time) and is
// immutable. A call of it works in three steps so that long calls can be interrupted and weights
// can be handed in page by page:
//
//   Prepare  checks the inputs' types and shapes, allocates the outputs, and says how much work
//            there is: "units" independent pieces, "unit_cost" in rough floating-point operations.
//   Blocks   (operators with a streamed operand) which blocks the units [begin, end) read.
//   Run      does the units [begin, end). Every unit is run once, in ascending order; how they are
//            grouped must not change a single bit of the result. It cannot fail: what depends on
//            the data (an index out of range) is checked in Prepare.
//
// To add an operator: write op/<name>.cc with a class and an `extern const OpDef kXxx`, name it
// in op/registry.cc, and add its test; docs/development.md shows one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/infer/tensor.h"
#include "core/kernel/activation.h"
#include "core/tensor/blocking.h"
#include "core/util/status.h"

namespace mosaic {

// A weight operand that is read in place, block by block.
struct StreamedWeight {
  Blocking blocking;
  int dtype = MOSAIC_FLOAT;  // as the graph sees it
  Shape shape;               // as the graph sees it
  bool transposed = false;   // STRIP: the graph's tensor is M x K
};

// What an operator says of the items of a batch (dimension 0 of its batched inputs). Only where
// values come from has to be told: that dimension 0 of every output counts items, and that the rest
// of its shape is that of one item alone, is checked by the executor, which prepares one item too.
enum class ItemRule {
  kIndependent,  // the elements of output item i come from input items i and unbatched inputs only
  kShapeOnly,    // outputs depend on the shapes of batched inputs, never on their elements (Shape)
  kMixes         // anything else: such a batch is computed item by item
};

struct OpContext {
  // Set by the executor before Prepare.
  std::vector<Tensor> inputs;                // undefined: omitted, or the streamed operand
  const StreamedWeight* streamed = nullptr;  // the operand at Op::streamed_input(), if streamed
  Arena* arena = nullptr;
  int64_t working_set = 0;  // bytes of all weights of the model: what competes for the caches
  // Set before Items: the inputs whose dimension 0 counts the items of the batch.
  std::vector<bool> batched;
  int64_t items = 1;

  // Set by Prepare.
  std::vector<Tensor> outputs;  // one per output of the node; undefined where it is omitted
  int64_t units = 1;
  double unit_cost = 0;
  int64_t grain = 1;              // ranges of a multiple of grain units run fastest
  std::shared_ptr<void> scratch;  // the operator's own state of this call

  // Set by the executor before Run where the operand is streamed: payloads of the blocks that
  // Blocks() named for this range, in that order. Valid during this Run only.
  const void* const* blocks = nullptr;

  template <typename S>
  S& state() const {
    return *static_cast<S*>(scratch.get());
  }
};

class Op {
 public:
  virtual ~Op() = default;

  virtual Status Prepare(OpContext& c) const = 0;
  virtual void Run(OpContext& c, int64_t begin, int64_t end) const = 0;

  // Index of the input that this operator can read as a stream of blocks, or -1. If the operand is
  // a stored tensor of layout streamed_layout() (STRIP: stored transposed exactly where
  // streamed_transposed(); ROW: one row per index of dimension 0), OpContext::streamed is set and
  // inputs[i] is undefined; otherwise inputs[i] is an ordinary tensor, materialised by the
  // executor.
  virtual int streamed_input() const { return -1; }
  virtual int streamed_layout() const { return MOSAIC_LAYOUT_STRIP; }
  virtual bool streamed_transposed() const { return false; }
  // Appends the map indexes of the blocks that Run(begin, end) reads; one unit reads at most one
  // block. REQUIRES: Prepare was called.
  virtual void Blocks(const OpContext& c, int64_t begin, int64_t end,
                      std::vector<int32_t>* out) const {
    (void)c, (void)begin, (void)end, (void)out;
  }

  // The same operator that also does what follows it in a graph, to the same bits: with "bias" it
  // adds its input 2, one float32 for each column, and then it applies f. Null: it cannot.
  // REQUIRES: the operand is streamed and float32.
  virtual std::unique_ptr<Op> Fused(bool bias, Activation f) const {
    (void)bias, (void)f;
    return nullptr;
  }

  // Asked after Prepare where an input is batched. The default suits operators that look across
  // items.
  virtual ItemRule Items(const OpContext& c) const {
    (void)c;
    return ItemRule::kMixes;
  }
  // True where input i only gives the shape of the outputs (Reshape, Expand). Such an input may
  // depend on the number of items in a batch; any other such input makes the batch kMixes.
  virtual bool shape_input(int i) const {
    (void)i;
    return false;
  }
};

// Makes the op of a node or says why it cannot (unknown attribute value, missing input, a type it
// does not have). The message starts after "node 'x' (Op): ".
using OpFactory = Status (*)(const Graph& graph, const Node& node, std::unique_ptr<Op>* out);

struct OpDef {
  const char* op_type;
  int min_opset, max_opset;  // versions of the default domain whose semantics this implements
  OpFactory make;
};

// The definition for op_type at this opset; null where there is none.
const OpDef* FindOp(const std::string& op_type, int opset);
// All definitions, in the order of docs/operators.md.
const std::vector<const OpDef*>& AllOps();

}  // namespace mosaic
