#include "core/pack/sharing_classes.h"

#include <algorithm>
#include <string>

namespace mosaic {

Status ClassRefiner::SetBlocks(uint32_t n, const uint32_t* sizes, uint32_t capacity) {
  if (n == kNone) return Status::Limit("packing: too many blocks");
  if (capacity == 0) return Status::Invalid("packing: page capacity is 0");
  root_size_.assign(1, 1);
  if (sizes != nullptr) {
    for (uint32_t b = 0; b < n; b++) {
      if (sizes[b] == 0 || sizes[b] > capacity) {
        return Status::Invalid("packing: block " + std::to_string(b) + " has size " +
                               std::to_string(sizes[b]) + ", a page holds " +
                               std::to_string(capacity));
      }
    }
    root_size_.assign(sizes, sizes + n);
    std::sort(root_size_.begin(), root_size_.end());
    root_size_.erase(std::unique(root_size_.begin(), root_size_.end()), root_size_.end());
    root_size_.shrink_to_fit();
  }
  nodes_.assign(root_size_.size(), Node{kNone, kNone, 0, kNone, kNone});
  class_of_.assign(n, 0);
  for (uint32_t b = 0; b < n; b++) {
    if (sizes != nullptr) {
      class_of_[b] = static_cast<uint32_t>(
          std::lower_bound(root_size_.begin(), root_size_.end(), sizes[b]) - root_size_.begin());
    }
    nodes_[class_of_[b]].blocks++;
  }
  return {};
}

Status ClassRefiner::AddBlocks(const uint32_t* blocks, size_t n) {
  const uint32_t model = models_ - 1;
  for (size_t i = 0; i < n; i++) {
    if (blocks[i] >= class_of_.size()) {
      return Status::Invalid("packing: model " + std::to_string(model) + " uses block " +
                             std::to_string(blocks[i]) + ", there are " +
                             std::to_string(class_of_.size()));
    }
    const uint32_t c = class_of_[blocks[i]];
    if (nodes_[c].model == model) continue;  // a repeated block
    if (nodes_[c].split_by != model) {
      if (nodes_.size() >= kNone) return Status::Limit("packing: too many sharing classes");
      nodes_[c].split_by = model;
      nodes_[c].child = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({c, model, 0, kNone, kNone});
    }
    nodes_[c].blocks--;
    class_of_[blocks[i]] = nodes_[c].child;
    nodes_[nodes_[c].child].blocks++;
  }
  return {};
}

bool ClassRefiner::NumberClasses(Budget* budget) {
  return RunSlice(&numbered_, nodes_.size(), budget, [this](size_t i) -> int64_t {
    if (nodes_[i].blocks == 0) return 1;
    const size_t before = classes_.members.size();
    size_t node = i;
    for (; nodes_[node].parent != kNone; node = nodes_[node].parent) {
      classes_.members.push_back(nodes_[node].model);
    }
    nodes_[i].child = static_cast<uint32_t>(classes_.classes());
    classes_.count.push_back(nodes_[i].blocks);
    classes_.size.push_back(root_size_[node]);
    classes_.begin.push_back(classes_.members.size());
    return static_cast<int64_t>(classes_.members.size() - before) * 2 + 4;
  });
}

bool ClassRefiner::Step(Budget* budget) {
  if (!NumberClasses(budget)) return false;
  const auto rename = [this](size_t b) {
    class_of_[b] = nodes_[class_of_[b]].child;
    return int64_t{1};
  };
  if (!RunSlice(&renamed_, class_of_.size(), budget, rename)) return false;
  nodes_ = {};
  return true;
}

}  // namespace mosaic
