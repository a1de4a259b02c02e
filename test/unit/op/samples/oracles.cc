#include "op/samples/oracles.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "op/samples/families.h"

namespace mosaic::samples {

using Arrays = std::vector<Tensor>;

static std::vector<bool> Marked(const Shape& shape, const std::vector<int64_t>& axes) {
  std::vector<bool> marked(shape.size(), false);
  for (int64_t a : axes) marked[Positive(a, shape)] = true;
  return marked;
}

static double Reduced(const std::string& op, const std::vector<double>& x) {
  double sum = 0, squares = 0, absolute = 0, product = 1, most = x.empty() ? -INFINITY : x[0], least = x.empty() ? INFINITY : x[0];
  for (double v : x) {
    sum += v, squares += v * v, absolute += std::fabs(v), product *= v;
    most = std::max(most, v), least = std::min(least, v);
  }
  if (op == "ReduceSum") return sum;
  if (op == "ReduceMean") return sum / static_cast<double>(x.size());
  if (op == "ReduceProd") return product;
  if (op == "ReduceSumSquare") return squares;
  if (op == "ReduceL1") return absolute;
  if (op == "ReduceL2") return std::sqrt(squares);
  if (op == "ReduceLogSum") return std::log(sum);
  if (op == "ReduceMax") return most;
  if (op == "ReduceMin") return least;
  double exps = 0;
  for (double v : x) exps += std::exp(v - most);
  return most + std::log(exps);
}

// Calls f with the elements of each row that is reduced.
template <typename F>
static void ForEachReduced(const Node& node, const Arrays& in, F&& f) {
  const Shape& shape = in[0].shape();
  std::vector<int64_t> axes;
  for (int64_t i = 0; in.size() > 1 && in[1].defined() && i < in[1].size(); ++i) axes.push_back(in[1].data<int64_t>()[i]);
  std::vector<bool> marked = Marked(shape, axes);
  if (axes.empty()) {
    if (node.Int("noop_with_empty_axes", 0) == 0) marked.assign(shape.size(), true);
  }
  ForEachRow(shape, marked, [&](int64_t, const std::vector<int64_t>& places) {
    std::vector<double> x;
    for (int64_t p : places) x.push_back(ElementAt(in[0], p));
    f(x);
  });
}

void ReduceOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  ForEachReduced(node, in, [&](const std::vector<double>& x) { want->push_back(Reduced(node.op_type, x)); });
}

void ReduceSlack(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* slack) {
  ForEachReduced(node, in, [&](const std::vector<double>& x) {
    const double n = static_cast<double>(x.size()), epsilon = std::numeric_limits<double>::epsilon();
    if (node.op_type == "ReduceSum" || node.op_type == "ReduceMean") {
      slack->push_back(n * epsilon * Reduced("ReduceL1", x) / (node.op_type == "ReduceMean" ? n : 1));
    } else {
      slack->push_back(node.op_type == "ReduceLogSum" ? 1e-7 : 0);  // kernel/reduce.h: where the logarithm is near 0
    }
  });
}

void SoftmaxOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  want->assign(static_cast<size_t>(in[0].size()), 0);
  ForEachRow(shape, Marked(shape, {node.Int("axis", -1)}), [&](int64_t, const std::vector<int64_t>& places) {
    double most = -INFINITY, sum = 0;
    for (int64_t p : places) most = std::max(most, ElementAt(in[0], p));
    for (int64_t p : places) sum += std::exp(ElementAt(in[0], p) - most);
    for (int64_t p : places) {
      const double x = ElementAt(in[0], p) - most;
      (*want)[static_cast<size_t>(p)] = node.op_type == "Softmax" ? std::exp(x) / sum : x - std::log(sum);
    }
  });
}

// LayerNormalization, RMSNormalization and the Simplified ones.
void LayerNormOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  const bool centred = node.op_type == "LayerNormalization";
  std::vector<bool> marked(shape.size(), false);
  for (size_t d = Positive(node.Int("axis", -1), shape); d < shape.size(); ++d) marked[d] = true;
  want->assign(static_cast<size_t>(in[0].size()), 0);
  ForEachRow(shape, marked, [&](int64_t, const std::vector<int64_t>& places) {
    double mean = 0, var = 0;
    for (int64_t p : places) mean += ElementAt(in[0], p) / static_cast<double>(places.size());
    if (!centred) mean = 0;
    for (int64_t p : places) var += std::pow(ElementAt(in[0], p) - mean, 2) / static_cast<double>(places.size());
    for (size_t k = 0; k < places.size(); ++k) {
      const double epsilon = static_cast<double>(node.Float("epsilon", 1e-5F));
      double y = (ElementAt(in[0], places[k]) - mean) / std::sqrt(var + epsilon) * ElementAt(in[1], static_cast<int64_t>(k));
      if (in.size() > 2 && in[2].defined()) y += ElementAt(in[2], static_cast<int64_t>(k));
      (*want)[static_cast<size_t>(places[k])] = y;
    }
  });
}

void BatchNormOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  int64_t inner = 1;
  for (size_t d = 2; d < shape.size(); ++d) inner *= shape[d];
  for (int64_t i = 0; i < in[0].size(); ++i) {
    const int64_t c = shape.size() < 2 ? 0 : i / inner % shape[1];
    const double epsilon = static_cast<double>(node.Float("epsilon", 1e-5F));
    want->push_back((ElementAt(in[0], i) - ElementAt(in[3], c)) / std::sqrt(ElementAt(in[4], c) + epsilon) * ElementAt(in[1], c) +
                    ElementAt(in[2], c));
  }
}

// InstanceNormalization and GroupNormalization.
void GroupNormOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  const int64_t groups = node.Int("num_groups", shape[1]), per = shape[1] / groups;
  const int64_t inner = in[0].size() / (shape[0] * shape[1]), n = per * inner;
  for (int64_t g = 0; g < shape[0] * groups; ++g) {
    double mean = 0, var = 0;
    for (int64_t k = 0; k < n; ++k) mean += ElementAt(in[0], g * n + k) / static_cast<double>(n);
    for (int64_t k = 0; k < n; ++k) var += std::pow(ElementAt(in[0], g * n + k) - mean, 2) / static_cast<double>(n);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t c = g % groups * per + k / inner;
      want->push_back((ElementAt(in[0], g * n + k) - mean) / std::sqrt(var + static_cast<double>(node.Float("epsilon", 1e-5F))) *
                          ElementAt(in[1], c) + ElementAt(in[2], c));
    }
  }
}

static double DotOf(const Tensor& a, int64_t at, int64_t a_step, const Tensor& b, int64_t bt, int64_t b_step, int64_t k) {
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) sum += ElementAt(a, at + i * a_step) * ElementAt(b, bt + i * b_step);
  return sum;
}

// Of arrays of two dimensions and more.
void MatMulOracle(const Node& node, const Arrays& in, const Arrays& out, std::vector<double>* want) {
  const Shape &a = in[0].shape(), &b = in[1].shape(), &y = out[0].shape();
  const bool ta = node.Int("transA", 0) != 0, tb = node.Int("transB", 0) != 0;
  const int64_t m = y[y.size() - 2], n = y.back(), k = ta ? a[a.size() - 2] : a.back();
  const Shape outer(y.begin(), y.end() - 2);
  for (int64_t i = 0; i < out[0].size(); ++i) {
    const int64_t matrix = i / (m * n), row = i / n % m, column = i % n;
    const int64_t at = BroadcastOffset(Shape(a.begin(), a.end() - 2), outer, matrix) * m * k;
    const int64_t bt = BroadcastOffset(Shape(b.begin(), b.end() - 2), outer, matrix) * n * k;
    want->push_back(static_cast<double>(node.Float("alpha", 1)) *
                    DotOf(in[0], at + (ta ? row : row * k), ta ? m : 1, in[1], bt + (tb ? column * k : column), tb ? 1 : n, k));
  }
}

void GemmOracle(const Node& node, const Arrays& in, const Arrays& out, std::vector<double>* want) {
  MatMulOracle(node, in, out, want);
  for (int64_t i = 0; in.size() > 2 && in[2].defined() && i < out[0].size(); ++i) {
    (*want)[static_cast<size_t>(i)] += static_cast<double>(node.Float("beta", 1)) *
                                       ElementAt(in[2], BroadcastOffset(in[2].shape(), out[0].shape(), i));
  }
}

// Conv with pads, strides, dilations and groups.
void ConvOracle(const Node& node, const Arrays& in, const Arrays& out, std::vector<double>* want) {
  const Shape &x = in[0].shape(), &w = in[1].shape(), &y = out[0].shape();
  const size_t n = x.size() - 2;
  const auto list = [&](const char* name, size_t d, int64_t fallback) {
    const std::vector<int64_t> v = node.Ints(name);
    return v.empty() ? fallback : v[d];
  };
  const int64_t groups = node.Int("group", 1), per = y[1] / groups;
  const Shape taps(w.begin() + 2, w.end());
  for (int64_t i = 0; i < out[0].size(); ++i) {
    std::vector<int64_t> at(y.size());
    for (int64_t d = static_cast<int64_t>(y.size()) - 1, rest = i; d >= 0; rest /= y[static_cast<size_t>(d)], --d) {
      at[static_cast<size_t>(d)] = rest % y[static_cast<size_t>(d)];
    }
    double sum = in.size() > 2 && in[2].defined() ? ElementAt(in[2], at[1]) : 0;
    for (int64_t c = 0; c < w[1]; ++c) {
      for (int64_t t = 0; t < NumElements(taps); ++t) {
        int64_t offset = at[0] * x[1] + at[1] / per * w[1] + c, rest = t;
        std::vector<int64_t> tap(n);
        for (size_t d = n; d-- > 0; rest /= taps[d]) tap[d] = rest % taps[d];
        bool inside = true;
        for (size_t d = 0; d < n; ++d) {
          const int64_t p = at[d + 2] * list("strides", d, 1) - list("pads", d, 0) + tap[d] * list("dilations", d, 1);
          inside = inside && p >= 0 && p < x[d + 2];
          offset = offset * x[d + 2] + p;
        }
        if (inside) sum += ElementAt(in[0], offset) * ElementAt(in[1], (at[1] * w[1] + c) * NumElements(taps) + t);
      }
    }
    want->push_back(sum);
  }
}

void TransposeOracle(const Node& node, const Arrays& in, const Arrays& out, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  std::vector<int64_t> perm = node.Ints("perm"), steps(shape.size(), 1);
  for (size_t d = shape.size(); perm.empty() && d-- > 0;) perm.push_back(static_cast<int64_t>(d));
  if (node.Ints("perm").empty()) {
    perm.resize(shape.size());
    for (size_t d = 0; d < perm.size(); ++d) perm[d] = static_cast<int64_t>(perm.size() - 1 - d);
  }
  for (size_t d = shape.size(); d-- > 1;) steps[d - 1] = steps[d] * shape[d];
  const Shape& y = out[0].shape();
  for (int64_t i = 0; i < out[0].size(); ++i) {
    int64_t offset = 0, rest = i;
    for (size_t d = y.size(); d-- > 0; rest /= y[d]) offset += rest % y[d] * steps[static_cast<size_t>(perm[d])];
    want->push_back(ElementAt(in[0], offset));
  }
}

void CumulativeOracle(const Node& node, const Arrays& in, const Arrays&, std::vector<double>* want) {
  const Shape& shape = in[0].shape();
  const bool product = node.op_type == "CumProd";
  want->assign(static_cast<size_t>(in[0].size()), 0);
  ForEachRow(shape, Marked(shape, {static_cast<int64_t>(ElementAt(in[1], 0))}), [&](int64_t, std::vector<int64_t> places) {
    if (node.Int("reverse", 0) != 0) std::reverse(places.begin(), places.end());
    double sum = product ? 1 : 0;
    for (int64_t p : places) {
      const double x = ElementAt(in[0], p), next = product ? sum * x : sum + x;
      (*want)[static_cast<size_t>(p)] = node.Int("exclusive", 0) != 0 ? sum : next;
      sum = next;
    }
  });
}

}  // namespace mosaic::samples
