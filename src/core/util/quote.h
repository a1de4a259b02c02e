// How messages show names: in double quotes, as PostgreSQL's do, and at most kShownBytes of them, so
// that the message about a name is not lost behind it.
#pragma once

#include <string>

namespace mosaic {

constexpr size_t kShownBytes = 128;

// The name (UTF-8), cut before a character with "..." where it is longer.
std::string Shown(const std::string& name);
inline std::string Quoted(const std::string& name) { return '"' + Shown(name) + '"'; }

}  // namespace mosaic
