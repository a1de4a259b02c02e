#include "core/text/charsmap.h"

#include <cstring>

#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// The fields of a unit of a Darts-clone double array.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FF; }
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
size_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

}  // namespace

Status Charsmap::Parse(std::string_view bytes, Charsmap* out) {
  uint32_t size;
  if (bytes.size() < sizeof size) return Status::BadModel("the charsmap has only " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size > bytes.size() || size % sizeof(uint32_t) != 0 || size == 0)
    return Status::BadModel("the charsmap's trie has " + std::to_string(size) + " bytes, " +
                            std::to_string(bytes.size()) + " are there");
  out->units_.resize(size / sizeof(uint32_t));
  std::memcpy(out->units_.data(), bytes.data(), size);
  out->replacements_ = bytes.substr(size);
  if (!ValidUtf8(out->replacements_)) return Status::BadModel("the charsmap's replacements are not valid UTF-8");
  return Status();
}

bool Charsmap::Find(std::string_view key, bool longest, size_t* length, std::string_view* replacement,
                    size_t* looked_at) const {
  bool found = false;
  size_t node = Offset(units_[0]);
  size_t i = 0;
  for (; i < key.size(); ++i) {
    const auto c = static_cast<unsigned char>(key[i]);
    node ^= c;
    if (c == 0 || node >= units_.size()) break;
    const uint32_t unit = units_[node];
    if (Label(unit) != c) break;
    node ^= Offset(unit);
    if (node >= units_.size()) break;
    // A rule for a part of a character would leave the rest of it, which is no text.
    if (!HasLeaf(unit) || (i + 1 < key.size() && IsContinuation(key[i + 1]))) continue;
    const size_t at = Value(units_[node]);
    if (at > replacements_.size()) continue;
    // A value that points into a character is no rule.
    if (at < replacements_.size() && IsContinuation(replacements_[at])) continue;
    found = true;
    *length = i + 1;
    *replacement = std::string_view(replacements_).substr(at);
    *replacement = replacement->substr(0, replacement->find('\0'));
    if (!longest) break;
  }
  if (looked_at != nullptr) *looked_at = i;
  return found;
}

bool DecodeBase64(std::string_view in, std::string* out) {
  const auto digit = [](char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  out->clear();
  while (!in.empty() && in.back() == '=') in.remove_suffix(1);
  if (in.size() % 4 == 1) return false;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : in) {
    const int d = digit(c);
    if (d < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(d);
    if ((have += 6) >= 8) {
      have -= 8;
      out->push_back(static_cast<char>(bits >> have & 0xFF));
    }
  }
  return true;
}

}  // namespace mosaic::text
