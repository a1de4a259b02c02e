// "a", "b" and 3 more: the names in an error that tells all at once.
#pragma once

#include <string>

namespace mosaic {

class NameList {
 public:
  void Add(const std::string& item) {
    ++count_;
    if (text_.size() + item.size() > kListedBytes) return;
    text_ += (shown_++ > 0 ? ", " : "") + item;
  }
  int count() const { return count_; }
  // 'head: "a", "b" and 3 more. ', or nothing.
  std::string Sentence(const std::string& head) const {
    if (count_ == 0) return "";
    const int more = count_ - shown_;
    return head + ": " + text_ +
           (more > 0 ? (shown_ > 0 ? " and " : "") + std::to_string(more) + " more" : "") + ". ";
  }

 private:
  static constexpr size_t kListedBytes = 1000;
  std::string text_;
  int count_ = 0, shown_ = 0;
};

}  // namespace mosaic
