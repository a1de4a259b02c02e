// Resize along one axis: which elements of the input an output element is made of, and their
// weights. Coordinates are computed in float32, as ONNX Runtime does, so that the nearest element
// is the same one where two are equally near.
#pragma once

#include <cstdint>
#include <string>

#include "core/util/status.h"

namespace mosaic {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class Transformation {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize
};

// Attribute values by their names. Errors: BAD_MODEL for one that is unknown.
Status ParseResizeMode(const std::string& name, ResizeMode* out);
Status ParseNearestMode(const std::string& name, NearestMode* out);
Status ParseTransformation(const std::string& name, Transformation* out);

struct ResizeConfig {
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  bool ceil_where_smaller = false;  // whatever nearest is, along axes that become shorter
  Transformation transformation = Transformation::kHalfPixel;
  bool antialias = false, exclude_outside = false;
  float cubic_a = -0.75F, extrapolation = 0;
};

struct ResizeAxis {
  int axis = 0;
  int64_t in = 0, out = 0;  // sizes; REQUIRES: both are 1 or more
  float scale = 1;
  float roi_begin = 0, roi_end = 1;  // of the size, for kTfCropAndResize

  // How many elements of the input an output element is made of: with a filter against aliasing
  // some 2 / scale or 4 / scale, else 1, 2 or 4.
  int64_t Taps(const ResizeConfig& c) const;
  // Where output element i lies in the input, in elements from the first.
  float Coordinate(const ResizeConfig& c, int64_t i) const;
  // Taps() indexes, all in the input, and their weights. False where the element lies outside of
  // the input and has the extrapolation value: kTfCropAndResize alone.
  bool Fill(const ResizeConfig& c, int64_t i, int64_t* index, float* weight) const;
};

}  // namespace mosaic
