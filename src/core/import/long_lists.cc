#include "core/import/long_lists.h"

#include <algorithm>
#include <cstring>

#include "core/op/ml/tree_modes.h"

namespace mosaic {
namespace {

constexpr size_t kLongList = 64;

template <typename T>
OnnxTensor ListOf(const std::string& name, int dtype, const std::vector<T>& v) {
  OnnxTensor t;
  t.name = name;
  t.dtype = dtype;
  t.elements = static_cast<int64_t>(v.size());
  t.dims = {t.elements};
  t.list = true;
  std::string bytes(v.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), v.data(), bytes.size());
  t.data = DataInMemory(dtype, std::move(bytes));
  return t;
}

OnnxTensor IntegersOf(const std::string& name, const std::vector<int64_t>& v) {
  const auto [least, most] = std::minmax_element(v.begin(), v.end());
  if (*least < INT32_MIN || *most > INT32_MAX) return ListOf(name, MOSAIC_INT64, v);
  return ListOf(name, MOSAIC_INT32, std::vector<int32_t>(v.begin(), v.end()));
}

OnnxTensor ModesOf(const std::string& name, const std::vector<std::string>& v) {
  std::vector<uint8_t> modes;
  for (const std::string& mode : v) modes.push_back(TreeModeOf(mode));
  return ListOf(name, MOSAIC_UINT8, modes);
}

}  // namespace

void MoveLongLists(OnnxNode* node) {
  std::vector<Attribute> kept;
  for (Attribute& a : node->attributes) {
    const auto* floats = std::get_if<std::vector<float>>(&a.value);
    const auto* ints = std::get_if<std::vector<int64_t>>(&a.value);
    const auto* strings = std::get_if<std::vector<std::string>>(&a.value);
    if (a.name == "nodes_hitrates") {
      continue;
    } else if (floats != nullptr && floats->size() > kLongList) {
      node->tensors.push_back(ListOf(a.name, MOSAIC_FLOAT, *floats));
    } else if (ints != nullptr && ints->size() > kLongList && a.name.rfind("classlabels", 0) != 0) {
      node->tensors.push_back(IntegersOf(a.name, *ints));
    } else if (strings != nullptr && strings->size() > kLongList && a.name == "nodes_modes") {
      node->tensors.push_back(ModesOf(a.name, *strings));
    } else {
      kept.push_back(std::move(a));
    }
  }
  node->attributes = std::move(kept);
  const auto unused = [](const OnnxTensor& t) { return t.name == "nodes_hitrates_as_tensor" || t.name == "nodes_hitrates"; };
  node->tensors.erase(std::remove_if(node->tensors.begin(), node->tensors.end(), unused),
                      node->tensors.end());
  for (OnnxTensor& t : node->tensors) t.list = t.list || t.dims.size() == 1;
}

}  // namespace mosaic
