// Regular expressions of tokenizers, by PCRE2 over UTF-8.
//
// They are written for Oniguruma in its Ruby syntax. What PCRE2 says otherwise is translated (\s, \w,
// \h), what cannot be is refused. A search is bounded: in the steps and memory of the match at one place by PCRE2's
// limits, and in the places tried by the budget, so that no pattern and no text holds a backend.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/text/budget.h"
#include "core/util/status.h"

struct pcre2_real_code_8;

namespace mosaic::text {

class Regex {
 public:
  static Status Compile(const std::string& pattern, std::unique_ptr<Regex>* out);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // Where a walk over the matches of a text stands, and the memory that matching needs (so that a
  // Regex itself is immutable). May be used for one text after another, but for one Regex only.
  class Walk {
   public:
    Walk();
    ~Walk();
    Walk(Walk&&) noexcept;
    Walk& operator=(Walk&&) noexcept;
    void Restart() {
      pos_ = 0;
      last_ = std::string::npos;
    }

   private:
    friend class Regex;
    struct Memory;
    size_t pos_ = 0;                   // the search goes on here
    size_t last_ = std::string::npos;  // end of the last match
    std::unique_ptr<Memory> memory_;
  };
  enum class Found { kMatch, kNone, kMore };
  // The next match in text (valid UTF-8): [*begin, *end). kMore: the budget is spent, call again.
  // An empty match right behind the match before it does not count.
  Status Next(std::string_view text, Walk* walk, size_t* begin, size_t* end, Found* found,
              Budget* budget) const;

 private:
  Regex() = default;
  pcre2_real_code_8* code_ = nullptr;
};

// Characters of words as Rust's regular expressions and Oniguruma have them, inside brackets.
extern const char kWordClass[];

}  // namespace mosaic::text
