// The tokens of a model: a string for each id, and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/util/status.h"

namespace mosaic::text {

// Bounds of a vocabulary; a token of the largest ones in use has some 100 bytes, all together 3 MB.
constexpr size_t kMaxTokens = 4'000'000;
constexpr size_t kMaxTokenBytes = 4096;
constexpr size_t kMaxVocabularyBytes = 32 * 1024 * 1024;

class Vocabulary {
 public:
  static constexpr int32_t kNone = -1;

  // Of equal tokens the last one counts. Call Finish() when all are added.
  Status Add(std::string_view token, int64_t id);
  void Finish();

  size_t size() const { return entries_.size(); }  // tokens; ids may have gaps
  std::string_view token(size_t i) const {         // the i-th that was added
    return std::string_view(text_).substr(entries_[i].begin, entries_[i].length);
  }
  int32_t id(size_t i) const { return entries_[i].id; }

  int32_t Find(std::string_view token) const;
  // Of an id; nullptr data where there is none.
  std::string_view Token(int32_t id) const;
  size_t bytes() const;

 private:
  struct Entry {
    uint32_t begin, length;
    int32_t id;
  };
  size_t Slot(std::string_view token) const;

  std::string text_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;   // open addressing: 1 + the place of an entry; 0: free
  std::vector<uint32_t> by_id_;   // places of entries, by id
};

}  // namespace mosaic::text
