#include "core/op/math/cast_strings.h"

#include <charconv>
#include <string>

#include "core/util/quote.h"

namespace mosaic {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Without white space around it, and without the plus sign that from_chars does not take.
std::string_view Bare(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

template <typename V>
std::errc ParseAll(std::string_view text, V* out) {
  const char* end = text.data() + text.size();
  const std::from_chars_result r = std::from_chars(text.data(), end, *out);
  return r.ec == std::errc() && r.ptr != end ? std::errc::invalid_argument : r.ec;
}

template <typename V>
std::errc Parse(std::string_view text, V* out) {
  const std::errc error = ParseAll(text, out);
  if constexpr (std::is_integral_v<V>) {
    double real;
    if (error == std::errc::invalid_argument && ParseAll(text, &real) == std::errc()) {
      // Beyond the type, infinite or NaN: 2^63 and 2^64 are exact.
      const double limit = std::ldexp(1.0, std::numeric_limits<V>::digits);
      const double lowest = std::is_signed_v<V> ? -limit - 1 : -1;
      if (!(real < limit && real > lowest)) return std::errc::result_out_of_range;
      *out = static_cast<V>(real);
      return std::errc();
    }
  }
  return error;
}

template <typename V>
int Print(V v, int digits, int most_digits, char* to) {
  for (;; ++digits) {
    const std::to_chars_result r =
        std::to_chars(to, to + kNumberBytes, v, std::chars_format::general, digits);
    V back;
    if (digits == most_digits ||
        (std::from_chars(to, r.ptr, back).ec == std::errc() && back == v)) {
      return static_cast<int>(r.ptr - to);
    }
  }
}

int PrintSpecial(bool nan, bool negative, char* to) {
  const std::string_view text = nan ? "NaN" : negative ? "-INF" : "INF";
  text.copy(to, text.size());
  return static_cast<int>(text.size());
}

}  // namespace

template <typename V>
Status ParseNumbers(const StringElement* texts, int64_t n, int to, V* out) {
  for (int64_t i = 0; i < n; ++i) {
    const std::errc error = Parse(Bare(texts[i].view()), &out[i]);
    if (error == std::errc()) continue;
    return Status::Invalid(Quoted(std::string(texts[i].view().substr(0, 2 * kShownBytes))) +
                           (error == std::errc::result_out_of_range ? " is out of range for type "
                                                                    : " is no number of type ") +
                           DTypeName(to));
  }
  return Status();
}

template Status ParseNumbers(const StringElement*, int64_t, int, float*);
template Status ParseNumbers(const StringElement*, int64_t, int, double*);
template Status ParseNumbers(const StringElement*, int64_t, int, int64_t*);
template Status ParseNumbers(const StringElement*, int64_t, int, uint64_t*);

int PrintNumber(float v, char* to) {
  return std::isfinite(v) ? Print(v, 8, 9, to) : PrintSpecial(std::isnan(v), v < 0, to);
}
int PrintNumber(double v, char* to) {
  return std::isfinite(v) ? Print(v, 15, 17, to) : PrintSpecial(std::isnan(v), v < 0, to);
}
int PrintNumber(int64_t v, char* to) {
  return static_cast<int>(std::to_chars(to, to + kNumberBytes, v).ptr - to);
}
int PrintNumber(uint64_t v, char* to) {
  return static_cast<int>(std::to_chars(to, to + kNumberBytes, v).ptr - to);
}

}  // namespace mosaic
