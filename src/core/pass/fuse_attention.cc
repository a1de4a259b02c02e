#include "core/pass/fuse_attention.h"

#include <algorithm>

#include "core/op/attention/fused_attention.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

using Axes = std::vector<int64_t>;

// What Where puts in the place of a score must hide it, whatever the score was.
constexpr float kHidden = -1e30F;

class AttentionMatcher {
 public:
  AttentionMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  // MatMul(softmax, V)
  bool Match(size_t last, Fusion* out) {
    if (!p_.Is(last, "MatMul")) return false;
    taken_ = {last};
    masks_.clear();
    config_ = FusedAttentionConfig();
    const Node& product = p_.node(last);
    int v = product.inputs[1], scores;
    const Fact& values = p_.fact(v);
    if (!IsArray(v) || (values.rank() != 3 && values.rank() != 4)) return false;
    config_.rank = values.rank();
    if (!Softmax(product.inputs[0], &scores) || !Scores(scores, false)) return false;
    if (!Fits()) return false;
    v = RowsFirst(v, &config_.v_rows_first);
    const int q = RowsFirst(Unscaled(q_), &config_.q_rows_first);
    int k;
    if (!Keys(k_, &k)) return false;
    return Finish({q, k, v}, product.outputs[0], out);
  }

 private:
  bool IsArray(int value) const {
    return value >= 0 && p_.fact(value).ranked && p_.fact(value).dtype == MOSAIC_FLOAT;
  }

  // softmax, or 0 where it is NaN.
  bool Softmax(int value, int* scores) {
    if (value < 0) return false;
    size_t softmax = Take(value, "Softmax");
    if (softmax == Pattern::kNone) {
      const size_t where = Take(value, "Where");
      if (where == Pattern::kNone) return false;
      const Node& n = p_.node(where);
      const size_t nan = Take(n.inputs[0], "IsNaN");
      if (nan == Pattern::kNone || !p_.IsScalar(n.inputs[1], 0) ||
          p_.node(nan).inputs[0] != n.inputs[2] || p_.readers(n.inputs[2]).size() != 2) {
        return false;
      }
      softmax = p_.Maker(n.inputs[2], "Softmax");
      if (softmax == Pattern::kNone) return false;
      taken_.push_back(softmax);
      config_.nan_is_zero = true;
    }
    const int64_t axis = p_.node(softmax).Int("axis", -1);
    *scores = p_.node(softmax).inputs[0];
    return IsArray(*scores) && p_.fact(*scores).rank() == config_.rank &&
           (axis == -1 || axis == config_.rank - 1);
  }

  // The scores with masks and scale, down to their product. scaled: what lies above is multiplied.
  bool Scores(int value, bool scaled) {
    const size_t product = Take(value, "MatMul");
    if (product != Pattern::kNone) {
      q_ = p_.node(product).inputs[0];
      k_ = p_.node(product).inputs[1];
      return IsArray(q_) && IsArray(k_);
    }
    float scale;
    int from;
    if (Scaled(value, &from, &scale)) {
      config_.scale *= scale;
      return Scores(from, true);
    }
    if (scaled) return false;
    const size_t add = Take(value, "Add");
    if (add != Pattern::kNone) return Added(p_.node(add));
    const size_t where = Take(value, "Where");
    return where != Pattern::kNone && Chosen(p_.node(where));
  }

  bool Added(const Node& add) {
    const std::vector<size_t> taken = taken_;
    const auto masks = masks_;
    const FusedAttentionConfig config = config_;
    for (size_t i : {0, 1}) {
      taken_ = taken, masks_ = masks, config_ = config;
      const int mask = add.inputs[1 - i];
      if (mask < 0 || !IsArray(mask) || p_.fact(mask).rank() == 0) continue;
      AddMask(mask, MaskPart::kAdd, 0);
      if (Scores(add.inputs[i], false)) return true;
    }
    return false;
  }

  bool Chosen(const Node& where) {
    const Fact& condition = p_.fact(where.inputs[0]);
    if (!condition.ranked || condition.rank() == 0) return false;
    float hidden;
    for (size_t i : {1, 2}) {
      if (!p_.Scalar(where.inputs[3 - i], &hidden) || !(hidden <= kHidden)) continue;
      AddMask(where.inputs[0], i == 1 ? MaskPart::kKeep : MaskPart::kHide, hidden);
      return Scores(where.inputs[i], false);
    }
    return false;
  }

  void AddMask(int value, MaskPart::Kind kind, float hidden) {
    masks_.push_back(value);
    config_.masks.push_back({kind, hidden});
  }

  // Whether queries and masks have ranks for which broadcasting gives what products and sums give.
  bool Fits() const {
    bool fits = p_.fact(q_).rank() == config_.rank && p_.fact(k_).rank() == config_.rank;
    for (int mask : masks_) fits = fits && p_.fact(mask).rank() <= config_.rank;
    return fits;
  }

  // Mul or Div by a scalar of a value that nothing else reads.
  bool Scaled(int value, int* from, float* scale) {
    for (const char* op : {"Mul", "Div"}) {
      const size_t step = p_.Maker(value, op);
      if (step == Pattern::kNone || !p_.ReadOnce(value)) continue;
      const Node& n = p_.node(step);
      for (size_t i : {0, 1}) {
        const bool div = op[0] == 'D';
        if ((div && i == 1) || !p_.Scalar(n.inputs[1 - i], scale)) continue;
        if (div) *scale = 1 / *scale;
        *from = n.inputs[i];
        taken_.push_back(step);
        return true;
      }
    }
    return false;
  }
  int Unscaled(int value) {
    float scale;
    while (Scaled(value, &value, &scale)) config_.scale *= scale;
    return value;
  }

  size_t Transposed(int value, const Axes& perm) const {
    const size_t step = p_.Maker(value, "Transpose");
    return step != Pattern::kNone && p_.ReadOnce(value) && p_.node(step).Ints("perm") == perm
               ? step
               : Pattern::kNone;
  }
  // Reads through the transpose of [batch, rows, heads, depth].
  int RowsFirst(int value, bool* rows_first) {
    const size_t step = config_.rank == 4 ? Transposed(value, {0, 2, 1, 3}) : Pattern::kNone;
    if (step == Pattern::kNone) return value;
    *rows_first = true;
    taken_.push_back(step);
    return p_.node(step).inputs[0];
  }

  // The keys, whose transpose is given.
  bool Keys(int value, int* k) {
    value = Unscaled(value);
    const size_t at_once = Transposed(value, {0, 2, 3, 1});
    if (at_once != Pattern::kNone) {
      config_.k_rows_first = true;
      taken_.push_back(at_once);
      *k = p_.node(at_once).inputs[0];
      return true;
    }
    const size_t last = Transposed(value, config_.rank == 4 ? Axes{0, 1, 3, 2} : Axes{0, 2, 1});
    if (last != Pattern::kNone) {
      taken_.push_back(last);
      *k = RowsFirst(Unscaled(p_.node(last).inputs[0]), &config_.k_rows_first);
      return true;
    }
    return config_.rank == 4 && KeysInThree(value, k);
  }

  // Reshape(Transpose(Reshape(keys))), where batch and heads are one dimension for a while.
  bool KeysInThree(int value, int* k) {
    const size_t back = Take(value, "Reshape");
    if (back == Pattern::kNone) return false;
    const size_t transpose = Transposed(p_.node(back).inputs[0], {0, 2, 1});
    if (transpose == Pattern::kNone) return false;
    const size_t merge = Take(p_.node(transpose).inputs[0], "Reshape");
    if (merge == Pattern::kNone) return false;
    taken_.push_back(transpose);
    *k = p_.node(merge).inputs[0];
    const Fact &from = p_.fact(*k), &merged = p_.fact(p_.node(merge).outputs[0]);
    const Dims& to = p_.fact(value).dims;
    if (!from.ranked || from.rank() != 4 || !merged.ranked || merged.rank() != 3) return false;
    const Dims& d = from.dims;
    if (!Same(d[0], to[0]) || !Same(d[1], to[1]) || !Same(d[2], to[3]) || !Same(d[3], to[2]) ||
        !Same(merged.dims[1], d[2]) || !Same(merged.dims[2], d[3])) {
      return false;
    }
    *k = RowsFirst(*k, &config_.k_rows_first);
    return true;
  }

  // A value that is read once only, and made by a node of this type.
  size_t Take(int value, const char* op_type) {
    const size_t step = p_.Maker(value, op_type);
    if (step == Pattern::kNone || !p_.ReadOnce(value)) return Pattern::kNone;
    taken_.push_back(step);
    return step;
  }

  bool Finish(std::vector<int> inputs, int result, Fusion* out) {
    const size_t transpose = p_.OnlyReader(result, "Transpose");
    if (config_.rank == 4 && transpose != Pattern::kNone &&
        p_.node(transpose).Ints("perm") == Axes{0, 2, 1, 3}) {
      config_.out_rows_first = true;
      taken_.push_back(transpose);
      result = p_.node(transpose).outputs[0];
    }
    // In the order in which they are applied, where one may be there instead of those before.
    inputs.insert(inputs.end(), masks_.rbegin(), masks_.rend());
    std::reverse(config_.masks.begin(), config_.masks.end());
    out->taken = taken_;
    out->node = Node();
    out->node.name = p_.node(taken_[0]).name;
    out->node.op_type = "MatMul + Softmax + MatMul";
    out->node.inputs = std::move(inputs);
    out->node.outputs = {result};
    out->op = MakeFusedAttention(config_);
    return true;
  }

  Pattern p_;
  FusedAttentionConfig config_;
  std::vector<size_t> taken_;
  std::vector<int> masks_;
  int q_ = -1, k_ = -1;
};

}  // namespace

void FuseAttention(const Model& model, BodyPlan* body) {
  AttentionMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
