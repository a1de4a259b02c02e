// The contract of an operator: one class per ONNX operator (or family), one registration each.
//
// An Op is made from a node (attributes checked, once) and is immutable. It has four questions to
// answer, each at its own time:
//
//   Infer    what type, shape and items the outputs have (infer.h). Pure. Asked symbolically when
//            a model is imported or loaded, and with numbers for the inputs of a run.
//   Start    how much work a call is: phases of independent units, a rough cost for each, scratch
//            memory. Knows types and shapes, and the elements that Infer knew; takes time in
//            proportion to the rank. Asked once per shape, not once per call.
//   Blocks   (of a phase that streams a weight) which blocks the units [begin, end) read.
//   Run      does the units [begin, end) of a phase. Every unit is run once, in ascending order;
//            how they are grouped must not change a single bit of the result. What depends on
//            elements (an index out of range) is checked here, at best in a phase of its own.
//
// A unit is short: at most some 10^6 elementary operations, so that a run can be interrupted between
// any two. Nothing is done outside of units that takes longer.
//
// To add an operator: write op/<family>/<name>.cc with a class and an `extern const OpDef kXxx`,
// name it in op/<family>/<family>_ops.cc, and add its test; docs/development.md shows one.
#pragma once

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/block/blocking.h"
#include "core/graph/graph.h"
#include "core/op/infer.h"
#include "core/tensor/arena.h"
#include "core/tensor/tensor.h"
#include "core/util/status.h"

namespace mosaic {

// A weight operand that is read in place, block by block.
struct StreamedWeight {
  Blocking blocking;
  int dtype = MOSAIC_FLOAT;  // as the graph sees it
  Shape shape;               // as the graph sees it
  bool transposed = false;   // STRIP: the graph's tensor is M x K
};

// A use of an input that can be read block by block, where the input is a stored tensor of this
// layout (STRIP: stored transposed exactly where "transposed"; ROW: one row per index of dimension
// 0, but with any_cut). Elsewhere the input is an ordinary array, materialised by the executor.
// How the elements of the graph's tensor make the K x M matrix that strips hold.
enum class WeightForm {
  kMatrix,       // two dimensions, K x M or (transposed) M x K
  kConvolution,  // M x (channels, taps...), transposed; K = (taps, channels). Not: K x (M, taps...)
  kRecurrence    // (directions, gates) x K, transposed
};

struct WeightStream {
  int input;
  int layout = MOSAIC_LAYOUT_STRIP;
  bool transposed = false;
  WeightForm form = WeightForm::kMatrix;
  int64_t groups = 1;  // of a convolution: strips are streamed where each group has whole ones
  bool held = false;  // phases that read it hold it: only where all its blocks fit in a request
  bool any_cut = false;  // ROW: elements are read in their order, however rows are cut
};

// Units that may be done in any grouping once all units of the phases before are done.
struct Phase {
  int64_t units = 1;
  double unit_cost = 1;  // rough elementary operations (a fused multiply-add counts 2)
  int64_t grain = 1;     // ranges of a multiple of grain units run fastest
  int stream = -1;       // of Op::streams(): the weight whose blocks its units read
  bool hold = false;     // Blocks(0, units) are all handed in before the phase and stay valid
};

// One call of an operator. Made by the executor; kept for all runs of the same shapes.
class Call {
 public:
  Call() = default;
  ~Call() { DropState(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // ---- set before Start ----
  // Undefined: omitted, or streamed. In Start a tensor whose elements are not known yet has
  // raw() == nullptr.
  std::vector<Tensor> inputs;
  // One per output of the node. Undefined where omitted, and where Infer could not tell the shape:
  // Run then makes it, with Allocate, in a phase of its own.
  std::vector<Tensor> outputs;
  std::vector<const StreamedWeight*> weights;  // per input, where it is streamed; else null
  std::vector<Fact> facts;                     // per input; valid in Start only
  int64_t working_set = 0;  // bytes of all weights of the model: what competes for the caches

  // ---- set by Start ----
  std::vector<Phase> phases;
  int64_t scratch_bytes = 0;  // memory of the call while it runs, aligned to 64 bytes

  // ---- set before Run ----
  Arena* arena = nullptr;
  void* scratch = nullptr;
  // Where the phase streams: payloads of the blocks that Blocks() named for this range, in that
  // order (with hold: for all units). Valid during this Run only.
  const void* const* blocks = nullptr;

  bool Given(size_t i) const {
    return i < inputs.size() && (inputs[i].defined() || weights[i] != nullptr);
  }
  const StreamedWeight* weight(size_t i) const { return i < weights.size() ? weights[i] : nullptr; }
  // Shape of an input, streamed or not. REQUIRES: Given(i).
  const Shape& shape(size_t i) const {
    return weights[i] != nullptr ? weights[i]->shape : inputs[i].shape();
  }
  // Likewise its type.
  int dtype(size_t i) const {
    return weights[i] != nullptr ? weights[i]->dtype : inputs[i].dtype();
  }
  // In Start: the elements of an integer input that Infer knew.
  Status Ints(size_t i, const char* what, std::vector<int64_t>* out) const {
    return KnownInts(facts[i], what, out);
  }
  // One phase of n units; the common case.
  void OnePhase(int64_t units, double unit_cost, int64_t grain = 1) {
    phases.assign(1, Phase{units, unit_cost, grain});
  }
  // In Run: makes an output whose shape Infer could not tell.
  Status Allocate(size_t output, int dtype, const Shape& shape);

  // What the operator keeps from Start to Run, and for the next run of these shapes. It must not
  // hold pointers to elements: they differ from run to run.
  template <typename S, typename... Args>
  S& NewState(Args&&... args) {
    DropState();
    S* s;
    if constexpr (sizeof(S) <= sizeof(room_) && alignof(S) <= alignof(std::max_align_t)) {
      s = new (room_) S(std::forward<Args>(args)...);
    } else {
      s = new S(std::forward<Args>(args)...);
    }
    state_ = s;
    drop_ = [](void* p, bool inside) {
      if (inside) {
        static_cast<S*>(p)->~S();
      } else {
        delete static_cast<S*>(p);
      }
    };
    return *s;
  }
  template <typename S>
  S& state() const {
    return *static_cast<S*>(state_);
  }

 private:
  void DropState() {
    if (state_ != nullptr) drop_(state_, state_ == static_cast<void*>(room_));
    state_ = nullptr;
  }

  void* state_ = nullptr;
  void (*drop_)(void*, bool) = nullptr;
  alignas(std::max_align_t) unsigned char room_[256];
};

class Op {
 public:
  virtual ~Op() = default;

  // Sets type, shape and items of every output that is wanted. Errors: BAD_MODEL where inputs do
  // not fit each other, UNSUPPORTED, LIMIT; messages start after "node 'x' (Op): ".
  virtual Status Infer(InferContext& c) const = 0;
  // Without phases there is nothing to run: the outputs are views (view_of), or empty.
  virtual Status Start(Call& c) const {
    (void)c;
    return Status();
  }
  virtual Status Run(Call& c, int phase, int64_t begin, int64_t end) const {
    (void)c, (void)phase, (void)begin, (void)end;
    return Status();
  }

  // The inputs that may be read as streams of blocks, at most one entry an input.
  virtual std::vector<WeightStream> streams() const { return {}; }
  // Appends the map indexes of the blocks that Run(phase, begin, end) reads. REQUIRES: Start.
  virtual void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
                      std::vector<int32_t>* out) const {
    (void)c, (void)phase, (void)begin, (void)end, (void)out;
  }

  // The input whose elements output 0 has, in the same order, under a shape of its own; or -1.
  virtual int view_of() const { return -1; }
  // Whether output 0 may overwrite input i: unit u reads of it only what unit u writes, and sizes are equal.
  virtual bool in_place(int i) const {
    (void)i;
    return false;
  }
  // Whether elements of input i only decide shapes (Reshape, Expand): it may then depend on how
  // many items there are.
  virtual bool shape_input(int i) const {
    (void)i;
    return false;
  }
};

// Makes the op of a node, or says why it cannot (unknown attribute value, missing input). The node
// is of the newest form (lower/). The message starts after "node 'x' (Op): ".
using OpFactory = Status (*)(const Node& node, std::unique_ptr<Op>* out);

struct OpDef {
  const char* domain;  // "": ONNX's default
  const char* op_type;
  int since;      // the version of the domain that brought the semantics implemented here
  int max_opset;  // the newest version of the domain for which these were checked to hold
  OpFactory make;
};

constexpr const char* kOnnxDomain = "";
constexpr const char* kMlDomain = "ai.onnx.ml";
constexpr const char* kMicrosoftDomain = "com.microsoft";
// ONNX's versions that were reviewed: of the default domain and of ai.onnx.ml.
constexpr int kMinOpset = 7, kReviewedOpset = 25, kReviewedMlOpset = 5;

// The definition of an operator; null where there is none.
const OpDef* FindOp(const std::string& domain, const std::string& op_type);
// All definitions, by domain and name.
const std::vector<const OpDef*>& AllOps();

}  // namespace mosaic
