// Upper and lower case of UTF-8 text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mosaic {

enum class LetterCase { kAsIs, kLower, kUpper };

// A letter (a code point) in another case; others stay.
uint32_t LetterInCase(uint32_t code, LetterCase letter_case);
// Appends the text in another case, letter by letter (as C.UTF-8's towlower and towupper have it).
// What is no UTF-8 stays as it is.
void AppendInCase(std::string_view text, LetterCase letter_case, std::string* out);

}  // namespace mosaic
