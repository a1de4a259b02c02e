// Makes safetensors files for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "import/onnx_builder.h"

namespace mosaic::onnx_test {

// A file with this header, and as many bytes of data.
inline std::string SafetensorsOf(const std::string& header, const std::string& data) {
  std::string file(8, '\0');
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(uint64_t{header.size()} >> (8 * i));
  return file + header + data;
}

class SafetensorsFile {
 public:
  SafetensorsFile& Add(const std::string& name, const std::string& type,
                       const std::vector<int64_t>& dims, const std::string& bytes) {
    std::string shape;
    for (int64_t d : dims) shape += (shape.empty() ? "" : ",") + std::to_string(d);
    header_ += (header_.empty() ? "" : ",") +
               ("\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape +
                "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
                std::to_string(data_.size() + bytes.size()) + "]}");
    data_ += bytes;
    return *this;
  }
  SafetensorsFile& Add(const std::string& name, const std::vector<int64_t>& dims,
                       const std::vector<float>& v) {
    return Add(name, "F32", dims, Raw(v));
  }
  std::string Build() const {
    return SafetensorsOf(
        "{\"__metadata__\":{\"format\":\"pt\"}" + (header_.empty() ? "" : "," + header_) + "}",
        data_);
  }

 private:
  std::string header_, data_;
};

}  // namespace mosaic::onnx_test
