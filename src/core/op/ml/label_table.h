// Labels, strings or numbers, and a table that finds them: what LabelEncoder, CategoryMapper and
// OneHotEncoder share.
//
// A label is held as a StringElement: characters, or the 64 bits of an integer or of a float64 as the
// size of none. Floats are equal as numbers, and NaN equals NaN.
#pragma once

#include <string>
#include <vector>

#include "core/op/ml/ml_support.h"
#include "core/op/preparing.h"

namespace mosaic {

using LabelTypes = Types<int64_t, float, int32_t, int16_t, double>;

// The label of element i of an array of strings or LabelTypes.
StringElement LabelOf(const Tensor& t, int64_t i);
// The label as an element of such an array.
void StoreLabel(StringElement label, Tensor* t, int64_t i);
StringElement LabelOfNumber(int64_t n);
StringElement LabelOfNumber(double x);

// A list of labels: one of several attributes of a node, or a tensor.
class LabelList {
 public:
  // The attributes' names; "" for none.
  LabelList() = default;
  LabelList(const Node& node, const std::string& strings, const std::string& ints,
            const std::string& floats, const std::string& tensor);

  // 0 .. n - 1.
  static LabelList Indexes(int64_t n) {
    LabelList list;
    list.dtype_ = MOSAIC_INT64;
    list.count_ = n;
    list.lists_ = 1;
    return list;
  }

  int lists() const { return lists_; }  // how many of the attributes the node has
  bool Is(int input) const { return numbers_.Is(input) || (tensor_ >= 0 && input == tensor_); }
  // In Infer.
  Status Check(const InferContext& c) const;  // numbers are of the attribute's type
  int dtype(const InferContext& c) const;
  Dim Length(const InferContext& c) const;
  // In Start and Run.
  int64_t size(const Call& c) const;
  StringElement At(const Call& c, int64_t i) const;

 private:
  std::vector<std::string> strings_;
  NumberList numbers_;
  int dtype_ = MOSAIC_UNDEFINED;  // of an attribute
  int tensor_ = -1;
  int64_t count_ = -1;  // of Indexes
  int lists_ = 0;
};

// The table, in memory of Bytes(n), which holds labels (and a value for each) and where they are.
class LabelTable {
 public:
  static int64_t Bytes(int64_t n);
  // memory: zero at first.
  LabelTable(void* memory, int64_t n);
  // Label i. Where it is there already, the first one stays, or (last) this one replaces it.
  void Add(int64_t i, StringElement label, StringElement value, bool last);
  int64_t Find(StringElement label) const;  // its index, or -1
  const StringElement& label(int64_t i) const { return labels_[i]; }
  const StringElement& value(int64_t i) const { return values_[i]; }

 private:
  uint32_t* Slot(StringElement label) const;

  int64_t capacity_ = 1;
  uint32_t* slots_;  // index + 1, 0: free
  StringElement *labels_, *values_;
};

// An op that looks each element of input 0 up in a list of keys.
class LookupOp : public PreparingOp {
 public:
  bool prepares(int i) const override { return keys_.Is(i) || values_.Is(i); }
  Status StartPreparing(Call& c, int64_t* bytes) const override;
  Status RunPreparing(Call& c, int phase, int64_t begin, int64_t end) const override;
  void UsePrepared(Call& c, const void* prepared) const override;

 protected:
  static constexpr int64_t kChunk = 2048;  // elements of a unit
  struct State {
    const void* table = nullptr;
  };
  // In Run.
  LabelTable table(const Call& c) const {
    return LabelTable(const_cast<void*>(c.state<State>().table), keys(c.inputs[0].dtype()).size(c));
  }
  // For inputs of a type.
  const LabelList& keys(int dtype) const { return Turned(dtype) ? values_ : keys_; }
  const LabelList& values(int dtype) const { return Turned(dtype) ? keys_ : values_; }

  LabelList keys_, values_;  // values_: none, or one for each key
  bool both_ways_ = false;   // keys_ are strings; values_ are the keys where the input is not of strings
  bool last_ = false;        // of equal keys, the last counts

 private:
  bool Turned(int dtype) const { return both_ways_ && dtype != MOSAIC_STRING; }
};

}  // namespace mosaic
