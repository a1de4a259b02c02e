// Rotary position embedding of one row.
#pragma once

#include <cstdint>

#include "core/tensor/element.h"

namespace mosaic {

// Rotates the pairs of the first 2 * half elements by angles whose cosines and sines are given:
// elements i and half + i, or where interleaved 2 i and 2 i + 1. y may be x.
template <typename T>
void Rotate(const float* x, const T* cosines, const T* sines, int64_t half, bool interleaved,
            float* y) {
  const int64_t step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i * step], b = x[i * step + other];
    const float cosine = static_cast<float>(Load(cosines[i]));
    const float sine = static_cast<float>(Load(sines[i]));
    y[i * step] = cosine * a - sine * b;
    y[i * step + other] = sine * a + cosine * b;
  }
}

}  // namespace mosaic
