// Col2Im: images from columns of blocks: every pixel is the sum of the places of all blocks that
// cover it, in the order of the places.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

struct State {
  Shape image, block, steps;  // sizes; steps: blocks along each dimension
  int64_t pixels = 1, places = 1, columns = 1;
  int64_t chunk = 1;  // pixels of a unit
};

class Col2ImOp : public Op {
 public:
  explicit Col2ImOp(const Node& node)
      : dilations_(node.Ints("dilations")),
        pads_(node.Ints("pads")),
        strides_(node.Ints("strides")) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an input"));
    Dims image, block;
    bool image_ranked = false, block_ranked = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 1, "image_shape", &image, &image_ranked));
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 2, "block_shape", &block, &block_ranked));
    if (!image_ranked || !block_ranked || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    if (c.in(0).rank() != 3) {
      return Status::BadModel("an input of shape " + ShapeString(c.dims(0)) +
                              " is no batch of columns (N, C * block, L)");
    }
    if (image.empty() || image.size() != block.size()) {
      return Status::BadModel("image_shape and block_shape are of different lengths");
    }
    const Dim places = Product(block);
    if (places.is_number() && places.number() < 1) {
      return Status::BadModel("block_shape " + ShapeString(block) + " has no elements");
    }
    const std::optional<Dim> channels = c.dims(0)[1].DividedBy(places);
    if (!channels && c.dims(0)[1].is_number() && places.is_number()) {
      return Status::BadModel("channels of shape " + ShapeString(c.dims(0)) +
                              " are no multiple of block_shape " + ShapeString(block));
    }
    Dims out = {c.dims(0)[0], channels ? *channels : c.NewDim()};
    out.insert(out.end(), image.begin(), image.end());
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    ItemsKept(c, c.item_axis(0) == 0 ? 0 : kMixed);
    Shape sizes, blocks, steps;
    if (!NumbersOf(image, &sizes) || !NumbersOf(block, &blocks)) return Status();
    return Steps(sizes, blocks, c.dims(0)[2], &steps);
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    std::vector<int64_t> list;
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "image_shape", &list));
    s.image = list;
    MOSAIC_RETURN_IF_ERROR(c.Ints(2, "block_shape", &list));
    s.block = list;
    s.columns = c.inputs[0].dim(2);
    MOSAIC_RETURN_IF_ERROR(Steps(s.image, s.block, s.columns, &s.steps));
    s.pixels = NumElements(s.image);
    s.places = NumElements(s.block);
    s.chunk = std::max<int64_t>(1, 8192 / s.places);
    c.OnePhase(Chunks(c.outputs[0].size(), s.chunk),
               8 * static_cast<double>(s.chunk * s.places * static_cast<int64_t>(s.image.size())));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    end = std::min(end * s.chunk, c.outputs[0].size());
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t at = begin * s.chunk; at < end; ++at) {
        const T* columns = c.inputs[0].data<T>() + at / s.pixels * s.places * s.columns;
        y[at] = Pixel(s, columns, at % s.pixels);
      }
    });
    return Status();
  }

  bool shape_input(int i) const override { return i >= 1; }

 private:
  int64_t Of(const std::vector<int64_t>& list, size_t d, int64_t fallback) const {
    return list.empty() ? fallback : list[d];
  }

  // How many blocks lie along each dimension; together as many as there are columns.
  Status Steps(const Shape& image, const Shape& block, const Dim& columns, Shape* steps) const {
    const size_t rank = image.size();
    if ((!dilations_.empty() && dilations_.size() != rank) ||
        (!strides_.empty() && strides_.size() != rank) ||
        (!pads_.empty() && pads_.size() != 2 * rank)) {
      return Status::BadModel("dilations, pads or strides are of a wrong length");
    }
    Dim all = 1;
    for (size_t d = 0; d < rank; ++d) {
      const int64_t dilation = Of(dilations_, d, 1), stride = Of(strides_, d, 1);
      const int64_t before = Of(pads_, d, 0), after = Of(pads_, rank + d, 0);
      constexpr int64_t kMost = int64_t{1} << 31;
      for (int64_t v : {dilation, stride, before, after}) {
        if (v < 0 || v > kMost)
          return Status::BadModel("dilations, pads or strides are out of range");
      }
      if (dilation < 1 || stride < 1) return Status::BadModel("dilations and strides start at 1");
      if (image[d] < 0 || image[d] > kMost || block[d] < 1 || block[d] > kMost) {
        return Status::BadModel("image_shape or block_shape is out of range");
      }
      const int64_t room = image[d] + before + after - dilation * (block[d] - 1) - 1;
      steps->push_back(room < 0 ? 0 : room / stride + 1);
      all = all * Dim(steps->back());
    }
    if (!Differ(all, columns)) return Status();
    return Status::BadModel("blocks of shape " + ShapeString(block) + " fit an image of shape " +
                            ShapeString(image) + " " + all.ToString() + " times; there are " +
                            columns.ToString() + " columns");
  }

  template <typename T>
  T Pixel(const State& s, const T* columns, int64_t pixel) const {
    using V = ComputeType<T>;
    std::conditional_t<std::is_floating_point_v<V>, double, uint64_t> sum = 0;
    const size_t rank = s.image.size();
    Shape at(rank);
    for (size_t d = rank; d-- > 0; pixel /= s.image[d]) at[d] = pixel % s.image[d];
    for (int64_t place = 0; place < s.places; ++place) {
      int64_t rest = place, column = 0, weight = 1;
      bool covers = true;
      for (size_t d = rank; d-- > 0 && covers;) {
        const int64_t from = at[d] + Of(pads_, d, 0) - rest % s.block[d] * Of(dilations_, d, 1);
        const int64_t stride = Of(strides_, d, 1);
        covers = from >= 0 && from % stride == 0 && from / stride < s.steps[d];
        column += from / stride * weight;
        weight *= s.steps[d];
        rest /= s.block[d];
      }
      if (covers) sum += static_cast<decltype(sum)>(Load(columns[place * s.columns + column]));
    }
    return Store<T>(static_cast<V>(sum));
  }

  std::vector<int64_t> dilations_, pads_, strides_;
};

}  // namespace

extern const OpDef kCol2Im = {kOnnxDomain, "Col2Im", 18, 25, &MakeOf<Col2ImOp, 3, 3>};

}  // namespace mosaic
