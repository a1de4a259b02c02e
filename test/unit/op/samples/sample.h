// Calls of operators, drawn at random: a node with inputs that it accepts. Every operator of the registry has a
// generator or a reason why it has none; tests and the fuzz target op_fuzz do the same with each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/op/op.h"
#include "core/tensor/arena.h"
#include "op/samples/draw.h"

namespace mosaic::samples {

// One input. Elements are drawn when it becomes an array (MakeTensor).
struct Given {
  int dtype = MOSAIC_UNDEFINED;  // UNDEFINED: omitted
  Shape shape;
  double low = -2, high = 2;
  std::vector<double> values;  // where not empty: these, repeated
  std::vector<std::string> strings;
  std::vector<Given> items;  // of a sequence
  bool data = false;         // any elements of its range will do, also NaN; else they have a meaning

  bool known() const { return !values.empty() || !strings.empty(); }
};

struct Sample {
  Node node;
  std::vector<Given> inputs;
  size_t outputs = 1;

  Sample& Data(int dtype, const Shape& shape, double low = -2, double high = 2);
  Sample& Const(int dtype, const Shape& shape, double low = -2, double high = 2);
  Sample& Values(int dtype, const Shape& shape, std::vector<double> values);
  Sample& Ints(const std::vector<int64_t>& values);  // int64, one dimension
  Sample& Int(int64_t value) { return Values(MOSAIC_INT64, {}, {static_cast<double>(value)}); }
  Sample& Strings(const Shape& shape, std::vector<std::string> strings);
  Sample& Sequence(std::vector<Given> items);
  Sample& Omit();
  Sample& AttributeInput(const char* name);
  template <typename V>
  Sample& Attr(const char* name, V value) {
    node.attributes.push_back({name, std::move(value)});
    return *this;
  }
  Sample& IntAttr(const char* name, int64_t v) { return Attr(name, v); }
  Sample& FloatAttr(const char* name, double v) { return Attr(name, static_cast<float>(v)); }
  Sample& IntsAttr(const char* name, std::vector<int64_t> v) { return Attr(name, std::move(v)); }
  Sample& FloatsAttr(const char* name, std::vector<float> v) { return Attr(name, std::move(v)); }
  Sample& StringAttr(const char* name, const char* v) { return Attr(name, std::string(v)); }
  bool Is(const char* op_type) const { return node.op_type == op_type; }
};

// The outputs in float64, from the definition of the operator.
using Oracle = void (*)(const Node& node, const std::vector<Tensor>& inputs,
                        const std::vector<Tensor>& outputs, std::vector<double>* want);

struct Generator {
  const char* domain;
  const char* op_type;
  void (*draw)(Draw& d, Sample* s);  // s->node has domain and operator
  double ulps = 0;          // of results in float32 against the reference, relative to the largest if sums
  Oracle oracle = nullptr;  // of output 0; null: the reference kernels are the reference
  // Of output 0: how far each element may be off besides, whatever it is: terms that cancel leave the
  // errors of their sum. Null: not at all.
  Oracle slack = nullptr;
};

const std::vector<Generator>& Generators();
const Generator* FindGenerator(const OpDef& def);
// Why an operator has no generator; null where it has to have one.
const char* WhyNone(const OpDef& def);

// A call of the operator; inputs and outputs of the node are numbered.
Sample DrawSample(const Generator& g, Draw& d);
// Elements follow from the seed. special: some are NaN, infinite or zero.
Tensor MakeTensor(const Given& given, Arena* arena, uint64_t seed, bool special = false);
// Of type and shape alone; with elements where they have a meaning and are few.
Tensor ShapeOnly(const Given& given, Arena* arena, uint64_t seed);
std::string DescribeSample(const Sample& s);

}  // namespace mosaic::samples
