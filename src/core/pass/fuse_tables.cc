#include "core/pass/fuse_tables.h"

#include <algorithm>

#include "core/op/quant/table_product.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class TableMatcher {
 public:
  TableMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  bool Match(size_t last, Fusion* out) {
    if (!p_.Is(last, "Add")) return MatchProduct(last, -1, last, out);
    for (size_t i : {0, 1}) {
      const int sum = p_.node(last).inputs[i];
      const size_t product = p_.Maker(sum, "MatMul");
      if (product == Pattern::kNone || !p_.ReadOnce(sum)) continue;
      const Fact& f = p_.fact(sum);
      const int bias = p_.node(last).inputs[1 - i];
      if (!f.ranked || f.dims.empty() || !IsBias(bias, f.dims.back())) continue;
      if (MatchProduct(product, bias, last, out)) return true;
    }
    return false;
  }

 private:
  // What makes an operand.
  struct Chain {
    int table = -1;
    size_t dequantise = Pattern::kNone;
    int turns = 0, turns_before = 0;  // Transposes; before the DequantizeLinear
  };

  bool MatchProduct(size_t step, int bias, size_t last, Fusion* out) {
    if (!p_.Is(step, "MatMul") && !p_.Is(step, "Gemm")) return false;
    const Node& node = p_.node(step);
    if (p_.fact(node.inputs[0]).dtype != MOSAIC_FLOAT) return false;
    const bool gemm = p_.Is(step, "Gemm");
    if (gemm && (node.Float("alpha", 1) != 1 || node.Int("transA", 0) != 0)) return false;
    if (gemm && node.inputs.size() > 2 && node.inputs[2] >= 0) {
      const Fact& f = p_.fact(node.outputs[0]);
      bias = node.inputs[2];
      if (node.Float("beta", 1) != 1 || !f.ranked || !IsBias(bias, f.dims.back())) return false;
    }
    Chain chain;
    if (!Follow(node.inputs[1], &chain)) return false;
    TableForm form;
    form.turned = (chain.turns % 2 == 1) != (gemm && node.Int("transB", 0) != 0);
    const Node& d = p_.node(chain.dequantise);
    if (!Scales(d, p_.Constant(chain.table)->weight, chain.turns_before % 2 == 1, &form))
      return false;
    out->op = MakeTableProduct(form);
    if (out->op == nullptr) return false;
    out->taken = {last};
    if (step != last) out->taken.push_back(step);
    out->node = node;
    out->node.op_type += " + DequantizeLinear";
    if (chain.turns > 0) out->node.op_type += " + Transpose";
    if (step != last) out->node.op_type += " + Add";
    out->node.inputs = {node.inputs[0], chain.table, d.inputs[1],
                        d.inputs.size() > 2 ? d.inputs[2] : -1};
    if (bias >= 0) out->node.inputs.push_back(bias);
    out->node.outputs = p_.node(last).outputs;
    return true;
  }

  // From an operand to the constant. What lies between is read by products alone, each of which may
  // read the table itself; the steps go when nothing reads them any more.
  bool Follow(int value, Chain* chain) const {
    for (bool first = true;; first = false) {
      const std::vector<size_t>& readers = p_.readers(value);
      const bool products = std::all_of(readers.begin(), readers.end(), [&](size_t r) {
        return (p_.Is(r, "MatMul") || p_.Is(r, "Gemm")) && p_.node(r).inputs[1] == value;
      });
      if (first ? !products : readers.size() != 1) return false;
      const size_t turn = p_.Maker(value, "Transpose");
      if (turn == Pattern::kNone) {
        if (chain->dequantise != Pattern::kNone) return false;
        chain->dequantise = p_.Maker(value, "DequantizeLinear");
        if (chain->dequantise == Pattern::kNone) return false;
        value = p_.node(chain->dequantise).inputs[0];
      } else {
        if (!Turns(p_.node(turn))) return false;
        ++chain->turns;
        if (chain->dequantise != Pattern::kNone) ++chain->turns_before;
        value = p_.node(turn).inputs[0];
      }
      const ModelTensor* t = p_.Constant(value);
      if (t == nullptr) continue;
      chain->table = value;
      return chain->dequantise != Pattern::kNone && t->weight.shape.size() == 2;
    }
  }
  static bool Turns(const Node& n) {
    const std::vector<int64_t> perm = n.Ints("perm");
    return perm.empty() || (perm.size() == 2 && perm[0] == 1);
  }
  // One for each column, the same for all items.
  bool IsBias(int value, const Dim& columns) const {
    const Fact& f = p_.fact(value);
    return f.dtype == MOSAIC_FLOAT && f.ranked && f.rank() == 1 && Same(f.dims[0], columns) &&
           f.item_axis == kShared;
  }
  // Of float32, from integers of a byte or less. turned: what is dequantised is the table
  // transposed.
  bool Scales(const Node& n, const StreamedWeight& table, bool turned, TableForm* form) const {
    const int types[] = {MOSAIC_INT8, MOSAIC_UINT8, MOSAIC_INT4, MOSAIC_UINT4};
    if (std::count(std::begin(types), std::end(types), table.dtype) == 0) return false;
    const Fact& scale = p_.fact(n.inputs[1]);
    if (scale.dtype != MOSAIC_FLOAT || p_.fact(n.outputs[0]).dtype != MOSAIC_FLOAT) return false;
    if (!scale.ranked || scale.rank() > 2) return false;
    for (size_t i = 1; i < n.inputs.size(); ++i) {  // fits, whatever the run
      if (n.inputs[i] < 0) continue;
      const Fact& f = p_.fact(n.inputs[i]);
      if (!f.ranked || f.item_axis != kShared) return false;
      for (const Dim& d : f.dims) {
        if (!d.is_number()) return false;
      }
    }
    form->block = n.Int("block_size", 0);
    if (form->block < 0) return false;
    if (form->block == 0 && (scale.rank() == 0 || scale.dims[0].Is(1))) return true;
    int64_t axis = n.Int("axis", 1);
    if (axis < 0) axis += 2;
    if (turned && scale.rank() == 2) return false;  // the scales are transposed, too
    form->axis = turned ? 1 - axis : axis;
    form->scale_rank = scale.rank();
    return scale.rank() == (form->block == 0 ? 1 : 2);
  }

  Pattern p_;
};

}  // namespace

void FuseTables(const Model& model, BodyPlan* body) {
  TableMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
