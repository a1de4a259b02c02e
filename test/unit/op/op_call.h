// One call of one operator, for tests: makes the node, its inputs and the op, infers, starts, and
// runs its units in ranges of random lengths (their grouping must not matter).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/op/op.h"
#include "core/op/run_op.h"
#include "core/tensor/element.h"

namespace mosaic {

class OpCall {
 public:
  explicit OpCall(const char* op_type, const char* domain = kOnnxDomain) {
    node_.op_type = op_type;
    node_.domain = domain;
    node_.outputs = {0};
  }

  template <typename V>
  OpCall& Attr(const char* name, V value) {
    node_.attributes.push_back({name, std::move(value)});
    return *this;
  }
  OpCall& Int(const char* name, int64_t value) { return Attr(name, value); }
  OpCall& Ints(const char* name, std::vector<int64_t> value) { return Attr(name, value); }
  OpCall& Float(const char* name, float value) { return Attr(name, value); }
  OpCall& Floats(const char* name, std::vector<float> value) { return Attr(name, value); }
  OpCall& String(const char* name, std::string value) { return Attr(name, std::move(value)); }

  // An input; T is a storage type of element.h. The values are repeated where there are too few.
  template <typename T = float>
  OpCall& In(const Shape& shape, const std::vector<ComputeType<T>>& values) {
    Tensor t = arena_.New(ElementTraits<T>::kDType, shape);
    for (int64_t i = 0; i < t.size(); ++i) {
      t.mutable_data<T>()[i] = Store<T>(values[static_cast<size_t>(i) % values.size()]);
    }
    return In(t);
  }
  OpCall& Strings(const Shape& shape, const std::vector<std::string>& values) {
    Tensor t = arena_.New(MOSAIC_STRING, shape);
    for (size_t i = 0; i < values.size(); ++i) {
      char* to = arena_.Characters(values[i].size());
      std::memcpy(to, values[i].data(), values[i].size());
      t.mutable_data<StringElement>()[i] = {to, static_cast<int64_t>(values[i].size())};
    }
    return In(t);
  }
  OpCall& In(const Tensor& t) {
    node_.inputs.push_back(static_cast<int>(node_.inputs.size()) + 100);
    inputs_.push_back(t);
    return *this;
  }
  OpCall& Omitted() {
    node_.inputs.push_back(-1);
    inputs_.emplace_back();
    return *this;
  }
  // A tensor-valued attribute: the last input.
  OpCall& AttributeInput(const char* name) {
    node_.attribute_inputs.push_back(name);
    return *this;
  }
  OpCall& Outputs(size_t n) {
    node_.outputs.assign(n, 1);
    return *this;
  }

  // Only makes the op.
  Status Make() {
    const OpDef* def = FindOp(node_.domain, node_.op_type);
    if (def == nullptr) return Status::Internal("no such operator");
    return def->make(node_, &op_);
  }

  // What the op infers of facts (of its inputs, if none are given).
  Status Infer(const std::vector<Fact>& facts = {}, const std::string& item_symbol = "") {
    for (size_t i = node_.inputs.size(); i < facts.size(); ++i) node_.inputs.push_back(100);
    MOSAIC_RETURN_IF_ERROR(Make());
    std::vector<Fact> own;
    for (const Tensor& t : inputs_) own.push_back(t.defined() ? Fact::OfTensor(t) : Fact());
    bool deferred = false;
    return InferOp(*op_, facts.empty() ? own : facts, node_.outputs.size(), item_symbol, &facts_,
                   &deferred);
  }

  Status Run() {
    MOSAIC_RETURN_IF_ERROR(Make());
    return RunOp(*op_, inputs_, node_.outputs.size(), &arena_, &outputs_,
                 [](int64_t at, int64_t units) {
                   static std::mt19937 random(7);
                   return std::min(at + std::uniform_int_distribution<int64_t>(1, 5)(random), units);
                 });
  }

  const Op& op() const { return *op_; }
  const Fact& fact(size_t i = 0) const { return facts_[i]; }
  Arena* arena() { return &arena_; }
  const Tensor& output(size_t i = 0) const { return outputs_[i]; }
  Shape shape(size_t i = 0) const { return output(i).shape(); }
  template <typename T = float>
  std::vector<ComputeType<T>> values(size_t i = 0) const {
    std::vector<ComputeType<T>> v;
    if (output(i).dtype() != ElementTraits<T>::kDType) return v;
    for (int64_t k = 0; k < output(i).size(); ++k) v.push_back(Load(output(i).data<T>()[k]));
    return v;
  }
  std::vector<std::string> strings(size_t i = 0) const {
    std::vector<std::string> v;
    for (int64_t k = 0; k < output(i).size(); ++k) {
      v.emplace_back(output(i).data<StringElement>()[k].view());
    }
    return v;
  }

 private:
  Node node_;
  Arena arena_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<Fact> facts_;
  std::unique_ptr<Op> op_;
};

// A Status of this code whose message contains text.
#define EXPECT_REFUSED(expr, expected_code, text)                  \
  do {                                                             \
    const ::mosaic::Status refused = (expr);                       \
    EXPECT_EQ(refused.code(), expected_code) << refused.message(); \
    EXPECT_THAT(refused.message(), ::testing::HasSubstr(text));    \
  } while (0)

#define ASSERT_OK(expr)                                 \
  do {                                                  \
    const ::mosaic::Status ok_status = (expr);          \
    ASSERT_TRUE(ok_status.ok()) << ok_status.message(); \
  } while (0)

}  // namespace mosaic
