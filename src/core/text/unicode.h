// Properties of characters, from utf8proc. Of what tokenizers call whitespace, punctuation and so on.
//
// The reference (Hugging Face tokenizers) takes its properties from tables of several ages: where a
// character was assigned after those, or its category has changed since, the answers can differ
// (docs/text.md, "Unicode").
#pragma once

#include <utf8proc.h>

namespace mosaic::text {

inline utf8proc_category_t Category(char32_t c) {
  return static_cast<utf8proc_category_t>(
      utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->category);
}

// The property White_Space.
inline bool IsWhitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  if (c == 0x85) return true;
  const utf8proc_category_t k = Category(c);
  return k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

// What BERT splits at: the categories P*, and all of ASCII that is neither letter, digit, space nor control.
inline bool IsPunctuation(char32_t c) {
  if (c < 0x80)
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  const utf8proc_category_t k = Category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

inline bool IsNumeric(char32_t c) {  // N*
  if (c < 0x80) return c >= '0' && c <= '9';
  const utf8proc_category_t k = Category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

inline bool IsNonspacingMark(char32_t c) { return c >= 0x300 && Category(c) == UTF8PROC_CATEGORY_MN; }
inline bool IsMark(char32_t c) {  // M*
  if (c < 0x300) return false;
  const utf8proc_category_t k = Category(c);
  return k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME;
}

// Controls, formats and private use: what BERT removes (but not tab and line ends, which are spaces to it).
inline bool IsControl(char32_t c) {
  if (c < 0x80) return (c < 32 && c != '\t' && c != '\n' && c != '\r') || c == 127;
  const utf8proc_category_t k = Category(c);
  return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

// Canonical combining class; 0: a starter.
inline int CombiningClass(char32_t c) {
  return c < 0x300 ? 0 : utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

// Calls f for each character of the lower case of c, without regard to what stands around it.
template <typename F>
void ForLower(char32_t c, F&& f) {
  if (c < 0x80) {
    f(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else if (c == 0x130) {  // the one character whose lower case is two wherever it stands
    f(char32_t{'i'});
    f(char32_t{0x307});
  } else {
    f(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

}  // namespace mosaic::text
