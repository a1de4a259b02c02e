#include "core/dedup/metric.h"

#include <cmath>
#include <limits>
#include <random>

#include "run/fake_store.h"

namespace mosaic {
namespace {

using testing::Seed;

void Add(Metric* m, const std::vector<float>& outputs, const std::vector<double>& expected) {
  const Status s = m->Add(outputs.data(), static_cast<int64_t>(outputs.size()), expected.data());
  ASSERT_TRUE(s.ok()) << s.message();
}

Status TryAdd(MetricKind kind, const std::vector<float>& outputs, double label) {
  return Metric::New(kind)->Add(outputs.data(), static_cast<int64_t>(outputs.size()), &label);
}

TEST(MetricTest, NamesAndKinds) {
  for (const char* name : {"accuracy", "auc", "r2", "mae", "agreement", "max_abs_error"}) {
    MetricKind kind{};
    ASSERT_TRUE(ParseMetric(name, &kind).ok());
    EXPECT_STREQ(MetricName(kind), name);
    EXPECT_TRUE(std::isnan(Metric::New(kind)->value())) << name;
  }
  MetricKind kind{};
  const Status s = ParseMetric("f1", &kind);
  EXPECT_EQ(s.code(), MOSAIC_E_INVALID);
  EXPECT_NE(s.hint().find("accuracy, auc, r2, mae, agreement, max_abs_error"), std::string::npos);
}

TEST(MetricTest, Accuracy) {
  const auto m = Metric::New(MetricKind::kAccuracy);
  Add(m.get(), {0.1f, 0.9f, 0.3f}, {1});
  Add(m.get(), {0.5f, 0.5f, 0.3f}, {1});  // the first of equals is chosen
  Add(m.get(), {0.5f, 0.5f, 0.3f}, {0});
  Add(m.get(), {0.5f, std::nanf(""), 0.3f}, {1});
  EXPECT_DOUBLE_EQ(m->value(), 0.5);
  EXPECT_EQ(m->rows(), 4);
}

TEST(MetricTest, AccuracyOfOneOutputIsAProbability) {
  const auto m = Metric::New(MetricKind::kAccuracy);
  Add(m.get(), {0.5f}, {1});
  Add(m.get(), {0.49f}, {0});
  Add(m.get(), {0.9f}, {0});
  EXPECT_DOUBLE_EQ(m->value(), 2.0 / 3);
}

// By definition: the share of pairs in the right order, ties half.
TEST(MetricTest, AucAgainstAllPairs) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int trial = 0; trial < 50; ++trial) {
    const auto one = Metric::New(MetricKind::kAuc), two = Metric::New(MetricKind::kAuc);
    std::vector<std::pair<float, int>> rows;
    const int n = 2 + static_cast<int>(rng() % 60);
    for (int i = 0; i < n; ++i) {
      const int label = i < 2 ? i : static_cast<int>(rng() % 2);
      const float score = static_cast<float>(rng() % 10) / 4 + static_cast<float>(label) * 0.25f;
      rows.push_back({score, label});
      Add(one.get(), {score}, {static_cast<double>(label)});
      Add(two.get(), {1, 1 + score}, {static_cast<double>(label)});
    }
    double ordered = 0, pairs = 0;
    for (const auto& p : rows) {
      for (const auto& q : rows) {
        if (p.second != 1 || q.second != 0) continue;
        pairs += 1;
        ordered += p.first > q.first ? 1 : p.first == q.first ? 0.5 : 0;
      }
    }
    EXPECT_DOUBLE_EQ(one->value(), ordered / pairs);
    EXPECT_DOUBLE_EQ(two->value(), ordered / pairs);
  }
}

TEST(MetricTest, AucIsUndefinedForOneClassAndForNan) {
  auto m = Metric::New(MetricKind::kAuc);
  Add(m.get(), {0.3f}, {1});
  EXPECT_TRUE(std::isnan(m->value()));
  Add(m.get(), {0.1f}, {0});
  EXPECT_DOUBLE_EQ(m->value(), 1);
  Add(m.get(), {std::nanf("")}, {0});
  EXPECT_TRUE(std::isnan(m->value()));
}

TEST(MetricTest, R2IsStableFarFromZero) {
  const auto m = Metric::New(MetricKind::kR2);
  for (int i = 0; i < 1000; ++i) {
    Add(m.get(), {static_cast<float>(1e6 + i % 10 + (i % 2 == 0 ? 1 : -1))}, {1e6 + i % 10});
  }
  EXPECT_NEAR(m->value(), 1 - 1 / 8.25, 1e-9);  // residual 1, variance of 0..9 is 8.25
  const auto same = Metric::New(MetricKind::kR2);
  Add(same.get(), {1}, {2});
  Add(same.get(), {1}, {2});
  EXPECT_TRUE(std::isnan(same->value()));
}

TEST(MetricTest, MaeAgreementAndMaxAbsError) {
  const auto mae = Metric::New(MetricKind::kMae);
  Add(mae.get(), {1}, {2});
  Add(mae.get(), {1}, {-2});
  EXPECT_DOUBLE_EQ(mae->value(), 2);
  const auto agreement = Metric::New(MetricKind::kAgreement);
  Add(agreement.get(), {1, 2}, {0, 9});
  Add(agreement.get(), {1, 2}, {9, 0});
  EXPECT_DOUBLE_EQ(agreement->value(), 0.5);
  const auto error = Metric::New(MetricKind::kMaxAbsError);
  Add(error.get(), {1, 2}, {1.5, 2});
  Add(error.get(), {1, 2}, {1, -1});
  EXPECT_DOUBLE_EQ(error->value(), 3);
  Add(error.get(), {std::nanf("")}, {1});
  Add(error.get(), {1}, {1});
  EXPECT_TRUE(std::isnan(error->value()));
}

TEST(MetricTest, WrongLabelsAndOutputsAreNamed) {
  for (double label : {-1.0, 3.0, 0.5, std::nan(""), 1e30}) {
    EXPECT_EQ(TryAdd(MetricKind::kAccuracy, {1, 2, 3}, label).code(), MOSAIC_E_INVALID) << label;
  }
  EXPECT_NE(TryAdd(MetricKind::kAccuracy, {1, 2, 3}, 7).message().find("0 to 2"),
            std::string::npos);
  EXPECT_EQ(TryAdd(MetricKind::kAuc, {1, 2, 3}, 1).code(), MOSAIC_E_INVALID);
  EXPECT_EQ(TryAdd(MetricKind::kAuc, {1, 2}, 2).code(), MOSAIC_E_INVALID);
  EXPECT_EQ(TryAdd(MetricKind::kR2, {1, 2}, 2).code(), MOSAIC_E_INVALID);
  EXPECT_EQ(TryAdd(MetricKind::kMae, {1, 2}, 2).code(), MOSAIC_E_INVALID);
}

// Against what the values of many samples scatter by.
TEST(MetricTest, StandardErrors) {
  std::mt19937 rng(1);
  std::normal_distribution<double> gauss;
  const MetricKind kinds[] = {MetricKind::kAccuracy, MetricKind::kAuc, MetricKind::kR2,
                              MetricKind::kMae, MetricKind::kAgreement};
  for (MetricKind kind : kinds) {
    double sum = 0, squares = 0, told = 0;
    constexpr int kSamples = 400;
    for (int s = 0; s < kSamples; ++s) {
      auto m = Metric::New(kind);
      for (int i = 0; i < 200; ++i) {
        const double x = gauss(rng);
        const bool real = kind == MetricKind::kR2 || kind == MetricKind::kMae;
        const double label = x + 0.7 * gauss(rng);
        const float output = static_cast<float>(real ? x : 1 / (1 + std::exp(-x)));
        const double expected = real ? label : label >= 0 ? 1 : 0;
        ASSERT_TRUE(m->Add(&output, 1, &expected).ok());
      }
      sum += m->value();
      squares += m->value() * m->value();
      told += m->standard_error() / kSamples;
    }
    const double scatter = std::sqrt(squares / kSamples - sum / kSamples * (sum / kSamples));
    EXPECT_GT(told, 0.75 * scatter) << MetricName(kind);
    EXPECT_LT(told, 1.35 * scatter) << MetricName(kind);
  }
  auto largest = Metric::New(MetricKind::kMaxAbsError);
  const float output = 1;
  const double expected = 2;
  ASSERT_TRUE(largest->Add(&output, 1, &expected).ok());
  EXPECT_TRUE(std::isnan(largest->standard_error()));
}

}  // namespace
}  // namespace mosaic
