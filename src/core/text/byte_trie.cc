#include "core/text/byte_trie.h"

#include <algorithm>

namespace mosaic::text {

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  // Stable, so that the last of equal ones comes last.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
  size_t begin = 0;
  while (begin < entries.size() && entries[begin].first.empty()) ++begin;
  if (begin == entries.size()) return;
  // Level by level: a task is a node and the entries that go through it.
  struct Task {
    uint32_t node;
    size_t begin, end;
  };
  std::vector<Task> level{{kRoot, begin, entries.size()}}, next;
  nodes_.emplace_back();
  labels_.push_back(0);
  for (size_t depth = 0; !level.empty(); ++depth) {
    for (const Task& task : level) {
      size_t i = task.begin;
      for (; i < task.end && entries[i].first.size() == depth; ++i) nodes_[task.node].value = entries[i].second;
      nodes_[task.node].first = static_cast<uint32_t>(nodes_.size());
      uint16_t children = 0;
      while (i < task.end) {
        const char byte = entries[i].first[depth];
        size_t end = i + 1;
        while (end < task.end && entries[end].first[depth] == byte) ++end;
        const auto child = static_cast<uint32_t>(nodes_.size());
        nodes_.emplace_back();
        labels_.push_back(static_cast<unsigned char>(byte));
        next.push_back({child, i, end});
        if (depth == 0) root_[static_cast<unsigned char>(byte)] = child;
        ++children;
        i = end;
      }
      nodes_[task.node].children = children;
    }
    level.swap(next);
    next.clear();
  }
}

int32_t ByteTrie::Longest(std::string_view text, size_t pos, size_t* length, size_t* looked_at) const {
  int32_t found = kNone;
  uint32_t node = kRoot;
  size_t i = pos;
  for (; i < text.size() && Step(&node, static_cast<unsigned char>(text[i])); ++i) {
    if (Value(node) == kNone) continue;
    found = Value(node);
    *length = i + 1 - pos;
  }
  if (looked_at != nullptr) *looked_at = i - pos;
  return found;
}

}  // namespace mosaic::text
