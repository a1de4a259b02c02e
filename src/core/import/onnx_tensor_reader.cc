// The TensorProto part of OnnxReader.
#include <algorithm>
#include <cstdlib>

#include "core/import/onnx_reader.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// Field numbers of TensorProto.
enum : uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14
};

// The field that holds elements of dtype when raw_data does not.
uint32_t FieldOf(int dtype) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      return kFloatData;
    case MOSAIC_DOUBLE:
      return kDoubleData;
    case MOSAIC_INT64:
      return kInt64Data;
    case MOSAIC_UINT32:
    case MOSAIC_UINT64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

bool IsVarintField(uint32_t field) { return field != kFloatData && field != kDoubleData; }

const char* FieldName(uint32_t field) {
  switch (field) {
    case kFloatData:
      return "float_data";
    case kInt32Data:
      return "int32_data";
    case kInt64Data:
      return "int64_data";
    case kDoubleData:
      return "double_data";
    default:
      return "uint64_data";
  }
}

// Product of the dimensions; what it may hold in bytes stays far from overflow.
Status CountElements(const std::vector<int64_t>& dims, int64_t* out) {
  constexpr int64_t kMaxElements = int64_t{1} << 48;
  *out = 1;
  for (int64_t d : dims) {
    if (d < 0) return Status::BadModel("it has the negative dimension " + std::to_string(d));
  }
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) {
    *out = 0;
    return {};
  }
  for (int64_t d : dims) {
    if (d > kMaxElements / *out)
      return Status::BadModel("shape " + ShapeString(dims) + " overflows");
    *out *= d;
  }
  return {};
}

Status WrongSize(const OnnxTensor& t, const std::string& actual) {
  return Status::BadModel("shape " + ShapeString(t.dims) + " of " + DTypeName(t.dtype) + " needs " +
                          std::to_string(t.elements) + " elements (" +
                          std::to_string(t.elements * DTypeSize(t.dtype)) +
                          " bytes), the file has " + actual);
}

bool ParseNumber(const std::string& s, uint64_t* out) {
  if (s.empty() || s.size() > 19 || s.find_first_not_of("0123456789") != std::string::npos) {
    return false;
  }
  *out = std::strtoull(s.c_str(), nullptr, 10);
  return true;
}

// Only files beside the model: a relative path that cannot climb out of its directory.
Status CheckLocation(const std::string& location) {
  bool good = !location.empty() && location[0] != '/' && location.find('\0') == std::string::npos;
  for (size_t at = 0; good && at <= location.size();) {
    const size_t slash = std::min(location.find('/', at), location.size());
    good = location.compare(at, slash - at, "..") != 0;
    at = slash + 1;
  }
  if (good) return {};
  return Status::BadModel("external data location " + Quoted(location.substr(0, 200)) +
                          " must be a relative path without '..'");
}

}  // namespace

struct OnnxReader::TensorFields {
  uint32_t data_field = 0;  // the typed field that has elements, if any
  bool has_raw = false, external = false, segmented = false;
  std::vector<std::string> strings;
  ByteRange raw;
  std::vector<Segment> segments;
  uint64_t run_end = 0;  // of the last run of unpacked elements
  std::string location, offset, length;
};

Status OnnxReader::ReadTensor(WireReader r, OnnxTensor* out) {
  MOSAIC_RETURN_IF_ERROR(budget_.Charge(512));
  TensorFields f;
  const Status fields = ReadTensorFields(r, out, &f);
  MOSAIC_RETURN_IF_ERROR(InPart(fields, "tensor " + Quoted(out->name)));
  auto use = [&]() -> Status {
    if (out->dtype == MOSAIC_UNDEFINED) return Status::BadModel("it has no element type");
    if (DTypeSize(out->dtype) == 0 || out->dtype == MOSAIC_SEQUENCE) {
      return Status::Unsupported("element type " + std::to_string(out->dtype) +
                                 " is not supported");
    }
    if (f.segmented) return Status::Unsupported("segmented tensors are not supported");
    MOSAIC_RETURN_IF_ERROR(CountElements(out->dims, &out->elements));
    out->data.dtype = out->dtype;
    if (out->dtype == MOSAIC_STRING) return UseStrings(&f, out);
    if (f.external + f.has_raw + (f.data_field != 0) > 1) {
      return Status::BadModel("its elements are given twice");
    }
    return DTypeBits(out->dtype) < 8 ? UsePacked(&f, out) : UseBytes(&f, out);
  };
  const Status s = use();
  if (s.code() != MOSAIC_E_UNSUPPORTED) return InPart(s, "tensor " + Quoted(out->name));
  SetUnread(out->name, out);
  return node_ == nullptr ? Note(s, "tensor", out->name)
                          : Note(s, "attribute of node", NameOf(*node_));
}

void OnnxReader::SetUnread(const std::string& name, OnnxTensor* out) {
  OnnxTensor empty;
  empty.name = name;
  empty.unread = true;
  empty.dtype = empty.data.dtype = MOSAIC_FLOAT;
  empty.dims = {0};
  *out = std::move(empty);
}

Status OnnxReader::ReadTensorFields(WireReader r, OnnxTensor* out, TensorFields* f) {
  while (r.Next()) {
    switch (r.key()) {
      case Key(kDims, kVarint):
      case Key(kDims, kBytes):
        MOSAIC_RETURN_IF_ERROR(Int64s(&r, &out->dims));
        if (out->dims.size() > MOSAIC_MAX_DIMS) {
          return Status::Limit("more than " + std::to_string(MOSAIC_MAX_DIMS) + " dimensions");
        }
        break;
      case Key(kDataType, kVarint):
        out->dtype = static_cast<int>(std::min<uint64_t>(r.Varint(), 1000));
        break;
      case Key(kName, kBytes):
        MOSAIC_RETURN_IF_ERROR(Name(&r, &out->name));
        break;
      case Key(kRawData, kBytes):
        f->raw = r.Bytes();
        f->has_raw = f->raw.size() > 0;
        break;
      case Key(kExternalData, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadExternalEntry(r.Message(), f));
        break;
      case Key(kDataLocation, kVarint):
        f->external = r.Varint() == 1;
        break;
      case Key(kStringData, kBytes):
        f->strings.emplace_back();
        MOSAIC_RETURN_IF_ERROR(String(&r, kMaxGraphBytes, &f->strings.back()));
        break;
      case Key(kSegment, kBytes):
        f->segmented = true;
        r.Skip();
        break;
      case Key(kFloatData, kFixed32):
      case Key(kFloatData, kBytes):
      case Key(kDoubleData, kFixed64):
      case Key(kDoubleData, kBytes):
      case Key(kInt32Data, kVarint):
      case Key(kInt32Data, kBytes):
      case Key(kInt64Data, kVarint):
      case Key(kInt64Data, kBytes):
      case Key(kUint64Data, kVarint):
      case Key(kUint64Data, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadElements(&r, f));
        break;
      default:
        r.Skip();
    }
  }
  return r.status();
}

// Records where the elements of a typed field lie.
Status OnnxReader::ReadElements(WireReader* r, TensorFields* f) {
  const uint32_t field = r->field();
  if (f->data_field != 0 && f->data_field != field) {
    return Status::BadModel("its elements are given twice");
  }
  const int64_t first =
      f->segments.empty() ? 0 : f->segments.back().first + f->segments.back().count;
  if (r->type() == kBytes) {
    const ByteRange range = r->Bytes();
    if (range.size() == 0) return {};
    f->data_field = field;
    if (IsVarintField(field)) return ReadPackedVarints(WireReader(r->source(), range), f);
    const uint64_t size = field == kFloatData ? 4 : 8;
    if (range.size() % size != 0) {
      return Status::BadModel(std::string(FieldName(field)) + " has " +
                              std::to_string(range.size()) + " bytes");
    }
    MOSAIC_RETURN_IF_ERROR(budget_.ChargeSegment());
    f->segments.push_back({first, static_cast<int64_t>(range.size() / size), range.begin, 0});
    return {};
  }
  f->data_field = field;
  const uint64_t begin = r->field_begin(), header = r->position() - begin;
  r->Skip();
  const bool follows =
      !f->segments.empty() && f->run_end == begin && f->segments.back().header == header &&
      !(IsVarintField(field) && f->segments.back().count >= TensorData::kVarintRun);
  f->run_end = r->position();
  if (follows) {
    ++f->segments.back().count;
    return {};
  }
  MOSAIC_RETURN_IF_ERROR(budget_.ChargeSegment());
  f->segments.push_back({first, 1, begin, static_cast<uint32_t>(header)});
  return {};
}

Status OnnxReader::ReadPackedVarints(WireReader r, TensorFields* f) {
  while (!r.AtEnd()) {
    MOSAIC_RETURN_IF_ERROR(budget_.ChargeSegment());
    Segment s;
    if (!f->segments.empty()) s.first = f->segments.back().first + f->segments.back().count;
    s.offset = r.position();
    for (; s.count < TensorData::kVarintRun && !r.AtEnd(); ++s.count) r.RawVarint();
    f->segments.push_back(s);
  }
  return r.status();
}

Status OnnxReader::UseFieldData(TensorFields* f, OnnxTensor* out) {
  const uint32_t expected = FieldOf(out->dtype);
  if (f->data_field != 0 && f->data_field != expected) {
    return Status::BadModel(std::string(DTypeName(out->dtype)) + " elements are in " +
                            FieldName(f->data_field) + ", not in " + FieldName(expected));
  }
  out->data.source = source_;
  out->data.varint = IsVarintField(expected);
  out->data.segments = std::move(f->segments);
  if (out->data.count() != out->elements) {
    return WrongSize(*out, std::to_string(out->data.count()) + " elements");
  }
  return {};
}

Status OnnxReader::UseBytes(TensorFields* f, OnnxTensor* out) {
  if (f->external) return UseExternalData(*f, out);
  return f->has_raw ? UseRawData(*f, out) : UseFieldData(f, out);
}

Status OnnxReader::UseStrings(TensorFields* f, OnnxTensor* out) {
  if (static_cast<int64_t>(f->strings.size()) != out->elements) {
    return WrongSize(*out, std::to_string(f->strings.size()) + " strings");
  }
  out->strings = std::move(f->strings);
  return {};
}

Status OnnxReader::UsePacked(TensorFields* f, OnnxTensor* out) {
  const int64_t each = 8 / DTypeBits(out->dtype);
  OnnxTensor bytes;
  bytes.dtype = MOSAIC_UINT8;
  bytes.elements = out->elements / each + (out->elements % each != 0 ? 1 : 0);
  bytes.dims = {bytes.elements};
  bytes.data.dtype = MOSAIC_UINT8;
  MOSAIC_RETURN_IF_ERROR(UseBytes(f, &bytes));
  out->data = UnpackedData(out->dtype, out->elements, std::move(bytes.data));
  return {};
}

// values (with the name), indices (of elements, or of each dimension), dims: made dense.
Status OnnxReader::ReadSparse(WireReader r, OnnxTensor* out) {
  OnnxTensor values, indices;
  std::vector<int64_t> dims;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadTensor(r.Message(), &values));
        break;
      case Key(2, kBytes):
        MOSAIC_RETURN_IF_ERROR(ReadTensor(r.Message(), &indices));
        break;
      case Key(3, kVarint):
      case Key(3, kBytes):
        MOSAIC_RETURN_IF_ERROR(Int64s(&r, &dims));
        break;
      default:
        r.Skip();
    }
  }
  MOSAIC_RETURN_IF_ERROR(r.status());
  if (values.unread || indices.unread) {
    SetUnread(values.name, out);
    return {};
  }
  const std::string who = "sparse tensor " + Quoted(values.name);
  out->name = values.name;
  out->dtype = values.dtype;
  out->dims = dims;
  if (dims.size() > MOSAIC_MAX_DIMS) return Status::Limit(who + " has too many dimensions");
  MOSAIC_RETURN_IF_ERROR(CountElements(dims, &out->elements).In(who));
  const int64_t n = values.elements, size = DTypeSize(values.dtype);
  const int64_t per_value = n == 0 ? 1 : indices.elements / n;
  const int64_t rank = static_cast<int64_t>(dims.size());
  if (size == 0 || values.dtype == MOSAIC_STRING || (n > 0 && indices.dtype != MOSAIC_INT64) ||
      indices.elements != n * per_value || (per_value != 1 && per_value != rank)) {
    return Status::BadModel(who + ": its values and indices do not fit");
  }
  if (out->elements > sparse_left_ / size) {
    return Status::Limit(who + " of shape " + ShapeString(dims) +
                         ": sparse tensors would take more than " +
                         std::to_string(kMaxSparseBytes >> 20) + " MB");
  }
  sparse_left_ -= out->elements * size;
  std::string elements(static_cast<size_t>(n * size), '\0'),
      dense(static_cast<size_t>(out->elements * size), '\0');
  std::vector<int64_t> at(static_cast<size_t>(indices.elements));
  MOSAIC_RETURN_IF_ERROR(ElementReader(values.data, values.dtype).Read(0, n, elements.data()));
  if (n > 0) {
    MOSAIC_RETURN_IF_ERROR(
        ElementReader(indices.data, MOSAIC_INT64).Read(0, indices.elements, at.data()));
  }
  for (int64_t i = 0; i < n; ++i) {
    int64_t place = 0;
    bool inside = true;
    for (int64_t d = 0; d < per_value; ++d) {
      const int64_t index = at[static_cast<size_t>(i * per_value + d)];
      const int64_t limit = per_value == 1 ? out->elements : dims[static_cast<size_t>(d)];
      inside = inside && index >= 0 && index < limit;
      if (inside) place = place * (per_value == 1 ? 1 : limit) + index;
    }
    if (!inside) return Status::BadModel(who + ": an index is out of range");
    std::copy_n(elements.data() + i * size, size, dense.data() + place * size);
  }
  out->data = DataInMemory(out->dtype, std::move(dense));
  return {};
}

Status OnnxReader::UseRawData(const TensorFields& f, OnnxTensor* out) {
  const uint64_t size = static_cast<uint64_t>(DTypeSize(out->dtype));
  if (f.raw.size() != static_cast<uint64_t>(out->elements) * size) {
    return WrongSize(*out, std::to_string(f.raw.size()) + " bytes");
  }
  MOSAIC_RETURN_IF_ERROR(budget_.ChargeSegment());
  out->data.source = source_;
  out->data.segments.push_back({0, out->elements, f.raw.begin, 0});
  return {};
}

Status OnnxReader::ReadExternalEntry(WireReader r, TensorFields* f) {
  std::string key, value;
  while (r.Next()) {
    switch (r.key()) {
      case Key(1, kBytes):
        MOSAIC_RETURN_IF_ERROR(String(&r, kMaxNameBytes, &key));
        break;
      case Key(2, kBytes):
        MOSAIC_RETURN_IF_ERROR(String(&r, kMaxNameBytes, &value));
        break;
      default:
        r.Skip();
    }
  }
  if (key == "location") f->location = value;
  if (key == "offset") f->offset = value;
  if (key == "length") f->length = value;
  return r.status();
}

Status OnnxReader::UseExternalData(const TensorFields& f, OnnxTensor* out) {
  MOSAIC_RETURN_IF_ERROR(CheckLocation(f.location));
  const uint64_t bytes =
      static_cast<uint64_t>(out->elements) * static_cast<uint64_t>(DTypeSize(out->dtype));
  uint64_t offset = 0, length = bytes;
  if ((!f.offset.empty() && !ParseNumber(f.offset, &offset)) ||
      (!f.length.empty() && !ParseNumber(f.length, &length))) {
    return Status::BadModel("external data at offset " + Quoted(f.offset) + ", length " +
                            Quoted(f.length));
  }
  if (length != bytes) return WrongSize(*out, std::to_string(length) + " bytes");
  MOSAIC_RETURN_IF_ERROR(OpenExternal(f.location, &out->data.source));
  const uint64_t size = out->data.source->size();
  if (offset > size || length > size - offset) {
    return Status::BadModel("external data file " + Quoted(f.location) + " has " +
                            std::to_string(size) + " bytes, the tensor is at " +
                            std::to_string(offset) + " with " + std::to_string(length));
  }
  MOSAIC_RETURN_IF_ERROR(budget_.ChargeSegment());
  out->data.segments.push_back({0, out->elements, offset, 0});
  return {};
}

Status OnnxReader::OpenExternal(const std::string& location, std::shared_ptr<ByteSource>* out) {
  std::shared_ptr<ByteSource>& slot = external_[location];
  if (slot == nullptr) {
    if (!opener_) {
      return Status::Unsupported("its data is in the external file " + Quoted(location) +
                                 ", which cannot be read here")
          .WithHint("Import the model from a file on the server, beside its external data.");
    }
    std::unique_ptr<ByteSource> opened;
    MOSAIC_RETURN_IF_ERROR(opener_(location, &opened));
    slot = std::move(opened);
  }
  *out = slot;
  return {};
}

}  // namespace mosaic
