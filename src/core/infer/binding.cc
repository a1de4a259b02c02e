#include "core/infer/binding.h"

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

Status BindArray(const std::string& model, const Value& input,
                 const std::vector<int64_t>& array_dims, MosaicBinding* out) {
  const bool batch_dim =
      input.dims.size() >= 2 && (input.dims[0] == kSymbolic || input.dims[0] == 1);
  const auto skip = batch_dim ? 1 : 0;
  const Dims item =
      input.has_shape ? Dims(input.dims.begin() + skip, input.dims.end()) : array_dims;
  const std::vector<std::string> names(
      input.dim_names.begin() + (input.dim_names.empty() ? 0 : skip), input.dim_names.end());

  bool empty = array_dims.empty();
  for (int64_t d : array_dims) empty = empty || d <= 0;
  Dims bound;
  int64_t items = 1;
  bool batch = false, fits = false;
  const size_t n = array_dims.size(), r = item.size();
  if (!empty) {
    if (n == r && Fits(item, array_dims.data())) {
      bound = array_dims;
      fits = true;
    } else if (n == 1) {
      fits = Unflatten(item, array_dims[0], &bound);
    } else if (batch_dim && n == r + 1) {
      fits = batch = Fits(item, array_dims.data() + 1);
      bound.assign(array_dims.begin() + 1, array_dims.end());
    } else if (batch_dim && n == 2) {
      fits = batch = Unflatten(item, array_dims[1], &bound);
    }
  }
  if (batch) items = array_dims[0];
  if (!fits || r + static_cast<size_t>(skip) > MOSAIC_MAX_DIMS) {
    const std::string got = n == 1 ? std::to_string(array_dims[0]) + " were given"
                                   : "an array of shape " + ShapeString(array_dims) + " was given";
    Status error =
        Status::Invalid("model " + Quoted(model) + ": input " + Quoted(input.name) + " takes " +
                        Expected(item, names) + ", " + (empty ? "none were given" : got));
    return batch_dim && !empty
               ? error.WithHint("An array with one more dimension holds a batch of items.")
               : error;
  }
  *out = MosaicBinding{};
  if (batch_dim) out->dims[out->ndim++] = items;
  for (int64_t d : bound) out->dims[out->ndim++] = d;
  out->batch = batch;
  out->items = items;
  return Status();
}

}  // namespace mosaic
