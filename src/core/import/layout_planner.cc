#include "core/import/layout_planner.h"

#include "core/util/quote.h"

namespace mosaic {
namespace {

// How the nodes of a graph use one tensor.
struct Uses {
  bool product_km = false;  // right-hand operand, K x M
  bool product_mk = false;  // right-hand operand, M x K (transB)
  bool gathered = false;    // data of a Gather along axis 0
  bool other = false;
};

void Note(const Node& n, size_t input, size_t rank, Uses* uses) {
  if (IsProductWeight(n, input)) {
    const bool transposed = n.op_type == "Gemm" && n.Int("transB", 0) != 0;
    (transposed ? uses->product_mk : uses->product_km) = true;
  } else if (n.op_type == "Gather" && input == 0 &&
             (n.Int("axis", 0) == 0 || n.Int("axis", 0) == -static_cast<int64_t>(rank))) {
    uses->gathered = true;
  } else {
    uses->other = true;
  }
}

std::vector<Uses> CollectUses(const Graph& graph, size_t tensors) {
  std::vector<Uses> uses(tensors);
  for (const Node& n : graph.nodes) {
    for (size_t k = 0; k < n.inputs.size(); ++k) {
      if (n.inputs[k] < 0) continue;
      const Value& v = graph.values[static_cast<size_t>(n.inputs[k])];
      if (v.tensor >= 0) Note(n, k, v.dims.size(), &uses[static_cast<size_t>(v.tensor)]);
    }
  }
  for (int o : graph.outputs) {
    const Value& v = graph.values[static_cast<size_t>(o)];
    if (v.tensor >= 0) uses[static_cast<size_t>(v.tensor)].other = true;
  }
  return uses;
}

Layout Plan(const GraphTensor& t, const Uses& uses, int height, int weight_dtype) {
  Layout l;
  if (IsInline(t.dtype, t.elements)) return l;
  const bool product = uses.product_km != uses.product_mk && !uses.gathered && !uses.other;
  // A folded Transpose can only be undone by packing strips.
  if (t.dims.size() == 2 && IsFloat(t.dtype) && (product || t.flipped)) {
    l.layout = MOSAIC_LAYOUT_STRIP;
    l.transposed = uses.product_mk && !uses.product_km;
    const int64_t k = t.dims[l.transposed ? 1 : 0], m = t.dims[l.transposed ? 0 : 1];
    l.blocking = PlanStrip(k, m, height, weight_dtype);
    return l;
  }
  l.layout = MOSAIC_LAYOUT_ROW;
  const bool table = uses.gathered && t.dims.size() >= 2;
  const int64_t n = table ? t.dims[0] : t.elements;
  const int float_dtype = table ? weight_dtype : MOSAIC_FLOAT;
  l.blocking = PlanRow(IsFloat(t.dtype) ? float_dtype : t.dtype, n, t.elements / n, height);
  return l;
}

}  // namespace

bool IsInline(int dtype, int64_t elements) { return elements * DTypeSize(dtype) < kInlineBytes; }

Status PlanLayouts(const Graph& graph, const std::vector<GraphTensor>& tensors, int block_height,
                   int weight_dtype, std::vector<Layout>* out) {
  const std::vector<Uses> uses = CollectUses(graph, tensors.size());
  out->clear();
  for (size_t i = 0; i < tensors.size(); ++i) {
    out->push_back(Plan(tensors[i], uses[i], block_height, weight_dtype));
    if (out->back().layout != MOSAIC_LAYOUT_INLINE && out->back().blocking.blocks() > kMaxBlocks) {
      return Status::Limit("tensor " + Quoted(tensors[i].name) + " " +
                           ShapeString(tensors[i].dims) + " has more than " +
                           std::to_string(kMaxBlocks) + " blocks");
    }
  }
  return {};
}

}  // namespace mosaic
