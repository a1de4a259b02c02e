// TfIdfVectorizer: how often each n-gram of a pool occurs in a row of tokens, its tokens next to
// each other or with up to max_skip_count between any two; weighted on request.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/text/ngrams.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements that a unit clears or weights
constexpr int64_t kSteps = 4096;   // look-ups of a unit that counts, about

using TokenTypes = Types<int32_t, int64_t>;

enum Mode { kTf, kIdf, kTfIdf };

struct State {
  int64_t rows = 1, length = 0;
  int64_t starts = 1, pieces = 1;  // of a unit: first tokens; units of a row
};

// Phases: clear; count; weight.
class TfIdfVectorizerOp : public Op {
 public:
  TfIdfVectorizerOp(Mode mode, int64_t shortest, int64_t longest, int64_t skips, Ngrams ngrams)
      : mode_(mode),
        shortest_(shortest),
        longest_(std::min<int64_t>(longest, ngrams.longest())),
        skips_(skips),
        ngrams_(std::move(ngrams)) {}

  Status Infer(InferContext& c) const override {
    const bool fits =
        ngrams_.strings() ? c.dtype(0) == MOSAIC_STRING : HasType(TokenTypes(), c.dtype(0));
    if (!fits) return UnsupportedType("an input", c.dtype(0));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_FLOAT);
      return Status();
    }
    const int rank = c.in(0).rank();
    if (rank != 1 && rank != 2) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) +
                              " is no row of tokens, nor several");
    }
    Dims out = {ngrams_.columns()};
    if (rank == 2) out.insert(out.begin(), c.dims(0)[0]);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(out)));
    c.ItemsOf(0, rank == 2 && c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& x = c.inputs[0].shape();
    s.rows = x.size() == 2 ? x[0] : 1;
    s.length = x.back();
    s.starts = std::max<int64_t>(1, kSteps / ((skips_ + 1) * std::max<int64_t>(longest_, 1)));
    s.pieces = (s.length + s.starts - 1) / s.starts;
    const int64_t chunks = (c.outputs[0].size() + kChunk - 1) / kChunk;
    c.OnePhase(chunks, kChunk / 4);
    c.phases.push_back({s.rows * s.pieces, 64 * kSteps});
    if (mode_ != kTf) c.phases.push_back({chunks, kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    float* y = c.outputs[0].mutable_data<float>();
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, c.outputs[0].size());
    if (phase == 0) {
      std::fill(y + first, y + last, 0.0F);
    } else if (phase == 1) {
      for (int64_t u = begin; u < end; ++u) CountUnit(c, u);
    } else {
      for (int64_t i = first; i < last; ++i) {
        const float weight = ngrams_.weights()[static_cast<size_t>(i % ngrams_.columns())];
        y[i] = mode_ == kTfIdf ? y[i] * weight : y[i] > 0 ? weight : 0;
      }
    }
    return Status();
  }

 private:
  int TokenAt(const Tensor& x, int64_t i) const {
    if (x.dtype() == MOSAIC_STRING) return ngrams_.Token(x.data<StringElement>()[i].view());
    return ngrams_.Token(x.dtype() == MOSAIC_INT64 ? x.data<int64_t>()[i]
                                                   : int64_t{x.data<int32_t>()[i]});
  }

  void CountUnit(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t row = unit / s.pieces, first = unit % s.pieces * s.starts;
    float* y = c.outputs[0].mutable_data<float>() + row * ngrams_.columns();
    for (int64_t start = first; start < std::min(first + s.starts, s.length); ++start) {
      // Single tokens are the same whatever is skipped.
      for (int64_t skip = 0; skip <= skips_; ++skip) {
        CountFrom(c.inputs[0], row * s.length, start, s.length, skip + 1, y);
        if (longest_ <= 1) break;
      }
    }
  }

  // The n-grams that begin at token "start" with "stride" from token to token.
  void CountFrom(const Tensor& x, int64_t row, int64_t start, int64_t length, int64_t stride,
                 float* y) const {
    int node = 0;
    int64_t at = start;
    for (int64_t n = 1; n <= longest_ && at < length; ++n, at += stride) {
      const int token = TokenAt(x, row + at);
      node = token < 0 ? -1 : ngrams_.Child(node, token);
      if (node < 0) return;
      const int ngram = ngrams_.At(node);
      if (ngram >= 0 && n >= shortest_ && (n > 1 || stride == 1)) y[ngrams_.column(ngram)] += 1;
    }
  }

  Mode mode_;
  int64_t shortest_, longest_, skips_;
  Ngrams ngrams_;
};

Status MakeTfIdfVectorizer(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  for (const char* name : {"max_gram_length", "min_gram_length", "max_skip_count", "mode"}) {
    if (!HasAttribute(node, name)) {
      return Status::BadModel(std::string("attribute ") + name + " is missing");
    }
  }
  const std::string mode = node.String("mode", "");
  const char* const modes[] = {"TF", "IDF", "TFIDF"};
  const auto found = std::find(std::begin(modes), std::end(modes), mode);
  if (found == std::end(modes)) return Status::BadModel("mode " + Quoted(mode) + " is unknown");
  const int64_t shortest = node.Int("min_gram_length", 1), longest = node.Int("max_gram_length", 1);
  const int64_t skips = node.Int("max_skip_count", 0);
  if (shortest < 1 || longest < shortest || skips < 0 || skips > 1024) {
    return Status::BadModel("min_gram_length, max_gram_length or max_skip_count is out of range");
  }
  Ngrams ngrams;
  MOSAIC_RETURN_IF_ERROR(ngrams.Read(node));
  *out = std::make_unique<TfIdfVectorizerOp>(static_cast<Mode>(found - std::begin(modes)), shortest,
                                             longest, skips, std::move(ngrams));
  return Status();
}

}  // namespace

extern const OpDef kTfIdfVectorizer = {kOnnxDomain, "TfIdfVectorizer", 9, 25, &MakeTfIdfVectorizer};

}  // namespace mosaic
