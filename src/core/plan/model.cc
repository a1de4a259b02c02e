#include "core/plan/model.h"

#include <algorithm>
#include <cstring>

namespace mosaic {

// The elements of an inline tensor of strings: the length of each as uint32, then all characters.
Status DecodeStrings(ModelTensor* t) {
  const int64_t n = NumElements(t->weight.shape);
  const int64_t size = static_cast<int64_t>(t->value.size());
  int64_t at = n > size / 4 ? size + 1 : 4 * n;
  t->strings.clear();
  for (int64_t i = 0; i < n && at <= size; ++i) {
    uint32_t length;
    std::memcpy(&length, t->value.data() + 4 * i, 4);
    t->strings.push_back({t->value.data() + at, length});
    at += length;
  }
  if (at != size)
    return Status::Corrupt("its strings do not fit its " + std::to_string(size) + " bytes");
  return Status();
}

std::string DescribeStep(const BodyPlan& body, const Step& step) {
  Body names;
  for (int v : step.node.outputs) {
    if (v >= 0) names.values.resize(std::max(names.values.size(), static_cast<size_t>(v) + 1));
    if (v >= 0)
      names.values[static_cast<size_t>(v)].name = body.values[static_cast<size_t>(v)].name;
  }
  return Describe(names, step.node);
}

namespace {

bool FitsForm(const WeightStream& s, const StreamedWeight& w) {
  const Shape& shape = w.shape;
  switch (s.form) {
    case WeightForm::kMatrix:
      return shape.size() == 2;
    case WeightForm::kConvolution:
      if (!s.transposed) return shape.size() > 2 && w.blocking.rows == shape[0];
      return shape.size() > 2 && w.blocking.cols == shape[0] &&
             (s.groups == 1 || w.blocking.cols / s.groups % MOSAIC_STRIP_COLS == 0);
    case WeightForm::kRecurrence:
      return shape.size() == 3 && w.blocking.rows == shape[2];
  }
  return false;
}

}  // namespace

int StreamedTensor(const Model& model, const BodyPlan& body, const Node& node, const Op& op,
                   size_t i) {
  const int tensor =
      node.inputs[i] < 0 ? -1 : body.values[static_cast<size_t>(node.inputs[i])].tensor;
  if (tensor < 0) return -1;
  const ModelTensor& t = model.tensors[static_cast<size_t>(tensor)];
  for (const WeightStream& s : op.streams()) {
    if (static_cast<size_t>(s.input) != i || t.layout != s.layout) continue;
    if (s.layout == MOSAIC_LAYOUT_STRIP && s.transposed != t.weight.transposed) continue;
    if (s.layout == MOSAIC_LAYOUT_STRIP && !FitsForm(s, t.weight)) continue;
    // A row of the table is all that one index of dimension 0 has.
    if (s.layout == MOSAIC_LAYOUT_ROW && !s.any_cut &&
        (t.weight.shape.empty() || t.weight.blocking.rows != t.weight.shape[0])) {
      continue;
    }
    return tensor;
  }
  return -1;
}

int AddConstant(Model* model, const std::string& name, const Tensor& value) {
  ModelTensor t;
  t.name = name;
  t.weight.dtype = value.dtype();
  t.weight.shape = value.shape();
  if (value.dtype() == MOSAIC_STRING) {
    const StringElement* strings = value.data<StringElement>();
    for (int64_t i = 0; i < value.size(); ++i) {
      const uint32_t length = static_cast<uint32_t>(strings[i].size);
      const char* bytes = reinterpret_cast<const char*>(&length);
      t.value.insert(t.value.end(), bytes, bytes + 4);
    }
    for (int64_t i = 0; i < value.size(); ++i) {
      t.value.insert(t.value.end(), strings[i].data, strings[i].data + strings[i].size);
    }
    (void)DecodeStrings(&t).ok();
  } else {
    const char* bytes = value.data<char>();
    t.value.assign(bytes, bytes + value.bytes());
  }
  model->tensors.push_back(std::move(t));
  return static_cast<int>(model->tensors.size()) - 1;
}

}  // namespace mosaic
