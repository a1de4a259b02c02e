// A trie over the bytes of strings, each with a value: which strings of a set does a text go on with here?
//
// The children of a node lie together, sorted by their byte, so a step is one search of a few bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace mosaic::text {

class ByteTrie {
 public:
  using Entry = std::pair<std::string_view, int32_t>;  // value >= 0

  ByteTrie() = default;
  // The empty string is left out. Of equal strings the last one counts.
  explicit ByteTrie(std::vector<Entry> entries);

  bool empty() const { return nodes_.empty(); }
  size_t bytes() const { return nodes_.capacity() * sizeof(Node) + labels_.capacity(); }

  static constexpr int32_t kNone = -1;
  static constexpr uint32_t kRoot = 0;
  // From a node by one byte. False: there is no such string.
  bool Step(uint32_t* node, unsigned char byte) const {
    if (*node == kRoot) {
      *node = root_[byte];
      return *node != kRoot;
    }
    const Node& n = nodes_[*node];
    const void* hit = n.children == 0 ? nullptr : std::memchr(labels_.data() + n.first, byte, n.children);
    if (hit == nullptr) return false;
    *node = static_cast<uint32_t>(static_cast<const unsigned char*>(hit) - labels_.data());
    return true;
  }
  int32_t Value(uint32_t node) const { return nodes_[node].value; }  // kNone: no string ends here

  // The longest string that text has from pos on; its value, or kNone. *looked_at: how much of the text was read.
  int32_t Longest(std::string_view text, size_t pos, size_t* length, size_t* looked_at = nullptr) const;

 private:
  struct Node {
    uint32_t first = 0;  // of its children
    int32_t value = kNone;
    uint16_t children = 0;
  };
  std::vector<Node> nodes_;  // [0] is the root
  std::vector<unsigned char> labels_;  // by node: the byte that leads to it
  uint32_t root_[256] = {};  // the root's children
};

}  // namespace mosaic::text
