// docs/operators.md says what the registry holds: every operator in its order, opsets and file.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/op/op.h"
#include "core/op/reviewed.h"

namespace mosaic {
namespace {

// The cells of a row of a Markdown table, trimmed.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t first = cell.find_first_not_of(' '), last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

TEST(OperatorsDocTest, AgreesWithTheRegistry) {
  std::ifstream in(std::string(MOSAIC_SOURCE_DIR) + "/docs/operators.md");
  ASSERT_TRUE(in.good());
  std::vector<std::vector<std::string>> rows;
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("|---", 0) == 0) {
      in_table = true;
    } else if (in_table && line.rfind("| ", 0) == 0) {
      rows.push_back(Cells(line));
    }
  }
  ASSERT_EQ(rows.size(), AllOps().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const OpDef& def = *AllOps()[i];
    const std::string domain = def.domain[0] == 0 ? "" : std::string(def.domain) + ".";
    ASSERT_EQ(rows[i].size(), 4U) << def.op_type;
    EXPECT_EQ(rows[i][0], domain + def.op_type);
    EXPECT_EQ(rows[i][1], std::to_string(def.since)) << def.op_type;
    // The file holds the definition.
    const std::string name = rows[i][2].substr(1, rows[i][2].find(']') - 1);
    std::ifstream file(std::string(MOSAIC_SOURCE_DIR) + "/src/core/op/" + name);
    std::stringstream text;
    text << file.rdbuf();
    // By name, or as the argument of a macro that makes it one.
    const std::string op = def.op_type, all = text.str();
    EXPECT_TRUE(all.find("\"" + op + "\"") != std::string::npos ||
                all.find("\nMOSAIC_FUNCTION(" + op + ",") != std::string::npos)
        << name << " does not define " << def.op_type;
  }
}

// ONNX's own versions (tools/onnx_versions.py): what is implemented is the newest form among those
// that were reviewed, so raising kNewestOpset fails here until every change since is looked at.
TEST(RegistryTest, ImplementsTheNewestReviewedForms) {
  std::ifstream in(std::string(MOSAIC_SOURCE_DIR) + "/test/data/onnx_versions.txt");
  std::map<std::string, std::vector<int>> versions;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (int v; words >> v;) versions[name].push_back(v);
  }
  ASSERT_GT(versions.size(), 200U);
  for (const OpDef* def : AllOps()) {
    const std::string domain = def->domain, key = domain + "/" + def->op_type;
    // ONNX Runtime writes this one into ONNX's domain.
    if (domain == kMicrosoftDomain || key == "/SimplifiedLayerNormalization") continue;
    int reviewed = domain == kMlDomain ? kReviewedMlOpset : kNewestOpset;
    const auto found = versions.find((domain.empty() ? "" : domain + ".") + def->op_type);
    ASSERT_NE(found, versions.end()) << "ONNX has no operator " << def->op_type;
    reviewed = std::max(reviewed, found->second[0]);  // an operator that is newer
    // Version 5 of ai.onnx.ml only says that TreeEnsemble takes their place.
    if (key == "ai.onnx.ml/TreeEnsembleClassifier" || key == "ai.onnx.ml/TreeEnsembleRegressor") {
      reviewed = 3;
    }
    int newest = 0;
    for (int v : found->second) newest = v <= reviewed ? std::max(newest, v) : newest;
    EXPECT_EQ(def->since, newest) << def->op_type;
    EXPECT_TRUE(IsReviewed(*def, reviewed)) << def->op_type;
  }
}

TEST(RegistryTest, IsSortedAndWithoutOverlap) {
  std::set<std::string> seen;
  std::string previous;
  for (const OpDef* def : AllOps()) {
    const std::string key = std::string(def->domain) + "/" + def->op_type;
    EXPECT_LE(previous, key);
    previous = key;
    EXPECT_TRUE(seen.insert(key).second) << key;
    EXPECT_LE(def->since, def->max_opset) << key;
    EXPECT_EQ(FindOp(def->domain, def->op_type), def);
  }
  EXPECT_EQ(FindOp("", "Nonsense"), nullptr);
  EXPECT_EQ(FindOp("nowhere", "Relu"), nullptr);
}

}  // namespace
}  // namespace mosaic
