#include "core/op/text/letter_case.h"

#include <clocale>
#include <cstdint>
#include <cwctype>

#include "core/op/text/code_points.h"

namespace mosaic {
namespace {

// The same whatever the locale of the server is. Never freed.
locale_t Unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

uint32_t InCase(uint32_t code, LetterCase letter_case) {
  if (code < 0x80 || Unicode() == nullptr) {
    const bool lower = code >= 'a' && code <= 'z', upper = code >= 'A' && code <= 'Z';
    if (letter_case == LetterCase::kLower && upper) return code + 32;
    if (letter_case == LetterCase::kUpper && lower) return code - 32;
    return code;
  }
  const wint_t wide = static_cast<wint_t>(code);
  return static_cast<uint32_t>(letter_case == LetterCase::kLower ? towlower_l(wide, Unicode())
                                                                 : towupper_l(wide, Unicode()));
}

}  // namespace

uint32_t LetterInCase(uint32_t code, LetterCase letter_case) {
  return letter_case == LetterCase::kAsIs ? code : InCase(code, letter_case);
}

void AppendInCase(std::string_view text, LetterCase letter_case, std::string* out) {
  if (letter_case == LetterCase::kAsIs) {
    out->append(text);
    return;
  }
  while (!text.empty()) {
    size_t bytes = 0;
    const uint32_t code = DecodeUtf8(text, &bytes);
    if (bytes == 0) {
      out->push_back(text[0]);
      bytes = 1;
    } else {
      EncodeUtf8(InCase(code, letter_case), out);
    }
    text.remove_prefix(bytes);
  }
}

}  // namespace mosaic
