#include "core/text/decoder.h"

#include <algorithm>

#include "core/text/byte_letters.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

void ReplaceAll(std::string* s, const std::string& from, const std::string& to) {
  if (from.empty()) return;
  size_t pos = s->find(from);
  if (pos == std::string::npos) return;
  std::string out;
  size_t done = 0;
  for (; pos != std::string::npos; pos = s->find(from, done)) {
    out.append(*s, done, pos - done);
    out += to;
    done = pos + from.size();
  }
  out.append(*s, done, std::string::npos);
  *s = std::move(out);
}

// Spaces that English writes not.
void CleanUp(std::string* s) {
  static constexpr const char* kRules[][2] = {
      {" .", "."},   {" ?", "?"},   {" !", "!"},          {" ,", ","},   {" ' ", "'"},  {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  if (s->find(' ') == std::string::npos) return;
  for (const auto& rule : kRules) ReplaceAll(s, rule[0], rule[1]);
}

class WordPieceDecoder : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    for (size_t i = 0; i < tokens->size(); ++i) {
      std::string& token = (*tokens)[i];
      if (i > 0) {
        if (token.compare(0, prefix_.size(), prefix_) == 0)
          token.erase(0, prefix_.size());
        else
          token.insert(0, 1, ' ');
      }
      if (cleanup_) CleanUp(&token);
    }
    return Status();
  }

 private:
  const std::string prefix_;
  const bool cleanup_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    for (size_t i = 0; i < tokens->size(); ++i)
      ReplaceAll(&(*tokens)[i], suffix_, i + 1 == tokens->size() ? "" : " ");
    return Status();
  }

 private:
  const std::string suffix_;
};

class TokenDecoder : public Decoder {
 public:
  TokenDecoder(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    std::replace(tokens->begin(), tokens->end(), from_, to_);
    return Status();
  }

 private:
  const std::string from_, to_;
};

class PartDecoder : public Decoder {
 public:
  PartDecoder(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    size_t bytes = 0;
    for (std::string& token : *tokens) {
      ReplaceAll(&token, from_, to_);
      if ((bytes += token.size()) > kMaxDecodedBytes) return Status::Limit("the text of the tokens is too long");
    }
    return Status();
  }

 private:
  const std::string from_, to_;
};

class ByteLevelDecoder : public Decoder {
 public:
  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    std::string bytes;
    for (const std::string& token : *tokens) {
      const size_t before = bytes.size();
      for (size_t pos = 0; pos < token.size();) {
        const int byte = kByteLetters.ByteOf(DecodeChar(token, &pos));
        if (byte < 0) {
          // Not made of letters of bytes: it stands for itself.
          bytes.resize(before);
          bytes += token;
          break;
        }
        bytes.push_back(static_cast<char>(byte));
      }
    }
    tokens->assign(1, WithReplacements(bytes));
    return Status();
  }
};

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepended)
      : replacement_(std::move(replacement)), prepended_(prepended) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    for (size_t i = 0; i < tokens->size(); ++i)
      ReplaceAll(&(*tokens)[i], replacement_, i == 0 && prepended_ ? "" : " ");
    return Status();
  }

 private:
  const std::string replacement_;
  const bool prepended_;
};

class ByteFallbackDecoder : public Decoder {
 public:
  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (ValidUtf8(bytes))
        out.push_back(bytes);
      else
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (std::string& token : *tokens) {
      const int byte = ByteOf(token);
      if (byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    *tokens = std::move(out);
    return Status();
  }

 private:
  // Of "<0x61>"; -1: another token.
  static int ByteOf(const std::string& token) {
    if (token.size() != 6 || token.compare(0, 3, "<0x") != 0 || token[5] != '>') return -1;
    int byte = 0;
    for (const char c : {token[3], token[4]}) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                               : -1;
      if (digit < 0) return -1;
      byte = byte * 16 + digit;
    }
    return byte;
  }
};

class FuseDecoder : public Decoder {
 public:
  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    std::string all;
    for (const std::string& token : *tokens) all += token;
    tokens->assign(1, std::move(all));
    return Status();
  }
};

class StripDecoder : public Decoder {
 public:
  StripDecoder(std::string character, size_t start, size_t stop)
      : character_(std::move(character)), start_(start), stop_(stop) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    for (std::string& token : *tokens) {
      size_t begin = 0, end = token.size();
      for (size_t i = 0; i < start_ && token.compare(begin, character_.size(), character_) == 0; ++i)
        begin += character_.size();
      for (size_t i = 0; i < stop_ && end >= begin + character_.size() &&
                         token.compare(end - character_.size(), character_.size(), character_) == 0;
           ++i)
        end -= character_.size();
      token = token.substr(begin, end - begin);
    }
    return Status();
  }

 private:
  const std::string character_;
  const size_t start_, stop_;
};

class CtcDecoder : public Decoder {
 public:
  CtcDecoder(std::string pad, std::string delimiter, bool cleanup)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}

  Status Run(std::vector<std::string>* tokens, Budget*) const override {
    tokens->erase(std::unique(tokens->begin(), tokens->end()), tokens->end());
    for (std::string& token : *tokens) {
      ReplaceAll(&token, pad_, "");
      if (!cleanup_) continue;
      CleanUp(&token);
      ReplaceAll(&token, delimiter_, " ");
    }
    tokens->erase(std::remove(tokens->begin(), tokens->end(), std::string()), tokens->end());
    return Status();
  }

 private:
  const std::string pad_, delimiter_;
  const bool cleanup_;
};

class ReplaceDecoder : public Decoder {
 public:
  explicit ReplaceDecoder(std::unique_ptr<Normalizer> replace) : replace_(std::move(replace)) {}

  Status Run(std::vector<std::string>* tokens, Budget* budget) const override {
    NormalizerCursor cursor;
    std::string out;
    size_t bytes = 0;
    for (std::string& token : *tokens) {
      cursor.Restart();
      out.clear();
      while (cursor.pos < token.size()) {
        if (budget->spent()) return Status();
        MOSAIC_RETURN_IF_ERROR(replace_->Run(token, &cursor, &out, budget));
        if (bytes + out.size() > kMaxDecodedBytes) return Status::Limit("the text of the tokens is too long");
      }
      token.swap(out);
      bytes += token.size();
    }
    return Status();
  }

 private:
  const std::unique_ptr<const Normalizer> replace_;
};

}  // namespace

std::unique_ptr<Decoder> NewWordPieceDecoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}
std::unique_ptr<Decoder> NewBpeDecoder(std::string suffix) {
  return std::make_unique<BpeDecoder>(std::move(suffix));
}
std::unique_ptr<Decoder> NewByteLevelDecoder() { return std::make_unique<ByteLevelDecoder>(); }
std::unique_ptr<Decoder> NewMetaspaceDecoder(std::string replacement, bool prepended) {
  return std::make_unique<MetaspaceDecoder>(std::move(replacement), prepended);
}
std::unique_ptr<Decoder> NewByteFallbackDecoder() { return std::make_unique<ByteFallbackDecoder>(); }
std::unique_ptr<Decoder> NewFuseDecoder() { return std::make_unique<FuseDecoder>(); }
std::unique_ptr<Decoder> NewStripDecoder(std::string character, size_t start, size_t stop) {
  return std::make_unique<StripDecoder>(std::move(character), start, stop);
}
std::unique_ptr<Decoder> NewCtcDecoder(std::string pad, std::string delimiter, bool cleanup) {
  return std::make_unique<CtcDecoder>(std::move(pad), std::move(delimiter), cleanup);
}
std::unique_ptr<Decoder> NewTokenDecoder(std::string from, std::string to) {
  return std::make_unique<TokenDecoder>(std::move(from), std::move(to));
}

std::unique_ptr<Decoder> NewPartDecoder(std::string from, std::string to) {
  return std::make_unique<PartDecoder>(std::move(from), std::move(to));
}

std::unique_ptr<Decoder> NewReplaceDecoder(std::unique_ptr<Normalizer> replace) {
  return std::make_unique<ReplaceDecoder>(std::move(replace));
}

}  // namespace mosaic::text
