// Numbers as strings and back, as Cast defines it; independent of any locale.
//
// Read: an integer or a decimal number ("-1", "2.5e3"), "INF" and "NaN" in any case and with a
// sign, white space around it. An integer type takes a decimal number rounded towards zero.
// Written: integers in full, floating point with 8 digits (float64: 15) where these tell it from
// its neighbours and with as many as do where not; "INF", "-INF", "NaN".
#pragma once

#include "core/tensor/arena.h"
#include "core/tensor/small_types.h"
#include "core/util/status.h"

namespace mosaic {

// V: float, double, int64_t, uint64_t. Errors: INVALID, where a string is no number or is beyond
// V's range ("to" is the type that messages name).
template <typename V>
Status ParseNumbers(const StringElement* texts, int64_t n, int to, V* out);

// T: any storage type of numbers. Characters are taken from the arena.
template <typename T>
void PrintNumbers(const T* numbers, int64_t n, Arena* arena, StringElement* out);

// The characters of one number, at most kNumberBytes.
constexpr int kNumberBytes = 32;
int PrintNumber(float v, char* to);
int PrintNumber(double v, char* to);
int PrintNumber(int64_t v, char* to);
int PrintNumber(uint64_t v, char* to);

template <typename T>
void PrintNumbers(const T* numbers, int64_t n, Arena* arena, StringElement* out) {
  using V = ComputeType<T>;
  using W = std::conditional_t<std::is_floating_point_v<V>, V,
                               std::conditional_t<std::is_signed_v<V>, int64_t, uint64_t>>;
  char text[kNumberBytes];
  for (int64_t i = 0; i < n; ++i) {
    const int size = PrintNumber(static_cast<W>(Load(numbers[i])), text);
    char* to = arena->Characters(static_cast<size_t>(size));
    for (int k = 0; k < size; ++k) to[k] = text[k];
    out[i] = {to, size};
  }
}

}  // namespace mosaic
