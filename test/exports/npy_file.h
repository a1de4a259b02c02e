// Arrays in numpy's format (.npy, versions 1 and 2), C order: numbers, bool, and strings ('<U').
#pragma once

#include <string>

#include "core/tensor/arena.h"

namespace mosaic::exports {

// Throws std::runtime_error.
Tensor ReadNpy(const std::string& path, Arena* arena);

}  // namespace mosaic::exports
