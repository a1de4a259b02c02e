// Scaled dot-product attention of many heads: what ONNX's Attention and com.microsoft's forms of it
// have in common. A form says where the rows of its heads lie and what hides keys (Describe); the
// rest is here, over the kernel of kernel/attention.h.
//
// The heads are done one after another: the keys and values of a head are packed once and then meet
// the queries of all heads that share them, strip by strip. So memory grows with the keys of one
// head, never with queries by keys, unless the scores themselves are an output. 16-bit floats are
// computed in float32.
#pragma once

#include <vector>

#include "core/op/op_support.h"

namespace mosaic {

// Where the rows of heads lie in an array: element d of row r at
// offset + batch * b + head * h + row * r + d.
struct HeadRows {
  int input = -1;  // or an output
  int64_t offset = 0, batch = 0, head = 0, row = 0;
  bool given() const { return input >= 0; }
};

// An input that hides keys, or weighs them; all that are given are added up, in their order.
struct MaskPart {
  enum Kind {
    kAdd,     // floats that are added to the scores
    kKeep,    // keys are hidden where it is false, or not above 0
    kHide,    // keys are hidden where it is true
    kLengths  // int32: the end of the keys of each of the batch, then maybe where they begin
  };
  Kind kind = kAdd;
  int input = -1;
  int64_t batch = 0, head = 0, row = 0, key = 0;  // steps; 0 where it is broadcast
  int64_t keys = 0;                               // it says something of; those behind are hidden
  int64_t starts = 0;                             // kLengths: where the beginnings are; 0: none
  float hidden = 0;                               // what is added where a key is hidden
  bool replaces = false;  // or is there instead of scores and of masks before
};

struct AttentionShape {
  int64_t batch = 0, heads = 0, kv_heads = 0;
  int64_t queries = 0, keys = 0;  // keys: at most; with the past
  int64_t depth = 0, value_depth = 0;
  int64_t past = 0, new_keys = 0;      // keys of the past, and of this call
  HeadRows q, k, v, past_k, past_v;    // of inputs
  HeadRows out, present_k, present_v;  // of outputs; present only where wanted
  int64_t present = 0;                 // keys of the present
  float scale = 1, softcap = 0;
  bool causal = false;
  int64_t left = -1, right = -1;  // keys before and behind its own that a query sees; -1: all
  bool masked_is_zero = false;    // a row that is hidden throughout gives 0
  bool nan_is_zero = false;       // a row whose softmax is NaN gives 0
  std::vector<MaskPart> masks;
  int scores_output = -1;  // [batch, heads, queries, keys]
  int scores_stage = 0;    // 0 scaled, 1 capped, 2 masked, 3 after softmax
};

// Of one of the batch: how many keys it has, how many of them are of the past, and how many keys
// lie before its first query.
struct KeyRange {
  int64_t keys, past, offset;
};

class AttentionOp : public Op {
 public:
  Status Start(Call& c) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  enum Part { kQuery, kKey, kValue };
  // REQUIRES: shapes that Infer accepted.
  virtual Status Describe(const Call& c, AttentionShape* out) const = 0;
  // Whether the keys of each of the batch are known by elements of an input only; they are checked
  // before they are used.
  virtual bool HasRanges(const Call& c) const {
    (void)c;
    return false;
  }
  virtual Status RangeOf(const Call& c, const AttentionShape& s, int64_t b, KeyRange* out) const {
    (void)c, (void)b;
    *out = {s.keys, s.past, s.past};
    return Status();
  }
  // What is checked of them.
  virtual Status CheckRange(const Call& c, const AttentionShape& s, int64_t b) const {
    KeyRange range;
    return RangeOf(c, s, b, &range);
  }
  // Whether new rows are changed before they are used, and how: row r of a head, as float32.
  virtual bool Changes(const Call& c) const {
    (void)c;
    return false;
  }
  virtual void Change(const Call& c, Part part, int64_t b, int64_t head, int64_t r,
                      float* row) const {
    (void)c, (void)part, (void)b, (void)head, (void)r, (void)row;
  }

  // ---- for Infer ----
  // Items are along an axis of inputs (where they are itemised) and of outputs: of each index of
  // the batch its own. inputs: those that count the batch, -1 for the others.
  static void StateItems(InferContext& c, const std::vector<int>& inputs,
                         const std::vector<int>& outputs);
  // dims broadcast to the sizes; "what" names the input.
  static Status CheckBroadcast(InferContext& c, const char* what, const Dims& dims,
                               const Dims& sizes);
  // A width that is so many heads.
  static Status HeadWidth(InferContext& c, const char* what, const Dim& width, int64_t heads,
                          Dim* out);

  // Keys and values of the past: [batch, heads, past, depth].
  static Status CheckPast(InferContext& c, size_t keys, size_t values, const Dim& batch,
                          const Dim& heads, const Dim& depth, const Dim& value_depth, Dim* past);

  // ---- for Describe ----
  static bool Wanted(const Call& c, size_t output) {
    return output < c.outputs.size() && c.outputs[output].defined();
  }
  // Rows of [batch, rows, width], in which heads of this depth begin at column "first".
  static HeadRows Interleaved(int input, const Shape& shape, int64_t depth, int64_t first = 0);
  // Rows of [batch, heads, rows, depth].
  static HeadRows Separate(int input, const Shape& shape);
  // A mask of a shape that broadcasts to [batch, heads, queries, keys], where keys may be fewer.
  static MaskPart BroadcastMask(int input, MaskPart::Kind kind, const Shape& shape, float hidden);

 private:
  struct State;
  static AttentionShape& shape(const Call& c);
  void RunHead(Call& c, int64_t unit) const;
  void Pack(Call& c, int64_t b, int64_t head, int64_t index) const;
  void Strip(Call& c, int64_t b, int64_t kv_head, int64_t head, int64_t strip, int64_t piece) const;
  void Present(Call& c, int64_t unit) const;
  void Scores(Call& c, int64_t unit) const;
  void LoadKey(const Call& c, Part part, const KeyRange& range, int64_t b, int64_t head, int64_t j,
               float* to) const;
  void LoadQuery(const Call& c, int64_t b, int64_t head, int64_t i, float* to) const;
};

}  // namespace mosaic
