// UTF-8, a code point at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mosaic {

// The code point at the start of the text and the bytes it takes; 0 bytes where there is none.
// REQUIRES: text is not empty.
uint32_t DecodeUtf8(std::string_view text, size_t* bytes);
// Appends a code point. REQUIRES: at most 0x10ffff.
void EncodeUtf8(uint32_t code, std::string* out);

}  // namespace mosaic
