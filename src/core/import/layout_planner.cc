#include "core/import/layout_planner.h"

#include <algorithm>

#include "core/lower/lower.h"
#include "core/op/op.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// How the nodes of a graph use one tensor.
struct Uses {
  bool product_km = false;  // a strip, K x M
  bool product_mk = false;  // a strip, M x K
  bool convolution = false, recurrence = false, rows = false;  // strips of more dimensions
  int64_t groups = 1;                            // of the convolution
  bool gathered = false;    // rows along axis 0
  bool other = false;
};

// What an operator says of the input (Op::streams).
void Note(const Op* op, size_t input, Uses* uses) {
  if (op != nullptr) {
    for (const WeightStream& s : op->streams()) {
      if (static_cast<size_t>(s.input) != input) continue;
      if (s.layout == MOSAIC_LAYOUT_ROW) {
        (s.any_cut ? uses->other : uses->gathered) = true;
      } else if (s.form == WeightForm::kConvolution) {
        (s.transposed ? uses->convolution : uses->rows) = true;
        uses->groups = std::max(uses->groups, s.groups);
      } else if (s.form == WeightForm::kRecurrence) {
        uses->recurrence = true;
      } else {
        (s.transposed ? uses->product_mk : uses->product_km) = true;
      }
      return;
    }
  }
  uses->other = true;
}

void CollectUses(const Body& body, std::vector<Uses>* uses) {
  for (const Node& n : body.nodes) {
    std::unique_ptr<Op> op;
    const OpDef* def = FindOp(n.domain, n.op_type);
    if (def != nullptr && !def->make(n, &op).ok()) op.reset();
    for (size_t k = 0; k < n.inputs.size(); ++k) {
      if (n.inputs[k] < 0) continue;
      const int tensor = body.values[static_cast<size_t>(n.inputs[k])].tensor;
      if (tensor >= 0 && static_cast<size_t>(tensor) < uses->size()) {
        Note(op.get(), k, &(*uses)[static_cast<size_t>(tensor)]);
      }
    }
  }
  for (int o : body.outputs) {
    const int tensor = body.values[static_cast<size_t>(o)].tensor;
    if (tensor >= 0 && static_cast<size_t>(tensor) < uses->size()) {
      (*uses)[static_cast<size_t>(tensor)].other = true;
    }
  }
}

// Constants that lowering makes are none of the file's.
int AddNothing(void*, const std::string&, const Tensor&) { return -1; }

// Whole blocks, whatever the length: the cut of a prefix is that of the whole.
Blocking PlanList(int dtype, int64_t n, int height) {
  Blocking b;
  b.layout = MOSAIC_LAYOUT_ROW;
  b.dtype = dtype;
  b.rows = n;
  b.cols = 1;
  b.block_cols = 1;
  b.block_rows = static_cast<int>(int64_t{height} * MOSAIC_ROW_BYTES / DTypeSize(dtype));
  return b;
}

// In which type floats are stored: as asked for, else so that nothing is lost, in 16 bits where the
// file has no more. Products by bfloat16 round activations too, so that strips are asked for.
int StoredType(const GraphTensor& t, bool strip, int weight_dtype) {
  if (!IsFloat(t.dtype)) return t.dtype;
  if (weight_dtype != MOSAIC_FLOAT) return weight_dtype;
  const bool half = t.data.dtype == MOSAIC_FLOAT16 || (!strip && t.data.dtype == MOSAIC_BFLOAT16);
  return half ? t.data.dtype : MOSAIC_FLOAT;
}

Layout Plan(const GraphTensor& t, const Uses& uses, int height, int weight_dtype) {
  Layout l;
  if (IsInline(t.dtype, t.elements)) return l;
  if (t.as_stored) {
    l.layout = MOSAIC_LAYOUT_ROW;
    l.blocking = PlanRow(t.data.dtype, t.elements, 1, height);
    return l;
  }
  const bool large = uses.convolution || uses.recurrence || uses.rows;
  const bool product =
      uses.product_km != uses.product_mk && !uses.gathered && !uses.other && !large;
  // A folded Transpose can only be undone by packing strips.
  const bool packs = IsFloat(t.dtype) ? product || t.flipped : IsByte(t.dtype) && product;
  if (t.dims.size() == 2 && packs) {
    l.layout = MOSAIC_LAYOUT_STRIP;
    l.transposed = uses.product_mk && !uses.product_km;
    const int64_t k = t.dims[l.transposed ? 1 : 0], m = t.dims[l.transposed ? 0 : 1];
    l.blocking = PlanStrip(k, m, height, StoredType(t, true, weight_dtype));
    return l;
  }
  if (IsFloat(t.dtype) && t.dims.size() > 2 && uses.convolution + uses.recurrence + uses.rows == 1 &&
      !uses.product_km && !uses.product_mk && !uses.gathered && !uses.other) {
    if (uses.rows) {
      l.layout = MOSAIC_LAYOUT_STRIP;
      l.blocking = PlanStrip(t.dims[0], t.elements / t.dims[0], height, weight_dtype);
      return l;
    }
    const int64_t m = uses.convolution ? t.dims[0] : t.elements / t.dims.back();
    if (uses.groups == 1 || (m / uses.groups) % MOSAIC_STRIP_COLS == 0) {
      l.layout = MOSAIC_LAYOUT_STRIP;
      l.transposed = true;
      l.blocking = PlanStrip(t.elements / m, m, height, weight_dtype);
      if (uses.convolution) l.taps = t.elements / m / t.dims[1];
      return l;
    }
  }
  l.layout = MOSAIC_LAYOUT_ROW;
  if (t.list && !uses.gathered) {
    l.blocking = PlanList(t.dtype, t.elements, height);
    return l;
  }
  const bool table = uses.gathered && t.dims.size() >= 2;
  const int64_t n = table ? t.dims[0] : t.elements;
  const int dtype = StoredType(t, false, table ? weight_dtype : MOSAIC_FLOAT);
  l.blocking = PlanRow(dtype, n, t.elements / n, height);
  return l;
}

}  // namespace

bool IsInline(int dtype, int64_t elements) {
  return dtype == MOSAIC_STRING || elements * DTypeSize(dtype) < kInlineBytes;
}

Status PlanLayouts(const Graph& graph, const std::vector<GraphTensor>& tensors, int block_height,
                   int weight_dtype, std::vector<Layout>* out) {
  std::vector<Uses> uses(tensors.size());
  Graph lowered = graph;
  MOSAIC_RETURN_IF_ERROR(Lower(&lowered, nullptr, AddNothing));
  CollectUses(lowered, &uses);
  for (const Body& body : lowered.bodies) CollectUses(body, &uses);
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
