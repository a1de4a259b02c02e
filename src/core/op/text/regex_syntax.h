// The tree of a regular expression's pattern.
#pragma once

#include <string_view>
#include <vector>

#include "core/op/text/regex.h"

namespace mosaic {

struct RegexNode {
  enum Kind { kSet, kAssert, kConcat, kAlternate, kRepeat };
  Kind kind = kConcat;       // without children: matches nothing at all, the empty text
  int arg = 0;               // kSet: which; kAssert: a Regex::Assertion
  int least = 0, most = -1;  // kRepeat; -1: without end
  std::vector<int> children;
};

struct RegexTree {
  std::vector<RegexNode> nodes;
  std::vector<CharSet> sets;
  int root = 0;
};

// Errors as Regex::Parse.
Status ParseRegex(std::string_view pattern, RegexTree* out);

}  // namespace mosaic
