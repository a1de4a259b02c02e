#include "core/plan/binding.h"

#include "core/util/quote.h"

namespace mosaic {
namespace {

using Dims = std::vector<int64_t>;

bool Fits(const Dims& item, const int64_t* dims) {
  for (size_t i = 0; i < item.size(); ++i) {
    if (item[i] != kSymbolic && item[i] != dims[i]) return false;
  }
  return true;
}

// Gives a flat item its dimensions: from its length follows at most one symbolic dimension.
bool Unflatten(const Dims& item, int64_t length, Dims* out) {
  int64_t known = 1;
  size_t open = item.size();
  for (size_t i = 0; i < item.size(); ++i) {
    if (item[i] != kSymbolic) {
      if (__builtin_mul_overflow(known, item[i], &known)) return false;
    } else if (open < item.size()) {
      return false;
    } else {
      open = i;
    }
  }
  *out = item;
  if (open == item.size()) return known == length;
  if (known == 0 || length % known != 0) return false;
  (*out)[open] = length / known;
  return true;
}

// "784 values", "a multiple of 3 values", "one or more values", or the item's shape.
std::string Expected(const Dims& item, const std::vector<std::string>& names) {
  int64_t known = 1;
  int open = 0;
  for (int64_t d : item) {
    if (d == kSymbolic) {
      ++open;
    } else if (__builtin_mul_overflow(known, d, &known)) {
      open = 2;
    }
  }
  if (open > 1) return "arrays of shape " + ShapeString(item, names);
  if (open == 0) return std::to_string(known) + (known == 1 ? " value" : " values");
  return known == 1 ? "one or more values" : "a multiple of " + std::to_string(known) + " values";
}

}  // namespace

Status BindArray(const std::string& model, const Value& input, int axis,
                 const std::vector<int64_t>& array_dims, MosaicBinding* out) {
  // The dimension that an item leaves out: the one that counts items, or a first one that may be 1.
  int left_out = axis;
  if (axis < 0 && input.dims.size() >= 2 && (input.dims[0] == kSymbolic || input.dims[0] == 1)) {
    left_out = 0;
  }
  const bool shorter = left_out >= 0;
  Dims item = input.has_shape ? Dims(input.dims.begin(), input.dims.end()) : array_dims;
  std::vector<std::string> names = input.dim_names;
  if (shorter && input.has_shape) {
    item.erase(item.begin() + left_out);
    names.erase(names.begin() + left_out);
  }
  const Dims& whole = input.dims;

  bool none = array_dims.empty() || (array_dims.size() == 1 && array_dims[0] == 0);
  for (int64_t d : array_dims) none = none || d < 0;
  Dims bound;  // of an item; or all of the input
  int64_t items = 1;
  bool several = false, fits = false;
  const size_t n = array_dims.size(), r = item.size();
  if (!none) {
    if (n == r && Fits(item, array_dims.data())) {
      bound = array_dims;
      fits = true;
    } else if (n == 1 && (r > 0 || !shorter || array_dims[0] == 1)) {
      fits = Unflatten(item, array_dims[0], &bound);
    } else if (shorter && n == r + 1) {
      const Dims open = [&] {
        Dims d = whole;
        d[static_cast<size_t>(left_out)] = axis >= 0 ? kSymbolic : d[static_cast<size_t>(left_out)];
        return d;
      }();
      fits = several = Fits(open, array_dims.data());
      bound = array_dims;
      items = array_dims[static_cast<size_t>(left_out)];
      if (several) bound.erase(bound.begin() + left_out);
    } else if (shorter && n == 2) {
      fits = several = Unflatten(item, array_dims[1], &bound);
      items = array_dims[0];
      // The file's own first dimension is 1.
      if (axis < 0 && whole[0] == 1 && items != 1) fits = false;
    }
  }
  if (!fits || bound.size() + (shorter ? 1 : 0) > MOSAIC_MAX_DIMS) {
    const std::string got = n == 1 ? std::to_string(array_dims[0]) + " were given"
                                   : "an array of shape " + ShapeString(array_dims) + " was given";
    Status error =
        Status::Invalid("model " + Quoted(model) + ": input " + Quoted(input.name) + " takes " +
                        Expected(item, names) + ", " + (none ? "none were given" : got));
    return shorter && !none ? error.WithHint("Give each item all of them; an array with one more dimension holds a batch of items.")
                            : error;
  }
  if (shorter) bound.insert(bound.begin() + left_out, items);
  *out = MosaicBinding{};
  for (int64_t d : bound) out->dims[out->ndim++] = d;
  out->batch = several && axis >= 0;
  out->items = out->batch ? items : 1;
  out->left_out = several || !shorter ? -1 : left_out;
  return Status();
}

}  // namespace mosaic
