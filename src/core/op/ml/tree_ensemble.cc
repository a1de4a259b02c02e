// TreeEnsembleClassifier, TreeEnsembleRegressor, and TreeEnsemble, which replaces both: each tree
// leads a row to a leaf, and the leaves' weights are added up, in the order of the trees.
//
// The trees are packed once (forest.h). A unit then takes some rows through a part of the trees
// (forest_chunk.h); the parts of a row follow one another, so the order of a sum is always the
// same.
#include <algorithm>

#include "core/op/ml/forest_chunk.h"
#include "core/op/preparing.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

struct State {
  ForestSizes sizes;
  int64_t rows = 0, width = 0, chunk = 1;  // chunk: rows of a unit
  const void* forest = nullptr;
};

struct PackingState {
  ForestSizes sizes;
  Tensor working;
};

// Scores and converted rows of a chunk.
template <typename T>
struct ChunkMemory {
  typename ForestChunk<T>::Memory trees;
  T* x;
  float* out;
  static ChunkMemory Carve(Carver* m, const State& s, bool convert) {
    ChunkMemory c;
    c.trees = ForestChunk<T>::Memory::Carve(m, s.sizes, s.chunk);
    c.x = m->Take<T>(convert ? s.chunk * s.width : 0);
    c.out = m->Take<float>(std::max<int64_t>(s.sizes.targets, 2));
    return c;
  }
};

class TreeOp : public PreparingOp {
 public:
  bool prepares(int i) const override { return lists_.Has(i); }
  Status StartPreparing(Call& c, int64_t* bytes) const override {
    return IsDouble(c) ? StartPacking<double>(c, bytes) : StartPacking<float>(c, bytes);
  }
  Status RunPreparing(Call& c, int phase, int64_t begin, int64_t end) const override {
    PackingState& s = c.state<PackingState>();
    if (IsDouble(c))
      return ForestBuilder<double>::Run(lists_, s.sizes, c, phase, begin, end, &s.working);
    return ForestBuilder<float>::Run(lists_, s.sizes, c, phase, begin, end, &s.working);
  }
  void UsePrepared(Call& c, const void* prepared) const override {
    c.state<State>().forest = prepared;
  }

  Status Start(Call& c) const override {
    return IsDouble(c) ? StartAs<double>(c) : StartAs<float>(c);
  }
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    (void)phase;
    return IsDouble(c) ? RunAs<double>(c, begin, end) : RunAs<float>(c, begin, end);
  }

 protected:
  virtual int64_t Targets(const Call& c) const = 0;
  virtual void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<float>& base,
                      TreeScores<float> s, float* out) const = 0;
  virtual void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<double>& base,
                      TreeScores<double> s, float* out) const = 0;

  Status CheckLists(const InferContext& c) const {
    MOSAIC_RETURN_IF_ERROR(lists_.Check(c));
    return base_.Readable<double>(c) ? Status() : Status::BadModel("\"base_values\" are no floats");
  }
  template <typename T>
  std::vector<T> Base(const Call& c) const {
    std::vector<T> base(static_cast<size_t>(base_.size(c)));
    (void)base_.Read(c, 0, static_cast<int64_t>(base.size()), base.data());
    return base;
  }

  ForestLists lists_;
  NumberList base_;
  PostTransform transform_ = PostTransform::kNone;
  TreeAggregate aggregate_ = TreeAggregate::kSum;

 private:
  static bool IsDouble(const Call& c) { return c.inputs[0].dtype() == MOSAIC_DOUBLE; }
  // Whether rows have to be converted to T.
  template <typename T>
  static bool Converts(const Call& c) {
    return c.inputs[0].dtype() != ElementTraits<T>::kDType;
  }

  template <typename T>
  Status StartPacking(Call& c, int64_t* bytes) const {
    PackingState& s = c.NewState<PackingState>();
    MOSAIC_RETURN_IF_ERROR(
        ForestSizes::Of(lists_, Targets(c), c, ForestChunk<T>::kCrowns, &s.sizes));
    *bytes = Forest<T>::Bytes(s.sizes);
    ForestBuilder<T>::AddPhases(lists_, s.sizes, &c);
    return Status();
  }

  template <typename T>
  Status StartAs(Call& c) const {
    State& s = c.NewState<State>();
    MOSAIC_RETURN_IF_ERROR(
        ForestSizes::Of(lists_, Targets(c), c, ForestChunk<T>::kCrowns, &s.sizes));
    s.rows = RowsOf(c.inputs[0]);
    s.width = WidthOf(c.inputs[0]);
    s.chunk = std::clamp<int64_t>(65536 / std::max(s.sizes.targets, s.width / 8 + 1), 1, kRowChunk);
    s.chunk = std::min(s.chunk, std::max<int64_t>(s.rows, 1));
    Carver m(nullptr);
    (void)ChunkMemory<T>::Carve(&m, s, Converts<T>(c));
    c.scratch_bytes = m.bytes();
    Phase walk;
    walk.units = Chunks(s.rows, s.chunk) * s.sizes.parts;
    // At most; trees of many leaves take far less.
    const double steps = static_cast<double>(std::min<int64_t>(2 * s.sizes.nodes(), 8192));
    walk.unit_cost =
        static_cast<double>(s.chunk) * (2 * steps + static_cast<double>(s.sizes.targets + s.width) /
                                                        static_cast<double>(s.sizes.parts));
    c.phases.assign(1, walk);
    return Status();
  }

  template <typename T>
  Status RunAs(Call& c, int64_t begin, int64_t end) const {
    State& s = c.state<State>();
    const Forest<T> forest = Forest<T>::At(const_cast<void*>(s.forest), s.sizes);
    if (forest.header->width > s.width) {
      return Status::Invalid("the trees look at " + std::to_string(forest.header->width) +
                             " features, the input has " + std::to_string(s.width));
    }
    const std::vector<T> base = Base<T>(c);
    Carver m(c.scratch);
    const ChunkMemory<T> memory = ChunkMemory<T>::Carve(&m, s, Converts<T>(c));
    const ForestChunk<T> chunk(forest, s.sizes, aggregate_, s.chunk < kFewRows, memory.trees);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u / s.sizes.parts * s.chunk, part = u % s.sizes.parts;
      const int64_t rows = std::min(s.chunk, s.rows - first);
      const T* x = Converts<T>(c) ? memory.x : c.inputs[0].data<T>() + first * s.width;
      if (part == 0 && Converts<T>(c)) Convert(c, first * s.width, rows * s.width, memory.x);
      if (part == 0) chunk.Begin(x, s.width, rows);
      chunk.Add(forest.parts[part], forest.parts[part + 1], x, s.width, rows);
      if (part + 1 < s.sizes.parts) continue;
      chunk.Finish(rows);
      for (int64_t r = 0; r < rows; ++r) {
        Finish(c, *forest.header, first + r, base, chunk.scores(r), memory.out);
      }
    }
    return Status();
  }

  template <typename T>
  static void Convert(const Call& c, int64_t first, int64_t n, T* to) {
    Dispatch(Types<int32_t, int64_t, Float16>(), c.inputs[0].dtype(), [&](auto type) {
      using S = typename decltype(type)::T;
      const S* from = c.inputs[0].data<S>() + first;
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(Load(from[i]));
    });
  }
};

// ---- TreeEnsembleRegressor, TreeEnsemble ----

class TreeRegressor : public TreeOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    auto op = std::make_unique<TreeRegressor>();
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    MOSAIC_RETURN_IF_ERROR(ForestLists::Make(node, "target", &op->lists_));
    MOSAIC_RETURN_IF_ERROR(PostTransformOf(node, &op->transform_));
    op->base_ = NumberList(node, "base_values");
    static constexpr const char* kNames[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    const std::string name = node.String("aggregate_function", "SUM");
    const auto found = std::find(std::begin(kNames), std::end(kNames), name);
    if (found == std::end(kNames))
      return Status::BadModel("unknown aggregate_function " + Quoted(name));
    op->aggregate_ = static_cast<TreeAggregate>(found - std::begin(kNames));
    return Finished(node, std::move(op), out);
  }

  static Status MakeIndexed(const Node& node, std::unique_ptr<Op>* out) {
    auto op = std::make_unique<TreeRegressor>();
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
    MOSAIC_RETURN_IF_ERROR(ForestLists::MakeIndexed(node, &op->lists_));
    const int64_t transform = node.Int("post_transform", 0),
                  aggregate = node.Int("aggregate_function", 1);
    if (transform < 0 || transform > 4 || aggregate < 0 || aggregate > 3) {
      return Status::BadModel("unknown post_transform " + std::to_string(transform) +
                              " or aggregate_function " + std::to_string(aggregate));
    }
    static constexpr PostTransform kTransforms[] = {
        PostTransform::kNone, PostTransform::kSoftmax, PostTransform::kLogistic,
        PostTransform::kSoftmaxZero, PostTransform::kProbit};
    op->transform_ = kTransforms[transform];
    op->aggregate_ = static_cast<TreeAggregate>(aggregate);
    return Finished(node, std::move(op), out);
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    int dtype = MOSAIC_FLOAT;
    MOSAIC_RETURN_IF_ERROR(CheckLists(c));
    if (lists_.indexed) {
      dtype = c.dtype(0);
      MOSAIC_RETURN_IF_ERROR((CheckType<Types<float, double, Float16>>(dtype, "an input")));
      known = c.in(0).ranked;
      if (known && c.in(0).rank() != 2)
        return Status::BadModel("the input " + ShapeString(c.dims(0)) + " is not [N, F]");
      if (known) rows = c.dims(0)[0];
    } else {
      MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    }
    if (!known) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, {rows, targets_}));
    KeepRows(c);
    return Status();
  }

 protected:
  int64_t Targets(const Call&) const override { return targets_; }
  void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<float>& base,
              TreeScores<float> s, float*) const override {
    FinishAs(c, h, row, base, s);
  }
  void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<double>& base,
              TreeScores<double> s, float*) const override {
    FinishAs(c, h, row, base, s);
  }

 private:
  static Status Finished(const Node& node, std::unique_ptr<TreeRegressor> op,
                         std::unique_ptr<Op>* out) {
    op->targets_ = node.Int("n_targets", 1);
    if (op->targets_ < 1 || op->targets_ > INT32_MAX) {
      return Status::BadModel("n_targets is " + std::to_string(op->targets_));
    }
    *out = std::move(op);
    return Status();
  }
  template <typename T>
  void FinishAs(Call& c, const ForestHeader& h, int64_t row, const std::vector<T>& base,
                TreeScores<T> s) const {
    FinishRegression(aggregate_, transform_, base, targets_, h.trees, s);
    Dispatch(Types<float, double, Float16>(), c.outputs[0].dtype(), [&](auto type) {
      using O = typename decltype(type)::T;
      O* out = c.outputs[0].mutable_data<O>() + row * targets_;
      for (int64_t k = 0; k < targets_; ++k)
        out[k] = Store<O>(static_cast<ComputeType<O>>(s.score[k]));
    });
  }

  int64_t targets_ = 1;
};

// ---- TreeEnsembleClassifier ----

class TreeClassifier : public TreeOp {
 public:
  static Status Make(const Node& node, std::unique_ptr<Op>* out) {
    auto op = std::make_unique<TreeClassifier>();
    MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size()), 2));
    MOSAIC_RETURN_IF_ERROR(ForestLists::Make(node, "class", &op->lists_));
    MOSAIC_RETURN_IF_ERROR(PostTransformOf(node, &op->transform_));
    MOSAIC_RETURN_IF_ERROR(
        ClassLabels::Make(node, "classlabels_strings", "classlabels_int64s", &op->labels_));
    op->base_ = NumberList(node, "base_values");
    *out = std::move(op);
    return Status();
  }

  Status Infer(InferContext& c) const override {
    Dim rows, width;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(CheckLists(c));
    MOSAIC_RETURN_IF_ERROR(labels_.Check(c));
    MOSAIC_RETURN_IF_ERROR(InferRows(c, &rows, &width, &known));
    const Dim base = base_.Length(c), classes = labels_.Length(c);
    if (!base.Is(0) && !base.Is(1) && Differ(base, classes)) {
      return Status::BadModel("there are " + base.ToString() + " base_values of " +
                              classes.ToString() + " classes");
    }
    if (!known) {
      c.SetUnranked(0, labels_.dtype());
      c.SetUnranked(1, MOSAIC_FLOAT);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, labels_.dtype(), {rows}));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_FLOAT, {rows, classes}));
    KeepRows(c);
    return Status();
  }

 protected:
  int64_t Targets(const Call& c) const override { return labels_.size(c); }
  void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<float>& base,
              TreeScores<float> s, float* out) const override {
    FinishAs(c, h, row, base, s, out);
  }
  void Finish(Call& c, const ForestHeader& h, int64_t row, const std::vector<double>& base,
              TreeScores<double> s, float* out) const override {
    FinishAs(c, h, row, base, s, out);
  }

 private:
  template <typename T>
  void FinishAs(Call& c, const ForestHeader& h, int64_t row, const std::vector<T>& base,
                TreeScores<T> s, float* out) const {
    const int64_t classes = labels_.size(c);
    const BinaryForm form = {h.one_target, !h.negative};
    const int64_t label = FinishClassification(transform_, base, form, classes, s, out);
    if (c.outputs[0].defined()) {
      if (label < 0) {
        labels_.WriteNumber(c, -1 - label, &c.outputs[0], row);
      } else {
        labels_.Write(c, label, &c.outputs[0], row);
      }
    }
    if (c.outputs.size() > 1 && c.outputs[1].defined()) {
      std::copy(out, out + classes, c.outputs[1].mutable_data<float>() + row * classes);
    }
  }

  ClassLabels labels_;
};

}  // namespace

extern const OpDef kTreeEnsemble = {kMlDomain, "TreeEnsemble", 5, 5, &TreeRegressor::MakeIndexed};
extern const OpDef kTreeEnsembleClassifier = {kMlDomain, "TreeEnsembleClassifier", 3, 5,
                                              &TreeClassifier::Make};
extern const OpDef kTreeEnsembleRegressor = {kMlDomain, "TreeEnsembleRegressor", 3, 5,
                                             &TreeRegressor::Make};

}  // namespace mosaic
