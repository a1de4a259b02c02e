// docs/operators.md says what the registry holds: every operator in its order, opsets and file.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/op/op.h"

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

std::string Opsets(const OpDef& def) {
  const std::string low = std::to_string(def.min_opset), high = std::to_string(def.max_opset);
  return low == high ? low : low + "–" + high;
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
    ASSERT_EQ(rows[i].size(), 5U) << def.op_type;
    EXPECT_EQ(rows[i][0], def.op_type);
    EXPECT_EQ(rows[i][1], Opsets(def)) << def.op_type;
    EXPECT_NE(rows[i][2], "") << def.op_type;
    // The file holds the definition.
    const std::string name = rows[i][3].substr(1, rows[i][3].find(']') - 1);
    std::ifstream file(std::string(MOSAIC_SOURCE_DIR) + "/src/core/op/" + name);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_NE(text.str().find("{\"" + std::string(def.op_type) + "\","), std::string::npos)
        << name << " does not define " << def.op_type;
  }
}

TEST(RegistryTest, IsSortedAndWithoutOverlap) {
  std::set<std::string> seen;
  std::string previous;
  for (const OpDef* def : AllOps()) {
    EXPECT_LE(previous, def->op_type);
    previous = def->op_type;
    EXPECT_LE(def->min_opset, def->max_opset);
    EXPECT_GE(def->min_opset, 9);
    EXPECT_LE(def->max_opset, 17);
    for (int opset = def->min_opset; opset <= def->max_opset; ++opset) {
      EXPECT_TRUE(seen.insert(previous + std::to_string(opset)).second) << def->op_type;
      EXPECT_EQ(FindOp(def->op_type, opset), def);
    }
  }
  EXPECT_EQ(FindOp("Relu", 8), nullptr);
  EXPECT_EQ(FindOp("Relu", 18), nullptr);
  EXPECT_EQ(FindOp("Nonsense", 13), nullptr);
}

}  // namespace
}  // namespace mosaic
