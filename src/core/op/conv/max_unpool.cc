// MaxUnpool: zeros, and the elements of the input where the indices say that MaxPool took them
// from. Where output_shape is given, the indices still count elements of the shape that the window
// implies; it lies in the corner of the output.
#include <algorithm>

#include "core/op/array/array_support.h"
#include "core/op/conv/window.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit

class MaxUnpool : public Op {
 public:
  explicit MaxUnpool(const Node& node) : a_(node) {}

  Status Check() const {
    if (a_.kernel.empty()) return Status::BadModel("attribute kernel_shape is missing");
    const size_t n = a_.kernel.size();
    if ((!a_.strides.empty() && a_.strides.size() != n) ||
        (!a_.pads.empty() && a_.pads.size() != 2 * n)) {
      return Status::BadModel("strides or pads do not fit kernel_shape");
    }
    return a_.Check();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(1), "indices"));
    Dims given;
    bool known = false;
    if (c.Has(2)) MOSAIC_RETURN_IF_ERROR(TargetShape(c, 2, "output_shape", &given, &known));
    if (!c.in(0).ranked || (c.Has(2) && !known)) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims& x = c.dims(0);
    if (x.size() != a_.kernel.size() + 2) {
      return Status::BadModel("an input of shape " + ShapeString(x) + " does not fit kernel_shape");
    }
    if (c.in(1).ranked) {
      if (c.in(1).rank() != c.in(0).rank()) {
        return Status::BadModel("indices have shape " + ShapeString(c.dims(1)) + ", the input " +
                                ShapeString(x));
      }
      for (size_t d = 0; d < x.size(); ++d) {
        MOSAIC_RETURN_IF_ERROR(
            c.RequireEqual(x[d], c.dims(1)[d], "indices and input are of different shapes"));
      }
    }
    if (c.Has(2) && given.size() != x.size()) {
      return Status::BadModel("output_shape " + ShapeString(given) + " does not fit an input of " +
                              ShapeString(x));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.Has(2) ? given : Implied(x)));
    if (c.itemised()) c.Mix();  // indices count elements of all images
    return Status();
  }

  Status Start(Call& c) const override {
    c.phases.push_back(Phase{Chunks(c.outputs[0].size(), kChunk), 1.0 * kChunk});
    c.phases.push_back(Phase{Chunks(c.inputs[0].size(), kChunk), 20.0 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Status status;
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase == 0) {
        T* y = c.outputs[0].mutable_data<T>();
        std::fill(y + begin * kChunk, y + std::min(end * kChunk, c.outputs[0].size()), T());
      } else {
        status = Place<T>(c, begin * kChunk, std::min(end * kChunk, c.inputs[0].size()));
      }
    });
    return status;
  }

  bool shape_input(int i) const override { return i == 2; }

 private:
  Dims Implied(const Dims& x) const {
    const size_t n = a_.kernel.size();
    Dims out = {x[0], x[1]};
    for (size_t d = 0; d < n; ++d) {
      out.push_back((x[d + 2] - 1) * Dim(ValueAt(a_.strides, d, 1)) + Dim(a_.kernel[d]) -
                    Dim(ValueAt(a_.pads, d, 0) + ValueAt(a_.pads, n + d, 0)));
    }
    return out;
  }

  template <typename T>
  Status Place(Call& c, int64_t begin, int64_t end) const {
    Shape implied;
    if (!NumbersOf(Implied(DimsOf(c.inputs[0].shape())), &implied)) {
      return Status::BadModel("the shape before pooling is out of range");
    }
    const Shape& out = c.outputs[0].shape();
    const int64_t size = NumElements(implied);
    const int64_t* index = c.inputs[1].data<int64_t>();
    for (int64_t i = begin; i < end; ++i) {
      int64_t rest = index[i], offset = 0, stride = 1;
      bool inside = rest >= 0 && rest < size;
      for (size_t d = implied.size(); d-- > 0 && inside;) {
        const int64_t at = rest % implied[d];
        inside = at < out[d];
        offset += at * stride;
        stride *= out[d];
        rest /= implied[d];
      }
      if (!inside) {
        return Status::Invalid("index " + std::to_string(index[i]) +
                               " is out of range for an output of shape " + ShapeString(out));
      }
      c.outputs[0].mutable_data<T>()[offset] = c.inputs[0].data<T>()[i];
    }
    return Status();
  }

  WindowAttributes a_;
};

Status MakeMaxUnpool(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  auto op = std::make_unique<MaxUnpool>(node);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kMaxUnpool = {kOnnxDomain, "MaxUnpool", 22, 25, &MakeMaxUnpool};

}  // namespace mosaic
