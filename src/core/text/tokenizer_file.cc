#include "core/text/tokenizer_file.h"

#include "core/util/quote.h"

namespace mosaic::text {
namespace {

using nlohmann::json;

// Bounds of what is kept as a JSON value: some 10,000 added tokens of seven fields are the most in use.
constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kMaxMerges = 4'000'000;
constexpr size_t kMaxMergeBytes = 64 * 1024 * 1024;

class Handler : public nlohmann::json_sax<json> {
 public:
  explicit Handler(TokenizerFile* out) : out_(out) {}
  Status status() const { return status_; }

  bool null() override { return Scalar(nullptr); }
  bool boolean(bool v) override { return Scalar(v); }
  bool number_integer(number_integer_t v) override { return Number(v, static_cast<double>(v), v); }
  bool number_unsigned(number_unsigned_t v) override {
    return Number(v, static_cast<double>(v), v > INT64_MAX ? -1 : static_cast<int64_t>(v));
  }
  bool number_float(number_float_t v, const string_t&) override { return Number(v, v, -1); }
  bool binary(binary_t&) override { return Fail(Status::BadModel("tokenizer.json has a binary value")); }

  bool string(string_t& v) override {
    switch (mode_) {
      case Mode::kTree: return Scalar(std::move(v));
      case Mode::kMerges: return depth_ == list_depth_ + 1 ? PairInOne(v) : PairPart(v);
      case Mode::kScores:
        if (depth_ != list_depth_ + 2 || have_token_) return Unexpected();
        token_ = std::move(v);
        have_token_ = true;
        return true;
      case Mode::kVocabulary: return Unexpected();
    }
    return false;
  }

  bool key(string_t& v) override {
    if (mode_ == Mode::kVocabulary) {
      token_ = std::move(v);
      return true;
    }
    if (mode_ != Mode::kTree) return Unexpected();
    if (depth_ == 1) section_ = v;
    key_ = std::move(v);
    return true;
  }

  bool start_object(std::size_t) override {
    if (mode_ == Mode::kTree && IsList("vocab")) return Enter(Mode::kVocabulary, &out_->has_vocab);
    return mode_ == Mode::kTree ? Open(json::object()) : Unexpected();
  }
  bool start_array(std::size_t) override {
    if (mode_ == Mode::kTree && IsList("vocab")) {
      out_->has_scores = true;
      return Enter(Mode::kScores, &out_->has_vocab);
    }
    if (mode_ == Mode::kTree && IsList("merges")) return Enter(Mode::kMerges, &out_->has_merges);
    if (mode_ == Mode::kTree) return Open(json::array());
    // A pair within a list.
    have_token_ = false;
    parts_ = 0;
    ++depth_;
    return (mode_ == Mode::kScores || mode_ == Mode::kMerges) && depth_ == list_depth_ + 2 ? true : Unexpected();
  }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool parse_error(std::size_t position, const std::string&, const json::exception& e) override {
    std::string what = e.what();  // "[json.exception....] parse error at line ...: text"
    if (const size_t at = what.find("] "); at != std::string::npos) what.erase(0, at + 2);
    return Fail(Status(MOSAIC_E_BAD_MODEL, "tokenizer.json is not valid JSON at byte " + std::to_string(position), what));
  }

 private:
  enum class Mode { kTree, kVocabulary, kScores, kMerges };

  bool Fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
    return false;
  }
  bool Unexpected() { return Fail(Status::BadModel("tokenizer.json: the model's vocab or merges are not as expected")); }

  // Whether the value that begins now is this list of the model.
  bool IsList(const char* name) const { return depth_ == 2 && section_ == "model" && key_ == name; }

  bool Enter(Mode mode, bool* seen) {
    if (*seen) return Fail(Status::BadModel("tokenizer.json: the model has two lists of the same name"));
    *seen = true;
    mode_ = mode;
    list_depth_ = depth_++;
    return true;
  }

  bool Close() {
    --depth_;
    if (mode_ == Mode::kTree) {
      stack_.pop_back();
    } else if (depth_ == list_depth_) {
      mode_ = Mode::kTree;
    } else if (mode_ == Mode::kMerges ? parts_ != 2 : have_token_) {
      return Unexpected();
    }
    return true;
  }

  json* Add(json value) {
    if (++values_ > kMaxValues) {
      Fail(Status::Limit("tokenizer.json has more than " + std::to_string(kMaxValues) + " values"));
      return nullptr;
    }
    if (stack_.empty()) {
      out_->json = std::move(value);
      return &out_->json;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& place = parent[key_];
    place = std::move(value);
    return &place;
  }
  bool Scalar(json value) { return mode_ == Mode::kTree ? Add(std::move(value)) != nullptr : Unexpected(); }
  bool Open(json value) {
    json* const place = Add(std::move(value));
    if (place == nullptr) return false;
    stack_.push_back(place);
    return ++depth_ <= kMaxDepth || Fail(Status::Limit("tokenizer.json is nested too deeply"));
  }

  bool Number(json value, double number, int64_t integer) {
    Status added;
    switch (mode_) {
      case Mode::kTree: return Scalar(std::move(value));
      case Mode::kMerges: return Unexpected();
      case Mode::kVocabulary: added = out_->vocabulary.Add(token_, integer); break;
      case Mode::kScores:
        if (depth_ != list_depth_ + 2 || !have_token_) return Unexpected();
        have_token_ = false;
        out_->scores.push_back(number);
        added = out_->vocabulary.Add(token_, static_cast<int64_t>(out_->vocabulary.size()));
        break;
    }
    return added.ok() || Fail(added.In("tokenizer.json"));
  }

  bool Part(std::string_view part) {
    if (out_->merge_ends.size() >= 2 * kMaxMerges || out_->merge_text.size() + part.size() > kMaxMergeBytes)
      return Fail(Status::Limit("tokenizer.json has more than " + std::to_string(kMaxMerges) + " merges"));
    out_->merge_text += part;
    out_->merge_ends.push_back(static_cast<uint32_t>(out_->merge_text.size()));
    return true;
  }
  bool PairPart(const std::string& v) { return depth_ == list_depth_ + 2 && ++parts_ <= 2 ? Part(v) : Unexpected(); }
  // As files had them before: "a b".
  bool PairInOne(const std::string& v) {
    if (v.compare(0, 8, "#version") == 0) return true;
    const size_t space = v.find(' ');
    if (space == std::string::npos || v.find(' ', space + 1) != std::string::npos)
      return Fail(Status::BadModel("tokenizer.json: the merge " + Quoted(v) + " is not of two parts"));
    return Part(std::string_view(v).substr(0, space)) && Part(std::string_view(v).substr(space + 1));
  }

  TokenizerFile* const out_;
  Status status_;
  Mode mode_ = Mode::kTree;
  size_t depth_ = 0, list_depth_ = 0, values_ = 0;
  std::vector<json*> stack_;
  std::string section_, key_, token_;
  bool have_token_ = false;
  int parts_ = 0;
};

}  // namespace

Status ParseTokenizerFile(std::string_view bytes, TokenizerFile* out) {
  Handler handler(out);
  const bool ok = json::sax_parse(bytes.begin(), bytes.end(), &handler);
  MOSAIC_RETURN_IF_ERROR(handler.status());
  if (!ok || !out->json.is_object()) return Status::BadModel("tokenizer.json is not a JSON object");
  out->vocabulary.Finish();
  return Status();
}

}  // namespace mosaic::text
