#include "core/graph/dim.h"

#include <algorithm>
#include <numeric>

namespace mosaic {
namespace {

std::vector<std::string> Joined(const std::vector<std::string>& a,
                                const std::vector<std::string>& b) {
  std::vector<std::string> all;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

}  // namespace

Dim Dim::TooLarge() {
  Dim d;
  d.value_ = kTooLarge;
  return d;
}

Dim Dim::UnknownOf(const Dim& a, const Dim& b) {
  return a.is_too_large() || b.is_too_large() ? TooLarge() : Dim();
}

Dim Dim::Symbol(std::string name) {
  Dim d;
  d.kind_ = kPolynomial;
  d.terms_ = std::make_shared<Terms>(Terms{{{std::move(name)}, 1}});
  return d;
}

Dim::Terms Dim::terms() const {
  if (kind_ == kPolynomial) return *terms_;
  if (value_ == 0) return {};
  return {{{}, value_}};
}

// Sorts, adds up equal terms and drops those of factor 0.
Dim Dim::Of(Terms all) {
  std::sort(all.begin(), all.end(),
            [](const Term& a, const Term& b) { return a.symbols < b.symbols; });
  Terms terms;
  for (Term& t : all) {
    if (!terms.empty() && terms.back().symbols == t.symbols) {
      if (__builtin_add_overflow(terms.back().factor, t.factor, &terms.back().factor)) return Dim();
    } else {
      terms.push_back(std::move(t));
    }
  }
  terms.erase(
      std::remove_if(terms.begin(), terms.end(), [](const Term& t) { return t.factor == 0; }),
      terms.end());
  if (terms.empty()) return 0;
  if (terms.size() == 1 && terms[0].symbols.empty()) return terms[0].factor;
  if (terms.size() > kMaxTerms) return Dim();
  Dim d;
  d.kind_ = kPolynomial;
  d.terms_ = std::make_shared<Terms>(std::move(terms));
  return d;
}

bool Same(const Dim& a, const Dim& b) {
  if (a.kind_ != b.kind_ || a.is_unknown()) return false;
  if (a.is_number()) return a.value_ == b.value_;
  if (a.terms_ == b.terms_) return true;
  return std::equal(a.terms_->begin(), a.terms_->end(), b.terms_->begin(), b.terms_->end(),
                    [](const Dim::Term& x, const Dim::Term& y) {
                      return x.factor == y.factor && x.symbols == y.symbols;
                    });
}

bool Differ(const Dim& a, const Dim& b) {
  if (a.is_unknown() || b.is_unknown()) return false;
  const Dim d = a - b;
  if (d.is_number()) return d.value_ != 0;
  if (d.is_unknown()) return false;
  // Symbols are 0 or more, so a constant is not made up for by terms of its own sign.
  bool positive = true, negative = true, constant = false;
  for (const Dim::Term& t : *d.terms_) {
    positive = positive && t.factor > 0;
    negative = negative && t.factor < 0;
    constant = constant || t.symbols.empty();
  }
  return constant && (positive || negative);
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) {
    int64_t sum;
    return __builtin_add_overflow(a.value_, b.value_, &sum) ? Dim::TooLarge() : Dim(sum);
  }
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  Dim::Terms all = a.terms();
  const Dim::Terms more = b.terms();
  all.insert(all.end(), more.begin(), more.end());
  return Dim::Of(std::move(all));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) {
    int64_t product;
    return __builtin_mul_overflow(a.value_, b.value_, &product) ? Dim::TooLarge() : Dim(product);
  }
  if (a.Is(0) || b.Is(0)) return 0;
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  Dim::Terms all;
  for (const Dim::Term& x : a.terms()) {
    for (const Dim::Term& y : b.terms()) {
      if (x.symbols.size() + y.symbols.size() > Dim::kMaxDegree) return Dim();
      Dim::Term t{Joined(x.symbols, y.symbols), 0};
      if (__builtin_mul_overflow(x.factor, y.factor, &t.factor)) return Dim();
      all.push_back(std::move(t));
    }
  }
  return Dim::Of(std::move(all));
}

std::optional<Dim> Dim::DividedBy(const Dim& b) const {
  if (is_unknown() || b.is_unknown() || b.Is(0)) return std::nullopt;
  if (Same(*this, b)) return Dim(1);
  if (is_number() && b.is_number()) {
    if (value_ % b.value_ != 0) return std::nullopt;
    return Dim(value_ / b.value_);
  }
  const Terms divisor = b.terms();
  if (divisor.size() != 1) return std::nullopt;
  Terms quotient;
  for (const Term& t : terms()) {
    Term q;
    if (t.factor % divisor[0].factor != 0) return std::nullopt;
    q.factor = t.factor / divisor[0].factor;
    if (!std::includes(t.symbols.begin(), t.symbols.end(), divisor[0].symbols.begin(),
                       divisor[0].symbols.end())) {
      return std::nullopt;
    }
    std::set_difference(t.symbols.begin(), t.symbols.end(), divisor[0].symbols.begin(),
                        divisor[0].symbols.end(), std::back_inserter(q.symbols));
    quotient.push_back(std::move(q));
  }
  return Of(std::move(quotient));
}

Dim Dim::Named(const std::string& function, const Dim& a, const Dim& b) {
  std::string name = function + "(" + a.ToString() + ", " + b.ToString() + ")";
  return name.size() > kMaxName ? Dim() : Symbol(std::move(name));
}

void Dim::Cancel(Dim* a, Dim* b) {
  const Terms divisor = b->terms();
  if (divisor.size() != 1 || divisor[0].factor <= 0) return;
  Term common = divisor[0];
  for (const Term& t : a->terms()) {
    common.factor = std::gcd(common.factor, t.factor);
    std::vector<std::string> both;
    std::set_intersection(common.symbols.begin(), common.symbols.end(), t.symbols.begin(),
                          t.symbols.end(), std::back_inserter(both));
    common.symbols = std::move(both);
  }
  const Dim factor = Of({common});
  const std::optional<Dim> x = a->DividedBy(factor), y = b->DividedBy(factor);
  if (!x || !y) return;
  *a = *x;
  *b = *y;
}

Dim FloorDiv(const Dim& a, const Dim& b) {
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  if (a.is_number() && b.is_number()) {
    const int64_t q = a.value_ / b.value_;
    return q - (a.value_ % b.value_ != 0 && (a.value_ < 0) != (b.value_ < 0) ? 1 : 0);
  }
  if (std::optional<Dim> exact = a.DividedBy(b)) return *exact;
  Dim x = a, y = b;
  Dim::Cancel(&x, &y);
  return Dim::Named("floordiv", x, y);
}

Dim CeilDiv(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) return Dim(0) - FloorDiv(Dim(0) - a, b);
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  if (std::optional<Dim> exact = a.DividedBy(b)) return *exact;
  return Dim::Named("ceildiv", a, b);
}

Dim Min(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) return std::min(a.value_, b.value_);
  if (Same(a, b)) return a;
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  return Dim::Named("min", a, b);
}

Dim Max(const Dim& a, const Dim& b) {
  if (a.is_number() && b.is_number()) return std::max(a.value_, b.value_);
  if (Same(a, b)) return a;
  if (a.is_unknown() || b.is_unknown()) return Dim::UnknownOf(a, b);
  // Symbols are 0 or more, and so are their sums and products.
  const auto covers = [](const Dim& x, const Dim& number) {
    return x.kind_ == Dim::kPolynomial && number.is_number() && number.value_ <= 0 &&
           std::all_of(x.terms_->begin(), x.terms_->end(),
                       [](const Dim::Term& t) { return t.factor > 0; });
  };
  if (covers(b, a)) return b;
  if (covers(a, b)) return a;
  return Dim::Named("max", a, b);
}

bool AtMost(const Dim& a, const Dim& b) {
  if (Same(a, b)) return true;
  const std::string name = a.symbol(), other = b.ToString();
  const std::string first = "min(" + other + ", ", last = ", " + other + ")";
  const auto has = [&](const std::string& part, size_t at) {
    return name.size() > part.size() && name.compare(at, part.size(), part) == 0;
  };
  return has(first, 0) ||
         (has("min(", 0) && has(last, name.size() - std::min(name.size(), last.size())));
}

bool Dim::DependsOn(const std::string& symbol) const {
  if (kind_ != kPolynomial) return false;
  for (const Term& t : *terms_) {
    for (const std::string& s : t.symbols) {
      if (s.find(symbol) != std::string::npos) return true;
    }
  }
  return false;
}

std::string Dim::symbol() const {
  if (kind_ != kPolynomial || terms_->size() != 1) return "";
  const Term& t = (*terms_)[0];
  return t.factor == 1 && t.symbols.size() == 1 ? t.symbols[0] : "";
}

std::string Dim::ToString() const {
  if (is_unknown()) return "?";
  if (is_number()) return std::to_string(value_);
  std::string s;
  for (auto t = terms_->rbegin(); t != terms_->rend(); ++t) {
    if (!s.empty()) s += " + ";
    std::string product;
    if (t->factor != 1 || t->symbols.empty()) product = std::to_string(t->factor);
    for (const std::string& symbol : t->symbols) product += (product.empty() ? "" : "*") + symbol;
    s += product;
  }
  return s;
}

Dim Product(const Dims& dims, size_t begin, size_t end) {
  Dim product = 1;
  for (size_t i = begin; i < end; ++i) product = product * dims[i];
  return product;
}

Dims DimsOf(const Shape& shape) { return Dims(shape.begin(), shape.end()); }

bool NumbersOf(const Dims& dims, Shape* out) {
  out->clear();
  for (const Dim& d : dims) {
    if (!d.is_number()) return false;
    out->push_back(d.number());
  }
  return true;
}

std::string ShapeString(const Dims& dims) {
  std::string s = "[";
  for (size_t i = 0; i < dims.size(); ++i) s += (i > 0 ? ", " : "") + dims[i].ToString();
  return s + "]";
}

}  // namespace mosaic
