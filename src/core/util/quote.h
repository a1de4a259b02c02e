// How messages show names: in double quotes, as PostgreSQL's do.
#pragma once

#include <string>

namespace mosaic {

inline std::string Quoted(const std::string& name) { return '"' + name + '"'; }

}  // namespace mosaic
