#include "core/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {

const char kWordClass[] = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

namespace {

// For Oniguruma the digits of Latin-1, but no others that are not decimal, are of words too.
constexpr char kLatin1Word[] = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

constexpr size_t kMaxPattern = 64 * 1024;
constexpr uint32_t kMaxNesting = 100;
// Of the match at one place: backtracking points, and KiB of the heap.
// Tried first with few steps, as nearly all matches take: what takes more has a step of its own.
constexpr uint32_t kFewSteps = 100'000;
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kHeapLimit = 64 * 1024;
// Places that one call of PCRE2 tries.
constexpr size_t kPlaces = 4096;

// Oniguruma's pattern in PCRE2's words.
class Translator {
 public:
  explicit Translator(const std::string& pattern) : in_(pattern) {}

  Status Run(std::string* out) {
    while (pos_ < in_.size()) {
      const char c = in_[pos_];
      if (c == '\\') {
        MOSAIC_RETURN_IF_ERROR(Escape());
      } else if (in_class_) {
        MOSAIC_RETURN_IF_ERROR(InClass(c));
      } else {
        MOSAIC_RETURN_IF_ERROR(Outside(c));
      }
    }
    *out = std::move(out_);
    return Status();
  }

 private:
  Status Refuse(const char* what) const {
    return Status::Unsupported(std::string("the regular expression ") + Quoted(in_) + " has " + what +
                               ", which is not supported");
  }

  Status Escape() {
    if (pos_ + 1 >= in_.size()) return Status::BadModel("the regular expression ends in a backslash");
    const char c = in_[pos_ + 1];
    const auto property = [&](const std::string& members, bool negated) {
      if (!in_class_)
        out_ += (negated ? "[^" : "[") + members + "]";
      else if (!negated)
        out_ += members;
      return negated && in_class_;
    };
    bool refused = false;
    switch (c) {
      case 's': out_ += "\\p{White_Space}"; break;
      case 'S': out_ += "\\P{White_Space}"; break;
      case 'd': out_ += "\\p{Nd}"; break;
      case 'D': out_ += "\\P{Nd}"; break;
      case 'w': refused = property(std::string(kWordClass) + kLatin1Word, false); break;
      case 'W': refused = property(std::string(kWordClass) + kLatin1Word, true); break;
      case 'h': refused = property("0-9A-Fa-f", false); break;
      case 'H': refused = property("0-9A-Fa-f", true); break;
      case 'g': case 'k': case 'K': case 'X': case 'y': case 'Y': case 'O': case 'N': case 'C': case 'E': case 'Q':
        refused = true;
        break;
      default:
        return Copied(c);
    }
    if (refused) return Refuse((std::string("\\") + c).c_str());
    pos_ += 2;
    after_interval_ = false;
    return Status();
  }

  // An escape that is the same in both, with the braces that \p and \x may have.
  Status Copied(char c) {
    size_t end = pos_ + 2;
    if ((c == 'p' || c == 'P' || c == 'x') && end < in_.size() && in_[end] == '{')
      end = std::min(in_.find('}', end), in_.size() - 1) + 1;
    out_.append(in_, pos_, end - pos_);
    pos_ = end;
    after_interval_ = false;
    return Status();
  }

  Status InClass(char c) {
    if (c == '[') {
      // [:name:] is the same in both; a class in a class is not.
      const size_t close = in_.find(":]", pos_ + 2);
      if (in_.compare(pos_, 2, "[:") != 0 || close == std::string::npos) return Refuse("a class within a class");
      out_.append(in_, pos_, close + 2 - pos_);
      pos_ = close + 2;
      return Status();
    }
    if (c == '&' && in_.compare(pos_, 2, "&&") == 0) return Refuse("an intersection of classes");
    if (c == ']' && pos_ != class_begin_) in_class_ = false;
    out_ += c;
    ++pos_;
    return Status();
  }

  Status Outside(char c) {
    // {n,m}+ repeats there, and is possessive here.
    if (c == '+' && after_interval_) return Refuse("a repeated interval");
    after_interval_ = c == '}';
    out_ += c;
    ++pos_;
    if (c == '[') {
      in_class_ = true;
      if (pos_ < in_.size() && in_[pos_] == '^') out_ += in_[pos_++];
      class_begin_ = pos_;
    }
    return Status();
  }

  const std::string& in_;
  std::string out_;
  size_t pos_ = 0, class_begin_ = 0;
  bool in_class_ = false, after_interval_ = false;
};

std::string Message(int code) {
  PCRE2_UCHAR buffer[256];
  return pcre2_get_error_message(code, buffer, sizeof buffer) < 0
             ? "error " + std::to_string(code)
             : reinterpret_cast<const char*>(buffer);
}

struct CompileContext {
  CompileContext() : context(pcre2_compile_context_create(nullptr)) {
    if (context == nullptr) throw std::bad_alloc();
    pcre2_set_parens_nest_limit(context, kMaxNesting);
    pcre2_set_max_pattern_length(context, kMaxPattern);
  }
  ~CompileContext() { pcre2_compile_context_free(context); }
  pcre2_compile_context* context;
};

}  // namespace

struct Regex::Walk::Memory {
  explicit Memory(const pcre2_code* code)
      : data(pcre2_match_data_create_from_pattern(code, nullptr)),
        context(pcre2_match_context_create(nullptr)) {
    if (data == nullptr || context == nullptr) {
      Free();
      throw std::bad_alloc();
    }
    pcre2_set_heap_limit(context, kHeapLimit);
  }
  ~Memory() { Free(); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  void Free() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  pcre2_match_data* data;
  pcre2_match_context* context;
};

Regex::Walk::Walk() = default;
Regex::Walk::~Walk() = default;
Regex::Walk::Walk(Walk&&) noexcept = default;
Regex::Walk& Regex::Walk::operator=(Walk&&) noexcept = default;

Status Regex::Compile(const std::string& pattern, std::unique_ptr<Regex>* out) {
  if (pattern.size() > kMaxPattern)
    return Status::Limit("a regular expression has " + std::to_string(pattern.size()) + " bytes, at most " +
                         std::to_string(kMaxPattern) + " are allowed");
  std::string translated;
  MOSAIC_RETURN_IF_ERROR(Translator(pattern).Run(&translated));
  std::unique_ptr<Regex> regex(new Regex);
  const CompileContext context;
  int code;
  PCRE2_SIZE at;
  regex->code_ = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT, &code, &at,
      context.context);
  if (regex->code_ == nullptr)
    return Status::BadModel("the regular expression " + Quoted(pattern) + " is not valid: " + Message(code));
  // Where the system allows no executable memory, the interpreter does.
  (void)pcre2_jit_compile(regex->code_, PCRE2_JIT_COMPLETE);
  *out = std::move(regex);
  return Status();
}

Regex::~Regex() { pcre2_code_free(code_); }

Status Regex::Next(std::string_view text, Walk* walk, size_t* begin, size_t* end, Found* found,
                   Budget* budget) const {
  if (walk->memory_ == nullptr) walk->memory_ = std::make_unique<Walk::Memory>(code_);
  Walk::Memory& memory = *walk->memory_;
  while (walk->pos_ <= text.size()) {
    if (budget->spent()) {
      *found = Found::kMore;
      return Status();
    }
    const size_t limit = std::min(text.size(), walk->pos_ + kPlaces);
    pcre2_set_offset_limit(memory.context, limit);
    const auto search = [&](uint32_t options, uint32_t steps) {
      pcre2_set_match_limit(memory.context, steps);
      return pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), walk->pos_,
                         PCRE2_NO_UTF_CHECK | options, memory.data, memory.context);
    };
    int n = search(0, kFewSteps);
    if (n == PCRE2_ERROR_MATCHLIMIT) {
      budget->Use(kStepUnits);
      n = search(0, kMatchLimit);
    }
    if (n == PCRE2_ERROR_JIT_STACKLIMIT) n = search(PCRE2_NO_JIT, kMatchLimit);
    if (n == PCRE2_ERROR_NOMATCH) {
      budget->Use(static_cast<int64_t>(limit - walk->pos_) + 16);
      if (limit == text.size()) break;
      walk->pos_ = limit + 1;
      while (walk->pos_ < text.size() && (static_cast<unsigned char>(text[walk->pos_]) & 0xC0) == 0x80)
        ++walk->pos_;
      continue;
    }
    if (n == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
    if (n < 0)
      return Status::Limit("a regular expression of the tokenizer takes too long on this text: " + Message(n));
    const PCRE2_SIZE* match = pcre2_get_ovector_pointer(memory.data);
    *begin = match[0];
    *end = match[1];
    budget->Use(static_cast<int64_t>(*end - walk->pos_) + 16);
    if (*begin == *end && walk->last_ == *end) {
      if (*end == text.size()) break;
      walk->pos_ = *end + CharLength(static_cast<unsigned char>(text[*end]));
      continue;
    }
    walk->pos_ = walk->last_ = *end;
    *found = Found::kMatch;
    return Status();
  }
  walk->pos_ = text.size() + 1;
  *found = Found::kNone;
  return Status();
}

}  // namespace mosaic::text
