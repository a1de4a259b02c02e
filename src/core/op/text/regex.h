// Regular expressions of RE2's syntax, matched against whole texts or looked for in them, in time
// that is linear in the text: a nondeterministic automaton is followed in all its states at once
// (Thompson, "Regular expression search algorithm", 1968).
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
  // Inclusive; those of an expression are in order, and apart.
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  bool negated = false;
  bool any_case = false;

  bool Has(uint32_t code) const;
};

class Regex {
 public:
  // States of the automaton, at most: what a repetition of a repetition can make many of.
  static constexpr size_t kMaxStates = 20000;
  // Steps of the automaton's states that a text may take: the cost of a unit of work, which is a
  // text.
  static constexpr int64_t kMaxSteps = int64_t{1} << 21;

  enum class Assertion { kTextBegin, kTextEnd, kLineBegin, kLineEnd, kWord, kNotWord };

  // Errors: BAD_MODEL (with what is wrong), UNSUPPORTED, LIMIT.
  static Status Parse(std::string_view pattern, Regex* out);

  // What a match works with; for reuse.
  struct Memory {
    std::vector<int> now, next, stack;
    std::vector<uint64_t> seen;               // per state: the step in which it was entered
    std::vector<size_t> now_from, next_from;  // Find: where the match that a state is of begins
    uint64_t step = 0;
    int64_t steps = 0;  // of states, since it was last 0; matching ends where there are kMaxSteps
  };
  // Whether the whole text matches. What is no UTF-8 does not.
  // Errors: LIMIT (kMaxSteps).
  Status FullMatch(std::string_view text, Memory* memory, bool* matches) const;

  // A match within a text, in bytes. end < begin: there is none.
  struct Span {
    size_t begin = 1, end = 0;
    bool found() const { return end >= begin; }
  };
  // The leftmost match that begins at `from` or later, and of these the longest. What is before
  // `from` is seen by ^ and \b.
  // Errors: INVALID (no UTF-8), LIMIT (kMaxSteps).
  Status Find(std::string_view text, size_t from, Memory* memory, Span* span) const;

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
  static Status CheckSteps(const Memory& m);
  void TakeMatch(size_t at, Memory* m, Span* span) const;

  std::vector<CharSet> sets_;
  std::vector<State> states_;
  int start_ = 0;
};

}  // namespace mosaic
