// A dimension, or any size, as far as it is known: a number, or a polynomial in named symbols.
//
//   Dim batch = Dim::Symbol("batch");
//   (batch * 12 * 64).DividedBy(batch)  ->  768
//
// Shapes are inferred twice with the same code: symbolically when a model is imported or loaded
// (what is proven then holds for all inputs), and with numbers for the inputs of a run, where no
// symbol occurs and nothing is allocated. Symbols stand for sizes of 0 or more. What is no
// polynomial (a quotient that does not divide, a minimum) becomes a symbol of its own, named by its
// expression, so that equal expressions stay equal. Polynomials and names are bounded (kMaxTerms and
// the like), since a model may compute with sizes as long as it likes: what is beyond is unknown.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor/shape.h"

namespace mosaic {

class Dim {
 public:
  Dim() = default;                   // unknown: equals nothing, itself included
  Dim(int64_t v) : value_(v), kind_(kNumber) {}  // NOLINT: a number is a dimension
  static Dim Symbol(std::string name);
  static Dim Unknown() { return Dim(); }

  bool is_number() const { return kind_ == kNumber; }
  bool is_unknown() const { return kind_ == kUnknown; }
  // Unknown because the number would not fit int64: more than any array has.
  bool is_too_large() const { return kind_ == kUnknown && value_ == kTooLarge; }
  // REQUIRES: is_number().
  int64_t number() const { return value_; }
  bool Is(int64_t v) const { return kind_ == kNumber && value_ == v; }

  // Whether the two are certainly equal; certainly different (for all values of the symbols).
  friend bool Same(const Dim& a, const Dim& b);
  friend bool Differ(const Dim& a, const Dim& b);

  static constexpr size_t kMaxTerms = 64, kMaxDegree = 32, kMaxName = 512;

  // Unknown where an operand is, where a number would overflow or a bound be passed.
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // The quotient where b divides this for all values of the symbols.
  std::optional<Dim> DividedBy(const Dim& b) const;
  // Whether a is certainly no larger than b: the same, or its minimum with something.
  friend bool AtMost(const Dim& a, const Dim& b);
  // Rounded down. REQUIRES: b is not 0.
  friend Dim FloorDiv(const Dim& a, const Dim& b);
  friend Dim CeilDiv(const Dim& a, const Dim& b);
  friend Dim Min(const Dim& a, const Dim& b);
  friend Dim Max(const Dim& a, const Dim& b);

  // Whether the symbol occurs in it. Of something unknown: false.
  bool DependsOn(const std::string& symbol) const;
  // The name, if this is one symbol and nothing else; else "".
  std::string symbol() const;
  // "768", "batch", "12*batch + 1", "?".
  std::string ToString() const;

 private:
  enum Kind : uint8_t { kUnknown, kNumber, kPolynomial };
  struct Term {
    std::vector<std::string> symbols;  // sorted; a power is repeated; empty: the constant
    int64_t factor = 0;
  };
  using Terms = std::vector<Term>;  // sorted by symbols, no factor is 0

  static constexpr int64_t kTooLarge = 1;  // value_ of what is unknown
  static Dim TooLarge();
  // Of operands of which one is unknown.
  static Dim UnknownOf(const Dim& a, const Dim& b);
  static Dim Of(Terms terms);
  Terms terms() const;
  // Takes out what every term of both has as a factor. REQUIRES: b is one term.
  static void Cancel(Dim* a, Dim* b);
  static Dim Named(const std::string& function, const Dim& a, const Dim& b);

  int64_t value_ = 0;
  Kind kind_ = kUnknown;
  std::shared_ptr<const Terms> terms_;  // of a polynomial
};

using Dims = std::vector<Dim>;

// The product; 1 for none.
Dim Product(const Dims& dims, size_t begin, size_t end);
inline Dim Product(const Dims& dims) { return Product(dims, 0, dims.size()); }
Dims DimsOf(const Shape& shape);
// False where not all are numbers.
bool NumbersOf(const Dims& dims, Shape* out);
// "[batch, 784]"
std::string ShapeString(const Dims& dims);

}  // namespace mosaic
