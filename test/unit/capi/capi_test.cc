// The C boundary: a prediction through it, and everything that may go wrong on the way.
#include "mosaic/capi.h"

#include "mosaic/capi_prepared.h"

#include "core/capi_guard.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

struct Freer {
  void operator()(MosaicModel* m) const { mosaic_model_free(m); }
  void operator()(MosaicExec* e) const { mosaic_exec_free(e); }
};

class CapiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    x_ = g_.Input("x", MOSAIC_FLOAT, {kSymbolic, 300});
    std::vector<float> w(300 * 20);
    for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 7) - 3;
    g_.Output(g_.Call("MatMul", {x_, g_.Constant(g_.store.AddStrip("w", 300, 20, w))}));
    const std::vector<MosaicTensorDesc> descs = g_.store.descs();
    const std::string graph = EncodeGraph(g_.graph);
    MosaicModel* model = nullptr;
    ASSERT_EQ(mosaic_model_new("m", graph.data(), graph.size(), descs.data(), 1, &model, &err_),
              MOSAIC_OK)
        << err_.message;
    model_.reset(model);
    MosaicExec* exec = nullptr;
    ASSERT_EQ(mosaic_exec_new(model, 2, &exec, &err_), MOSAIC_OK);
    exec_.reset(exec);
    input_.assign(600, 0.5f);
    view_ = {MOSAIC_FLOAT, 2, {2, 300}, input_.data()};
  }

  // The two rows of input_.
  void Run() {
    ASSERT_EQ(mosaic_exec_start(exec_.get(), &view_, 2, false, &err_), MOSAIC_OK) << err_.message;
    ServedBlocks served;
    MosaicBlockRequest r{};
    MosaicCode code;
    while ((code = mosaic_exec_step(exec_.get(), &r, &err_)) != MOSAIC_OK) {
      ASSERT_TRUE(code == MOSAIC_MORE || code == MOSAIC_NEED_BLOCKS) << err_.message;
      if (code == MOSAIC_MORE) continue;
      ASSERT_GE(r.count, 1);
      ASSERT_LE(r.count, 2);
      g_.store.Serve({r.tensor, {r.indexes, r.indexes + r.count}}, &served);
      mosaic_exec_supply(exec_.get(), served.payloads());
    }
  }

  GraphBuilder g_;
  int x_ = -1;
  std::unique_ptr<MosaicModel, Freer> model_;
  std::unique_ptr<MosaicExec, Freer> exec_;
  std::vector<float> input_;
  MosaicTensorView view_{};
  MosaicError err_{};
};

TEST_F(CapiTest, PredictsThroughTheBoundary) {
  ASSERT_NO_FATAL_FAILURE(Run());
  MosaicTensorView out{};
  ASSERT_EQ(mosaic_exec_output(exec_.get(), 0, &out, &err_), MOSAIC_OK);
  const auto model = g_.Load();
  const Array want = MustRun(g_, *model, {Floats({2, 300}, std::vector<float>(600, 0.5f))})[0];
  ASSERT_EQ(out.ndim, 2);
  EXPECT_EQ(out.dims[0], 2);
  EXPECT_EQ(out.dims[1], 20);
  EXPECT_EQ(0, std::memcmp(out.data, want.bytes.data(), want.bytes.size()));
  EXPECT_EQ(mosaic_exec_output(exec_.get(), 1, &out, &err_), MOSAIC_E_INTERNAL);
  EXPECT_EQ(mosaic_exec_output(exec_.get(), -1, &out, &err_), MOSAIC_E_INTERNAL);
}

// A statement's execution serves the next one, as if it were new.
TEST_F(CapiTest, ExecutionsAreUsedAgain) {
  mosaic_exec_set_timed(exec_.get(), true);
  mosaic_exec_set_memory_limit(exec_.get(), 1 << 20, 1 << 20);
  ASSERT_NO_FATAL_FAILURE(Run());
  const MosaicExec* first = exec_.get();
  EXPECT_EQ(mosaic_model_kept_bytes(model_.get()), 0);
  exec_.reset();
  EXPECT_GT(mosaic_model_kept_bytes(model_.get()), 500);
  MosaicExec *again = nullptr, *other = nullptr;
  ASSERT_EQ(mosaic_exec_new(model_.get(), 2, &again, &err_), MOSAIC_OK);
  ASSERT_EQ(mosaic_exec_new(model_.get(), 2, &other, &err_), MOSAIC_OK);
  exec_.reset(again);
  const std::unique_ptr<MosaicExec, Freer> second(other);
  EXPECT_EQ(again, first);
  EXPECT_NE(other, first);
  MosaicNodeStats stats{};
  ASSERT_TRUE(mosaic_exec_node_stats(again, 0, &stats));
  EXPECT_EQ(stats.seconds, 0);
  MosaicTensorView out{};
  EXPECT_EQ(mosaic_exec_output(again, 0, &out, &err_), MOSAIC_E_INTERNAL);  // not run yet
  ASSERT_NO_FATAL_FAILURE(Run());
  EXPECT_EQ(mosaic_exec_output(again, 0, &out, &err_), MOSAIC_OK);
}

TEST_F(CapiTest, AnExecutionThatWasGivenUpIsNotUsedAgain) {
  MosaicBlockRequest r{};
  ASSERT_EQ(mosaic_exec_start(exec_.get(), &view_, 2, false, &err_), MOSAIC_OK);
  ASSERT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_NEED_BLOCKS);
  exec_.reset();
  MosaicExec* exec = nullptr;
  ASSERT_EQ(mosaic_exec_new(model_.get(), 2, &exec, &err_), MOSAIC_OK);
  exec_.reset(exec);
  ASSERT_NO_FATAL_FAILURE(Run());
}

TEST_F(CapiTest, TheModelMayGoBeforeItsExecutions) {
  ASSERT_NO_FATAL_FAILURE(Run());
  model_.reset();
  exec_.reset();
}

TEST_F(CapiTest, WrongOrderIsAnErrorNotACrash) {
  MosaicBlockRequest r{};
  MosaicTensorView out{};
  EXPECT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_E_INTERNAL);
  EXPECT_EQ(mosaic_exec_output(exec_.get(), 0, &out, &err_), MOSAIC_E_INTERNAL);
  ASSERT_EQ(mosaic_exec_start(exec_.get(), &view_, 2, false, &err_), MOSAIC_OK);
  ASSERT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_NEED_BLOCKS);
  EXPECT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_E_INTERNAL);
  EXPECT_EQ(mosaic_exec_output(exec_.get(), 0, &out, &err_), MOSAIC_E_INTERNAL);
  // A failed start forgets the unfinished prediction.
  MosaicTensorView bad = view_;
  bad.ndim = 99;
  EXPECT_EQ(mosaic_exec_start(exec_.get(), &bad, 2, false, &err_), MOSAIC_E_INVALID);
  EXPECT_STREQ(err_.message,
               "model \"m\": input \"x\" was given an impossible type, shape or size");
  EXPECT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_E_INTERNAL);
  for (int64_t dim : {int64_t{-2}, INT64_MAX}) {
    bad = view_;
    bad.dims[0] = dim;
    EXPECT_EQ(mosaic_exec_start(exec_.get(), &bad, 1, false, &err_), MOSAIC_E_INVALID);
  }
  // Freed while it waits for blocks.
  ASSERT_EQ(mosaic_exec_start(exec_.get(), &view_, 2, false, &err_), MOSAIC_OK);
  ASSERT_EQ(mosaic_exec_step(exec_.get(), &r, &err_), MOSAIC_NEED_BLOCKS);
}

TEST_F(CapiTest, DescribesAndBindsInputs) {
  ASSERT_EQ(mosaic_model_input_count(model_.get()), 1);
  ASSERT_EQ(mosaic_model_output_count(model_.get()), 1);
  const MosaicValueInfo* info = mosaic_model_input(model_.get(), 0);
  EXPECT_STREQ(info->name, "x");
  EXPECT_EQ(info->dtype, MOSAIC_FLOAT);
  ASSERT_EQ(info->ndim, 2);
  EXPECT_EQ(info->dims[0], -1);
  EXPECT_EQ(info->dims[1], 300);
  EXPECT_STREQ(info->dim_names[0], "");
  MosaicBinding b{};
  const int64_t dims[] = {4, 300};
  ASSERT_EQ(mosaic_model_bind(model_.get(), 0, 2, dims, &b, &err_), MOSAIC_OK);
  EXPECT_TRUE(b.batch);
  EXPECT_EQ(b.items, 4);
  EXPECT_EQ(mosaic_model_bind(model_.get(), 0, 1, dims, &b, &err_), MOSAIC_E_INVALID);
  EXPECT_STREQ(err_.message, "model \"m\": input \"x\" takes 300 values, 4 were given");
  EXPECT_NE(err_.hint[0], '\0');
  EXPECT_EQ(mosaic_model_bind(model_.get(), 1, 1, dims, &b, &err_), MOSAIC_E_INTERNAL);
}

TEST_F(CapiTest, RunningOutOfMemoryIsReported) {
  // A shape that operators may compute but no machine can hold.
  GraphBuilder g;
  const int shape = g.Input("shape", MOSAIC_INT64, {2});
  g.Output(g.Call("ConstantOfShape", {shape}));
  const std::string graph = EncodeGraph(g.graph);
  MosaicModel* model = nullptr;
  ASSERT_EQ(mosaic_model_new("m", graph.data(), graph.size(), nullptr, 0, &model, &err_),
            MOSAIC_OK);
  model_.reset(model);
  MosaicExec* exec = nullptr;
  ASSERT_EQ(mosaic_exec_new(model, 1, &exec, nullptr), MOSAIC_OK);
  exec_.reset(exec);
  const int64_t dims[] = {int64_t{1} << 30, int64_t{1} << 30};
  const MosaicTensorView view = {MOSAIC_INT64, 1, {2}, dims};
  ASSERT_EQ(mosaic_exec_start(exec, &view, 1, false, &err_), MOSAIC_OK);
  MosaicBlockRequest r{};
  const MosaicCode code = mosaic_exec_step(exec, &r, &err_);
  EXPECT_TRUE(code == MOSAIC_E_LIMIT || code == MOSAIC_E_NOMEM) << err_.message;
}

TEST(Capi, LongMessagesAreCutBetweenCharacters) {
  // 3-byte characters at every offset: a cut in the middle would leave a broken one.
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string text(shift, 'a');
    while (text.size() < 3000) text += "\xe2\x82\xac";
    MosaicError err;
    EXPECT_EQ(mosaic::Report(&err, mosaic::Status::Corrupt(text)), MOSAIC_E_CORRUPT);
    const std::string shown = err.message;
    ASSERT_GT(shown.size(), sizeof(err.message) - 5);
    EXPECT_EQ((shown.size() - shift) % 3, 0u);
  }
}

TEST(Capi, ImportFailuresAreReported) {
  MosaicSource source{};
  source.size = 4;
  source.read = [](void*, uint64_t, size_t, void*) { return 1; };  // the host holds its error
  const MosaicImportOptions options = {"m", 126, MOSAIC_FLOAT, false, nullptr};
  MosaicImport* job = nullptr;
  MosaicError err{};
  EXPECT_EQ(mosaic_import_new(&source, &options, &job, &err), MOSAIC_E_HOST);
  EXPECT_EQ(job, nullptr);
  source.read = [](void*, uint64_t, size_t len, void* buf) {
    std::memset(buf, 0xff, len);
    return 0;
  };
  EXPECT_EQ(mosaic_import_new(&source, &options, &job, &err), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(job, nullptr);
  mosaic_import_free(nullptr);
  mosaic_model_free(nullptr);
  mosaic_exec_free(nullptr);
}

TEST(Capi, Names) {
  EXPECT_STREQ(mosaic_dtype_name(MOSAIC_FLOAT), "float32");
  EXPECT_EQ(mosaic_dtype_size(MOSAIC_DOUBLE), 8);
  EXPECT_EQ(mosaic_dtype_size(99), 0);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
