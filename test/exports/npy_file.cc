#include "exports/npy_file.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace mosaic::exports {
namespace {

// The text after a key of the header, a Python dictionary.
std::string After(const std::string& header, const std::string& key, const std::string& path) {
  const size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) throw std::runtime_error(path + ": no " + key);
  size_t from = at + key.size() + 3;
  while (header[from] == ' ') ++from;
  return header.substr(from);
}

Shape ShapeOf(const std::string& text) {
  Shape shape;
  const size_t end = text.find(')');
  for (size_t at = 1; at < end;) {
    const size_t comma = std::min(text.find(',', at), end);
    const std::string number = text.substr(at, comma - at);
    if (number.find_first_of("0123456789") != std::string::npos) shape.push_back(std::stoll(number));
    at = comma + 1;
  }
  return shape;
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  } else if (c < 0x10000) {
    *out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
             static_cast<char>(0x80 | (c & 63))};
  } else {
    *out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
             static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
  }
}

void ReadStrings(const char* data, size_t length, Arena* arena, Tensor* t) {
  for (int64_t i = 0; i < t->size(); ++i) {
    std::string s;
    for (size_t k = 0; k < length; ++k) {
      uint32_t c;
      std::memcpy(&c, data + (static_cast<size_t>(i) * length + k) * 4, 4);
      if (c != 0) AppendUtf8(c, &s);
    }
    char* to = arena->Characters(s.size() + 1);
    std::memcpy(to, s.data(), s.size());
    t->mutable_data<StringElement>()[i] = {to, static_cast<int64_t>(s.size())};
  }
}

}  // namespace

Tensor ReadNpy(const std::string& path, Arena* arena) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0) throw std::runtime_error(path + " is no .npy file");
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  const bool two = bytes[6] > 1;
  const size_t length = byte(8) + (byte(9) << 8) + (two ? (byte(10) << 16) + (byte(11) << 24) : 0);
  const size_t start = two ? 12 : 10;
  const std::string header = bytes.substr(start, length);
  if (After(header, "fortran_order", path).compare(0, 5, "False") != 0) throw std::runtime_error(path + ": Fortran order");
  const Shape shape = ShapeOf(After(header, "shape", path));
  std::string type = After(header, "descr", path);
  type = type.substr(1, type.find('\'', 1) - 1);
  static const std::map<std::string, int> kTypes = {
      {"<f4", MOSAIC_FLOAT}, {"<f8", MOSAIC_DOUBLE}, {"<f2", MOSAIC_FLOAT16}, {"|b1", MOSAIC_BOOL},
      {"|i1", MOSAIC_INT8},  {"|u1", MOSAIC_UINT8},  {"<i2", MOSAIC_INT16},   {"<u2", MOSAIC_UINT16},
      {"<i4", MOSAIC_INT32}, {"<u4", MOSAIC_UINT32}, {"<i8", MOSAIC_INT64},   {"<u8", MOSAIC_UINT64}};
  const char* data = bytes.data() + start + length;
  if (type.compare(0, 2, "<U") == 0) {
    const size_t characters = std::stoul(type.substr(2));
    Tensor t = arena->New(MOSAIC_STRING, shape);
    if (bytes.size() < start + length + static_cast<size_t>(t.size()) * characters * 4) throw std::runtime_error(path + " is cut off");
    ReadStrings(data, characters, arena, &t);
    return t;
  }
  const auto found = kTypes.find(type);
  if (found == kTypes.end()) throw std::runtime_error(path + ": type " + type);
  Tensor t = arena->New(found->second, shape);
  if (bytes.size() < start + length + static_cast<size_t>(t.bytes())) throw std::runtime_error(path + " is cut off");
  if (t.bytes() > 0) std::memcpy(t.mutable_raw(), data, static_cast<size_t>(t.bytes()));
  return t;
}

}  // namespace mosaic::exports
