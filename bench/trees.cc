// trees: an ensemble of 500 trees of depth 6 over 28 features, as the executor runs it.
//
//   trees [--quick]
//
// One thread, CPU time, medians. "packing" is what is done once for a loaded model. Rows are random; thresholds
// too, so that all paths are taken. The last line is tools/bench_report.py's.
#include <functional>

#include "bench_util.h"
#include "core/graph/graph_format.h"
#include "core/run/batch.h"

namespace {

using namespace mosaic;  // NOLINT

constexpr int64_t kTrees = 500, kFeatures = 28, kBranches = 63, kNodes = 127;

Graph Ensemble(bool missing) {
  std::minstd_rand rng(7);
  std::vector<int64_t> tree, id, feature, yes, no, tracks, leaf_tree, leaf_node, target;
  std::vector<float> value, weight;
  std::vector<std::string> mode;
  for (int64_t t = 0; t < kTrees; ++t) {
    for (int64_t i = 0; i < kNodes; ++i) {
      const bool leaf = i >= kBranches;
      tree.push_back(t);
      id.push_back(i);
      feature.push_back(leaf ? 0 : static_cast<int64_t>(rng() % kFeatures));
      value.push_back(leaf ? 0 : static_cast<float>(rng() % 2001) / 1000 - 1);
      yes.push_back(leaf ? 0 : 2 * i + 1);
      no.push_back(leaf ? 0 : 2 * i + 2);
      tracks.push_back(missing && i % 2 == 0);
      mode.push_back(leaf ? "LEAF" : "BRANCH_LT");
      if (!leaf) continue;
      leaf_tree.push_back(t);
      leaf_node.push_back(i);
      target.push_back(0);
      weight.push_back(static_cast<float>(rng() % 2001) / 1000 - 1);
    }
  }
  Graph g;
  g.opset = 17;
  g.domains = {{"ai.onnx.ml", 3}};
  g.values.resize(2);
  g.values[0].name = "x";
  g.values[0].dtype = MOSAIC_FLOAT;
  g.values[0].has_shape = true;
  g.values[0].dims = {kSymbolic, kFeatures};
  g.values[0].dim_names = {"n", ""};
  g.values[1].name = "y";
  Node node;
  node.domain = "ai.onnx.ml";
  node.op_type = "TreeEnsembleRegressor";
  node.inputs = {0};
  node.outputs = {1};
  node.attributes = {{"nodes_treeids", tree}, {"nodes_nodeids", id}, {"nodes_featureids", feature},
                     {"nodes_values", value}, {"nodes_modes", mode}, {"nodes_truenodeids", yes},
                     {"nodes_falsenodeids", no}, {"nodes_missing_value_tracks_true", tracks},
                     {"target_treeids", leaf_tree}, {"target_nodeids", leaf_node},
                     {"target_ids", target}, {"target_weights", weight}};
  g.nodes = {node};
  g.inputs = {0};
  g.outputs = {1};
  return g;
}

void Check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

void Predict(BatchRun* run, const float* x, int64_t rows) {
  Check(run->Start({Tensor::Borrow(MOSAIC_FLOAT, {rows, kFeatures}, x)}, rows));
  for (BatchRun::Outcome outcome = BatchRun::Outcome::kMore; outcome != BatchRun::Outcome::kDone;) {
    Check(run->Step(&outcome));
  }
}

double Seconds(int turns, int repeats, const std::function<void()>& f) {
  std::vector<double> times;
  for (int t = 0; t < turns; ++t) {
    const double begin = bench::CpuSeconds();
    for (int r = 0; r < repeats; ++r) f();
    times.push_back((bench::CpuSeconds() - begin) / repeats);
  }
  return bench::Median(times);
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  const int turns = quick ? 3 : 9;
  const std::vector<float> x = bench::RandomFloats(100000 * kFeatures, 3);
  for (const bool missing : {false, true}) {
    std::unique_ptr<Model> model;
    Check(Model::Load("trees", EncodeGraph(Ensemble(missing)), nullptr, 0, &model));
    const double packing = Seconds(turns, 1, [&] {
      BatchRun fresh(*model, 1000);
      Predict(&fresh, x.data(), 1);
    });
    BatchRun run(*model, 1000);
    run.executor().SharePrepared();
    Predict(&run, x.data(), 1);
    std::printf("%s\n", missing ? "with directions of missing values" : "500 trees of depth 6");
    std::printf("  packing, and one row     %8.2f ms\n", packing * 1e3);
    for (const int64_t rows : {1, 16, 64, 1000, 100000}) {
      if (quick && rows > 1000) continue;
      const int repeats = static_cast<int>(std::max<int64_t>(1, (quick ? 300 : 3000) / rows));
      const double row = Seconds(turns, repeats, [&] { Predict(&run, x.data(), rows); }) / static_cast<double>(rows);
      std::printf("  %6ld rows              %8.2f us a row\n", static_cast<long>(rows), row * 1e6);
      std::printf("report %srow_us_%ld=%.3g\n", missing ? "missing_" : "", static_cast<long>(rows), row * 1e6);
    }
  }
  return 0;
}
