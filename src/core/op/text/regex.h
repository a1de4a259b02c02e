// Regular expressions of RE2's syntax, matched against whole texts in time that is linear in the
// text: a nondeterministic automaton is followed in all its states at once (Thompson, "Regular
// expression search algorithm", 1968).
//
// What RE2 has and this has not: classes by Unicode property (\p{Greek}), \C.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

// A set of code points.
struct CharSet {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;  // inclusive
  bool negated = false;
  bool any_case = false;

  bool Has(uint32_t code) const;
};

class Regex {
 public:
  // States of the automaton, at most: what a repetition of a repetition can make many of.
  static constexpr size_t kMaxStates = 20000;

  enum class Assertion { kTextBegin, kTextEnd, kLineBegin, kLineEnd, kWord, kNotWord };

  // Errors: BAD_MODEL (with what is wrong), UNSUPPORTED, LIMIT.
  static Status Parse(std::string_view pattern, Regex* out);

  // What a match works with; for reuse.
  struct Memory {
    std::vector<int> now, next, stack;
    std::vector<uint64_t> seen;  // per state: the step in which it was entered
    uint64_t step = 0;
  };
  // Whether the whole text matches. What is no UTF-8 does not.
  bool FullMatch(std::string_view text, Memory* memory) const;

 private:
  friend class RegexCompiler;

  enum class Kind : uint8_t { kSet, kSplit, kAssert, kMatch };
  struct State {
    Kind kind = Kind::kMatch;
    int arg = 0;   // kSet: which; kAssert: which
    int next = 0;  // kSplit: one way
    int other = 0;
  };

  static bool Holds(Assertion assertion, int64_t before, int64_t after);
  void Enter(int state, int64_t before, int64_t after, std::vector<int>* to, Memory* m) const;

  std::vector<CharSet> sets_;
  std::vector<State> states_;
  int start_ = 0;
};

}  // namespace mosaic
