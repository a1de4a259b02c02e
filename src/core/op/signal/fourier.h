// Base of DFT and STFT: many discrete Fourier transforms of one length, in double.
//
// Lengths that are powers of two take the decimation in time (Cooley and Tukey 1965); others are a
// convolution of such a length (Bluestein 1970). A transform runs through steps, each over
// independent elements: a short one in one unit, all steps of a long one in phases of units. The
// bits are the same.
#pragma once

#include "core/op/op_support.h"

namespace mosaic {

// Transform t reads element i, i < source_length, at (t / group * a + t % group * b) + i * stride
// of the source (beyond, zeros), and writes bin k, k < bins, likewise.
struct TransformPlaces {
  int64_t a = 0, b = 0, stride = 0;
  int64_t At(int64_t t, int64_t group) const { return t / group * a + t % group * b; }
};

struct Transforms {
  int64_t count = 0, group = 1;
  int64_t n = 0;  // length
  TransformPlaces source, result;
  int64_t source_length = 0, bins = 0;
  int source_parts = 1;  // 1: real; 2: complex, the imaginary part follows
  int result_parts = 2;
  bool inverse = false;
  bool half = false;  // the source is the first n / 2 + 1 of values that are conjugate symmetric
  int window = -1;    // the input that the elements are multiplied by, one each; -1: none

  // ---- set by StartTransforms ----
  int64_t m = 0;  // the power of two
  int levels = 0;
  bool convolves = false;  // m > n
  bool long_units = false;
};

class FourierOp : public Op {
 public:
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  // The end of Start. Source is input 0, the result output 0, of the same type.
  static Status StartTransforms(Call& c, Transforms t);
};

// The elements of a scalar that Infer knows. False where they are not known.
bool KnownScalar(const InferContext& c, size_t i, Dim* out);

}  // namespace mosaic
