// A protobuf message in pieces: what is known now, and places where the elements of tensors go, of which only the length is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mosaic {

struct FilePiece {
  std::string bytes;   // where tensor is -1
  int tensor = -1;     // else its elements
  uint64_t size = 0;
};

class FilePieces {
 public:
  void Append(std::string bytes);
  void AppendTensor(int tensor, uint64_t size);
  // A field whose value is a message, or bytes.
  void AppendMessage(uint32_t field, FilePieces message);

  uint64_t size() const { return size_; }
  std::vector<FilePiece>& list() { return list_; }
  const std::vector<FilePiece>& list() const { return list_; }

 private:
  std::vector<FilePiece> list_;
  uint64_t size_ = 0;
};

}  // namespace mosaic
