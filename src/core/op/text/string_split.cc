// StringSplit: the parts of every string between delimiters, or between white space, along a new
// last axis that is as long as the most parts there are; and how many parts each string has.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 64;  // strings of a unit

struct State {
  int64_t most = 0;  // parts of a string, of the run
};

bool IsSpace(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

// Phases: count the parts; make the first output; fill it.
class StringSplitOp : public Op {
 public:
  StringSplitOp(std::string delimiter, int64_t splits)
      : delimiter_(std::move(delimiter)), splits_(splits) {}

  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) return UnsupportedType("an input", c.dtype(0));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_STRING);
      c.SetUnranked(1, MOSAIC_INT64);
      return Status();
    }
    Dims out = c.dims(0);
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_INT64, out));
    out.push_back(c.NewDim());
    return c.Set(0, MOSAIC_STRING, std::move(out));
  }

  Status Start(Call& c) const override {
    c.NewState<State>();
    const int64_t n = c.inputs[0].size();
    c.OnePhase((n + kChunk - 1) / kChunk, 64 * kChunk);
    c.phases.push_back({1, 1});
    c.phases.push_back({n, 64});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    const Tensor& x = c.inputs[0];
    if (phase == 0) {
      if (begin == 0) s.most = 0;
      for (int64_t i = begin * kChunk; i < std::min(end * kChunk, x.size()); ++i) Count(c, i);
    } else if (phase == 1) {
      if (x.size() == 0) s.most = 0;
      Shape shape = x.shape();
      shape.push_back(s.most);
      return c.Allocate(0, MOSAIC_STRING, shape);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        StringElement* y = c.outputs[0].mutable_data<StringElement>() + i * s.most;
        StringElement* to = y;
        EachPart(x.data<StringElement>()[i].view(), [&](std::string_view part) {
          *to++ = {part.data(), static_cast<int64_t>(part.size())};
        });
        std::fill(to, y + s.most, StringElement());
      }
    }
    return Status();
  }

 private:
  void Count(Call& c, int64_t i) const {
    int64_t n = 0;
    EachPart(c.inputs[0].data<StringElement>()[i].view(), [&](std::string_view) { ++n; });
    State& s = c.state<State>();
    s.most = std::max(s.most, n);
    if (c.outputs.size() > 1 && c.outputs[1].defined()) c.outputs[1].mutable_data<int64_t>()[i] = n;
  }

  template <typename F>
  void EachPart(std::string_view s, F&& f) const {
    int64_t left = splits_;
    if (!delimiter_.empty()) {
      for (size_t at; left > 0 && (at = s.find(delimiter_)) != s.npos; --left) {
        f(s.substr(0, at));
        s.remove_prefix(at + delimiter_.size());
      }
      f(s);
      return;
    }
    // White space is what separates, however much of it, and none at the ends counts; what is left
    // after the last split keeps its own.
    for (;;) {
      size_t at = 0;
      while (at < s.size() && IsSpace(s[at])) ++at;
      s.remove_prefix(at);
      if (s.empty()) return;
      size_t end = 0;
      while (end < s.size() && !IsSpace(s[end])) ++end;
      if (left-- <= 0) end = s.size();
      f(s.substr(0, end));
      s.remove_prefix(end);
    }
  }

  std::string delimiter_;
  int64_t splits_;
};

Status MakeStringSplit(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1, 2));
  int64_t splits = node.Int("maxsplit", -1);
  if (splits < 0) splits = INT64_MAX;
  *out = std::make_unique<StringSplitOp>(node.String("delimiter", ""), splits);
  return Status();
}

}  // namespace

extern const OpDef kStringSplit = {kOnnxDomain, "StringSplit", 20, 25, &MakeStringSplit};

}  // namespace mosaic
