// What an array takes of an arena, for those who plan its use.
#pragma once

#include <cstdint>

namespace mosaic {

// Bytes that Arena::New counts for an array of so many; large ones may get somewhat more, where
// memory is reused.
int64_t ArenaCapacity(int64_t bytes);

}  // namespace mosaic
