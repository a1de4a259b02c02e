// Where: y = condition ? a : b, all three broadcast together; elements of any type.
#include "core/op/math/elementwise.h"
#include "core/tensor/tensor.h"

namespace mosaic {
namespace {

class WhereOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<BoolTypes>(c.dtype(0), "a condition"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 1, 2));
    if (DTypeSize(c.dtype(1)) == 0) return UnsupportedType("an input", c.dtype(1));
    MOSAIC_RETURN_IF_ERROR(InferBroadcast(c, c.dtype(1)));
    FollowChoice(c);
    return Status();
  }
  Status Start(Call& c) const override {
    StartBroadcast(c, 1);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    switch (DTypeSize(c.inputs[1].dtype())) {
      case 1:
        Choose<uint8_t>(c, begin, end);
        break;
      case 2:
        Choose<uint16_t>(c, begin, end);
        break;
      case 4:
        Choose<uint32_t>(c, begin, end);
        break;
      case 8:
        Choose<uint64_t>(c, begin, end);
        break;
      default:
        Choose<StringElement>(c, begin, end);
    }
    return Status();
  }
  bool in_place(int i) const override { return i > 0; }

 private:
  template <typename T>
  static void Choose(Call& c, int64_t begin, int64_t end) {
    const StridedWalk& walk = c.state<StridedWalk>();
    const int64_t sc = walk.run_stride(0), sa = walk.run_stride(1), sb = walk.run_stride(2);
    walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const Bool* condition = c.inputs[0].data<Bool>() + offset[0];
      const T* a = c.inputs[1].data<T>() + offset[1];
      const T* b = c.inputs[2].data<T>() + offset[2];
      T* y = c.outputs[0].mutable_data<T>() + at;
      const auto one_or_all = [](int64_t step) { return step == 0 || step == 1; };
      if (sizeof(T) <= 8 && n >= kKernelRun && one_or_all(sc) && one_or_all(sa) && one_or_all(sb)) {
        ComputeSelect(sizeof(T), {condition, 0, static_cast<int>(sc)}, {a, 0, static_cast<int>(sa)},
                      {b, 0, static_cast<int>(sb)}, 1, n, y, n);
        return;
      }
      for (int64_t i = 0; i < n; ++i) y[i] = Load(condition[i * sc]) ? a[i * sa] : b[i * sb];
    });
  }

  // Exporters replace the -1 of a shape for Expand: Where(Equal(shape, -1), 1, shape).
  static void FollowChoice(InferContext& c) {
    Dims condition, a, b;
    size_t length = 0, all = 0;
    if (c.concrete() || !c.out(0).ranked || c.out(0).rank() > 1 || c.in(0).ints == nullptr ||
        !c.Known(0, &condition) || !KnownSizes(c, 1, &a) || !KnownSizes(c, 2, &b) ||
        !CommonLength(a, b, &length)) {
      return;
    }
    all = condition.size() == 1 ? length : condition.size();
    if (length != 1 && length != all) return;
    auto chosen = std::make_shared<Dims>();
    for (size_t i = 0; i < all; ++i) {
      const Dim& which = Repeated(condition, i);
      if (!which.is_number()) return;
      chosen->push_back(Repeated(which.number() != 0 ? a : b, i));
    }
    c.out(0).ints = std::move(chosen);
  }
};

}  // namespace

extern const OpDef kWhere = {kOnnxDomain, "Where", 16, 25, &MakePlain<WhereOp, 3, 3>};

}  // namespace mosaic
