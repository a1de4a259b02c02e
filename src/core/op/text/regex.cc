#include "core/op/text/regex.h"

#include <algorithm>

#include "core/op/text/code_points.h"
#include "core/op/text/letter_case.h"
#include "core/op/text/regex_syntax.h"

namespace mosaic {

bool CharSet::Has(uint32_t code) const {
  const auto in = [&](uint32_t c) {
    const auto behind = std::upper_bound(ranges.begin(), ranges.end(), std::pair(c, UINT32_MAX));
    return behind != ranges.begin() && c <= std::prev(behind)->second;
  };
  bool found = in(code);
  if (!found && any_case) {
    found =
        in(LetterInCase(code, LetterCase::kLower)) || in(LetterInCase(code, LetterCase::kUpper));
  }
  return found != negated;
}

// States from the tree of a pattern, from its end to its beginning.
class RegexCompiler {
 public:
  RegexCompiler(const RegexTree& tree, Regex* out) : tree_(tree), regex_(*out) {}

  Status Compile() {
    regex_.states_.clear();
    const int end = Add({});
    regex_.start_ = Emit(tree_.root, end);
    if (full_) {
      return Status::Limit("the pattern would need more than " + std::to_string(Regex::kMaxStates) +
                           " states");
    }
    return Status();
  }

 private:
  using State = Regex::State;
  using Kind = Regex::Kind;

  int Add(const State& state) {
    full_ = full_ || regex_.states_.size() >= Regex::kMaxStates;
    if (full_) return 0;
    regex_.states_.push_back(state);
    return static_cast<int>(regex_.states_.size()) - 1;
  }

  // The state where matching a node begins, if "next" comes behind it.
  int Emit(int index, int next) {
    const RegexNode& node = tree_.nodes[static_cast<size_t>(index)];
    if (full_) return 0;
    switch (node.kind) {
      case RegexNode::kSet:
        return Add({Kind::kSet, node.arg, next, 0});
      case RegexNode::kAssert:
        return Add({Kind::kAssert, node.arg, next, 0});
      case RegexNode::kConcat:
        for (size_t i = node.children.size(); i-- > 0;) next = Emit(node.children[i], next);
        return next;
      case RegexNode::kAlternate: {
        int start = Emit(node.children.back(), next);
        for (size_t i = node.children.size() - 1; i-- > 0;) {
          start = Add({Kind::kSplit, 0, Emit(node.children[i], next), start});
        }
        return start;
      }
      case RegexNode::kRepeat:
        break;
    }
    return EmitRepeat(node, next);
  }

  int EmitRepeat(const RegexNode& node, int next) {
    const int child = node.children[0];
    int start = next;
    if (node.most < 0) {
      start = Add({Kind::kSplit, 0, 0, next});
      const int body = Emit(child, start);
      if (!full_) regex_.states_[static_cast<size_t>(start)].next = body;
    }
    for (int i = node.least; i < node.most && !full_; ++i) {
      start = Add({Kind::kSplit, 0, Emit(child, start), next});
    }
    for (int i = 0; i < node.least && !full_; ++i) {
      const int one_more = Emit(child, start);
      if (one_more == start) break;  // the child is empty: so are all of its repetitions
      start = one_more;
    }
    return start;
  }

  const RegexTree& tree_;
  Regex& regex_;
  bool full_ = false;
};

namespace {

// In order, and apart.
void SortRanges(std::vector<std::pair<uint32_t, uint32_t>>* ranges) {
  std::sort(ranges->begin(), ranges->end());
  size_t kept = 0;
  for (const auto& r : *ranges) {
    if (kept > 0 && r.first <= (*ranges)[kept - 1].second) {
      (*ranges)[kept - 1].second = std::max((*ranges)[kept - 1].second, r.second);
    } else {
      (*ranges)[kept++] = r;
    }
  }
  ranges->resize(kept);
}

}  // namespace

Status Regex::Parse(std::string_view pattern, Regex* out) {
  RegexTree tree;
  MOSAIC_RETURN_IF_ERROR(ParseRegex(pattern, &tree));
  out->sets_ = tree.sets;
  for (CharSet& set : out->sets_) SortRanges(&set.ranges);
  return RegexCompiler(tree, out).Compile();
}

namespace {

// -1: before the first or behind the last code point.
bool IsWord(int64_t code) {
  return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
         (code >= 'a' && code <= 'z') || code == '_';
}

}  // namespace

bool Regex::Holds(Assertion assertion, int64_t before, int64_t after) {
  switch (assertion) {
    case Assertion::kTextBegin:
      return before < 0;
    case Assertion::kTextEnd:
      return after < 0;
    case Assertion::kLineBegin:
      return before < 0 || before == '\n';
    case Assertion::kLineEnd:
      return after < 0 || after == '\n';
    case Assertion::kWord:
      return IsWord(before) != IsWord(after);
    default:
      return IsWord(before) == IsWord(after);
  }
}

// Adds the states that are reached from one without reading, between two code points.
void Regex::Enter(int state, int64_t before, int64_t after, std::vector<int>* to, Memory* m) const {
  m->stack.assign(1, state);
  while (!m->stack.empty()) {
    const int at = m->stack.back();
    m->stack.pop_back();
    uint64_t& seen = m->seen[static_cast<size_t>(at)];
    if (seen == m->step) continue;
    seen = m->step;
    ++m->steps;
    const State& s = states_[static_cast<size_t>(at)];
    if (s.kind == Kind::kSplit) {
      m->stack.push_back(s.other);
      m->stack.push_back(s.next);
    } else if (s.kind == Kind::kAssert) {
      if (Holds(static_cast<Assertion>(s.arg), before, after)) m->stack.push_back(s.next);
    } else {
      to->push_back(at);
    }
  }
}

Status Regex::CheckSteps(const Memory& m) {
  if (m.steps <= kMaxSteps) return Status();
  return Status::Limit("a regular expression takes more than " + std::to_string(kMaxSteps) +
                       " steps on a text");
}

Status Regex::FullMatch(std::string_view text, Memory* m, bool* matches) const {
  *matches = false;
  if (m->seen.size() < states_.size()) m->seen.resize(states_.size(), 0);
  m->now.clear();
  ++m->step;
  const auto peek = [&](size_t* bytes) -> int64_t {
    *bytes = 0;
    return text.empty() ? -1 : int64_t{DecodeUtf8(text, bytes)};
  };
  size_t bytes = 0;
  int64_t code = peek(&bytes);
  Enter(start_, -1, code, &m->now, m);
  while (!text.empty()) {
    MOSAIC_RETURN_IF_ERROR(CheckSteps(*m));
    if (bytes == 0 || m->now.empty()) return Status();
    text.remove_prefix(bytes);
    const int64_t read = code;
    code = peek(&bytes);
    ++m->step;
    m->next.clear();
    for (int at : m->now) {
      const State& s = states_[static_cast<size_t>(at)];
      if (s.kind != Kind::kSet) continue;
      if (sets_[static_cast<size_t>(s.arg)].Has(static_cast<uint32_t>(read))) {
        Enter(s.next, read, code, &m->next, m);
      }
    }
    m->now.swap(m->next);
  }
  *matches = std::any_of(m->now.begin(), m->now.end(), [&](int at) {
    return states_[static_cast<size_t>(at)].kind == Kind::kMatch;
  });
  return Status();
}

// States are in the order of where their matches begin: the first that has matched is the leftmost,
// and what begins later is given up.
void Regex::TakeMatch(size_t at, Memory* m, Span* span) const {
  for (size_t i = 0; i < m->now.size(); ++i) {
    if (states_[static_cast<size_t>(m->now[i])].kind != Kind::kMatch) continue;
    *span = {m->now_from[i], at};
    size_t keep = i + 1;
    while (keep < m->now.size() && m->now_from[keep] == m->now_from[i]) ++keep;
    m->now.resize(keep);
    m->now_from.resize(keep);
    return;
  }
}

Status Regex::Find(std::string_view text, size_t from, Memory* m, Span* span) const {
  *span = Span();
  if (m->seen.size() < states_.size()) m->seen.resize(states_.size(), 0);
  m->now.clear();
  m->now_from.clear();
  ++m->step;
  // Of a code point of several bytes it matters only that it is neither of a word nor a line's end.
  int64_t before = from == 0 ? -1 : int64_t{static_cast<unsigned char>(text[from - 1])};
  for (size_t at = from;; ++m->step) {
    MOSAIC_RETURN_IF_ERROR(CheckSteps(*m));
    size_t bytes = 0;
    int64_t code = -1;
    if (at < text.size()) {
      code = int64_t{DecodeUtf8(text.substr(at), &bytes)};
      if (bytes == 0) return Status::Invalid("a text is no valid UTF-8");
    }
    // What was entered before, on the way here, goes first.
    for (size_t i = 0; i < m->next.size() && at > from; ++i) {
      const State& s = states_[static_cast<size_t>(m->next[i])];
      if (s.kind != Kind::kSet) continue;
      if (!sets_[static_cast<size_t>(s.arg)].Has(static_cast<uint32_t>(before))) continue;
      Enter(s.next, before, code, &m->now, m);
      m->now_from.resize(m->now.size(), m->next_from[i]);
    }
    if (!span->found()) {
      Enter(start_, before, code, &m->now, m);
      m->now_from.resize(m->now.size(), at);
    }
    TakeMatch(at, m, span);
    if (at == text.size() || (m->now.empty() && span->found())) return Status();
    at += bytes;
    before = code;
    m->now.swap(m->next);
    m->now_from.swap(m->next_from);
    m->now.clear();
    m->now_from.clear();
  }
}

}  // namespace mosaic
