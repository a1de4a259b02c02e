// StringNormalizer: without the stop words, and in another case. Its input is a list, or one row. A
// result without words has one empty string.
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "core/op/op_support.h"
#include "core/op/text/letter_case.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 256;  // strings of a unit

struct State {
  int64_t kept = 0;  // of the run
};

// Phases: choose words (their indices, in scratch memory); make the result; write it. Without stop
// words: write it.
class StringNormalizerOp : public Op {
 public:
  StringNormalizerOp(const Node& node, LetterCase letter_case)
      : case_(letter_case), sensitive_(node.Int("is_case_sensitive", 0) != 0) {
    for (const std::string& word : node.Strings("stopwords")) {
      std::string key;
      AppendInCase(word, Comparison(), &key);
      stops_.insert(std::move(key));
    }
  }

  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) return UnsupportedType("an input", c.dtype(0));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_STRING);
      return Status();
    }
    const Dims& x = c.dims(0);
    const std::string what = "an input of shape " + ShapeString(x) + " is no list of strings";
    if (x.empty() || x.size() > 2) return Status::BadModel(what);
    if (x.size() == 2) MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[0], 1, what));
    if (stops_.empty()) return InferSame(c);
    Dims out = x;
    out.back() = c.NewDim();
    return c.Set(0, MOSAIC_STRING, std::move(out));
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    const int64_t n = c.inputs[0].size(), units = (n + kChunk - 1) / kChunk;
    c.phases.clear();
    if (!stops_.empty()) {
      c.scratch_bytes = n * int64_t{sizeof(int64_t)};
      c.OnePhase(std::max<int64_t>(units, 1), 128 * kChunk);
      c.phases.push_back({1, 1});
    }
    c.phases.push_back({units, 128 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (stops_.empty()) {
      Write(c, nullptr, begin * kChunk, std::min(end * kChunk, c.inputs[0].size()));
      return Status();
    }
    State& s = c.state<State>();
    int64_t* kept = static_cast<int64_t*>(c.scratch);
    if (phase == 0) {
      if (begin == 0) s.kept = 0;
      Choose(c, kept, begin * kChunk, std::min(end * kChunk, c.inputs[0].size()));
      return Status();
    }
    if (phase == 1) {
      Shape shape = c.inputs[0].shape();
      shape.back() = std::max<int64_t>(s.kept, 1);
      MOSAIC_RETURN_IF_ERROR(c.Allocate(0, MOSAIC_STRING, shape));
      if (s.kept == 0) *c.outputs[0].mutable_data<StringElement>() = StringElement();
      return Status();
    }
    Write(c, kept, begin * kChunk, std::min(end * kChunk, s.kept));
    return Status();
  }

 private:
  LetterCase Comparison() const { return sensitive_ ? LetterCase::kAsIs : LetterCase::kLower; }

  void Choose(Call& c, int64_t* kept, int64_t begin, int64_t end) const {
    State& s = c.state<State>();
    const StringElement* x = c.inputs[0].data<StringElement>();
    std::string key;
    for (int64_t i = begin; i < end; ++i) {
      key.clear();
      AppendInCase(x[i].view(), Comparison(), &key);
      if (stops_.count(key) == 0) kept[s.kept++] = i;
    }
  }

  // Words [begin, end) of the result: all, or those that were kept.
  void Write(Call& c, const int64_t* kept, int64_t begin, int64_t end) const {
    const StringElement* x = c.inputs[0].data<StringElement>();
    StringElement* y = c.outputs[0].mutable_data<StringElement>();
    std::string text;
    for (int64_t i = begin; i < end; ++i) {
      const StringElement& word = x[kept == nullptr ? i : kept[i]];
      y[i] = word;
      if (case_ == LetterCase::kAsIs) continue;
      text.clear();
      AppendInCase(word.view(), case_, &text);
      if (text == word.view()) continue;
      char* to = c.arena->Characters(text.size());
      std::memcpy(to, text.data(), text.size());
      y[i] = {to, static_cast<int64_t>(text.size())};
    }
  }

  LetterCase case_;
  bool sensitive_;
  std::unordered_set<std::string> stops_;
};

Status MakeStringNormalizer(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const std::string action = node.String("case_change_action", "NONE");
  LetterCase letter_case = LetterCase::kAsIs;
  if (action == "LOWER") {
    letter_case = LetterCase::kLower;
  } else if (action == "UPPER") {
    letter_case = LetterCase::kUpper;
  } else if (action != "NONE") {
    return Status::BadModel("case_change_action " + Quoted(action) + " is unknown");
  }
  *out = std::make_unique<StringNormalizerOp>(node, letter_case);
  return Status();
}

}  // namespace

extern const OpDef kStringNormalizer = {kOnnxDomain, "StringNormalizer", 10, 25,
                                        &MakeStringNormalizer};

}  // namespace mosaic
