// Cast, CastLike: elements as another type.
//
// element.h, ConvertTo, says how numbers are converted (every conversion is defined), small_types.h
// how float8 is rounded, cast_strings.h how numbers are read and written.
#include "core/op/math/cast_strings.h"
#include "core/op/math/elementwise.h"
#include "core/tensor/convert.h"
#include "core/tensor/small_types.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

template <typename... A, typename... B>
Types<A..., B...> Joined(Types<A...>, Types<B...>);
using NumberTypes = decltype(Joined(AllTypes(), SmallTypes()));

// Numbers pass through the widest type of their kind: 24 x 3 + 3 x 24 loops instead of 24 x 24.
template <typename V>
using Wide = std::conditional_t<std::is_floating_point_v<V>, double,
                                std::conditional_t<std::is_signed_v<V>, int64_t, uint64_t>>;
constexpr int64_t kPart = 512;  // numbers at a time

template <typename Y, typename W>
void StoreNumbers(const W* from, Y* to, int64_t n, bool saturate, PowerRounding rounding) {
  if constexpr (std::is_same_v<Y, Float8E8M0>) {
    for (int64_t i = 0; i < n; ++i) {
      to[i] = {FloatToFloat8E8M0(static_cast<float>(from[i]), saturate, rounding)};
    }
  } else if constexpr (HasType(SmallFloatTypes(), ElementTraits<Y>::kDType)) {
    for (int64_t i = 0; i < n; ++i) {
      to[i] = {FloatToFloat8(static_cast<double>(from[i]), ElementTraits<Y>::kDType, saturate)};
    }
  } else if constexpr (sizeof(Y) == 1 && HasType(SmallTypes(), ElementTraits<Y>::kDType)) {
    for (int64_t i = 0; i < n; ++i) {  // the low bits also of what was floating point
      to[i] = Store<Y>(static_cast<ComputeType<Y>>(ConvertTo<int64_t>(from[i])));
    }
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = Store<Y>(ConvertTo<ComputeType<Y>>(from[i]));
  }
}

class CastOp : public Op {
 public:
  // to: UNDEFINED: the type of input 1.
  CastOp(int to, bool saturate, PowerRounding rounding)
      : to_(to), saturate_(saturate), rounding_(rounding) {}

  Status Infer(InferContext& c) const override {
    const int to = to_ == MOSAIC_UNDEFINED ? c.dtype(1) : to_;
    for (int dtype : {c.dtype(0), to}) {
      if (dtype != MOSAIC_STRING && !HasType(NumberTypes(), dtype)) {
        return UnsupportedType("an input", dtype);
      }
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, to);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, to, c.dims(0)));
    if (c.item_axis(0) >= kShared) c.out(0).item_axis = c.item_axis(0);  // input 1 gives no element
    const bool whole = HasType(Types<int32_t, int64_t, float, double>(), to);
    if (!c.concrete() && whole) {
      c.out(0).ints = c.in(0).ints;
      if (!IsFloat(to)) c.out(0).index = c.in(0).index;
    }
    return Status();
  }

  Status Start(Call& c) const override {
    StartElements(c, c.inputs[0].dtype() == c.outputs[0].dtype() ? 1 : 4);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    const int from = c.inputs[0].dtype(), to = c.outputs[0].dtype();
    const char* x = c.inputs[0].data<char>() + begin * DTypeSize(from);
    char* y = c.outputs[0].mutable_data<char>() + begin * DTypeSize(to);
    if (CanConvert(from, to)) {
      ConvertElements(from, x, to, y, end - begin);
      return Status();
    }
    Status status;
    for (int64_t done = 0, n = end - begin; done < n && status.ok(); done += kPart) {
      status = Convert(c, from, x + done * DTypeSize(from), to, y + done * DTypeSize(to),
                       std::min(kPart, n - done));
    }
    return status;
  }

 private:
  Status Convert(Call& c, int from, const void* x, int to, void* y, int64_t n) const {
    Status status;
    if (from == MOSAIC_STRING) {
      double numbers[kPart];
      const StringElement* texts = static_cast<const StringElement*>(x);
      if (HasType(Types<int64_t, int32_t, int16_t, int8_t>(), to)) {
        return Parse<int64_t>(texts, to, y, n);
      }
      if (HasType(Types<uint64_t, uint32_t, uint16_t, uint8_t>(), to)) {
        return Parse<uint64_t>(texts, to, y, n);
      }
      if (to == MOSAIC_FLOAT) return ParseNumbers(texts, n, to, static_cast<float*>(y));
      MOSAIC_RETURN_IF_ERROR(ParseNumbers(texts, n, to, numbers));
      Put(numbers, to, y, n);
      return Status();
    }
    Dispatch(NumberTypes(), from, [&](auto type) {
      using X = typename decltype(type)::T;
      using W = Wide<ComputeType<X>>;
      const X* source = static_cast<const X*>(x);
      if (to == MOSAIC_STRING) {
        PrintNumbers(source, n, c.arena, static_cast<StringElement*>(y));
        return;
      }
      W wide[kPart];
      for (int64_t i = 0; i < n; ++i) wide[i] = static_cast<W>(Load(source[i]));
      Put(wide, to, y, n);
    });
    return status;
  }

  template <typename W>
  Status Parse(const StringElement* texts, int to, void* y, int64_t n) const {
    W numbers[kPart];
    MOSAIC_RETURN_IF_ERROR(ParseNumbers(texts, n, to, numbers));
    Put(numbers, to, y, n);
    return Status();
  }

  template <typename W>
  void Put(const W* from, int to, void* y, int64_t n) const {
    Dispatch(NumberTypes(), to, [&](auto type) {
      StoreNumbers(from, static_cast<typename decltype(type)::T*>(y), n, saturate_, rounding_);
    });
  }

  int to_;
  bool saturate_;
  PowerRounding rounding_;
};

Status MakeAny(const Node& node, int to, std::unique_ptr<Op>* out) {
  const std::string mode = node.String("round_mode", "up");
  if (mode != "up" && mode != "down" && mode != "nearest") {
    return Status::BadModel("round_mode is " + Quoted(mode));
  }
  *out = std::make_unique<CastOp>(to, node.Int("saturate", 1) != 0,
                                  mode == "up"     ? PowerRounding::kUp
                                  : mode == "down" ? PowerRounding::kDown
                                                   : PowerRounding::kNearest);
  return Status();
}

Status MakeCast(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t to = node.Int("to", MOSAIC_UNDEFINED);
  if (to != MOSAIC_STRING &&
      (to < 0 || to > MOSAIC_INT2 || !HasType(NumberTypes(), static_cast<int>(to)))) {
    return Status::Unsupported("a cast to ONNX type " + std::to_string(to) + " is not supported");
  }
  return MakeAny(node, static_cast<int>(to), out);
}

Status MakeCastLike(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  return MakeAny(node, MOSAIC_UNDEFINED, out);
}

}  // namespace

extern const OpDef kCast = {kOnnxDomain, "Cast", 25, 25, &MakeCast};
extern const OpDef kCastLike = {kOnnxDomain, "CastLike", 25, 25, &MakeCastLike};

}  // namespace mosaic
