// What outputs should be, in float64, straight from the definitions.
#pragma once

#include <cmath>
#include <vector>

#include "core/tensor/element.h"
#include "op/samples/sample.h"

namespace mosaic::samples {

inline double ElementAt(const Tensor& t, int64_t i) {
  double v = 0;
  Dispatch(AllTypes(), t.dtype(), [&](auto type) {
    v = static_cast<double>(Load(t.data<typename decltype(type)::T>()[i]));
  });
  return v;
}

// Offsets of a broadcast input for element i of an output of that shape.
inline int64_t BroadcastOffset(const Shape& in, const Shape& out, int64_t i) {
  int64_t offset = 0, step = 1;
  const size_t skip = out.size() - in.size();
  for (size_t d = out.size(); d-- > 0;) {
    const int64_t at = i % out[d];
    i /= out[d];
    if (d < skip) continue;
    if (in[d - skip] > 1) offset += at * step;
    step *= in[d - skip];
  }
  return offset;
}

// f(node, elements of the inputs, their number): every element for itself.
template <double (*f)(const Node&, const double*, size_t)>
void Elementwise(const Node& node, const std::vector<Tensor>& in, const std::vector<Tensor>& out, std::vector<double>* want) {
  for (int64_t i = 0; i < out[0].size(); ++i) {
    double x[8] = {};
    size_t n = 0;
    for (const Tensor& t : in) {
      if (t.defined()) x[n++] = ElementAt(t, BroadcastOffset(t.shape(), out[0].shape(), i));
    }
    want->push_back(f(node, x, n));
  }
}
template <double (*f)(double)>
double One(const Node&, const double* x, size_t) { return f(x[0]); }
template <double (*f)(double, double)>
double Two(const Node&, const double* x, size_t) { return f(x[0], x[1]); }

// Calls f(elements of a row, their places) for each row along the axes that are marked.
template <typename F>
void ForEachRow(const Shape& shape, const std::vector<bool>& marked, F&& f) {
  std::vector<int64_t> kept_dims, row_dims, kept_steps, row_steps;
  int64_t step = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    (marked[d] ? row_dims : kept_dims).insert((marked[d] ? row_dims : kept_dims).begin(), shape[d]);
    (marked[d] ? row_steps : kept_steps).insert((marked[d] ? row_steps : kept_steps).begin(), step);
    step *= shape[d];
  }
  const auto offset = [](int64_t i, const std::vector<int64_t>& dims, const std::vector<int64_t>& steps) {
    int64_t at = 0;
    for (size_t d = dims.size(); d-- > 0; i /= dims[d]) at += i % dims[d] * steps[d];
    return at;
  };
  int64_t rows = 1, n = 1;
  for (int64_t d : kept_dims) rows *= d;
  for (int64_t d : row_dims) n *= d;
  std::vector<int64_t> places(static_cast<size_t>(n));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t k = 0; k < n; ++k) places[static_cast<size_t>(k)] = offset(r, kept_dims, kept_steps) + offset(k, row_dims, row_steps);
    f(r, places);
  }
}

void ReduceOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
// Of sums of float64 in two orders: n * epsilon * the sum of |x|.
void ReduceSlack(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void SoftmaxOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void LayerNormOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void BatchNormOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void GroupNormOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void MatMulOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void GemmOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void ConvOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void TransposeOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);
void CumulativeOracle(const Node&, const std::vector<Tensor>&, const std::vector<Tensor>&, std::vector<double>*);

}  // namespace mosaic::samples
