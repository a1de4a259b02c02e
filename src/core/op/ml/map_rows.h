// A map that a model takes, as an array: strings [n, 2], a key and its value in each row. The
// import makes such an input of each map that is one, and tells the operators that read it the
// types ("map_key", "map_value").
#pragma once

#include <charconv>
#include <string>

#include "core/op/math/cast_strings.h"
#include "core/op/op_support.h"
#include "core/util/quote.h"

namespace mosaic {

struct MapTypes {
  int key = MOSAIC_UNDEFINED, value = MOSAIC_UNDEFINED;
};

inline Status MapTypesOf(const Node& node, MapTypes* out) {
  out->key = static_cast<int>(node.Int("map_key", 0));
  out->value = static_cast<int>(node.Int("map_value", 0));
  if (out->key == MOSAIC_UNDEFINED) {
    return Status::Unsupported("it reads a map, and only inputs of the model can be maps");
  }
  return Status();
}

// *known: whether the number of rows is.
inline Status InferMap(const InferContext& c, Dim* rows, bool* known) {
  if (c.dtype(0) != MOSAIC_STRING) return UnsupportedType("a map", c.dtype(0));
  *known = c.in(0).ranked;
  if (!*known) return Status();
  const Dims& dims = c.dims(0);
  if (dims.size() != 2 || Differ(dims[1], 2)) {
    return Status::BadModel("a map of shape " + ShapeString(dims) + " is not [n, 2]");
  }
  *rows = dims[0];
  return Status();
}

inline StringElement KeyAt(const Tensor& map, int64_t row) {
  return map.data<StringElement>()[2 * row];
}
inline StringElement ValueAt(const Tensor& map, int64_t row) {
  return map.data<StringElement>()[2 * row + 1];
}

inline Status IntegerKey(StringElement key, int64_t* out) {
  const char* end = key.data + key.size;
  const auto [stop, error] = std::from_chars(key.data, end, *out);
  if (error == std::errc() && stop == end) return Status();
  return Status::Invalid("the key " + Quoted(std::string(key.view())) + " is not an integer");
}

}  // namespace mosaic
