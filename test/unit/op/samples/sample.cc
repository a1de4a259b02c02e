#include "op/samples/sample.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "core/tensor/element.h"
#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

Given Plain(int dtype, const Shape& shape, double low, double high) {
  Given g;
  g.dtype = dtype;
  g.shape = shape;
  // Integers that are not signed, and bool, have none below 0.
  const bool is_unsigned = dtype == MOSAIC_UINT8 || dtype == MOSAIC_UINT16 || dtype == MOSAIC_UINT32 ||
                        dtype == MOSAIC_UINT64 || dtype == MOSAIC_BOOL;
  g.low = is_unsigned ? std::max(0.0, low) : low;
  g.high = dtype == MOSAIC_BOOL ? std::min(1.0, high) : high;
  return g;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSpecial[] = {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity, 0.0, -0.0, 1e-42, 1e15};

// The nearest value of the type; a double has no room for the largest integers.
template <typename V>
V NearestOf(double v) {
  if constexpr (std::is_floating_point_v<V>) {
    return static_cast<V>(v);
  } else {
    if (v <= static_cast<double>(std::numeric_limits<V>::min())) return std::numeric_limits<V>::min();
    if (v >= static_cast<double>(std::numeric_limits<V>::max())) return std::numeric_limits<V>::max();
    return static_cast<V>(v);
  }
}

template <typename T>
void FillArray(const Given& g, std::mt19937_64* random, bool special, Tensor* t) {
  std::uniform_real_distribution<double> real(g.low, g.high);
  std::uniform_int_distribution<int64_t> whole(static_cast<int64_t>(g.low), static_cast<int64_t>(std::max(g.low, g.high)));
  using V = ComputeType<T>;
  T* x = t->mutable_data<T>();
  for (int64_t i = 0; i < t->size(); ++i) {
    double v = 0;
    if (!g.values.empty()) {
      v = g.values[static_cast<size_t>(i) % g.values.size()];
    } else if (std::is_floating_point_v<V>) {
      v = special && (*random)() % 12 == 0 ? kSpecial[(*random)() % 7] : real(*random);
    } else {
      v = static_cast<double>(whole(*random));
    }
    x[i] = Store<T>(NearestOf<V>(v));
  }
}

}  // namespace

Sample& Sample::Data(int dtype, const Shape& shape, double low, double high) {
  inputs.push_back(Plain(dtype, shape, low, high));
  inputs.back().data = true;
  return *this;
}
Sample& Sample::Const(int dtype, const Shape& shape, double low, double high) {
  inputs.push_back(Plain(dtype, shape, low, high));
  return *this;
}
Sample& Sample::Values(int dtype, const Shape& shape, std::vector<double> values) {
  inputs.push_back(Plain(dtype, shape, 0, 0));
  inputs.back().values = std::move(values);
  return *this;
}
Sample& Sample::Ints(const std::vector<int64_t>& values) {
  inputs.push_back(Plain(MOSAIC_INT64, {static_cast<int64_t>(values.size())}, 0, 0));
  inputs.back().values.assign(values.begin(), values.end());
  return *this;
}
Sample& Sample::Strings(const Shape& shape, std::vector<std::string> strings) {
  inputs.push_back(Plain(MOSAIC_STRING, shape, 0, 0));
  inputs.back().strings = std::move(strings);
  return *this;
}
Sample& Sample::Sequence(std::vector<Given> items) {
  inputs.emplace_back();
  inputs.back().dtype = MOSAIC_SEQUENCE;
  inputs.back().items = std::move(items);
  return *this;
}
Sample& Sample::Omit() {
  inputs.emplace_back();
  return *this;
}
Sample& Sample::AttributeInput(const char* name) {
  node.attribute_inputs.push_back(name);
  return *this;
}

const std::vector<Generator>& Generators() {
  static const auto* const all = [] {
    auto* list = new std::vector<Generator>();
    for (const auto add : {AddMath, AddReductions, AddArrays, AddIndexing, AddProducts, AddLayers, AddAttention, AddQuantised, AddClassical, AddOthers}) {
      add(list);
    }
    return list;
  }();
  return *all;
}

const Generator* FindGenerator(const OpDef& def) {
  static const auto* const by_name = [] {
    auto* map = new std::map<std::pair<std::string, std::string>, const Generator*>();
    for (const Generator& g : Generators()) (*map)[{g.domain, g.op_type}] = &g;
    return map;
  }();
  const auto found = by_name->find({def.domain, def.op_type});
  return found == by_name->end() ? nullptr : found->second;
}

const char* WhyNone(const OpDef& def) {
  const std::string name = def.op_type;
  if (name == "If" || name == "Loop" || name == "Scan") return "its work is that of its body: run/control_test.cc";
  return nullptr;
}

Sample DrawSample(const Generator& g, Draw& d) {
  Sample s;
  s.node.domain = g.domain;
  s.node.op_type = g.op_type;
  g.draw(d, &s);
  for (size_t i = 0; i < s.inputs.size(); ++i) {
    s.node.inputs.push_back(s.inputs[i].dtype == MOSAIC_UNDEFINED ? -1 : static_cast<int>(i));
  }
  for (size_t o = 0; o < s.outputs; ++o) s.node.outputs.push_back(static_cast<int>(s.inputs.size() + o));
  return s;
}

Tensor MakeTensor(const Given& g, Arena* arena, uint64_t seed, bool special) {
  if (g.dtype == MOSAIC_UNDEFINED) return Tensor();
  if (g.dtype == MOSAIC_SEQUENCE) {
    std::vector<Tensor> items;
    for (const Given& item : g.items) items.push_back(MakeTensor(item, arena, ++seed, special));
    return Tensor::Sequence(std::move(items));
  }
  std::mt19937_64 random(seed);
  Tensor t = arena->New(g.dtype, g.shape);
  if (g.dtype == MOSAIC_STRING) {
    for (int64_t i = 0; i < t.size(); ++i) {
      const std::string& from = g.strings[random() % g.strings.size()];
      char* to = arena->Characters(from.size());
      std::memcpy(to, from.data(), from.size());
      t.mutable_data<StringElement>()[i] = {to, static_cast<int64_t>(from.size())};
    }
    return t;
  }
  if (!Dispatch(AllTypes(), g.dtype, [&](auto type) {
        FillArray<typename decltype(type)::T>(g, &random, special && g.data, &t);
      })) {
    for (int64_t i = 0; i < t.bytes(); ++i) t.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(random());
  }
  return t;
}

Tensor ShapeOnly(const Given& g, Arena* arena, uint64_t seed) {
  constexpr int64_t kFew = 4096;
  if (g.dtype == MOSAIC_UNDEFINED) return Tensor();
  if (g.dtype == MOSAIC_SEQUENCE) {
    std::vector<Tensor> items;
    for (const Given& item : g.items) items.push_back(ShapeOnly(item, arena, seed));
    return Tensor::Sequence(std::move(items));
  }
  if (!g.data && NumElements(g.shape) <= kFew) return MakeTensor(g, arena, seed);
  return Tensor::Borrow(g.dtype, g.shape, nullptr);
}

std::string DescribeSample(const Sample& s) {
  std::string text = s.node.op_type + "(";
  for (const Given& g : s.inputs) {
    text += (text.back() == '(' ? "" : ", ") + std::string(DTypeName(g.dtype)) + ShapeString(g.shape);
    for (size_t i = 0; i < std::min<size_t>(g.values.size(), 8); ++i) text += " " + std::to_string(g.values[i]);
  }
  for (const Attribute& a : s.node.attributes) {
    text += ", " + a.name;
    if (const auto* v = std::get_if<int64_t>(&a.value)) text += " " + std::to_string(*v);
    if (const auto* v = std::get_if<float>(&a.value)) text += " " + std::to_string(*v);
    if (const auto* v = std::get_if<std::string>(&a.value)) text += " " + *v;
    if (const auto* v = std::get_if<std::vector<int64_t>>(&a.value)) {
      for (size_t i = 0; i < std::min<size_t>(v->size(), 8); ++i) text += " " + std::to_string((*v)[i]);
    }
  }
  return text + ")";
}

}  // namespace mosaic::samples
