// Gather: rows of "data" along an axis, chosen by "indices" (negative ones count from the end).
// Along axis 0 of a stored table, only the blocks of the chosen rows are read.
#include <algorithm>
#include <cstring>

#include "core/infer/convert.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

struct State {
  std::vector<int64_t> rows;  // per index, counted from the front
  int64_t outer = 1;          // product of the dimensions before the axis
  int64_t size = 0;           // of the axis
  int64_t inner = 1;          // elements behind the axis
  std::vector<int32_t> wanted;
};

// Reads int32 or int64 indices into rows 0 .. size - 1.
Status ReadIndices(const Tensor& t, int axis, int64_t size, std::vector<int64_t>* out) {
  Status status = UnsupportedType("indices", t.dtype());
  Dispatch(Types<int32_t, int64_t>(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    status = Status();
    out->resize(static_cast<size_t>(t.size()));
    for (int64_t i = 0; i < t.size(); ++i) {
      const int64_t index = t.data<T>()[i];
      if (index < -size || index >= size) {
        status = Status::Invalid("index " + std::to_string(index) + " is out of range for axis " +
                                 std::to_string(axis) + " of size " + std::to_string(size));
        return;
      }
      (*out)[static_cast<size_t>(i)] = index < 0 ? index + size : index;
    }
  });
  return status;
}

class Gather : public Op {
 public:
  explicit Gather(int64_t axis) : axis_(axis) {}

  int streamed_input() const override { return axis_ == 0 ? 0 : -1; }
  int streamed_layout() const override { return MOSAIC_LAYOUT_ROW; }

  Status Prepare(OpContext& c) const override {
    auto s = std::make_shared<State>();
    const Shape& data = DataShape(c);
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, static_cast<int>(data.size()), &axis));
    const size_t at = static_cast<size_t>(axis);
    s->size = data[at];
    MOSAIC_RETURN_IF_ERROR(ReadIndices(c.inputs[1], axis, s->size, &s->rows));
    for (size_t d = 0; d < at; ++d) s->outer *= data[d];
    for (size_t d = at + 1; d < data.size(); ++d) s->inner *= data[d];
    Shape out(data.begin(), data.begin() + axis);
    out.insert(out.end(), c.inputs[1].shape().begin(), c.inputs[1].shape().end());
    out.insert(out.end(), data.begin() + axis + 1, data.end());
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, DataType(c), out, &c.outputs[0]));
    const int64_t panels = c.streamed != nullptr ? c.streamed->blocking.col_blocks() : 1;
    c.units =
        c.outputs[0].size() == 0 ? 0 : s->outer * static_cast<int64_t>(s->rows.size()) * panels;
    c.unit_cost = 16 + static_cast<double>(s->inner) / static_cast<double>(panels);
    c.scratch = std::move(s);
    return Status();
  }

  // Streamed: a unit is one index by one panel of columns, hence one block.
  void Blocks(const OpContext& c, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    const Blocking& b = c.streamed->blocking;
    const State& s = c.state<State>();
    const size_t first = out->size();
    for (int64_t u = begin; u < end; ++u) out->push_back(BlockOf(s, b, u));
    const auto from = out->begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(from, out->end());
    out->erase(std::unique(from, out->end()), out->end());
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    if (c.streamed != nullptr) return RunStreamed(c, begin, end);
    const State& s = c.state<State>();
    const int64_t bytes = s.inner * DTypeSize(c.outputs[0].dtype());
    const int64_t n = static_cast<int64_t>(s.rows.size());
    const char* from = c.inputs[0].data<char>();
    char* to = c.outputs[0].mutable_data<char>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t row = u / n * s.size + s.rows[static_cast<size_t>(u % n)];
      std::memcpy(to + u * bytes, from + row * bytes, static_cast<size_t>(bytes));
    }
  }

  ItemRule Items(const OpContext& c) const override {
    const bool indices = c.batched[1] && !c.batched[0] && NormalAxis(c) == 0;
    const bool data = c.batched[0] && !c.batched[1] && NormalAxis(c) != 0;
    return indices || data ? ItemRule::kIndependent : ItemRule::kMixes;
  }

 private:
  static const Shape& DataShape(const OpContext& c) {
    return c.streamed != nullptr ? c.streamed->shape : c.inputs[0].shape();
  }
  static int DataType(const OpContext& c) {
    return c.streamed != nullptr ? c.streamed->dtype : c.inputs[0].dtype();
  }
  int64_t NormalAxis(const OpContext& c) const {
    return axis_ < 0 ? axis_ + static_cast<int64_t>(DataShape(c).size()) : axis_;
  }

  static int32_t BlockOf(const State& s, const Blocking& b, int64_t unit) {
    const int64_t panels = b.col_blocks();
    const int64_t row = s.rows[static_cast<size_t>(unit / panels)];
    return static_cast<int32_t>(b.Index(row / b.block_rows, unit % panels));
  }

  void RunStreamed(OpContext& c, int64_t begin, int64_t end) const {
    const Blocking& b = c.streamed->blocking;
    State& s = c.state<State>();
    s.wanted.clear();
    Blocks(c, begin, end, &s.wanted);
    const int64_t panels = b.col_blocks();
    const int64_t stored = DTypeSize(b.dtype), seen = DTypeSize(c.outputs[0].dtype());
    char* out = c.outputs[0].mutable_data<char>();
    for (int64_t u = begin; u < end; ++u) {
      const int64_t index = u / panels, col = u % panels * b.block_cols;
      const int64_t row = s.rows[static_cast<size_t>(index)] % b.block_rows;
      const auto place = std::lower_bound(s.wanted.begin(), s.wanted.end(), BlockOf(s, b, u));
      const char* payload = static_cast<const char*>(c.blocks[place - s.wanted.begin()]);
      ConvertElements(b.dtype, payload + row * b.block_cols * stored, c.outputs[0].dtype(),
                      out + (index * b.cols + col) * seen,
                      std::min<int64_t>(b.block_cols, b.cols - col));
    }
  }

  int64_t axis_;
};

Status Make(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  *out = std::make_unique<Gather>(node.Int("axis", 0));
  return Status();
}

}  // namespace

extern const OpDef kGather = {"Gather", 9, 17, Make};

}  // namespace mosaic
