// Walks a protobuf message that lies in a ByteSource, field by field, without holding it in memory.
//
// protozero's pbf_reader needs a message as one piece of memory; a model, its graph and its tensors
// may be gigabytes. Here only a small buffer is held, and a field that is not wanted is stepped
// over without being read. Nothing is ever allocated by a length that the message merely claims.
//
//   WireReader r(&buffered, range);
//   while (r.Next()) {
//     switch (r.key()) {
//       case Key(1, kVarint): id = r.Varint(); break;
//       default: r.Skip();
//     }
//   }
//   return r.status();
//
// A failure ends the loop, and values read after it are 0: status() must be checked at the end.
#pragma once

#include <protozero/types.hpp>
#include <string>
#include <vector>

#include "core/import/byte_source.h"

namespace mosaic {

struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

// A source read through one buffer. Borrows source.
class BufferedSource {
 public:
  explicit BufferedSource(ByteSource* source) : source_(source) {}
  ByteSource* source() const { return source_; }
  uint64_t size() const { return source_->size(); }
  // Sets *data to the byte at offset and *len to the number of bytes there: at least
  // min(want, size() - offset). REQUIRES: offset <= size(), want <= 64. Valid until the next call.
  Status Peek(uint64_t offset, size_t want, const char** data, size_t* len);

 private:
  static constexpr size_t kBufferBytes = 16 << 10;
  ByteSource* source_;
  std::vector<char> buffer_;
  uint64_t start_ = 0;  // of buffer_ in the source
};

constexpr auto kVarint = protozero::pbf_wire_type::varint;
constexpr auto kFixed64 = protozero::pbf_wire_type::fixed64;
constexpr auto kBytes = protozero::pbf_wire_type::length_delimited;
constexpr auto kFixed32 = protozero::pbf_wire_type::fixed32;

// What switch statements compare: a field with its wire type.
constexpr uint32_t Key(uint32_t field, protozero::pbf_wire_type type) {
  return protozero::tag_and_type(field, type);
}

class WireReader {
 public:
  // The message in range of source; both must outlive the reader.
  WireReader(BufferedSource* source, ByteRange range)
      : source_(source), pos_(range.begin), end_(range.end) {}

  // Advances to the next field; false at the end of the message and after a failure.
  bool Next();
  uint32_t key() const { return key_; }
  uint32_t field() const { return key_ >> 3; }
  protozero::pbf_wire_type type() const { return protozero::pbf_wire_type(key_ & 7); }
  uint64_t field_begin() const { return field_begin_; }  // where the field's tag is
  uint64_t position() const { return pos_; }

  // The value of the current field. REQUIRES: key() has that wire type; called once per field.
  uint64_t Varint();
  int64_t Int64() { return static_cast<int64_t>(Varint()); }
  float Float();
  ByteRange Bytes();
  WireReader Message() { return WireReader(source_, Bytes()); }
  void Skip();

  const Status& status() const { return status_; }
  // Fails as damaged here: "... at byte N".
  Status Damaged(const std::string& what) const;
  BufferedSource* source() const { return source_; }
  // The next varint of the message, whatever it is part of: for packed fields.
  bool AtEnd() const { return pos_ >= end_ || !status_.ok(); }
  uint64_t RawVarint();

 private:
  void Fail(Status s);
  void Advance(uint64_t n);

  BufferedSource* source_;
  uint64_t pos_, end_, field_begin_ = 0;
  uint32_t key_ = 0;
  Status status_;
};

}  // namespace mosaic
