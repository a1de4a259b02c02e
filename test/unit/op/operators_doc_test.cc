// docs/operators.md says what the registry holds: every operator in its order, opsets and file.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/lower/lower.h"
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

// The rows of the tables of docs/operators.md, by the first cell of their heads' last columns.
std::map<std::string, std::vector<std::vector<std::string>>> Tables() {
  std::ifstream in(std::string(MOSAIC_SOURCE_DIR) + "/docs/operators.md");
  EXPECT_TRUE(in.good());
  std::map<std::string, std::vector<std::vector<std::string>>> tables;
  std::string name, before;
  for (std::string line; std::getline(in, line); before = line) {
    if (line.rfind("|---", 0) == 0) {
      name = Cells(before).back();
    } else if (!name.empty() && line.rfind("| ", 0) == 0) {
      tables[name].push_back(Cells(line));
    } else {
      name.clear();
    }
  }
  return tables;
}

std::string Contents(const std::string& path) {
  std::ifstream file(std::string(MOSAIC_SOURCE_DIR) + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "[path](...)"
std::string PathOf(const std::string& link) { return link.substr(1, link.find(']') - 1); }

std::string NameOf(const std::string& domain, const std::string& op) {
  return domain.empty() ? op : domain + "." + op;
}

TEST(OperatorsDocTest, AgreesWithTheRegistry) {
  const std::vector<std::vector<std::string>> rows = Tables()["notes"];
  ASSERT_EQ(rows.size(), AllOps().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const OpDef& def = *AllOps()[i];
    ASSERT_EQ(rows[i].size(), 4U) << def.op_type;
    EXPECT_EQ(rows[i][0], NameOf(def.domain, def.op_type));
    EXPECT_EQ(rows[i][1], std::to_string(def.since)) << def.op_type;
    // The file defines it by name, or as the argument of a macro that makes it one.
    const std::string op = def.op_type, text = Contents("/src/core/op/" + PathOf(rows[i][2]));
    EXPECT_TRUE(text.find("\"" + op + "\"") != std::string::npos ||
                text.find("\nMOSAIC_FUNCTION(" + op + ",") != std::string::npos)
        << rows[i][2] << " does not define " << op;
  }
}

TEST(OperatorsDocTest, AgreesWithWhatIsLowered) {
  std::map<std::string, std::string> lowered;  // by name: the operator
  for (const LowerRule* rule : AllLowerRules()) {
    if (FindOp(rule->domain, rule->op_type) == nullptr)
      lowered[NameOf(rule->domain, rule->op_type)] = rule->op_type;
  }
  const std::vector<std::vector<std::string>> rows = Tables()["becomes"];
  ASSERT_EQ(rows.size(), lowered.size());
  auto it = lowered.begin();
  for (const std::vector<std::string>& row : rows) {
    ASSERT_EQ(row.size(), 3U) << row[0];
    EXPECT_EQ(row[0], it->first);
    EXPECT_NE(row[2], "") << row[0];
    EXPECT_NE(Contents("/src/core/lower/" + PathOf(row[1])).find("\"" + it->second + "\", "),
              std::string::npos)
        << row[1] << " has no rule for " << row[0];
    ++it;
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
