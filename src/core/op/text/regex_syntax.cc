#include "core/op/text/regex_syntax.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/op/text/code_points.h"

namespace mosaic {
namespace {

constexpr uint32_t kLastCode = 0x10ffff;
constexpr int kMaxRepeat = 1000, kMaxDepth = 200;
constexpr size_t kMaxPattern = 64 * 1024;

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

struct NamedClass {
  const char* name;
  Ranges ranges;
};

const std::vector<NamedClass>& PosixClasses() {
  static const auto* const classes = new std::vector<NamedClass>{
      {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
      {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
      {"ascii", {{0, 0x7f}}},
      {"blank", {{'\t', '\t'}, {' ', ' '}}},
      {"cntrl", {{0, 0x1f}, {0x7f, 0x7f}}},
      {"digit", {{'0', '9'}}},
      {"graph", {{'!', '~'}}},
      {"lower", {{'a', 'z'}}},
      {"print", {{' ', '~'}}},
      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
      {"space", {{'\t', '\r'}, {' ', ' '}}},
      {"upper", {{'A', 'Z'}}},
      {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
      {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
  };
  return *classes;
}

// \d, \s, \w; null for other letters.
const Ranges* PerlClass(char letter) {
  static const auto* const space = new Ranges{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  for (const NamedClass& c : PosixClasses()) {
    if (letter == 'd' && std::strcmp(c.name, "digit") == 0) return &c.ranges;
    if (letter == 'w' && std::strcmp(c.name, "word") == 0) return &c.ranges;
  }
  return letter == 's' ? space : nullptr;
}

// REQUIRES: sorted, apart from each other.
Ranges Complement(const Ranges& ranges) {
  Ranges rest;
  uint32_t from = 0;
  for (const auto& [low, high] : ranges) {
    if (low > from) rest.push_back({from, low - 1});
    from = high + 1;
  }
  if (from <= kLastCode) rest.push_back({from, kLastCode});
  return rest;
}

class Parser {
 public:
  Parser(std::string_view pattern, RegexTree* out) : rest_(pattern), tree_(*out) {}

  Status Parse() {
    MOSAIC_RETURN_IF_ERROR(Alternation(0, &tree_.root));
    return rest_.empty() ? Status() : Wrong("a parenthesis is not opened");
  }

 private:
  struct Flags {
    bool any_case = false, lines = false, dot_all = false;
  };

  static Status Wrong(const std::string& what) { return Status::BadModel("pattern: " + what); }

  bool Take(std::string_view token) {
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  Status TakeCode(uint32_t* code) {
    size_t bytes = 0;
    if (rest_.empty()) return Wrong("it ends too early");
    *code = DecodeUtf8(rest_, &bytes);
    if (bytes == 0) return Wrong("it is no UTF-8");
    rest_.remove_prefix(bytes);
    return Status();
  }

  int Add(RegexNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<int>(tree_.nodes.size()) - 1;
  }
  int AddSet(Ranges ranges, bool negated = false) {
    CharSet set;
    set.ranges = std::move(ranges);
    set.negated = negated;
    set.any_case = flags_.any_case;
    tree_.sets.push_back(std::move(set));
    RegexNode node;
    node.kind = RegexNode::kSet;
    node.arg = static_cast<int>(tree_.sets.size()) - 1;
    return Add(std::move(node));
  }
  int AddAssert(Regex::Assertion assertion) {
    RegexNode node;
    node.kind = RegexNode::kAssert;
    node.arg = static_cast<int>(assertion);
    return Add(std::move(node));
  }

  // Up to the end or a closing parenthesis. Flags that are set within it end with it.
  Status Alternation(int depth, int* out) {
    if (depth > kMaxDepth) return Status::Limit("pattern: parentheses are nested too deeply");
    const Flags around = flags_;
    RegexNode alternate;
    alternate.kind = RegexNode::kAlternate;
    do {
      RegexNode concat;
      while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
        MOSAIC_RETURN_IF_ERROR(Item(depth, &concat.children));
      }
      alternate.children.push_back(Add(std::move(concat)));
    } while (Take("|"));
    flags_ = around;
    *out = alternate.children.size() == 1 ? alternate.children[0] : Add(std::move(alternate));
    return Status();
  }

  // One atom with its repetition.
  Status Item(int depth, std::vector<int>* to) {
    const size_t before = to->size();
    MOSAIC_RETURN_IF_ERROR(Take("\\Q") ? Quoted(to) : Atom(depth, to));
    RegexNode repeat;
    repeat.kind = RegexNode::kRepeat;
    if (!TakeRepeat(&repeat.least, &repeat.most)) return Status();
    if (to->size() == before) return Wrong("there is nothing to repeat");
    if (repeat.least > kMaxRepeat || repeat.most > kMaxRepeat ||
        (repeat.most >= 0 && repeat.most < repeat.least)) {
      return Wrong("a repetition is out of range");
    }
    Take("?");  // the fewest or the most: the same for a whole text
    int least = 0, most = 0;
    if (TakeRepeat(&least, &most)) return Wrong("a repetition is repeated");
    repeat.children.push_back(to->back());
    to->back() = Add(std::move(repeat));
    return Status();
  }

  bool TakeRepeat(int* least, int* most) {
    *least = 0;
    *most = -1;
    if (Take("*")) return true;
    if (Take("+")) {
      *least = 1;
      return true;
    }
    if (Take("?")) {
      *most = 1;
      return true;
    }
    // Braces that hold no numbers stand for themselves.
    const std::string_view kept = rest_;
    if (Take("{") && TakeNumber(least)) {
      *most = *least;
      if (Take(",") && !TakeNumber(most)) *most = -1;
      if (Take("}")) return true;
    }
    rest_ = kept;
    return false;
  }
  bool TakeNumber(int* number) {
    size_t digits = 0;
    *number = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      *number = std::min(*number * 10 + (rest_[digits++] - '0'), 10 * kMaxRepeat);
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }

  // Text up to \E stands for itself.
  Status Quoted(std::vector<int>* to) {
    while (!rest_.empty() && !Take("\\E")) {
      uint32_t code = 0;
      MOSAIC_RETURN_IF_ERROR(TakeCode(&code));
      to->push_back(AddSet({{code, code}}));
    }
    return Status();
  }

  Status Atom(int depth, std::vector<int>* to) {
    using Assertion = Regex::Assertion;
    if (Take("(")) return Group(depth, to);
    if (Take("[")) return Class(to);
    if (Take("^")) {
      to->push_back(AddAssert(flags_.lines ? Assertion::kLineBegin : Assertion::kTextBegin));
    } else if (Take("$")) {
      to->push_back(AddAssert(flags_.lines ? Assertion::kLineEnd : Assertion::kTextEnd));
    } else if (Take(".")) {
      to->push_back(flags_.dot_all ? AddSet({{0, kLastCode}}) : AddSet({{'\n', '\n'}}, true));
    } else if (rest_[0] == '*' || rest_[0] == '+' || rest_[0] == '?') {
      return Wrong("there is nothing to repeat");
    } else if (Take("\\")) {
      return Escape(to);
    } else {
      uint32_t code = 0;
      MOSAIC_RETURN_IF_ERROR(TakeCode(&code));
      to->push_back(AddSet({{code, code}}));
    }
    return Status();
  }

  Status Group(int depth, std::vector<int>* to) {
    const Flags around = flags_;
    if (Take("?P<") || Take("?<")) {
      const size_t end = rest_.find('>');
      if (end == rest_.npos || end == 0) return Wrong("the name of a group has no end");
      rest_.remove_prefix(end + 1);
    } else if (Take("?")) {
      MOSAIC_RETURN_IF_ERROR(TakeFlags());
      if (Take(")")) return Status();  // for what follows in the group around
      if (!Take(":")) return Wrong("a group begins in an unknown way");
    }
    int inner = 0;
    MOSAIC_RETURN_IF_ERROR(Alternation(depth + 1, &inner));
    if (!Take(")")) return Wrong("a parenthesis is not closed");
    flags_ = around;
    to->push_back(inner);
    return Status();
  }

  Status TakeFlags() {
    bool on = true;
    while (!rest_.empty() && rest_[0] != ':' && rest_[0] != ')') {
      switch (rest_[0]) {
        case '-':
          on = false;
          break;
        case 'i':
          flags_.any_case = on;
          break;
        case 'm':
          flags_.lines = on;
          break;
        case 's':
          flags_.dot_all = on;
          break;
        case 'U':  // swaps the fewest and the most
          break;
        default:
          return Wrong("a group begins in an unknown way");
      }
      rest_.remove_prefix(1);
    }
    return Status();
  }

  // Behind a backslash, outside of brackets.
  Status Escape(std::vector<int>* to) {
    using Assertion = Regex::Assertion;
    const char letter = rest_.empty() ? '\0' : rest_[0];
    const std::pair<char, Assertion> assertions[] = {{'A', Assertion::kTextBegin},
                                                     {'z', Assertion::kTextEnd},
                                                     {'b', Assertion::kWord},
                                                     {'B', Assertion::kNotWord}};
    for (const auto& [name, assertion] : assertions) {
      if (letter != name) continue;
      rest_.remove_prefix(1);
      to->push_back(AddAssert(assertion));
      return Status();
    }
    Ranges ranges;
    MOSAIC_RETURN_IF_ERROR(EscapedRanges(&ranges));
    to->push_back(AddSet(std::move(ranges)));
    return Status();
  }

  // A class or a character behind a backslash.
  Status EscapedRanges(Ranges* out) {
    const char letter = rest_.empty() ? '\0' : rest_[0];
    if (const Ranges* ranges = PerlClass(letter)) {
      *out = *ranges;
    } else if (const Ranges* others = PerlClass(static_cast<char>(letter | 0x20))) {
      *out = Complement(*others);
    } else if (letter == 'p' || letter == 'P' || letter == 'C') {
      return Status::Unsupported(std::string("pattern: \\") + letter + " is not supported");
    } else {
      uint32_t code = 0;
      MOSAIC_RETURN_IF_ERROR(EscapedCode(&code));
      *out = {{code, code}};
      return Status();
    }
    rest_.remove_prefix(1);
    return Status();
  }

  Status EscapedCode(uint32_t* code) {
    static const char kLetters[] = "aftnrv", kCodes[] = "\a\f\t\n\r\v";
    MOSAIC_RETURN_IF_ERROR(TakeCode(code));
    const uint32_t letter = *code;
    if (letter == 'x') return Hexadecimal(code);
    if (letter >= '0' && letter <= '7') {
      const bool octal = letter == '0' || (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7');
      if (!octal) return Wrong("references to groups are not part of the syntax");
      *code = letter - '0';
      for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
        *code = *code * 8 + static_cast<uint32_t>(rest_[0] - '0');
        rest_.remove_prefix(1);
      }
      return Status();
    }
    if (letter >= 0x80) return Wrong("an escape is unknown");
    const char* found = letter == 0 ? nullptr : std::strchr(kLetters, static_cast<int>(letter));
    if (found != nullptr) {
      *code = static_cast<uint32_t>(kCodes[found - kLetters]);
    } else if ((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= 'a' && letter <= 'z')) {
      return Wrong("an escape is unknown");
    }
    return Status();
  }

  Status Hexadecimal(uint32_t* code) {
    const bool braces = Take("{");
    size_t digits = 0;
    *code = 0;
    for (; digits < rest_.size() && digits < (braces ? 6 : 2); ++digits) {
      const char ch = rest_[digits], lower = static_cast<char>(ch | 0x20);
      if (ch >= '0' && ch <= '9') {
        *code = *code * 16 + static_cast<uint32_t>(ch - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        *code = *code * 16 + static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        break;
      }
    }
    rest_.remove_prefix(digits);
    const bool whole = braces ? digits > 0 && Take("}") : digits == 2;
    return whole && *code <= kLastCode ? Status() : Wrong("a hexadecimal escape is not complete");
  }

  // Behind an opening bracket.
  Status Class(std::vector<int>* to) {
    const bool negated = Take("^");
    Ranges all;
    for (bool first = true; first || !Take("]"); first = false) {
      if (rest_.empty()) return Wrong("a bracket is not closed");
      MOSAIC_RETURN_IF_ERROR(ClassItem(&all));
    }
    to->push_back(AddSet(std::move(all), negated));
    return Status();
  }

  Status ClassItem(Ranges* all) {
    if (Take("[:")) return PosixClass(all);
    Ranges low;
    MOSAIC_RETURN_IF_ERROR(ClassEnd(&low));
    const bool range = rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']';
    if (range && low.size() == 1 && low[0].first == low[0].second) {
      Take("-");
      Ranges high;
      MOSAIC_RETURN_IF_ERROR(ClassEnd(&high));
      if (high.size() != 1 || high[0].first != high[0].second || high[0].first < low[0].first) {
        return Wrong("a range of characters runs backwards");
      }
      low[0].second = high[0].second;
    }
    all->insert(all->end(), low.begin(), low.end());
    return Status();
  }

  Status ClassEnd(Ranges* out) {
    if (Take("\\")) return EscapedRanges(out);
    uint32_t code = 0;
    MOSAIC_RETURN_IF_ERROR(TakeCode(&code));
    *out = {{code, code}};
    return Status();
  }

  Status PosixClass(Ranges* all) {
    const bool negated = Take("^");
    for (const NamedClass& c : PosixClasses()) {
      if (!Take(std::string(c.name) + ":]")) continue;
      const Ranges ranges = negated ? Complement(c.ranges) : c.ranges;
      all->insert(all->end(), ranges.begin(), ranges.end());
      return Status();
    }
    return Wrong("a class of characters is unknown");
  }

  std::string_view rest_;
  RegexTree& tree_;
  Flags flags_;
};

}  // namespace

Status ParseRegex(std::string_view pattern, RegexTree* out) {
  if (pattern.size() > kMaxPattern) return Status::Limit("pattern: it is too long");
  *out = RegexTree();
  return Parser(pattern, out).Parse();
}

}  // namespace mosaic
