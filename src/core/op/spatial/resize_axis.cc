#include "core/op/spatial/resize_axis.h"

#include <algorithm>
#include <cmath>

#include "core/util/quote.h"

namespace mosaic {
namespace {

template <typename Enum, size_t kCount>
Status Parse(const char* const (&names)[kCount], const std::string& name, const char* what,
             Enum* out) {
  for (size_t i = 0; i < kCount; ++i) {
    if (name != names[i]) continue;
    *out = static_cast<Enum>(i);
    return Status();
  }
  return Status::BadModel(std::string(what) + " " + Quoted(name) + " is unknown");
}

// Keys' cubic convolution at distance x.
double Cubic(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double Triangle(double x) { return std::max(0.0, 1 - std::fabs(x)); }

// The first tap, counted from the element before the coordinate; taps are symmetric around it.
int64_t FirstTap(ResizeMode mode, double scale) {
  const double width = mode == ResizeMode::kCubic ? 2 : 1;
  return static_cast<int64_t>(std::floor(-width / scale)) + 1;
}

}  // namespace

Status ParseResizeMode(const std::string& name, ResizeMode* out) {
  static constexpr const char* kNames[] = {"nearest", "linear", "cubic"};
  return Parse(kNames, name, "mode", out);
}

Status ParseNearestMode(const std::string& name, NearestMode* out) {
  static constexpr const char* kNames[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                           "ceil"};
  return Parse(kNames, name, "nearest_mode", out);
}

Status ParseTransformation(const std::string& name, Transformation* out) {
  static constexpr const char* kNames[] = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
      "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
  return Parse(kNames, name, "coordinate_transformation_mode", out);
}

int64_t ResizeAxis::Taps(const ResizeConfig& c) const {
  if (c.mode == ResizeMode::kNearest) return 1;
  const double step = c.antialias ? std::min(1.0, static_cast<double>(scale)) : 1.0;
  return 2 - 2 * FirstTap(c.mode, step);
}

float ResizeAxis::Coordinate(const ResizeConfig& c, int64_t i) const {
  const float x = static_cast<float>(i), size = static_cast<float>(in);
  const float resized = scale * size;
  switch (c.transformation) {
    case Transformation::kHalfPixel:
      break;
    case Transformation::kHalfPixelSymmetric: {
      const float adjustment = static_cast<float>(out) / resized;
      return size / 2 * (1 - adjustment) + (x + 0.5F) / scale - 0.5F;
    }
    case Transformation::kPytorchHalfPixel:
      if (out == 1) return 0;
      break;
    case Transformation::kAlignCorners:
      return resized == 1 || out == 1 ? 0 : x * (size - 1) / (resized - 1);
    case Transformation::kAsymmetric:
      return x / scale;
    case Transformation::kTfHalfPixelForNn:
      return (x + 0.5F) / scale;
    case Transformation::kTfCropAndResize:
      if (out == 1) return 0.5F * (roi_begin + roi_end) * (size - 1);
      return roi_begin * (size - 1) +
             x * (roi_end - roi_begin) * (size - 1) / (static_cast<float>(out) - 1);
  }
  return (x + 0.5F) / scale - 0.5F;
}

bool ResizeAxis::Fill(const ResizeConfig& c, int64_t i, int64_t* index, float* weight) const {
  // Beyond the input everything is its outermost element, however far: so the coordinate is kept
  // where it fits an integer.
  const float most = static_cast<float>(in) + 4, found = Coordinate(c, i);
  const float x = std::isnan(found) ? 0 : std::clamp(found, -4.0F, most);
  if (c.transformation == Transformation::kTfCropAndResize &&
      !(found >= 0 && found <= static_cast<float>(in - 1))) {
    return false;
  }
  // The element before x, and the distance to it in (0, 1].
  const int64_t before = static_cast<int64_t>(std::ceil(x)) - 1;
  const double ratio = static_cast<double>(x - static_cast<float>(before));
  const auto inside = [&](int64_t at) { return std::clamp<int64_t>(at, 0, in - 1); };
  if (c.mode == ResizeMode::kNearest) {
    bool second = true;
    if (ratio < 1) {
      second = c.nearest == NearestMode::kCeil || (c.ceil_where_smaller && scale < 1) ||
               (c.nearest == NearestMode::kRoundPreferFloor && ratio > 0.5) ||
               (c.nearest == NearestMode::kRoundPreferCeil && ratio >= 0.5);
    }
    *index = inside(before + (second ? 1 : 0));
    return true;
  }
  const double step = c.antialias ? std::min(1.0, static_cast<double>(scale)) : 1.0;
  const int64_t first = FirstTap(c.mode, step), taps = Taps(c);
  const bool cubic = c.mode == ResizeMode::kCubic;
  double sum = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t at = before + first + t;
      const double distance = step * (static_cast<double>(first + t) - ratio);
      double w = cubic ? Cubic(distance, static_cast<double>(c.cubic_a)) : Triangle(distance);
      if (c.exclude_outside && at != inside(at)) w = 0;
      if (pass == 0) {
        sum += w;
      } else {
        index[t] = inside(at);
        weight[t] =
            static_cast<float>((c.antialias || c.exclude_outside) && sum != 0 ? w / sum : w);
      }
    }
  }
  return true;
}

}  // namespace mosaic
