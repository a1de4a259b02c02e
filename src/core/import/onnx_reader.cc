#include "core/import/onnx_reader.h"

#include <algorithm>
#include <utility>

#include "core/import/utf8.h"
#include "core/op/op.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

bool IsDefaultDomain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

Status NotOnnx(const std::string& why) {
  return Status::BadModel("the file is not an ONNX model: " + why);
}

}  // namespace

Status Budget::Charge(uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= kMaxGraphBytes) return {};
  return Status::Limit("the graph (without weights) takes more than " +
                       std::to_string(kMaxGraphBytes >> 20) + " MB");
}

Status Budget::ChargeSegment() {
  if (++segments_ <= kMaxSegments) return {};
  return Status::Limit("tensor data is in more than " + std::to_string(kMaxSegments) + " pieces");
}

OnnxReader::OnnxReader(ByteSource* source, ExternalOpener opener, bool ascii_names)
    : source_(source, [](ByteSource*) {}),
      buffered_(source),
      opener_(std::move(opener)),
      ascii_names_(ascii_names) {}

Status OnnxReader::Read(OnnxModel* out) {
  if (source_->size() == 0) return NotOnnx("it is empty");
  return ReadModel(WireReader(&buffered_, {0, source_->size()}), out);
}

// ---- Scalars and lists ----

Status OnnxReader::String(WireReader* r, uint64_t max, std::string* out) {
  const ByteRange range = r->Bytes();
  MOSAIC_RETURN_IF_ERROR(r->status());
  if (range.size() > max) {
    return Status::Limit("a string of " + std::to_string(range.size()) + " bytes at byte " +
                         std::to_string(range.begin) + "; at most " + std::to_string(max) +
                         " are allowed");
  }
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(64 + range.size()));
  out->resize(static_cast<size_t>(range.size()));
  return source_->Read(range.begin, out->size(), out->data());
}

Status OnnxReader::Name(WireReader* r, std::string* out) {
  const uint64_t at = r->position();
  MOSAIC_RETURN_IF_ERROR(String(r, kMaxNameBytes, out));
  const bool text = IsText(*out);
  if (text && (!ascii_names_ || IsAscii(*out))) return {};
  out->clear();
  const std::string which = "the name at byte " + std::to_string(at);
  if (!text) return Status::BadModel(which + " is not valid UTF-8 text");
  return Status::Unsupported(which + " is not ASCII, and the database is not encoded in UTF-8")
      .WithHint("Use a database of encoding UTF8, or give the model names in ASCII.");
}

std::string OnnxProblem::Text() const {
  if (kind.empty()) return reason;
  const std::string who = kind + " " + Quoted(first);
  return who + (count > 1 ? " and " + std::to_string(count - 1) + " more: " : ": ") + reason;
}

constexpr size_t kMaxProblems = 20;  // that are told

Status OnnxReader::Note(const Status& s, const std::string& kind, const std::string& name) {
  if (s.code() != MOSAIC_E_UNSUPPORTED) return s;
  for (OnnxProblem& p : *problems_) {
    if (p.kind != kind || p.reason != s.message()) continue;
    ++p.count;
    return {};
  }
  if (problems_->size() < kMaxProblems) {
    problems_->push_back({kind, name, s.message(), s.hint()});
  } else if (problems_->size() == kMaxProblems) {
    problems_->push_back({"", "", "and more", ""});
  }
  return {};
}

Status OnnxReader::Int64s(WireReader* r, std::vector<int64_t>* out) {
  if (r->type() != kBytes) {
    out->push_back(r->Int64());
    return budget_.Charge(16);
  }
  WireReader packed = r->Message();
  while (!packed.AtEnd()) {
    MOSAIC_RETURN_IF_ERROR(budget_.Charge(16));
    out->push_back(static_cast<int64_t>(packed.RawVarint()));
  }
  MOSAIC_RETURN_IF_ERROR(packed.status());
  return r->status();
}

Status OnnxReader::Floats(WireReader* r, std::vector<float>* out) {
  if (r->type() != kBytes) {
    out->push_back(r->Float());
    return budget_.Charge(8);
  }
  const ByteRange range = r->Bytes();
  MOSAIC_RETURN_IF_ERROR(r->status());
  if (range.size() % 4 != 0) return r->Damaged("packed floats of odd length");
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(2 * range.size()));
  const size_t old = out->size();
  out->resize(old + static_cast<size_t>(range.size() / 4));
  return source_->Read(range.begin, static_cast<size_t>(range.size()), out->data() + old);
}

// ---- ModelProto ----

Status OnnxReader::ReadModel(WireReader r, OnnxModel* out) {
  problems_ = &out->problems;
  int64_t ir_version = -1;
  int graphs = 0;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kVarint):
        ir_version = r.Int64();
        break;
      case Key(7, kBytes):
        if (++graphs > 1) return Status::BadModel("the file has more than one graph");
        MOSAIC_RETURN_IF_ERROR(ReadGraph(r.Message(), out));
        break;
      case Key(8, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadOpsetImport(r.Message(), &out->opset, &out->domains));
        break;
      case Key(20, kBytes):
        MOSAIC_RETURN_IF_ERROR(Note(Status::Unsupported("training information is not supported")));
        r.Skip();
        break;
      case Key(25, kBytes):
        out->functions.emplace_back();
        MOSAIC_RETURN_IF_ERROR(ReadFunction(r.Message(), &out->functions.back()));
        break;
      default:
        r.Skip();
    }
  }
  if (!r.status().ok()) return r.status();
  if (ir_version == -1) return NotOnnx("it has no IR version");
  if (graphs == 0) return NotOnnx("it has no graph");
  if (ir_version < kMinIrVersion || ir_version > kMaxIrVersion) {
    MOSAIC_RETURN_IF_ERROR(Note(Status::Unsupported(
        "ONNX IR version " + std::to_string(ir_version) + " is not supported, only " +
        std::to_string(kMinIrVersion) + " to " + std::to_string(kMaxIrVersion))));
  }
  if (out->opset == 0 && out->domains.empty()) {
    return NotOnnx("it does not say which operator set it uses");
  }
  if (out->opset != 0 && out->opset < kMinOpset) {
    MOSAIC_RETURN_IF_ERROR(Note(Status::Unsupported("ONNX opset " + std::to_string(out->opset) +
                                                    " is not supported, only " +
                                                    std::to_string(kMinOpset) + " and later")
                                    .WithHint("Export the model with a later opset.")));
  }
  return {};
}

// Two versions of one domain: the later one, as ONNX Runtime has it.
Status OnnxReader::ReadOpsetImport(WireReader r, int* opset,
                                   std::vector<std::pair<std::string, int>>* others) {
  std::string domain;
  int64_t version = 0;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &domain));
        break;
      case Key(2, kVarint):
        version = r.Int64();
        break;
      default:
        r.Skip();
    }
  }
  MOSAIC_RETURN_IF_ERROR(r.status());
  if (version <= 0 || version > INT32_MAX) {
    return Status::BadModel("opset version " + std::to_string(version));
  }
  if (IsDefaultDomain(domain)) {
    *opset = std::max(*opset, static_cast<int>(version));
    return {};
  }
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(128));
  for (auto& [name, known] : *others) {
    if (name == domain) {
      known = std::max(known, static_cast<int>(version));
      return {};
    }
  }
  others->emplace_back(std::move(domain), static_cast<int>(version));
  return {};
}

// ---- FunctionProto ----

Status OnnxReader::ReadFunction(WireReader r, OnnxFunction* out) {
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(512));
  auto append = [&](std::vector<std::string>* to) {
    to->emplace_back();
    return Name(&r, &to->back());
  };
  int opset = 0;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->name));
        break;
      case Key(4, kBytes):
        MOSAIC_RETURN_IF_ERROR(append(&out->inputs));
        break;
      case Key(5, kBytes):
        MOSAIC_RETURN_IF_ERROR(append(&out->outputs));
        break;
      case Key(7, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadNodeInto(r.Message(), &out->nodes));
        break;
      case Key(9, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadOpsetImport(r.Message(), &opset, &out->opsets));
        break;
      case Key(10, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->domain));
        break;
      case Key(11, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadAttribute(r.Message(), &out->defaults));
        break;
      default:
        r.Skip();
    }
  }
  if (IsDefaultDomain(out->domain)) out->domain.clear();
  if (opset > 0) out->opsets.emplace_back("", opset);
  return r.status();
}

// ---- GraphProto ----

Status OnnxReader::ReadNodeInto(WireReader r, std::vector<OnnxNode>* nodes) {
  nodes->emplace_back();
  const Status s = ReadNode(r, &nodes->back());
  const OnnxNode& n = nodes->back();
  const std::string number = std::to_string(nodes->size() - 1);
  return InPart(s,
                "node " + Quoted(n.name.empty() ? number : n.name) + " (" + Shown(n.op_type) + ")");
}

Status OnnxReader::ReadGraph(WireReader r, OnnxGraph* out) {
  if (depth_ == kMaxGraphDepth) return Status::Limit("graphs are nested too deeply");
  ++depth_;
  const OnnxNode* const outer = std::exchange(node_, nullptr);
  auto value = [&](bool input, std::vector<Value>* to) {
    to->emplace_back();
    if (!input || depth_ != 1) return ReadValueInfo(r.Message(), nullptr, &to->back());
    OnnxMap map;
    MOSAIC_RETURN_IF_ERROR(ReadValueInfo(r.Message(), &map, &to->back()));
    map.name = to->back().name;
    if (map.key != MOSAIC_UNDEFINED) out->maps.push_back(std::move(map));
    return Status();
  };
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadNodeInto(r.Message(), &out->nodes));
        break;
      case Key(5, kBytes): {
        OnnxTensor t;
        MOSAIC_RETURN_IF_ERROR(ReadTensor(r.Message(), &t));
        out->initializers.push_back(std::move(t));
        break;
      }
      case Key(11, kBytes):
        MOSAIC_RETURN_IF_ERROR(InPart(value(true, &out->inputs), "graph input"));
        break;
      case Key(12, kBytes):
        MOSAIC_RETURN_IF_ERROR(InPart(value(false, &out->outputs), "graph output"));
        break;
      case Key(13, kBytes):
        MOSAIC_RETURN_IF_ERROR(InPart(value(false, &out->value_infos), "value information"));
        break;
      case Key(15, kBytes): {
        OnnxTensor t;
        MOSAIC_RETURN_IF_ERROR(ReadSparse(r.Message(), &t));
        out->initializers.push_back(std::move(t));
        break;
      }
      default:
        r.Skip();
    }
  }
  --depth_;
  node_ = outer;
  return r.status();
}

// ---- NodeProto ----

Status OnnxReader::ReadNode(WireReader r, OnnxNode* out) {
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(512));
  node_ = out;
  auto append = [&](std::vector<std::string>* to) {
    to->emplace_back();
    return Name(&r, &to->back());
  };
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(append(&out->inputs));
        break;
      case Key(2, kBytes):
        MOSAIC_RETURN_IF_ERROR(append(&out->outputs));
        break;
      case Key(3, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->name));
        break;
      case Key(4, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->op_type));
        break;
      case Key(5, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadAttribute(r.Message(), out));
        break;
      case Key(7, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->domain));
        break;
      default:
        r.Skip();
    }
  }
  node_ = nullptr;
  MOSAIC_RETURN_IF_ERROR(r.status());
  if (out->op_type.empty()) return Status::BadModel("a node has no operator type");
  if (IsDefaultDomain(out->domain)) out->domain.clear();
  return {};
}

// ---- ValueInfoProto ----

Status OnnxReader::ReadValueInfo(WireReader r, OnnxMap* map, Value* out) {
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(512));
  bool is_tensor = false;
  Status type;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->name));
        break;
      case Key(2, kBytes):
        type = ReadType(r.Message(), map, out, &is_tensor);
        if (type.code() == MOSAIC_E_HOST) return type;
        break;
      default:
        r.Skip();
    }
  }
  MOSAIC_RETURN_IF_ERROR(r.status());
  const std::string who = Quoted(out->name);
  MOSAIC_RETURN_IF_ERROR(InPart(type, who));
  if (out->name.empty()) return Status::BadModel("it has no name");
  if (map == nullptr) return {};
  if (is_tensor && DTypeSize(out->dtype) != 0) return {};
  const std::string why = !is_tensor
                              ? "it is not a tensor"
                              : "element type " + std::to_string(out->dtype) + " is not supported";
  out->dtype = MOSAIC_FLOAT;
  return Note(Status::Unsupported(why), "graph input", out->name);
}

Status OnnxReader::ReadType(WireReader r, OnnxMap* map, Value* out, bool* is_tensor) {
  while (r.Next()) {
    if (r.key() == Key(1, kBytes)) {
      *is_tensor = true;
      MOSAIC_RETURN_IF_ERROR(ReadTensorType(r.Message(), out));
    } else if (r.key() == Key(5, kBytes) && map != nullptr) {
      *is_tensor = true;
      MOSAIC_RETURN_IF_ERROR(ReadMapType(r.Message(), map, out));
    } else {
      r.Skip();
    }
  }
  return r.status();
}

// A key and a value in each row, as strings.
Status OnnxReader::ReadMapType(WireReader r, OnnxMap* map, Value* out) {
  Value value;
  bool is_tensor = false;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kVarint):
        map->key = static_cast<int>(std::min<uint64_t>(r.Varint(), 1000));
        break;
      case Key(2, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadType(r.Message(), nullptr, &value, &is_tensor));
        break;
      default:
        r.Skip();
    }
  }
  MOSAIC_RETURN_IF_ERROR(r.status());
  if (map->key == MOSAIC_UNDEFINED || !is_tensor) return Status::BadModel("a map without types");
  map->value = value.dtype;
  out->dtype = MOSAIC_STRING;
  out->has_shape = true;
  out->dims = {kSymbolic, 2};
  out->dim_names.assign(2, "");
  return {};
}

Status OnnxReader::ReadTensorType(WireReader r, Value* out) {
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kVarint):
        out->dtype = static_cast<int>(std::min<uint64_t>(r.Varint(), 1000));
        break;
      case Key(2, kBytes):
        out->has_shape = true;
        MOSAIC_RETURN_IF_ERROR(ReadShape(r.Message(), out));
        break;
      default:
        r.Skip();
    }
  }
  return r.status();
}

Status OnnxReader::ReadShape(WireReader r, Value* out) {
  while (r.Next()) {
    if (r.key() != Key(1, kBytes)) {
      r.Skip();
      continue;
    }
    if (out->dims.size() == MOSAIC_MAX_DIMS) {
      return Status::Limit("more than " + std::to_string(MOSAIC_MAX_DIMS) + " dimensions");
    }
    MOSAIC_RETURN_IF_ERROR(ReadDimension(r.Message(), out));
  }
  return r.status();
}

Status OnnxReader::ReadDimension(WireReader r, Value* out) {
  int64_t dim = kSymbolic;
  std::string name;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kVarint):
        dim = std::max<int64_t>(r.Int64(), kSymbolic);  // negative ones stand for free dimensions
        break;
      case Key(2, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &name));
        break;
      default:
        r.Skip();
    }
  }
  out->dims.push_back(dim);
  out->dim_names.push_back(dim == kSymbolic ? name : std::string());
  return r.status();
}

}  // namespace mosaic
