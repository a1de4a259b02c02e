#include "core/util/quote.h"

namespace mosaic {

std::string Shown(const std::string& name) {
  if (name.size() <= kShownBytes) return name;
  size_t n = kShownBytes - 3;
  while (n > 0 && (static_cast<unsigned char>(name[n]) & 0xC0) == 0x80) --n;
  return name.substr(0, n) + "...";
}

}  // namespace mosaic
