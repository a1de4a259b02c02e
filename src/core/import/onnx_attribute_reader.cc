// The AttributeProto part of OnnxReader.
#include "core/import/onnx_reader.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// AttributeProto.AttributeType
enum AttributeType : uint64_t {
  kNoType = 0,
  kFloatType = 1,
  kIntType = 2,
  kStringType = 3,
  kTensorType = 4,
  kGraphType = 5,
  kFloatsType = 6,
  kIntsType = 7,
  kStringsType = 8
};

const char* TypeName(uint64_t type) {
  switch (type) {
    case 10:
      return "a list of graphs";
    case 11:
    case 12:
      return "a sparse tensor";
    case 9:
      return "a list of tensors";
    case 13:
    case 14:
      return "a type";
    default:
      return "of an unknown kind";
  }
}

}  // namespace

struct OnnxReader::AttributeFields {
  std::string name;
  uint64_t type = kNoType;
  uint64_t seen = kNoType;  // what the field that was read last holds
  float f = 0;
  int64_t i = 0;
  std::string s;
  OnnxTensor tensor;
  std::shared_ptr<OnnxGraph> graph;
  std::string reference;  // to an attribute of the function around it
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
};

Status OnnxReader::ReadAttribute(WireReader r, OnnxNode* node) {
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(256));
  AttributeFields f;
  Status s = ReadAttributeFields(r, &f);
  if (s.ok()) s = UseAttribute(&f, node);
  return InPart(s, "attribute " + Quoted(f.name));
}

Status OnnxReader::ReadAttributeFields(WireReader r, AttributeFields* f) {
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &f->name));
        break;
      case Key(2, kFixed32):
        f->f = r.Float();
        f->seen = kFloatType;
        break;
      case Key(3, kVarint):
        f->i = r.Int64();
        f->seen = kIntType;
        break;
      case Key(4, kBytes):
        MOSAIC_RETURN_IF_ERROR(String(&r, kMaxGraphBytes, &f->s));
        f->seen = kStringType;
        break;
      case Key(5, kBytes):
        f->tensor = OnnxTensor();
        MOSAIC_RETURN_IF_ERROR(ReadTensor(r.Message(), &f->tensor));
        f->seen = kTensorType;
        break;
      case Key(6, kBytes):
        f->graph = std::make_shared<OnnxGraph>();
        MOSAIC_RETURN_IF_ERROR(ReadGraph(r.Message(), f->graph.get()));
        f->seen = kGraphType;
        break;
      case Key(7, kFixed32):
      case Key(7, kBytes):
        MOSAIC_RETURN_IF_ERROR(Floats(&r, &f->floats));
        f->seen = kFloatsType;
        break;
      case Key(8, kVarint):
      case Key(8, kBytes):
        MOSAIC_RETURN_IF_ERROR(Int64s(&r, &f->ints));
        f->seen = kIntsType;
        break;
      case Key(9, kBytes):
        f->strings.emplace_back();
        MOSAIC_RETURN_IF_ERROR(String(&r, kMaxGraphBytes, &f->strings.back()));
        f->seen = kStringsType;
        break;
      case Key(20, kVarint):
        f->type = r.Varint();
        break;
      case Key(21, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &f->reference));
        break;
      default:
        r.Skip();
    }
  }
  return r.status();
}

Status OnnxReader::UseAttribute(AttributeFields* f, OnnxNode* node) {
  for (const Attribute& known : node->attributes) {
    if (known.name == f->name) return Status::BadModel("it is given twice");
  }
  if (!f->reference.empty()) {
    node->references.emplace_back(f->name, f->reference);
    return {};
  }
  Attribute a;
  a.name = f->name;
  switch (f->type == kNoType ? f->seen : f->type) {
    case kFloatType:
      a.value = f->f;
      break;
    case kIntType:
      a.value = f->i;
      break;
    case kStringType:
      a.value = std::move(f->s);
      break;
    case kTensorType:
      if (f->seen != kTensorType) return Status::BadModel("it has no tensor");
      f->tensor.name = f->name;
      node->tensors.push_back(std::move(f->tensor));
      return {};
    case kGraphType:
      if (f->graph == nullptr) return Status::BadModel("it has no graph");
      node->graphs.emplace_back(f->name, std::move(f->graph));
      return {};
    case kFloatsType:
      a.value = std::move(f->floats);
      break;
    case kIntsType:
      a.value = std::move(f->ints);
      break;
    case kStringsType:
      a.value = std::move(f->strings);
      break;
    case 13:  // a type: only of optional and sequences, which say it by their elements
      return {};
    default:
      node->problem = "attribute " + Quoted(f->name) + " is " +
                      TypeName(f->type ? f->type : f->seen) + ", which is not supported";
      return {};
  }
  node->attributes.push_back(std::move(a));
  return {};
}

}  // namespace mosaic
