#include "core/import/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/import/onnx_model.h"
#include "core/import/utf8.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

using nlohmann::json;

constexpr size_t kLengthBytes = 8;

struct TypeName {
  const char* name;
  int dtype;
  int bits;  // of an element
};

constexpr TypeName kTypes[] = {
    {"F32", MOSAIC_FLOAT, 32},         {"F16", MOSAIC_FLOAT16, 16},
    {"BF16", MOSAIC_BFLOAT16, 16},     {"F64", MOSAIC_DOUBLE, 64},
    {"I64", MOSAIC_INT64, 64},         {"I32", MOSAIC_INT32, 32},
    {"I16", MOSAIC_INT16, 16},         {"I8", MOSAIC_INT8, 8},
    {"U64", MOSAIC_UINT64, 64},        {"U32", MOSAIC_UINT32, 32},
    {"U16", MOSAIC_UINT16, 16},        {"U8", MOSAIC_UINT8, 8},
    {"BOOL", MOSAIC_BOOL, 8},          {"F8_E4M3", MOSAIC_FLOAT8E4M3FN, 8},
    {"F8_E5M2", MOSAIC_FLOAT8E5M2, 8},
};

const TypeName* FindType(const std::string& name) {
  for (const TypeName& t : kTypes) {
    if (name == t.name) return &t;
  }
  return nullptr;
}

// Takes the header in event by event, so that nothing but its tensors is held, whatever is nested
// in it.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(bool ascii_names, std::vector<SafetensorsEntry>* entries)
      : ascii_names_(ascii_names), entries_(*entries) {}

  const Status& status() const { return status_; }

  bool key(std::string& name) override {
    switch (at_) {
      case At::kFile:
        return BeginTensor(name);
      case At::kTensor:
        return BeginField(name);
      default:
        return true;  // of the metadata
    }
  }
  bool string(std::string& value) override {
    if (at_ == At::kMetadata) return true;
    if (at_ != At::kType) return Unexpected();
    entry().type = std::move(value);
    at_ = At::kTensor;
    return true;
  }
  bool number_unsigned(uint64_t value) override {
    if (at_ == At::kShape) {
      if (entry().dims.size() == MOSAIC_MAX_DIMS) {
        return Fail(Status::Limit(Who() + " has more than " + std::to_string(MOSAIC_MAX_DIMS) +
                                  " dimensions"));
      }
      if (value > INT64_MAX) return Unexpected();
      entry().dims.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (at_ != At::kOffsets || offsets_ == 2) return Unexpected();
    (offsets_++ == 0 ? entry().offset : end_) = value;
    return true;
  }
  bool start_object(size_t) override {
    if (at_ == At::kStart) {
      at_ = At::kFile;
    } else if (at_ == At::kTensorValue) {
      at_ = At::kTensor;
    } else if (at_ == At::kMetadataValue) {
      at_ = At::kMetadata;
    } else {
      return Unexpected();
    }
    return true;
  }
  bool end_object() override {
    if (at_ == At::kTensor) return EndTensor();
    at_ = at_ == At::kMetadata ? At::kFile : At::kStart;
    return true;
  }
  bool start_array(size_t) override {
    if (at_ == At::kShapeValue) {
      at_ = At::kShape;
    } else if (at_ == At::kOffsetsValue) {
      at_ = At::kOffsets;
    } else {
      return Unexpected();
    }
    return true;
  }
  bool end_array() override {
    if (at_ == At::kOffsets && offsets_ != 2) return Unexpected();
    at_ = At::kTensor;
    return true;
  }
  bool null() override { return Unexpected(); }
  bool boolean(bool) override { return Unexpected(); }
  bool number_integer(int64_t) override { return Unexpected(); }
  bool number_float(double, const std::string&) override { return Unexpected(); }
  bool binary(json::binary_t&) override { return Unexpected(); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Fail(Status::BadModel("the header is not JSON at byte " + std::to_string(position)));
  }

 private:
  enum class At {
    kStart,
    kFile,
    kMetadataValue,
    kMetadata,
    kTensorValue,
    kTensor,
    kType,
    kShapeValue,
    kShape,
    kOffsetsValue,
    kOffsets
  };
  enum Field { kTypeField = 1, kShapeField = 2, kOffsetsField = 4, kAllFields = 7 };

  SafetensorsEntry& entry() { return entries_.back(); }
  std::string Who() { return "tensor " + Quoted(entry().name); }

  bool Fail(Status status) {
    status_ = std::move(status);
    return false;
  }
  bool Unexpected() {
    const bool in_tensor =
        at_ != At::kStart && at_ != At::kFile && at_ != At::kMetadata && at_ != At::kMetadataValue;
    return Fail(Status::BadModel(in_tensor
                                     ? Who() + " is not described by dtype, shape and data_offsets"
                                     : "the header does not list tensors"));
  }

  bool BeginTensor(std::string& name) {
    if (name == "__metadata__") {
      if (has_metadata_) return Fail(Status::BadModel("the header has __metadata__ twice"));
      has_metadata_ = true;
      at_ = At::kMetadataValue;
      return true;
    }
    if (name.size() > kMaxNameBytes) {
      return Fail(Status::Limit("the name " + Quoted(name) + " has more than " +
                                std::to_string(kMaxNameBytes) + " bytes"));
    }
    if (!IsText(name))
      return Fail(Status::BadModel("the name of a tensor is not UTF-8, or has a NUL in it"));
    if (ascii_names_ && !IsAscii(name)) {
      return Fail(
          Status::Unsupported("the name " + Quoted(name) +
                              " is not ASCII, as a database of another encoding than UTF8 needs"));
    }
    entries_.emplace_back();
    entry().name = std::move(name);
    fields_ = offsets_ = 0;
    at_ = At::kTensorValue;
    return true;
  }

  bool BeginField(const std::string& name) {
    int field = 0;
    if (name == "dtype") {
      field = kTypeField;
      at_ = At::kType;
    } else if (name == "shape") {
      field = kShapeField;
      at_ = At::kShapeValue;
    } else if (name == "data_offsets") {
      field = kOffsetsField;
      at_ = At::kOffsetsValue;
    }
    if (field == 0 || (fields_ & field) != 0) {
      return Fail(Status::BadModel(
          Who() + (field == 0 ? " has an unknown field " : " has twice the field ") +
          Quoted(name)));
    }
    fields_ |= field;
    return true;
  }

  bool EndTensor() {
    SafetensorsEntry& e = entry();
    if (fields_ != kAllFields) return Unexpected();
    if (end_ < e.offset) return Fail(Status::BadModel(Who() + " ends before it begins"));
    e.bytes = end_ - e.offset;
    e.elements = 1;
    for (int64_t d : e.dims) {
      if (__builtin_mul_overflow(e.elements, d, &e.elements))
        return Fail(Status::BadModel(Who() + " is too large"));
    }
    if (const TypeName* type = FindType(e.type)) {
      e.dtype = type->dtype;
      int64_t bits = 0;
      if (__builtin_mul_overflow(e.elements, int64_t{type->bits}, &bits) ||
          static_cast<uint64_t>(bits / 8) != e.bytes) {
        return Fail(Status::BadModel(Who() + " of " + std::to_string(e.elements) +
                                     " elements of type " + e.type + " has " +
                                     std::to_string(e.bytes) + " bytes"));
      }
    }
    at_ = At::kFile;
    return true;
  }

  const bool ascii_names_;
  std::vector<SafetensorsEntry>& entries_;
  At at_ = At::kStart;
  bool has_metadata_ = false;
  int fields_ = 0, offsets_ = 0;  // of the tensor: seen
  uint64_t end_ = 0;
  Status status_;
};

// The header in pieces of the source, so that no more is held than the parser needs.
class HeaderBytes {
 public:
  HeaderBytes(ByteSource* source, uint64_t end) : buffered_(source), end_(end) {}

  // The next byte, or -1 at the end or where reading failed.
  int Next() {
    if (at_ == end_ || !status_.ok()) return -1;
    if (left_ == 0) {
      status_ = buffered_.Peek(at_, 1, &data_, &left_);
      if (!status_.ok()) return -1;
    }
    ++at_;
    --left_;
    return static_cast<unsigned char>(*data_++);
  }
  const Status& status() const { return status_; }

 private:
  BufferedSource buffered_;
  uint64_t at_ = kLengthBytes;
  const uint64_t end_;
  const char* data_ = nullptr;
  size_t left_ = 0;
  Status status_;
};

// What nlohmann's parser takes: an input iterator over characters.
class HeaderIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  explicit HeaderIterator(HeaderBytes* bytes) : bytes_(bytes) { ++*this; }
  HeaderIterator() = default;
  char operator*() const { return static_cast<char>(c_); }
  HeaderIterator& operator++() {
    c_ = bytes_->Next();
    if (c_ < 0) bytes_ = nullptr;
    return *this;
  }
  bool operator==(const HeaderIterator& o) const { return bytes_ == o.bytes_; }
  bool operator!=(const HeaderIterator& o) const { return bytes_ != o.bytes_; }

 private:
  HeaderBytes* bytes_ = nullptr;
  int c_ = -1;
};

Status ReadHeader(ByteSource* source, bool ascii_names, uint64_t* data,
                  std::vector<SafetensorsEntry>* out) {
  unsigned char length[kLengthBytes];
  if (source->size() < kLengthBytes)
    return Status::BadModel("the file is too short to be safetensors");
  MOSAIC_RETURN_IF_ERROR(source->Read(0, sizeof(length), length));
  uint64_t n = 0;
  for (size_t i = kLengthBytes; i-- > 0;) n = n << 8 | length[i];
  if (n > source->size() - kLengthBytes) {
    return Status::BadModel("the file is not safetensors: a header of " + std::to_string(n) +
                            " bytes does not fit into " + std::to_string(source->size()));
  }
  if (n > kMaxSafetensorsHeader) {
    return Status::Limit("the header has " + std::to_string(n) + " bytes, at most " +
                         std::to_string(kMaxSafetensorsHeader) + " are allowed");
  }
  *data = kLengthBytes + n;
  HeaderBytes bytes(source, *data);
  HeaderReader reader(ascii_names, out);
  const bool parsed = json::sax_parse(HeaderIterator(&bytes), HeaderIterator(), &reader);
  MOSAIC_RETURN_IF_ERROR(bytes.status());
  MOSAIC_RETURN_IF_ERROR(reader.status());
  return parsed ? Status() : Status::BadModel("the header is not JSON");
}

// Each byte of the data is one tensor's.
Status CheckPlaces(uint64_t data, uint64_t size, std::vector<SafetensorsEntry>* entries) {
  std::sort(entries->begin(), entries->end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
            });
  uint64_t end = 0;
  for (SafetensorsEntry& e : *entries) {
    if (e.offset != end) {
      return Status::BadModel("tensor " + Quoted(e.name) + " begins at byte " +
                              std::to_string(e.offset) +
                              " of the data, the one before it ends at " + std::to_string(end));
    }
    if (e.bytes > size - data - e.offset) {
      return Status::BadModel("tensor " + Quoted(e.name) + " ends beyond the file");
    }
    end = e.offset + e.bytes;
    e.offset += data;
  }
  if (end != size - data) {
    return Status::BadModel("the tensors have " + std::to_string(end) + " bytes, the file has " +
                            std::to_string(size - data));
  }
  return {};
}

}  // namespace

Status ReadSafetensors(ByteSource* source, bool ascii_names, std::vector<SafetensorsEntry>* out) {
  uint64_t data = 0;
  out->clear();
  MOSAIC_RETURN_IF_ERROR(ReadHeader(source, ascii_names, &data, out));
  MOSAIC_RETURN_IF_ERROR(CheckPlaces(data, source->size(), out));
  std::sort(out->begin(), out->end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) { return a.name < b.name; });
  for (size_t i = 1; i < out->size(); ++i) {
    if ((*out)[i].name == (*out)[i - 1].name)
      return Status::BadModel("tensor " + Quoted((*out)[i].name) + " is there twice");
  }
  return {};
}

TensorData DataOf(const SafetensorsEntry& entry, const std::shared_ptr<ByteSource>& source) {
  TensorData d;
  d.dtype = entry.dtype;
  d.source = source;
  Segment s;
  s.count = entry.elements;
  s.offset = entry.offset;
  d.segments.push_back(s);
  return d;
}

}  // namespace mosaic
