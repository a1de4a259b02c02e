// A list of numbers of a node: an attribute, or (long lists, import/long_lists.h) an input.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/op/op.h"
#include "core/tensor/element.h"

namespace mosaic {

// Element T: float or double, where lists may be of either and of float16; int64_t, where they may be of
// int32 and uint8.
class NumberList {
 public:
  NumberList() = default;
  // The attribute "name", or "name_as_tensor".
  NumberList(const Node& node, const std::string& name)
      : name_(name),
        input_(node.AttributeInput(name.c_str())),
        floats_(node.Floats(name.c_str())),
        ints_(node.Ints(name.c_str())) {
    if (input_ < 0) input_ = node.AttributeInput((name + "_as_tensor").c_str());
  }

  const std::string& name() const { return name_; }
  bool Is(int input) const { return input_ >= 0 && input == input_; }
  int input() const { return input_; }  // or -1
  // Of a list that is no input.
  const std::vector<float>& floats() const { return floats_; }
  const std::vector<int64_t>& ints() const { return ints_; }

  // In Infer: the length; unknown of an input of a shape that is not known.
  Dim Length(const InferContext& c) const {
    if (input_ < 0) return Own();
    const Fact& f = c.in(static_cast<size_t>(input_));
    return f.ranked ? Product(f.dims) : Dim::Unknown();
  }
  // In Start and Run.
  int64_t size(const Call& c) const {
    return input_ < 0 ? Own() : c.inputs[static_cast<size_t>(input_)].size();
  }
  bool empty(const Call& c) const { return size(c) == 0; }

  // Copies elements [begin, begin + n) to out. REQUIRES: in range. False: an input of another type.
  template <typename T>
  bool Read(const Call& c, int64_t begin, int64_t n, T* out) const {
    if (n <= 0) return true;
    if (input_ < 0) {
      for (int64_t i = 0; i < n; ++i) {
        const size_t at = static_cast<size_t>(begin + i);
        if (!std::is_integral_v<T> && !floats_.empty()) {
          out[i] = static_cast<T>(floats_[at]);
        } else {
          out[i] = at < ints_.size() ? static_cast<T>(ints_[at]) : T(0);
        }
      }
      return true;
    }
    const Tensor& t = c.inputs[static_cast<size_t>(input_)];
    using Ints = Types<int64_t, int32_t, uint8_t>;
    using Floats = Types<float, double, Float16>;
    using List = std::conditional_t<std::is_integral_v<T>, Ints, Floats>;
    return Dispatch(List(), t.dtype(), [&](auto type) {
      using S = typename decltype(type)::T;
      const S* from = t.data<S>() + begin;
      for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(Load(from[i]));
    });
  }
  // One element. REQUIRES: as Read, which can be of its type.
  template <typename T>
  T At(const Call& c, int64_t i) const {
    T value{};
    (void)Read(c, i, 1, &value);
    return value;
  }
  // Whether Read<T> can read it: to be asked in Infer.
  template <typename T>
  bool Readable(const InferContext& c) const {
    if (input_ < 0) return std::is_integral_v<T> ? floats_.empty() : ints_.empty();
    const int dtype = c.dtype(static_cast<size_t>(input_));
    if (std::is_integral_v<T>) return HasType(Types<int64_t, int32_t, uint8_t>(), dtype);
    return HasType(Types<float, double, Float16>(), dtype);
  }

 private:
  int64_t Own() const { return static_cast<int64_t>(std::max(floats_.size(), ints_.size())); }

  std::string name_;
  int input_ = -1;
  std::vector<float> floats_;
  std::vector<int64_t> ints_;
};

}  // namespace mosaic
