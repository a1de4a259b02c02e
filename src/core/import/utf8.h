// Text that may be stored and shown.
#pragma once

#include <string_view>

namespace mosaic {

// True where s is valid UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL.
bool IsText(std::string_view s);
bool IsAscii(std::string_view s);

}  // namespace mosaic
