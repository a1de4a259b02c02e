// NonMaxSuppression: for every class of every batch, boxes in the order of their scores, without
// those that overlap one chosen before by more than a threshold. Of equal scores the box of the
// lower index comes first; a score must be greater than the threshold.
#include <algorithm>

#include "core/op/array/merge_sort.h"

namespace mosaic {
namespace {

constexpr int64_t kComparisons = 32768;  // of a unit that chooses, at most
constexpr int64_t kChunk = 4096;         // chosen boxes of a unit that writes

struct State {
  int64_t batches = 0, classes = 0, boxes = 0;
  MergeSort sort;
  int64_t most = 0;    // boxes that a class may choose
  int64_t chunk = 1;   // boxes of a unit that chooses
  int64_t pieces = 1;  // units of a class
  // Of the run:
  int64_t limit = 0;
  float overlap = 0, score = 0;
  bool scored = false;  // there is a threshold
};

struct Box {
  float y1, x1, y2, x2;
  float area() const { return (y2 - y1) * (x2 - x1); }
};

bool Overlap(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (!(height > 0 && width > 0)) return false;
  const float both = height * width, all = a.area() + b.area() - both;
  return a.area() > 0 && b.area() > 0 && all > 0 && both / all > threshold;
}

// Phases: read the parameters; sort boxes by score (several); choose; make the result; write it.
class NonMaxSuppressionOp : public Op {
 public:
  explicit NonMaxSuppressionOp(bool centers) : centers_(centers) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(0), "boxes"));
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(1), "scores"));
    if (c.Has(2)) {
      MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(2), "max_output_boxes_per_class"));
    }
    for (size_t i = 2; i < 5; ++i) {
      if (!c.Has(i)) continue;
      if (i > 2) MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(i), "a threshold"));
      const int64_t n = LengthOf(c.in(i));
      if (n >= 0 && n != 1) return Status::BadModel("limit and thresholds must be one element");
    }
    if (c.in(0).ranked && c.in(1).ranked) {
      const Dims &boxes = c.dims(0), &scores = c.dims(1);
      if (boxes.size() != 3 || scores.size() != 3 || Differ(boxes[2], 4) ||
          Differ(boxes[0], scores[0]) || Differ(boxes[1], scores[2])) {
        return Status::BadModel("boxes of shape " + ShapeString(boxes) + " and scores of shape " +
                                ShapeString(scores) + " do not belong together");
      }
    }
    return c.Set(0, MOSAIC_INT64, {c.NewDim(), 3});
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& scores = c.inputs[1].shape();
    s.batches = scores[0];
    s.classes = scores[1];
    s.boxes = scores[2];
    const int64_t rows = s.batches * s.classes;
    s.sort = MergeSort(rows, s.boxes, s.boxes);
    s.most = s.boxes;
    std::vector<int64_t> limit;
    if (c.Given(2) && c.Ints(2, "max_output_boxes_per_class", &limit).ok()) {
      s.most = std::clamp<int64_t>(limit[0], 0, s.boxes);
    }
    s.chunk = std::clamp<int64_t>(kComparisons / std::max<int64_t>(s.most, 1), 1, 256);
    s.pieces = Chunks(s.boxes, s.chunk);
    // Behind the sort's: how many boxes each class has chosen, and which.
    c.scratch_bytes = s.sort.scratch_bytes() + 8 + rows * 8 + rows * s.most * 4;
    c.OnePhase(1, 8);
    for (int level = 0; level < s.sort.phases(); ++level) {
      c.phases.push_back(s.sort.PhaseOf(level, 4));
    }
    c.phases.push_back(
        {rows * s.pieces, static_cast<double>(s.chunk * std::min<int64_t>(s.most, 64) * 8)});
    c.phases.push_back({1, static_cast<double>(rows)});
    c.phases.push_back({rows * Chunks(s.most, kChunk), 4 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    State& s = c.state<State>();
    const int sorted = 1 + s.sort.phases();
    if (phase == 0) {
      ReadParameters(c);
    } else if (phase < sorted) {
      const float* scores = c.inputs[1].data<float>();
      s.sort.Run(phase - 1, begin, end, c.scratch, [&](int64_t row, uint32_t a, uint32_t b) {
        return Before(s, scores + row * s.boxes, a, b);
      });
    } else if (phase == sorted) {
      for (int64_t u = begin; u < end; ++u) Choose(c, u / s.pieces, u % s.pieces);
    } else if (phase == sorted + 1) {
      return MakeResult(c);
    } else {
      Write(c, begin, end);
    }
    return Status();
  }

 private:
  static int64_t* Counts(const Call& c) {
    const State& s = c.state<State>();
    return reinterpret_cast<int64_t*>(static_cast<char*>(c.scratch) +
                                      (s.sort.scratch_bytes() + 7) / 8 * 8);
  }
  static uint32_t* Chosen(const Call& c, int64_t row) {
    const State& s = c.state<State>();
    return reinterpret_cast<uint32_t*>(Counts(c) + s.batches * s.classes) + row * s.most;
  }

  static void ReadParameters(Call& c) {
    State& s = c.state<State>();
    s.limit = 0;
    if (c.Given(2)) {
      Dispatch(IndexTypes(), c.inputs[2].dtype(),
               [&](auto type) { s.limit = *c.inputs[2].data<typename decltype(type)::T>(); });
    }
    s.limit = std::min(s.limit, s.most);
    s.overlap = c.Given(3) ? *c.inputs[3].data<float>() : 0;
    s.scored = c.Given(4);
    s.score = s.scored ? *c.inputs[4].data<float>() : 0;
  }

  // Boxes that are not looked at come last.
  static bool Before(const State& s, const float* scores, uint32_t a, uint32_t b) {
    const bool passes = Passes(s, scores[a]);
    if (passes != Passes(s, scores[b])) return passes;
    if (!passes || scores[a] == scores[b]) return a < b;
    return scores[a] > scores[b];
  }
  static bool Passes(const State& s, float score) {
    return s.scored ? score > s.score : score == score;
  }

  Box BoxOf(const float* b) const {
    if (centers_) {
      const float w = b[2] / 2, h = b[3] / 2;
      return {b[1] - h, b[0] - w, b[1] + h, b[0] + w};
    }
    return {std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]), std::max(b[1], b[3])};
  }

  void Choose(Call& c, int64_t row, int64_t piece) const {
    const State& s = c.state<State>();
    const float* boxes = c.inputs[0].data<float>() + row / s.classes * s.boxes * 4;
    const float* scores = c.inputs[1].data<float>() + row * s.boxes;
    const uint32_t* order = s.sort.Order(c.scratch, row);
    uint32_t* chosen = Chosen(c, row);
    int64_t& count = Counts(c)[row];
    if (piece == 0) count = 0;
    const int64_t last = std::min((piece + 1) * s.chunk, s.boxes);
    for (int64_t place = piece * s.chunk; place < last && count < s.limit; ++place) {
      if (!Passes(s, scores[order[place]])) return;
      const Box box = BoxOf(boxes + int64_t{order[place]} * 4);
      bool free = true;
      for (int64_t i = 0; free && i < count; ++i) {
        free = !Overlap(box, BoxOf(boxes + int64_t{chosen[i]} * 4), s.overlap);
      }
      if (free) chosen[count++] = order[place];
    }
  }

  static Status MakeResult(Call& c) {
    const State& s = c.state<State>();
    int64_t total = 0;
    for (int64_t row = 0; s.boxes > 0 && row < s.batches * s.classes; ++row)
      total += Counts(c)[row];
    return c.Allocate(0, MOSAIC_INT64, {total, 3});
  }

  static void Write(Call& c, int64_t begin, int64_t end) {
    State& s = c.state<State>();
    const int64_t pieces = Chunks(s.most, kChunk);
    int64_t before = 0;
    for (int64_t row = 0; row < begin / pieces; ++row) before += Counts(c)[row];
    for (int64_t u = begin; u < end; ++u) {
      const int64_t row = u / pieces, first = u % pieces * kChunk, count = Counts(c)[row];
      const int64_t last = std::min(first + kChunk, count);
      int64_t* y = c.outputs[0].mutable_data<int64_t>() + (before + first) * 3;
      for (int64_t i = first; i < last; ++i) {
        *y++ = row / s.classes;
        *y++ = row % s.classes;
        *y++ = Chosen(c, row)[i];
      }
      if (u % pieces == pieces - 1) before += count;
    }
  }

  bool centers_;
};

Status MakeNonMaxSuppression(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 5));
  const int64_t format = node.Int("center_point_box", 0);
  if (format != 0 && format != 1) return Status::BadModel("center_point_box must be 0 or 1");
  *out = std::make_unique<NonMaxSuppressionOp>(format == 1);
  return Status();
}

}  // namespace

extern const OpDef kNonMaxSuppression = {kOnnxDomain, "NonMaxSuppression", 11, 25,
                                         &MakeNonMaxSuppression};

}  // namespace mosaic
