// Strings and signals.
#include <algorithm>

#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

const std::vector<std::string> kWords = {"", "a", "The quick", "brown  fox", "ÄÖÜ", "x,y,,z", "2024-01-31", "jumps over the lazy dog"};

// Strings are few: each has its characters.
Shape Words(Draw& d, int rank) { return d.Dims(rank, rank, std::min<int64_t>(d.elements(), 1 << 20)); }

void DrawText(Draw& d, Sample* s) {
  s->Strings(Words(d, s->Is("StringNormalizer") ? 1 : 2), kWords);
  if (s->Is("StringConcat")) s->Strings(d.Flip() ? Shape{} : s->inputs[0].shape, kWords);
  if (s->Is("StringNormalizer")) {
    s->StringAttr("case_change_action", d.Of({"LOWER", "UPPER", "NONE"})).IntAttr("is_case_sensitive", d.Int(0, 1));
    if (d.Flip()) s->Attr("stopwords", std::vector<std::string>{"a", "x,y,,z"});
  }
  if (s->Is("StringSplit")) {
    s->StringAttr("delimiter", d.Of({"", ","}));
    s->outputs = 2;
  }
  if (s->Is("RegexFullMatch")) s->StringAttr("pattern", d.Of({"[a-z ]+", "\\d{4}-\\d\\d-\\d\\d", "(a|b)*.*dog"}));
}
void DrawTokenizer(Draw& d, Sample* s) {
  s->Strings(Words(d, static_cast<int>(d.Int(1, 2))), kWords).IntAttr("mark", d.Int(0, 1)).StringAttr("pad_value", "#");
  switch (d.Int(0, 2)) {
    case 0:
      s->Attr("separators", std::vector<std::string>{""}).IntAttr("mincharnum", 1);
      break;
    case 1:
      s->Attr("separators", std::vector<std::string>{"[ ,]", "-|o.e"}).IntAttr("mincharnum", d.Int(1, 3));
      break;
    default:
      s->StringAttr("tokenexp", d.Of({".", "\\w+", "[a-z]*"})).IntAttr("mincharnum", 1);
  }
}
void DrawGrams(Draw& d, Sample* s) {
  const Shape rows = d.Dims(2, 2);
  s->Data(d.Of({MOSAIC_INT64, MOSAIC_INT32}), rows, 0, 9).StringAttr("mode", d.Of({"TF", "IDF", "TFIDF"})).IntAttr("min_gram_length", 1);
  s->IntAttr("max_gram_length", 2).IntAttr("max_skip_count", d.Int(0, 3)).IntsAttr("ngram_counts", {0, 2}).IntsAttr("ngram_indexes", {0, 3, 1});
  s->IntsAttr("pool_int64s", {5, 7, 5, 7}).FloatsAttr("weights", {2, 3, 0.5F});
}
void DrawDft(Draw& d, Sample* s) {
  const Shape shape = d.Dims(2, 2);
  const bool real = d.Flip();
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE}), {shape[0], shape[1], real ? 1 : 2}).Omit().Int(1);
  if (real && d.Flip()) s->IntAttr("onesided", 1);
  if (!real && d.Flip()) s->IntAttr("inverse", 1);
}
void DrawStft(Draw& d, Sample* s) {
  const int64_t frame = d.Int(2, 40), step = d.Int(1, frame);
  const int64_t n = std::max<int64_t>(frame, d.elements() / 4);
  s->Data(MOSAIC_FLOAT, {d.Int(1, 2), n, 1}).Int(step);
  if (d.Flip()) {
    s->Const(MOSAIC_FLOAT, {frame}, 0, 1);
  } else {
    s->Omit();
  }
  s->Int(frame).IntAttr("onesided", d.Int(0, 1));
}
void DrawWindow(Draw& d, Sample* s) { s->Int(d.elements()).IntAttr("periodic", d.Int(0, 1)); }
void DrawMel(Draw& d, Sample* s) {
  const int64_t bins = std::min<int64_t>(64, std::max<int64_t>(1, d.elements() / 8));
  s->Int(bins).Int(2 * std::max<int64_t>(4, d.elements() / bins)).Int(16000).Values(MOSAIC_FLOAT, {}, {20}).Values(MOSAIC_FLOAT, {}, {7600});
}

}  // namespace

void AddOthers(GeneratorList* out) {
  for (const char* name : {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit"}) out->push_back({kOnnxDomain, name, DrawText});
  out->push_back({kMicrosoftDomain, "Tokenizer", DrawTokenizer});
  out->push_back({kOnnxDomain, "TfIdfVectorizer", DrawGrams});
  out->push_back({kOnnxDomain, "DFT", DrawDft, 400});
  out->push_back({kOnnxDomain, "STFT", DrawStft, 400});
  for (const char* name : {"BlackmanWindow", "HammingWindow", "HannWindow"}) out->push_back({kOnnxDomain, name, DrawWindow, 4});
  out->push_back({kOnnxDomain, "MelWeightMatrix", DrawMel, 4});
}

}  // namespace mosaic::samples
