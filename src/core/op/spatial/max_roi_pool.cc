// MaxRoiPool: the largest elements in the cells of regions of interest (image, x1, y1, x2, y2),
// whose corners are rounded to elements. A unit is a cell, or some elements of one that may be
// large; it goes on where the unit before it ended.
#include <cmath>

#include "core/op/scratch.h"
#include "core/op/spatial/roi.h"

namespace mosaic {
namespace {

class MaxRoiPoolOp : public RoiOp {
 public:
  using RoiOp::RoiOp;

  Status Infer(InferContext& c) const override { return InferRegions(c, 5); }

  Status Start(Call& c) const override {
    SetState(c);
    if (c.outputs[0].size() == 0) return Status();
    const State& s = c.state<State>();
    c.phases.push_back(Phase{(c.outputs[0].dim(0) + kChecked - 1) / kChecked, 4.0 * kChecked});
    const int64_t plane = std::max<int64_t>(1, s.rows * s.cols), pieces = Pieces(s);
    if (pieces > 1) ReserveScratch(&c, sizeof(Met<double>));
    const double cell = static_cast<double>(plane) / static_cast<double>(height_ * width_);
    c.phases.push_back(
        Phase{c.outputs[0].size() * pieces, 4 * std::min(cell, static_cast<double>(kPiece)) + 50});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Status status;
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase == 1) {
        for (int64_t u = begin; u < end; ++u) Cell<T>(c, u);
        return;
      }
      const int64_t last = std::min(end * kChecked, c.outputs[0].dim(0));
      for (int64_t r = begin * kChecked; r < last && status.ok(); ++r) {
        status = CheckImage(c, static_cast<double>(Load(c.inputs[1].data<T>()[r * 5])));
      }
    });
    return status;
  }

 private:
  static constexpr int64_t kChecked = 1024;   // regions of a unit
  static constexpr int64_t kPiece = 1 << 18;  // elements of a cell

  template <typename V>
  struct Met {
    V most = V();
    bool any = false;
  };

  // Of a cell: it may be as large as a plane.
  static int64_t Pieces(const State& s) {
    return std::max<int64_t>(1, (s.rows * s.cols + kPiece - 1) / kPiece);
  }

  // Elements of a cell along a side of the region from first to last: [begin, end) of the input.
  static void Side(float first, float last, int64_t cell, int64_t cells, int64_t size,
                   int64_t* begin, int64_t* end) {
    const float length = std::max(last - first + 1, 1.0F), n = static_cast<float>(cells);
    const float low = std::floor(static_cast<float>(cell) * length / n) + first;
    const float high = std::ceil(static_cast<float>(cell + 1) * length / n) + first;
    const float most = static_cast<float>(size);
    *begin = low > 0 ? static_cast<int64_t>(std::min(low, most)) : 0;
    *end = high > 0 ? std::min(static_cast<int64_t>(std::min(high, most)), size) : 0;
  }

  template <typename T>
  void Cell(Call& c, int64_t part) const {
    const State& s = c.state<State>();
    const int64_t pieces = Pieces(s), unit = part / pieces, piece = part % pieces;
    const int64_t col = unit % width_, row = unit / width_ % height_;
    const int64_t channel = unit / width_ / height_ % s.channels;
    const T* roi = c.inputs[1].data<T>() + unit / width_ / height_ / s.channels * 5;
    const auto at = [&](int i) { return std::round(static_cast<float>(Load(roi[i])) * scale_); };
    int64_t top, bottom, left, right;
    Side(at(2), at(4), row, height_, s.rows, &top, &bottom);
    Side(at(1), at(3), col, width_, s.cols, &left, &right);
    const int64_t image = static_cast<int64_t>(Load(roi[0]));
    const T* plane = c.inputs[0].data<T>() + (image * s.channels + channel) * s.rows * s.cols;
    using V = ComputeType<T>;
    Met<V> met;
    if (piece > 0) met = *ScratchAt<Met<V>>(c, 0);
    const int64_t across = std::max<int64_t>(right - left, 0);
    const int64_t end = std::min((piece + 1) * kPiece, std::max<int64_t>(bottom - top, 0) * across);
    for (int64_t k = piece * kPiece; k < end;) {
      const int64_t from = left + k % across, to = std::min(right, from + end - k);
      const T* row_of = plane + (top + k / across) * s.cols;
      for (int64_t j = from; j < to; ++j) {
        const V v = Load(row_of[j]);
        if (!met.any || v > met.most) met.most = v;
        met.any = true;
      }
      k += to - from;
    }
    if (pieces > 1) *ScratchAt<Met<V>>(c, 0) = met;
    if (piece + 1 == pieces) c.outputs[0].mutable_data<T>()[unit] = Store<T>(met.most);
  }
};

Status MakeMaxRoiPool(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  const std::vector<int64_t> shape = node.Ints("pooled_shape");
  if (shape.size() != 2) return Status::BadModel("attribute pooled_shape is not two sizes");
  *out = std::make_unique<MaxRoiPoolOp>(shape[0], shape[1], node.Float("spatial_scale", 1));
  return Status();
}

}  // namespace

extern const OpDef kMaxRoiPool = {kOnnxDomain, "MaxRoiPool", 22, 25, &MakeMaxRoiPool};

}  // namespace mosaic
