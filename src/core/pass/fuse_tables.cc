#include "core/pass/fuse_tables.h"

#include "core/op/quant/table_product.h"
#include "core/pass/pattern.h"

namespace mosaic {
namespace {

class TableMatcher {
 public:
  TableMatcher(const Model& model, const BodyPlan& body) : p_(model, body) {}

  bool Match(size_t last, Fusion* out) {
    if (p_.Is(last, "Gemm")) return MatchDense(last, out);
    if (!p_.Is(last, "MatMul") || p_.fact(p_.node(last).inputs[0]).dtype != MOSAIC_FLOAT)
      return false;
    const int operand = p_.node(last).inputs[1];
    size_t dequantise = OnlyMaker(operand, "DequantizeLinear"), turn = Pattern::kNone;
    if (dequantise != Pattern::kNone) {
      turn = OnlyMaker(p_.node(dequantise).inputs[0], "Transpose");
    } else {
      turn = OnlyMaker(operand, "Transpose");
      if (turn != Pattern::kNone)
        dequantise = OnlyMaker(p_.node(turn).inputs[0], "DequantizeLinear");
    }
    if (dequantise == Pattern::kNone || turn == Pattern::kNone) return false;
    const bool turned_first = p_.node(last).inputs[1] == p_.node(dequantise).outputs[0];
    const int table = p_.node(turned_first ? turn : dequantise).inputs[0];
    const ModelTensor* t = p_.Constant(table);
    if (t == nullptr || t->weight.shape.size() != 2 || !Turns(p_.node(turn))) return false;
    if (!Scales(p_.node(dequantise), t->weight, turned_first ? 1 : 0)) return false;
    out->taken = {last, dequantise, turn};
    SetNode(last, dequantise, table, "MatMul + DequantizeLinear + Transpose", out);
    return true;
  }

 private:
  // Gemm(x, DequantizeLinear(table)[, bias]), the table transposed: a dense layer of bytes.
  bool MatchDense(size_t last, Fusion* out) {
    const Node& n = p_.node(last);
    const size_t dequantise = OnlyMaker(n.inputs[1], "DequantizeLinear");
    if (dequantise == Pattern::kNone || n.Int("transA", 0) != 0 || n.Int("transB", 0) == 0 ||
        n.Float("alpha", 1) != 1 || p_.fact(n.inputs[0]).dtype != MOSAIC_FLOAT) {
      return false;
    }
    const int table = p_.node(dequantise).inputs[0];
    const ModelTensor* t = p_.Constant(table);
    if (t == nullptr || t->weight.shape.size() != 2 || !Scales(p_.node(dequantise), t->weight, 0)) {
      return false;
    }
    const int bias = n.inputs.size() > 2 ? n.inputs[2] : -1;
    if (bias >= 0 && (n.Float("beta", 1) != 1 || !IsRow(bias, t->weight.shape[0]))) return false;
    out->taken = {last, dequantise};
    SetNode(last, dequantise, table, "Gemm + DequantizeLinear", out);
    if (bias >= 0) {
      out->node.inputs.resize(4, -1);
      out->node.inputs.push_back(bias);
    }
    return true;
  }

  void SetNode(size_t last, size_t dequantise, int table, const char* op_type, Fusion* out) {
    const Node& d = p_.node(dequantise);
    out->node = p_.node(last);
    out->node.op_type = op_type;
    out->node.inputs = {p_.node(last).inputs[0], table, d.inputs[1]};
    if (d.inputs.size() > 2) out->node.inputs.push_back(d.inputs[2]);
    out->op = MakeTableProduct();
  }

  bool IsRow(int value, int64_t columns) const {
    const Fact& f = p_.fact(value);
    return f.dtype == MOSAIC_FLOAT && f.ranked && f.rank() == 1 && f.dims[0].Is(columns);
  }
  size_t OnlyMaker(int value, const char* op_type) const {
    return p_.ReadOnce(value) ? p_.Maker(value, op_type) : Pattern::kNone;
  }
  static bool Turns(const Node& n) {
    const std::vector<int64_t> perm = n.Ints("perm");
    return perm.empty() || (perm.size() == 2 && perm[0] == 1);
  }
  // One scale, or one for each row of the table, which is this axis of what is dequantised; zero
  // points likewise.
  bool Scales(const Node& n, const StreamedWeight& table, int64_t rows_axis) const {
    if (table.dtype != MOSAIC_INT8 && table.dtype != MOSAIC_UINT8) return false;
    if (n.Int("block_size", 0) != 0 || p_.fact(n.outputs[0]).dtype != MOSAIC_FLOAT) return false;
    const int64_t axis = n.Int("axis", 1);
    for (size_t i = 1; i < n.inputs.size(); ++i) {
      if (n.inputs[i] < 0) continue;
      const Fact& f = p_.fact(n.inputs[i]);
      if (i == 1 && f.dtype != MOSAIC_FLOAT) return false;
      if (!f.ranked || f.rank() > 1) return false;
      if (f.rank() == 0 || f.dims[0].Is(1)) continue;
      if ((axis < 0 ? axis + 2 : axis) != rows_axis || !f.dims[0].Is(table.shape[0])) return false;
    }
    return true;
  }

  Pattern p_;
};

}  // namespace

void FuseTables(const Model& model, BodyPlan* body) {
  TableMatcher matcher(model, *body);
  FuseAll(&matcher, body);
}

}  // namespace mosaic
