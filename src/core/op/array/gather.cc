// Gather: rows of "data" along an axis, chosen by "indices" (negative ones count from the end).
// Along axis 0 of a stored table, only the blocks of the chosen rows are read.
#include <algorithm>
#include <cstring>

#include "core/op/op_support.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kIndexChunk = 4096;      // indices of a unit that checks them
constexpr int64_t kCopyBytes = 64 * 1024;  // that a unit copies, at most

struct State {
  int axis = 0;
  int64_t outer = 1;  // product of the dimensions before the axis
  int64_t size = 0;   // of the axis
  int64_t inner = 1;  // elements behind the axis
  int64_t n = 0;      // indices
  int64_t rows_per_unit = 1;
  int64_t pieces = 1;  // units of a row, where it is long
  std::vector<int32_t> wanted;
};

class Gather : public Op {
 public:
  explicit Gather(const Node& node) : axis_(node.Int("axis", 0)) {}

  std::vector<WeightStream> streams() const override {
    if (axis_ != 0) return {};
    return {{0, MOSAIC_LAYOUT_ROW}};
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int32_t, int64_t>>(c.dtype(1), "indices")));
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &data = c.dims(0), &indices = c.dims(1);
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    Dims out(data.begin(), data.begin() + axis);
    out.insert(out.end(), indices.begin(), indices.end());
    out.insert(out.end(), data.begin() + axis + 1, data.end());
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    int own = 0;
    if (c.item_axis(0) == axis && TakesOwn(c, 1, data[static_cast<size_t>(axis)], false, &own)) {
      c.Excuse(1);
      c.ItemsAt(0, axis + own);
    } else if (c.Itemised(1)) {
      c.ItemsAt(1, axis + c.item_axis(1));
    } else {
      const int at = c.item_axis(0);
      c.ItemsAt(0, at == axis ? kMixed : at < axis ? at : at + c.in(1).rank() - 1);
    }
    FollowInts(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& data = c.shape(0);
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, static_cast<int>(data.size()), &s.axis));
    const size_t at = static_cast<size_t>(s.axis);
    s.size = data[at];
    s.n = c.inputs[1].size();
    for (size_t d = 0; d < at; ++d) s.outer *= data[d];
    for (size_t d = at + 1; d < data.size(); ++d) s.inner *= data[d];
    c.scratch_bytes = s.n * static_cast<int64_t>(sizeof(int64_t));
    c.OnePhase((s.n + kIndexChunk - 1) / kIndexChunk, 2 * kIndexChunk);
    if (c.outputs[0].size() == 0) return Status();
    Phase copy;
    const int64_t bytes = s.inner * DTypeSize(c.outputs[0].dtype());
    if (const StreamedWeight* w = c.weight(0)) {
      const int64_t panels = w->blocking.col_blocks();
      copy.units = s.n * panels;
      copy.unit_cost = 16 + static_cast<double>(s.inner) / static_cast<double>(panels);
      copy.stream = 0;
    } else {
      s.rows_per_unit = std::max<int64_t>(1, kCopyBytes / std::max<int64_t>(bytes, 1));
      s.pieces = std::max<int64_t>(1, (bytes + kCopyBytes - 1) / kCopyBytes);
      copy.units = (s.outer * s.n + s.rows_per_unit - 1) / s.rows_per_unit * s.pieces;
      copy.unit_cost = static_cast<double>(s.rows_per_unit) *
                       (8 + static_cast<double>(std::min(bytes, kCopyBytes)) / 4);
    }
    c.phases.push_back(copy);
    return Status();
  }

  // Streamed: a unit is one index by one panel of columns, hence one block.
  void Blocks(const Call& c, int, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    const size_t first = out->size();
    for (int64_t u = begin; u < end; ++u) out->push_back(BlockOf(c, u));
    const auto from = out->begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(from, out->end());
    out->erase(std::unique(from, out->end()), out->end());
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    if (phase == 0) return ReadIndices(c, begin * kIndexChunk, std::min(end * kIndexChunk, s.n));
    if (c.weight(0) != nullptr) {
      CopyStreamed(c, begin, end);
    } else {
      CopyRows(c, begin, end);
    }
    return Status();
  }

 private:
  static int64_t* Rows(const Call& c) { return static_cast<int64_t*>(c.scratch); }

  // Indices [begin, end) as rows 0 .. size - 1.
  static Status ReadIndices(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    Status status;
    Dispatch(Types<int32_t, int64_t>(), c.inputs[1].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* indices = c.inputs[1].data<T>();
      for (int64_t i = begin; i < end; ++i) {
        const int64_t index = indices[i];
        if (index < -s.size || index >= s.size) {
          status = Status::Invalid("index " + std::to_string(index) + " is out of range for axis " +
                                   std::to_string(s.axis) + " of size " + std::to_string(s.size));
          return;
        }
        Rows(c)[i] = index < 0 ? index + s.size : index;
      }
    });
    return status;
  }

  // A unit is some rows, or a piece of a long one.
  static void CopyRows(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t bytes = s.inner * DTypeSize(c.outputs[0].dtype());
    const char* from = c.inputs[0].data<char>();
    char* to = c.outputs[0].mutable_data<char>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u / s.pieces * s.rows_per_unit, column = u % s.pieces * kCopyBytes;
      const int64_t last = std::min(first + s.rows_per_unit, s.outer * s.n);
      const int64_t n = std::min(bytes - column, s.pieces == 1 ? bytes : kCopyBytes);
      for (int64_t i = first; i < last; ++i) {
        const int64_t row = i / s.n * s.size + Rows(c)[i % s.n];
        std::memcpy(to + i * bytes + column, from + row * bytes + column, static_cast<size_t>(n));
      }
    }
  }

  static int32_t BlockOf(const Call& c, int64_t unit) {
    const Blocking& b = c.weight(0)->blocking;
    const int64_t panels = b.col_blocks();
    return static_cast<int32_t>(b.Index(Rows(c)[unit / panels] / b.block_rows, unit % panels));
  }

  void CopyStreamed(Call& c, int64_t begin, int64_t end) const {
    const Blocking& b = c.weight(0)->blocking;
    State& s = c.state<State>();
    s.wanted.clear();
    Blocks(c, 1, begin, end, &s.wanted);
    const int64_t panels = b.col_blocks();
    const int64_t stored = DTypeSize(b.dtype), seen = DTypeSize(c.outputs[0].dtype());
    char* out = c.outputs[0].mutable_data<char>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t index = u / panels, col = u % panels * b.block_cols;
      const int64_t row = Rows(c)[index] % b.block_rows;
      const auto place = std::lower_bound(s.wanted.begin(), s.wanted.end(), BlockOf(c, u));
      const char* payload = static_cast<const char*>(c.blocks[place - s.wanted.begin()]);
      ConvertElements(b.dtype, payload + row * b.block_cols * stored, c.outputs[0].dtype(),
                      out + (index * b.cols + col) * seen,
                      std::min<int64_t>(b.block_cols, b.cols - col));
    }
  }

  // One dimension of a shape, or some of them.
  static void FollowInts(InferContext& c) {
    Dims data, indices;
    if (c.concrete() || c.out(0).rank() > 1 || c.in(0).rank() != 1) return;
    if (!c.Known(0, &data) || !c.Known(1, &indices)) return;
    auto chosen = std::make_shared<Dims>();
    for (const Dim& index : indices) {
      if (!index.is_number()) return;
      const int64_t size = static_cast<int64_t>(data.size());
      const int64_t i = index.number() < 0 ? index.number() + size : index.number();
      if (i < 0 || i >= size) return;
      chosen->push_back(data[static_cast<size_t>(i)]);
    }
    c.out(0).ints = std::move(chosen);
  }

  int64_t axis_;
};

}  // namespace

extern const OpDef kGather = {kOnnxDomain, "Gather", 13, 25, &MakeOf<Gather, 2, 2>};

}  // namespace mosaic
