#include "core/export/pieces.h"

#include <protozero/buffer_string.hpp>
#include <protozero/varint.hpp>

namespace mosaic {

void FilePieces::Append(std::string bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  if (!list_.empty() && list_.back().tensor < 0) {
    list_.back().bytes += bytes;
    list_.back().size += bytes.size();
    return;
  }
  const uint64_t size = bytes.size();
  list_.push_back({std::move(bytes), -1, size});
}

void FilePieces::AppendTensor(int tensor, uint64_t size) {
  list_.push_back({"", tensor, size});
  size_ += size;
}

void FilePieces::AppendMessage(uint32_t field, FilePieces message) {
  constexpr uint32_t kLengthDelimited = 2;
  std::string head;
  protozero::add_varint_to_buffer(&head, field << 3 | kLengthDelimited);
  protozero::add_varint_to_buffer(&head, message.size_);
  Append(std::move(head));
  for (FilePiece& p : message.list_) {
    if (p.tensor < 0) {
      Append(std::move(p.bytes));
    } else {
      AppendTensor(p.tensor, p.size);
    }
  }
}

}  // namespace mosaic
