// A 64-bit mixing function (the finaliser of SplitMix64, by Sebastiano Vigna).
#pragma once

#include <cstdint>

namespace mosaic {

inline uint64_t Mix64(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace mosaic
