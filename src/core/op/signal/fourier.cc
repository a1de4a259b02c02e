#include "core/op/signal/fourier.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace mosaic {
namespace {

using Complex = std::complex<double>;
constexpr double kPi = 3.14159265358979323846;
constexpr int64_t kChunk = 16384;  // elements of a unit of a long transform
constexpr int64_t kLongTransform = 16384;

// A product without the C99 rules for infinities, which cost a call.
inline Complex Times(const Complex& a, const Complex& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
// e^(-2 pi i k / n)
Complex Root(int64_t k, int64_t n) {
  const double angle = 2 * kPi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), -std::sin(angle)};
}

int64_t Reversed(int64_t i, int levels) {
  int64_t r = 0;
  for (int l = 0; l < levels; ++l) r |= (i >> l & 1) << (levels - 1 - l);
  return r;
}

// Memory: the roots (m / 2); with a convolution the chirp (n) and the spectrum of its conjugate
// (m); then the values of a transform, or of all.
struct Tables {
  Complex *roots, *chirp, *spectrum, *values;
  Tables(const Transforms& t, void* scratch) {
    roots = static_cast<Complex*>(scratch);
    chirp = roots + std::max<int64_t>(t.m / 2, 1);
    spectrum = chirp + (t.convolves ? t.n : 0);
    values = spectrum + (t.convolves ? t.m : 0);
  }
};

// The steps of the tables, and of a transform. kStage is one for each level.
enum Kind { kRoots, kChirp, kConjugate, kLoad, kStage, kMultiply, kStore };
struct Step {
  Kind kind;
  int level = 0;
};

// Step i; false behind the last one.
bool TableStep(const Transforms& t, int i, Step* s) {
  if (i == 0) return *s = {kRoots}, true;
  if (!t.convolves) return false;
  if (i == 1) return *s = {kChirp}, true;
  if (i == 2) return *s = {kConjugate}, true;
  *s = {kStage, i - 3};
  return i - 3 < t.levels;
}
bool TransformStep(const Transforms& t, int i, Step* s) {
  if (i == 0) return *s = {kLoad}, true;
  --i;
  if (i < t.levels) return *s = {kStage, i}, true;
  i -= t.levels;
  if (!t.convolves) return *s = {kStore}, i == 0;
  if (i == 0) return *s = {kMultiply}, true;
  --i;
  if (i < t.levels) return *s = {kStage, i}, true;
  return *s = {kStore}, i == t.levels;
}

// Independent elements of a step.
int64_t Elements(const Transforms& t, const Step& s) {
  switch (s.kind) {
    case kRoots:
    case kStage:
      return std::max<int64_t>(t.m / 2, 1);
    case kChirp:
      return t.n;
    case kStore:
      return t.bins;
    default:
      return t.m;
  }
}

// Butterflies [begin, end) of a level over m values in bit-reversed order.
void Stage(const Complex* roots, int64_t m, int level, Complex* v, int64_t begin, int64_t end) {
  if (m < 2) return;
  const int64_t half = int64_t{1} << level, step = m / (2 * half);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t k = i & (half - 1), at = ((i >> level) << (level + 1)) + k;
    const Complex product = Times(v[at + half], roots[k * step]);
    v[at + half] = v[at] - product;
    v[at] += product;
  }
}

// Element i of transform t as the forward transform sees it: of an inverse one, the conjugate.
template <typename T>
Complex Source(const Call& c, const Transforms& t, int64_t transform, int64_t i) {
  bool mirrored = false;
  if (t.half && i > t.n / 2) {
    i = t.n - i;
    mirrored = true;
  }
  if (i >= t.source_length) return 0;
  const T* x = c.inputs[0].data<T>() + t.source.At(transform, t.group) + i * t.source.stride;
  Complex v(static_cast<double>(Load(x[0])),
            t.source_parts == 2 ? static_cast<double>(Load(x[1])) : 0.0);
  if (t.window >= 0) {
    v *= static_cast<double>(Load(c.inputs[static_cast<size_t>(t.window)].data<T>()[i]));
  }
  return mirrored != t.inverse ? std::conj(v) : v;
}

template <typename T>
void Write(Call& c, const Transforms& t, int64_t transform, int64_t k, Complex v) {
  if (t.inverse) v = std::conj(v) / static_cast<double>(t.n);
  T* y = c.outputs[0].mutable_data<T>() + t.result.At(transform, t.group) + k * t.result.stride;
  y[0] = Store<T>(static_cast<ComputeType<T>>(v.real()));
  if (t.result_parts == 2) y[1] = Store<T>(static_cast<ComputeType<T>>(v.imag()));
}

void Table(const Transforms& t, const Step& s, const Tables& at, int64_t begin, int64_t end) {
  if (s.kind == kStage) return Stage(at.roots, t.m, s.level, at.spectrum, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    if (s.kind == kRoots) {
      at.roots[i] = Root(i, t.m);
    } else if (s.kind == kChirp) {
      // e^(-pi i k^2 / n); k^2 modulo 2n is exact.
      at.chirp[i] =
          Root(static_cast<int64_t>(static_cast<unsigned __int128>(i) * static_cast<uint64_t>(i) %
                                    static_cast<uint64_t>(2 * t.n)),
               2 * t.n);
    } else {
      const int64_t k = i < t.n ? i : t.m - i < t.n ? t.m - i : -1;
      at.spectrum[Reversed(i, t.levels)] = k < 0 ? 0 : std::conj(at.chirp[k]);
    }
  }
}

template <typename T>
void Transform(Call& c, const Transforms& t, const Step& s, const Tables& at, Complex* v,
               int64_t transform, int64_t begin, int64_t end) {
  if (s.kind == kStage) return Stage(at.roots, t.m, s.level, v, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t r = s.kind == kStore ? i : Reversed(i, t.levels);
    if (s.kind == kLoad) {
      const Complex x = i < t.n ? Source<T>(c, t, transform, i) : 0;
      v[r] = t.convolves && i < t.n ? Times(x, at.chirp[i]) : x;
    } else if (s.kind == kMultiply) {
      // The conjugate, so that the next transform is an inverse one; in its order.
      if (r < i) continue;
      const Complex a = std::conj(Times(v[i], at.spectrum[i]));
      if (r != i) v[i] = std::conj(Times(v[r], at.spectrum[r]));
      v[r] = a;
    } else if (t.convolves) {
      Write<T>(c, t, transform, i, Times(std::conj(v[i]) / static_cast<double>(t.m), at.chirp[i]));
    } else {
      Write<T>(c, t, transform, i, v[i]);
    }
  }
}

}  // namespace

Status FourierOp::StartTransforms(Call& c, Transforms t) {
  t.convolves = (t.n & (t.n - 1)) != 0;
  t.m = 1;
  while (t.m < (t.convolves ? 2 * t.n - 1 : t.n)) t.m *= 2, ++t.levels;
  t.long_units = t.m > kLongTransform;
  const int64_t tables = std::max<int64_t>(t.m / 2, 1) + (t.convolves ? t.n + t.m : 0);
  const int64_t kept = t.long_units ? t.count : 1;
  if (t.m > kMaxTensorBytes / 64 || (kept > 0 && t.m > kMaxTensorBytes / 16 / kept)) {
    return Status::Limit("transforms of length " + std::to_string(t.n) + " are too large");
  }
  c.scratch_bytes = (tables + t.m * kept) * static_cast<int64_t>(sizeof(Complex));
  const double cost = 10.0 * static_cast<double>(t.m) * (t.levels + 8);
  c.phases.clear();
  if (!t.long_units) {
    c.phases = {Phase{t.count > 0 ? 1 : 0, 10 * cost}, Phase{t.count, cost}};
  } else {
    Step s;
    for (int i = 0; TableStep(t, i, &s); ++i) {
      c.phases.push_back(Phase{(Elements(t, s) + kChunk - 1) / kChunk, 20.0 * kChunk});
    }
    for (int i = 0; TransformStep(t, i, &s); ++i) {
      const int64_t chunks = (Elements(t, s) + kChunk - 1) / kChunk;
      c.phases.push_back(Phase{t.count * chunks, 20.0 * kChunk});
    }
  }
  c.NewState<Transforms>(t);
  return Status();
}

Status FourierOp::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const Transforms& t = c.state<Transforms>();
  const Tables at(t, c.scratch);
  Step s;
  int tables = 0;
  while (TableStep(t, tables, &s)) ++tables;
  Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    if (!t.long_units && phase == 0) {
      for (int i = 0; TableStep(t, i, &s); ++i) Table(t, s, at, 0, Elements(t, s));
    } else if (!t.long_units) {
      for (int64_t k = begin; k < end; ++k) {
        for (int i = 0; TransformStep(t, i, &s); ++i) {
          Transform<T>(c, t, s, at, at.values, k, 0, Elements(t, s));
        }
      }
    } else {
      const bool table = phase < tables;
      if (table) {
        TableStep(t, phase, &s);
      } else {
        TransformStep(t, phase - tables, &s);
      }
      const int64_t n = Elements(t, s), chunks = (n + kChunk - 1) / kChunk;
      for (int64_t u = begin; u < end; ++u) {
        const int64_t from = u % chunks * kChunk, to = std::min(from + kChunk, n);
        if (table) {
          Table(t, s, at, from, to);
        } else {
          Transform<T>(c, t, s, at, at.values + u / chunks * t.m, u / chunks, from, to);
        }
      }
    }
  });
  return Status();
}

bool KnownScalar(const InferContext& c, size_t i, Dim* out) {
  Dims dims;
  if (!c.Known(i, &dims) || dims.size() != 1) return false;
  *out = dims[0];
  return true;
}

}  // namespace mosaic
