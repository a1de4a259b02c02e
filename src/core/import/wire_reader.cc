#include "core/import/wire_reader.h"

#include <algorithm>
#include <cstring>
#include <protozero/varint.hpp>

namespace mosaic {
namespace {

constexpr uint64_t kFirstFields = 64;  // bytes: what is no field so early is a file of another kind

}  // namespace

Status BufferedSource::Peek(uint64_t offset, size_t want, const char** data, size_t* len) {
  const uint64_t rest = source_->size() - offset;
  const uint64_t have_end = start_ + buffer_.size();
  const bool hit =
      offset >= start_ && offset <= have_end && have_end - offset >= std::min<uint64_t>(want, rest);
  if (!hit) {
    buffer_.resize(static_cast<size_t>(std::min<uint64_t>(rest, kBufferBytes)));
    start_ = offset;
    Status s = source_->Read(offset, buffer_.size(), buffer_.data());
    if (!s.ok()) {
      buffer_.clear();
      return s;
    }
  }
  *data = buffer_.data() + (offset - start_);
  *len = static_cast<size_t>(start_ + buffer_.size() - offset);
  return {};
}

Status WireReader::Damaged(const std::string& what) const {
  return Status::BadModel("the file is truncated or damaged at byte " + std::to_string(pos_) +
                          ": " + what);
}

void WireReader::Fail(Status s) {
  if (status_.ok()) status_ = std::move(s);
  pos_ = end_;
}

void WireReader::Advance(uint64_t n) {
  if (n > end_ - pos_) {
    return Fail(Damaged("a field of " + std::to_string(n) + " bytes where " +
                        std::to_string(end_ - pos_) + " are left"));
  }
  pos_ += n;
}

uint64_t WireReader::RawVarint() {
  if (!status_.ok()) return 0;
  const char* data = nullptr;
  size_t len = 0;
  Status s = source_->Peek(pos_, protozero::max_varint_length, &data, &len);
  if (!s.ok()) {
    Fail(std::move(s));
    return 0;
  }
  const char* p = data;
  try {
    const uint64_t v = protozero::decode_varint(&p, data + std::min<uint64_t>(len, end_ - pos_));
    pos_ += static_cast<uint64_t>(p - data);
    return v;
  } catch (const protozero::exception& e) {
    Fail(Damaged(e.what()));
    return 0;
  }
}

bool WireReader::Next() {
  if (AtEnd()) return false;
  field_begin_ = pos_;
  const uint64_t tag = RawVarint();
  if (!status_.ok()) return false;
  const uint32_t field = static_cast<uint32_t>(tag >> 3), wire = static_cast<uint32_t>(tag & 7);
  if (tag > UINT32_MAX || field == 0 || wire == 3 || wire == 4 || wire > 5) {
    pos_ = field_begin_;
    const Status damaged = Damaged("not a protobuf field");
    Fail(field_begin_ >= kFirstFields ? damaged
                                      : damaged.WithHint("A model in ONNX is wanted. Weights alone, in safetensors, are "
                                                         "imported with weights => and like =>, an adapter with import_adapter()."));
    return false;
  }
  key_ = static_cast<uint32_t>(tag);
  return true;
}

uint64_t WireReader::Varint() { return RawVarint(); }

float WireReader::Float() {
  const uint64_t at = pos_;
  Advance(4);
  if (!status_.ok()) return 0;
  const char* data = nullptr;
  size_t len = 0;
  Status s = source_->Peek(at, 4, &data, &len);
  float f = 0;
  if (s.ok()) {
    std::memcpy(&f, data, 4);
  } else {
    Fail(std::move(s));
  }
  return f;
}

ByteRange WireReader::Bytes() {
  const uint64_t n = RawVarint();
  ByteRange range{pos_, pos_};
  Advance(n);
  if (status_.ok()) range.end = pos_;
  return range;
}

void WireReader::Skip() {
  switch (type()) {
    case kVarint:
      RawVarint();
      break;
    case kFixed64:
      Advance(8);
      break;
    case kFixed32:
      Advance(4);
      break;
    default:
      Bytes();
  }
}

}  // namespace mosaic
