// Operators that are known and refused on purpose. Messages about a model that has one say why.
#pragma once

#include <string>

namespace mosaic {

// Why: a clause ("it draws random numbers, ..."); null for an operator that is not in the table.
const char* WhyRefused(const std::string& domain, const std::string& op_type);

}  // namespace mosaic
