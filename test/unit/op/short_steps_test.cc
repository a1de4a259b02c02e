// That every operator can be interrupted soon, whatever its inputs are: between two checks lies a unit, and no unit is
// long. For arrays of 10^8 elements, of every shape that a generator draws, what Start says that a unit costs is
// bounded. Elements are not touched, and nothing here looks at a clock.
#include <gtest/gtest.h>

#include "op/samples/call.h"
#include "op/samples/seed.h"

namespace mosaic {
namespace {

using namespace samples;  // NOLINT: all of it

constexpr int64_t kLarge = 100000000;  // elements of an array
constexpr double kUnitCost = 2.5e7;    // that a unit may declare; the largest are products in vectors
constexpr size_t kPhases = 1000000;  // 40 MB; some for each MB of patches

// A call that has started on inputs of which only the shapes are there.
struct Started {
  std::unique_ptr<Op> op;
  std::vector<StreamedWeight> weights;
  Call call, preparing;

  Status Start(const Sample& s, Arena* arena, bool stream);
  Status Set(const Sample& s, Arena* arena, bool stream, std::vector<Fact>* facts);
  void Stream(const WeightStream& w);
};

// The input as blocks, where it could be stored so.
void Started::Stream(const WeightStream& w) {
  const size_t i = static_cast<size_t>(w.input);
  const Tensor& t = call.inputs[i];
  if (!t.defined() || t.size() == 0 || t.dtype() != MOSAIC_FLOAT || t.rank() < 2) return;
  StreamedWeight& weight = weights[i];
  weight.dtype = t.dtype();
  weight.shape = t.shape();
  weight.transposed = w.transposed;
  const int64_t n = t.dim(0), d = t.size() / n;
  if (w.layout == MOSAIC_LAYOUT_ROW) {
    weight.blocking = PlanRow(MOSAIC_FLOAT, n, d, 126);
  } else if (w.form == WeightForm::kMatrix && t.rank() == 2) {
    weight.blocking = w.transposed ? PlanStrip(d, n, 126) : PlanStrip(n, d, 126);
  } else {
    return;
  }
  call.weights[i] = &weight;
  call.inputs[i] = Tensor();
}

Status Started::Set(const Sample& s, Arena* arena, bool stream, std::vector<Fact>* facts) {
  MOSAIC_RETURN_IF_ERROR(MakeOp(s.node, &op));
  for (const Given& g : s.inputs) {
    const Tensor t = ShapeOnly(g, arena, 1);
    Fact f;
    if (t.defined()) f = t.raw() != nullptr || t.dtype() == MOSAIC_SEQUENCE ? Fact::OfTensor(t) : Fact::Of(t.dtype(), DimsOf(t.shape()));
    f.item_axis = kShared;
    facts->push_back(f);
    call.inputs.push_back(t);
  }
  call.weights.assign(call.inputs.size(), nullptr);
  weights.resize(call.inputs.size());
  for (const WeightStream& w : op->streams()) {
    if (stream) Stream(w);
  }
  call.facts = *facts;
  return Status();
}

Status Started::Start(const Sample& s, Arena* arena, bool stream) {
  std::vector<Fact> facts, outputs;
  MOSAIC_RETURN_IF_ERROR(Set(s, arena, stream, &facts));
  bool deferred = false;
  MOSAIC_RETURN_IF_ERROR(InferOp(*op, facts, s.outputs, "", &outputs, &deferred));
  MOSAIC_RETURN_IF_ERROR(StartCall(*op, outputs, std::vector<bool>(s.outputs, true), &call));
  if (const PreparingOp* p = AsPreparing(*op)) {
    int64_t bytes = 0;
    preparing.inputs = call.inputs;
    preparing.weights = call.weights;
    MOSAIC_RETURN_IF_ERROR(p->StartPreparing(preparing, &bytes));
  }
  return Status();
}

void CheckPhases(const Call& call) {
  EXPECT_LE(call.phases.size(), kPhases) << "phases take memory that nothing counts";
  for (size_t p = 0; p < std::min(call.phases.size(), kPhases); ++p) {
    EXPECT_LE(call.phases[p].unit_cost, kUnitCost) << "a unit of phase " << p;
    EXPECT_GE(call.phases[p].unit_cost, 0);
  }
}

TEST(ShortSteps, DeclaredAtTheLargestSizes) {
  const uint64_t seed = TestSeed();
  for (const Generator& g : Generators()) {
    SCOPED_TRACE(g.op_type);
    const int failures = Failures();
    for (int k = 0; k < 40; ++k) {
      Draw d(seed + static_cast<uint64_t>(k), kLarge);
      const Sample s = DrawSample(g, d);
      SCOPED_TRACE(DescribeSample(s));
      for (bool stream : {false, true}) {
        Arena arena;
        Started started;
        const Status status = started.Start(s, &arena, stream);
        if (!status.ok()) {
          EXPECT_NE(status.code(), MOSAIC_E_INTERNAL) << status.message();
          continue;
        }
        CheckPhases(started.call);
        CheckPhases(started.preparing);
      }
      if (Failures() > failures) break;
    }
  }
}

double DeclaredCost(const Generator& g) {
  Draw d(1, kLarge);
  Arena arena;
  Started started;
  const Status status = started.Start(DrawSample(g, d), &arena, false);
  EXPECT_TRUE(status.ok()) << status.message();
  double cost = 0;
  for (const Phase& p : started.call.phases) cost += static_cast<double>(p.units) * p.unit_cost;
  return cost;
}

// One pixel of 1,000 channels by 1,000 filters: packing a kernel takes longer than multiplying by it.
TEST(ShortSteps, KernelsThatArePackedForAProductCountFully) {
  const auto draw = [](Draw&, Sample* s) { s->Data(MOSAIC_FLOAT, {1, 1000, 1, 1}).Const(MOSAIC_FLOAT, {1000, 1000, 1, 1}); };
  EXPECT_GE(DeclaredCost({kOnnxDomain, "Conv", draw}), 10.0 * 1000 * 1000);          // transposed
  EXPECT_GE(DeclaredCost({kOnnxDomain, "ConvTranspose", draw}), 4.0 * 1000 * 1000);  // as they lie
}

}  // namespace
}  // namespace mosaic
