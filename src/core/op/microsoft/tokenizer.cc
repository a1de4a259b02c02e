// com.microsoft.Tokenizer: the tokens of every string along a new last axis that is as long as the
// most there are: its characters, what lies between matches of regular expressions (separators),
// or what matches one (tokenexp). As ONNX Runtime 1.30 computes it.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/text/code_points.h"
#include "core/op/text/regex.h"

namespace mosaic {
namespace {

constexpr size_t kMaxSeparators = 100;  // each may cut what the one before left
constexpr std::string_view kStartOfText = "\x02", kEndOfText = "\x03";

struct Options {
  enum class Mode { kCharacters, kSeparators, kTokens };
  Mode mode = Mode::kCharacters;
  std::vector<Regex> expressions;
  int64_t least = 1;  // characters of a token
  bool mark = false;
  std::string pad;
};

struct State {
  int64_t most = 0;      // tokens of a string, of the run
  std::string_view pad;  // on the arena, as what an output points to
  Regex::Memory memory;
};

// Characters of a text; -1: it is no valid UTF-8.
int64_t Characters(std::string_view text) {
  int64_t n = 0;
  for (size_t bytes = 0; !text.empty(); text.remove_prefix(bytes), ++n) {
    DecodeUtf8(text, &bytes);
    if (bytes == 0) return -1;
  }
  return n;
}

size_t CharacterBytes(std::string_view text) {
  size_t bytes = 0;
  DecodeUtf8(text, &bytes);
  return std::max<size_t>(bytes, 1);
}

// Phases: count the tokens; make the output; fill it.
class TokenizerOp : public Op {
 public:
  explicit TokenizerOp(Options options) : options_(std::move(options)) {}

  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) return UnsupportedType("an input", c.dtype(0));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_STRING);
      return Status();
    }
    Dims out = c.dims(0);
    if (out.size() != 1 && out.size() != 2) return WrongRank(out.size());
    out.push_back(c.NewDim());
    return c.Set(0, MOSAIC_STRING, std::move(out));
  }

  Status Start(Call& c) const override {
    const Tensor& x = c.inputs[0];
    if (x.rank() != 1 && x.rank() != 2) return WrongRank(static_cast<size_t>(x.rank()));
    c.NewState<State>();
    const double cost = options_.expressions.empty() ? 1024 : Regex::kMaxSteps;
    c.OnePhase(x.size(), cost);
    c.phases.push_back({1, 1});
    c.phases.push_back({x.size(), cost});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    if (phase == 0) return Count(c, begin, end);
    if (phase == 2) return Fill(c, begin, end);
    if (c.inputs[0].size() == 0) s.most = 0;
    char* pad = c.arena->Characters(options_.pad.size());
    std::copy(options_.pad.begin(), options_.pad.end(), pad);
    s.pad = {pad, options_.pad.size()};
    Shape shape = c.inputs[0].shape();
    shape.push_back(Width(s));
    return c.Allocate(0, MOSAIC_STRING, shape);
  }

 private:
  static Status WrongRank(size_t rank) {
    return Status::Invalid("the input has rank " + std::to_string(rank) + ", not 1 or 2");
  }

  int64_t Width(const State& s) const { return s.most == 0 ? 0 : s.most + (options_.mark ? 2 : 0); }

  Status Count(Call& c, int64_t begin, int64_t end) const {
    State& s = c.state<State>();
    if (begin == 0) s.most = 0;
    for (int64_t i = begin; i < end; ++i) {
      int64_t n = 0;
      MOSAIC_RETURN_IF_ERROR(EachToken(c, i, [&](std::string_view) { ++n; }));
      s.most = std::max(s.most, n);
    }
    return Status();
  }

  Status Fill(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const int64_t width = Width(s);
    if (width == 0) return Status();
    for (int64_t i = begin; i < end; ++i) {
      StringElement* y = c.outputs[0].mutable_data<StringElement>() + i * width;
      StringElement* to = y;
      const auto put = [&](std::string_view token) {
        *to++ = {token.data(), static_cast<int64_t>(token.size())};
      };
      if (options_.mark) put(kStartOfText);
      MOSAIC_RETURN_IF_ERROR(EachToken(c, i, put));
      if (options_.mark) put(kEndOfText);
      while (to < y + width) put(s.pad);
    }
    return Status();
  }

  // Errors: INVALID (no UTF-8), LIMIT (steps of the expressions).
  template <typename F>
  Status EachToken(Call& c, int64_t i, F&& f) const {
    Regex::Memory& memory = c.state<State>().memory;
    memory.steps = 0;
    std::string_view text = c.inputs[0].data<StringElement>()[i].view();
    if (Characters(text) < 0) return Status::Invalid("a text is no valid UTF-8");
    switch (options_.mode) {
      case Options::Mode::kSeparators:
        return EachBetween(text, 0, &memory, f);
      case Options::Mode::kTokens:
        return EachMatch(text, &memory, f);
      default:
        for (; !text.empty(); text.remove_prefix(CharacterBytes(text))) {
          f(text.substr(0, CharacterBytes(text)));
        }
        return Status();
    }
  }

  template <typename F>
  Status EachBetween(std::string_view text, size_t level, Regex::Memory* memory, F& f) const {
    if (level == options_.expressions.size()) {
      f(text);
      return Status();
    }
    Regex::Span span;
    for (size_t at = 0; at <= text.size();) {
      MOSAIC_RETURN_IF_ERROR(options_.expressions[level].Find(text, at, memory, &span));
      const std::string_view token = text.substr(at, span.found() ? span.begin - at : text.npos);
      if (Characters(token) >= options_.least) {
        MOSAIC_RETURN_IF_ERROR(EachBetween(token, level + 1, memory, f));
      }
      if (!span.found()) break;
      // A match of nothing takes the character behind it.
      at = span.end > span.begin    ? span.end
           : span.end < text.size() ? span.end + CharacterBytes(text.substr(span.end))
                                    : text.npos;
    }
    return Status();
  }

  template <typename F>
  Status EachMatch(std::string_view text, Regex::Memory* memory, F& f) const {
    Regex::Span span;
    for (size_t at = 0; at < text.size();) {
      MOSAIC_RETURN_IF_ERROR(options_.expressions[0].Find(text, at, memory, &span));
      if (!span.found() || span.begin == text.size()) break;
      const std::string_view token = text.substr(span.begin, span.end - span.begin);
      const bool taken = Characters(token) >= options_.least;
      if (taken) f(token);
      at = taken ? span.end : span.begin + CharacterBytes(text.substr(span.begin));
    }
    return Status();
  }

  Options options_;
};

Status ReadExpressions(const Node& node, Options* out) {
  std::vector<std::string> patterns;
  if (HasAttribute(node, "separators")) {
    patterns = node.Strings("separators");
    if (patterns.empty()) return Status::BadModel("separators is empty");
    if (patterns == std::vector<std::string>{""}) return Status();
    out->mode = Options::Mode::kSeparators;
  } else {
    patterns = {node.String("tokenexp", "")};
    if (patterns[0].empty()) {
      return Status::BadModel("one of the attributes separators and tokenexp is required");
    }
    if (patterns[0] == ".") return Status();
    out->mode = Options::Mode::kTokens;
  }
  if (patterns.size() > kMaxSeparators) {
    return Status::Limit(std::to_string(patterns.size()) + " separators; at most " +
                         std::to_string(kMaxSeparators) + " are supported");
  }
  out->expressions.resize(patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(Regex::Parse(patterns[i], &out->expressions[i]));
  }
  return Status();
}

Status MakeTokenizer(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  for (const char* name : {"mark", "mincharnum", "pad_value"}) {
    if (!HasAttribute(node, name)) {
      return Status::BadModel("attribute " + std::string(name) + " is missing");
    }
  }
  Options options;
  options.mark = node.Int("mark", 0) != 0;
  options.least = node.Int("mincharnum", 1);
  options.pad = node.String("pad_value", "");
  MOSAIC_RETURN_IF_ERROR(ReadExpressions(node, &options));
  if (options.least < 1 || (options.mode == Options::Mode::kCharacters && options.least > 1)) {
    return Status::BadModel("mincharnum " + std::to_string(options.least) + " is invalid");
  }
  *out = std::make_unique<TokenizerOp>(std::move(options));
  return Status();
}

}  // namespace

extern const OpDef kTokenizer = {kMicrosoftDomain, "Tokenizer", 1, 1, &MakeTokenizer};

}  // namespace mosaic
