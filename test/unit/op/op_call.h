// One call of one operator, for tests: makes the node, its inputs and the op, prepares it, and runs
// its units in ranges of random lengths (their grouping must not matter).
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/op/element.h"
#include "core/op/op.h"

namespace mosaic {

class OpCall {
 public:
  explicit OpCall(const char* op_type, int opset = 17) : opset_(opset) {
    node_.op_type = op_type;
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

  // An input; T is a storage type of element.h. The values are repeated where there are too few.
  template <typename T = float>
  OpCall& In(Shape shape, const std::vector<ComputeType<T>>& values) {
    Tensor t = arena_.New(ElementTraits<T>::kDType, std::move(shape));
    for (int64_t i = 0; i < t.size(); ++i) {
      t.mutable_data<T>()[i] = Store<T>(values[static_cast<size_t>(i) % values.size()]);
    }
    return In(t);
  }
  OpCall& In(const Tensor& t) {
    node_.inputs.push_back(static_cast<int>(node_.inputs.size()) + 100);
    context_.inputs.push_back(t);
    return *this;
  }
  OpCall& Omitted() {
    node_.inputs.push_back(-1);
    context_.inputs.emplace_back();
    return *this;
  }
  OpCall& Outputs(size_t n) {
    node_.outputs.assign(n, 1);
    return *this;
  }

  // Only makes the op.
  Status Make() {
    const OpDef* def = FindOp(node_.op_type, opset_);
    if (def == nullptr) return Status::Internal("no such operator at this opset");
    Graph graph;
    graph.opset = opset_;
    return def->make(graph, node_, &op_);
  }

  Status Prepare() {
    MOSAIC_RETURN_IF_ERROR(Make());
    context_.arena = &arena_;
    context_.batched.assign(context_.inputs.size(), false);
    return op_->Prepare(context_);
  }

  Status Run() {
    MOSAIC_RETURN_IF_ERROR(Prepare());
    static std::mt19937 random(7);
    for (int64_t at = 0; at < context_.units;) {
      const int64_t n = std::uniform_int_distribution<int64_t>(1, 5)(random);
      const int64_t end = std::min(at + n, context_.units);
      op_->Run(context_, at, end);
      at = end;
    }
    if (context_.outputs.size() != node_.outputs.size()) {
      return Status::Internal("Prepare made another number of outputs than the node has");
    }
    return Status();
  }

  // After Prepare or Run: the rule when the inputs named are batched.
  ItemRule Items(const std::vector<size_t>& batched, int64_t items) {
    for (size_t i : batched) context_.batched[i] = true;
    context_.items = items;
    return op_->Items(context_);
  }

  const Op& op() const { return *op_; }
  const Tensor& output(size_t i = 0) const { return context_.outputs[i]; }
  Shape shape(size_t i = 0) const { return output(i).shape(); }
  template <typename T = float>
  std::vector<ComputeType<T>> values(size_t i = 0) const {
    std::vector<ComputeType<T>> v;
    if (output(i).dtype() != ElementTraits<T>::kDType) return v;
    for (int64_t k = 0; k < output(i).size(); ++k) v.push_back(Load(output(i).data<T>()[k]));
    return v;
  }

 private:
  int opset_;
  Node node_;
  Arena arena_;
  OpContext context_;
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
