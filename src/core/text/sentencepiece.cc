// SentencePiece's ModelProto (sentencepiece_model.proto): unigram and BPE models.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <protozero/pbf_reader.hpp>

#include "core/text/charsmap_normalizer.h"
#include "core/text/tokenizer.h"
#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {
namespace {

// SentencePiece.Type
enum PieceType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
enum ModelType : int32_t { kUnigram = 1, kBpe = 2 };

// A token of BPE may be made of any two parts: each place is tried.
constexpr size_t kMaxBpeToken = 256;

struct Proto {
  Vocabulary vocabulary;  // ids: places in the file
  std::vector<float> scores;
  std::vector<int32_t> types;
  int32_t model_type = kUnigram;
  bool byte_fallback = false;
  std::string charsmap;
  SentencePieceOptions options;
  std::string unk_surface = " \xE2\x81\x87 ";
  int32_t pad_id = -1;
};

Status ReadPiece(protozero::pbf_reader message, Proto* out) {
  protozero::data_view piece;
  float score = 0;
  int32_t type = kNormal;
  while (message.next()) {
    if (message.tag() == 1 && message.has_wire_type(protozero::pbf_wire_type::length_delimited))
      piece = message.get_view();
    else if (message.tag() == 2 && message.has_wire_type(protozero::pbf_wire_type::fixed32))
      score = message.get_float();
    else if (message.tag() == 3 && message.has_wire_type(protozero::pbf_wire_type::varint))
      type = message.get_enum();
    else
      message.skip();
  }
  if (!std::isfinite(score)) return Status::BadModel("the score of a piece is not finite");
  if (type < kNormal || type > kByte) return Status::BadModel("a piece has the unknown type " + std::to_string(type));
  MOSAIC_RETURN_IF_ERROR(out->vocabulary.Add({piece.data(), piece.size()}, static_cast<int64_t>(out->vocabulary.size())));
  out->scores.push_back(score);
  out->types.push_back(type);
  return Status();
}

// pbf_reader::get_bool reads a byte before it looks whether there is one.
bool Bool(protozero::pbf_reader& message) { return message.get_uint64() != 0; }

void ReadTrainerSpec(protozero::pbf_reader message, Proto* out) {
  while (message.next()) {
    const bool number = message.has_wire_type(protozero::pbf_wire_type::varint);
    if (message.tag() == 3 && number)
      out->model_type = message.get_enum();
    else if (message.tag() == 24 && number)
      out->options.treat_whitespace_as_suffix = Bool(message);
    else if (message.tag() == 35 && number)
      out->byte_fallback = Bool(message);
    else if (message.tag() == 43 && number)
      out->pad_id = message.get_int32();
    else if (message.tag() == 44 && !number && message.has_wire_type(protozero::pbf_wire_type::length_delimited))
      out->unk_surface = message.get_string();
    else
      message.skip();
  }
}

void ReadNormalizerSpec(protozero::pbf_reader message, Proto* out) {
  while (message.next()) {
    const bool number = message.has_wire_type(protozero::pbf_wire_type::varint);
    if (message.tag() == 2 && message.has_wire_type(protozero::pbf_wire_type::length_delimited))
      out->charsmap = message.get_string();
    else if (message.tag() == 3 && number)
      out->options.add_dummy_prefix = Bool(message);
    else if (message.tag() == 4 && number)
      out->options.remove_extra_whitespaces = Bool(message);
    else if (message.tag() == 5 && number)
      out->options.escape_whitespaces = Bool(message);
    else
      message.skip();
  }
}

Status ReadProto(std::string_view bytes, Proto* out) {
  try {
    protozero::pbf_reader message(bytes.data(), bytes.size());
    while (message.next()) {
      if (!message.has_wire_type(protozero::pbf_wire_type::length_delimited))
        message.skip();
      else if (message.tag() == 1)
        MOSAIC_RETURN_IF_ERROR(ReadPiece(message.get_message(), out).In("the SentencePiece model"));
      else if (message.tag() == 2)
        ReadTrainerSpec(message.get_message(), out);
      else if (message.tag() == 3)
        ReadNormalizerSpec(message.get_message(), out);
      else
        message.skip();
    }
  } catch (const protozero::exception& e) {
    return Status::BadModel(std::string("the SentencePiece model is damaged: ") + e.what());
  }
  if (!ValidUtf8(out->unk_surface)) return Status::BadModel("the SentencePiece model's unk_surface is not valid UTF-8");
  out->vocabulary.Finish();
  return Status();
}

// The one piece for what is unknown.
Status FindUnknown(const Proto& proto, int32_t* id) {
  *id = Vocabulary::kNone;
  for (size_t i = 0; i < proto.types.size(); ++i) {
    if (proto.types[i] != kUnknown) continue;
    if (*id != Vocabulary::kNone) return Status::BadModel("the SentencePiece model has two unknown pieces");
    *id = static_cast<int32_t>(i);
  }
  return *id != Vocabulary::kNone ? Status() : Status::BadModel("the SentencePiece model has no unknown piece");
}

ByteTrie UserDefined(const Proto& proto) {
  std::vector<ByteTrie::Entry> entries;
  for (size_t i = 0; i < proto.types.size(); ++i)
    if (proto.types[i] == kUserDefined) entries.emplace_back(proto.vocabulary.token(i), static_cast<int32_t>(i));
  return ByteTrie(std::move(entries));
}

Status BuildUnigram(Proto* proto, int32_t unk, std::unique_ptr<const Model>* out) {
  // SentencePiece's greatest score is never below FLT_MIN, so that with the usual negative scores it is about 0.
  float least = std::numeric_limits<float>::max(), most = std::numeric_limits<float>::min();
  for (size_t i = 0; i < proto->types.size(); ++i) {
    if (proto->types[i] != kNormal) continue;
    least = std::min(least, proto->scores[i]);
    most = std::max(most, proto->scores[i]);
  }
  UnigramOptions options;
  options.unk_id = unk;
  options.byte_fallback = proto->byte_fallback;
  options.sentencepiece = true;
  options.unk_score = least - 10.0f;
  std::vector<double> scores;
  for (size_t i = 0; i < proto->types.size(); ++i) {
    const bool user = proto->types[i] == kUserDefined;
    options.excluded.push_back(!user && proto->types[i] != kNormal);
    // What the user defined wins over whatever it could be split into.
    scores.push_back(user ? static_cast<float>(proto->vocabulary.token(i).size()) * most - 0.1
                          : static_cast<double>(proto->scores[i]));
  }
  std::unique_ptr<Model> model;
  MOSAIC_RETURN_IF_ERROR(NewUnigram(std::move(proto->vocabulary), std::move(scores), options, &model));
  *out = std::move(model);
  return Status();
}

// Any two neighbours that are a piece together may be merged, the highest score first.
Status BuildBpe(Proto* proto, int32_t unk, std::unique_ptr<const Model>* out) {
  std::map<float, uint32_t, std::greater<float>> ranks;
  for (const float score : proto->scores) ranks.emplace(score, 0);
  uint32_t next = 0;
  for (auto& [score, rank] : ranks) rank = next++;
  const Vocabulary& vocabulary = proto->vocabulary;
  const auto part = [&](std::string_view text) {
    const int32_t id = vocabulary.Find(text);
    return id != Vocabulary::kNone && proto->types[static_cast<size_t>(id)] == kNormal ? id : Vocabulary::kNone;
  };
  std::vector<Merge> merges;
  for (size_t i = 0; i < proto->types.size(); ++i) {
    if (proto->types[i] == kUnused) return Status::Unsupported("a SentencePiece BPE model with unused pieces is not supported");
    if (proto->types[i] != kNormal) continue;
    const std::string_view token = vocabulary.token(i);
    if (token.size() > kMaxBpeToken)
      return Status::Limit("a piece of the SentencePiece model has " + std::to_string(token.size()) + " bytes, at most " +
                           std::to_string(kMaxBpeToken) + " are allowed for BPE");
    for (size_t cut = 0; cut < token.size();) {
      cut += CharLength(static_cast<unsigned char>(token[cut]));
      if (cut == token.size()) break;
      const Merge merge{part(token.substr(0, cut)), part(token.substr(cut)), static_cast<int32_t>(i),
                        ranks[proto->scores[i]]};
      if (merge.left >= 0 && merge.right >= 0) merges.push_back(merge);
    }
  }
  BpeOptions options;
  options.unk_token = vocabulary.token(static_cast<size_t>(unk));
  options.fuse_unk = true;
  options.byte_fallback = proto->byte_fallback;
  options.verbatim = UserDefined(*proto);
  std::unique_ptr<Model> model;
  MOSAIC_RETURN_IF_ERROR(NewBpe(std::move(proto->vocabulary), merges, options, &model));
  *out = std::move(model);
  return Status();
}

void BuildDecoder(const Proto& proto, const std::string& unk, Tokenizer* out) {
  // What stands for the unknown keeps its spaces, so it comes last; until then a byte that no token has.
  static constexpr char kMark[] = "\xFF";
  out->has_decoder = true;
  out->decoders.push_back(NewTokenDecoder(unk, kMark));
  out->decoders.push_back(NewPartDecoder("\xE2\x96\x81", " "));
  out->decoders.push_back(NewByteFallbackDecoder());
  out->decoders.push_back(NewFuseDecoder());
  // Spaces at the beginning go with the one that was put there.
  const size_t spaces = proto.options.remove_extra_whitespaces ? SIZE_MAX : proto.options.add_dummy_prefix ? 1 : 0;
  const bool suffix = proto.options.treat_whitespace_as_suffix;
  out->decoders.push_back(NewStripDecoder(" ", suffix ? 0 : spaces, suffix ? spaces : 0));
  out->decoders.push_back(NewPartDecoder(kMark, proto.unk_surface));
}

}  // namespace

Status ReadSentencePiece(std::string_view bytes, Tokenizer* out) {
  Proto proto;
  MOSAIC_RETURN_IF_ERROR(ReadProto(bytes, &proto));
  int32_t unk;
  MOSAIC_RETURN_IF_ERROR(FindUnknown(proto, &unk));
  if (proto.model_type != kUnigram && proto.model_type != kBpe)
    return Status::Unsupported("SentencePiece models of words or characters are not supported");
  Charsmap charsmap;
  if (!proto.charsmap.empty()) MOSAIC_RETURN_IF_ERROR(Charsmap::Parse(proto.charsmap, &charsmap));
  out->normalizers.push_back(NewSentencePiece(std::move(charsmap), UserDefined(proto), proto.options));
  for (size_t i = 0; i < proto.types.size(); ++i)
    if (proto.types[i] == kControl) out->hidden.insert(static_cast<int32_t>(i));
  out->padding.id = std::max(proto.pad_id, 0);
  BuildDecoder(proto, std::string(proto.vocabulary.token(static_cast<size_t>(unk))), out);
  return proto.model_type == kBpe ? BuildBpe(&proto, unk, &out->model) : BuildUnigram(&proto, unk, &out->model);
}

}  // namespace mosaic::text
