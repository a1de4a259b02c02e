// Which folders of the core know which: a line for each, and no circle.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace mosaic {
namespace {

using Folders = std::map<std::string, std::set<std::string>>;

// "" is src/core itself: the boundary (capi*.cc), which may use everything.
const Folders kAllowed = {
    {"block", {"util"}},
    {"cache", {"util"}},
    {"codec", {"kernel"}},
    {"dedup", {"block", "run", "tensor", "util"}},
    {"disk", {"util"}},
    {"export", {"graph", "plan", "run", "tensor", "util"}},
    {"graph", {"tensor", "util"}},
    {"import", {"block", "graph", "load", "lower", "op", "plan", "util"}},
    {"kernel", {"util"}},
    {"load", {"graph", "lower", "op", "pass", "plan", "tensor", "util"}},
    {"lower", {"graph", "op", "tensor", "util"}},
    {"op", {"block", "codec", "graph", "kernel", "tensor", "util"}},
    {"pack", {"util"}},
    {"pass", {"op", "plan"}},
    {"plan", {"graph", "op", "tensor", "util"}},
    {"run", {"codec", "op", "plan", "tensor", "util"}},
    {"tensor", {"util"}},
    {"text", {"util"}},
    {"util", {}},
};

Folders Included() {
  namespace fs = std::filesystem;
  const fs::path core = fs::path(MOSAIC_SOURCE_DIR) / "src" / "core";
  Folders found;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(core)) {
    if (!file.is_regular_file()) continue;
    const fs::path from = file.path().lexically_relative(core);
    if (from.begin() == --from.end()) continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      const std::string include = "#include \"core/";
      if (line.compare(0, include.size(), include) != 0) continue;
      const size_t slash = line.find('/', include.size());
      const std::string to =
          slash == std::string::npos ? "" : line.substr(include.size(), slash - include.size());
      if (to != from.begin()->string()) found[from.begin()->string()].insert(to);
    }
  }
  return found;
}

TEST(FoldersTest, IncludeInOneDirection) {
  const Folders included = Included();
  ASSERT_GT(included.size(), 10U);
  for (const auto& [from, to] : included) {
    const auto allowed = kAllowed.find(from);
    ASSERT_NE(allowed, kAllowed.end()) << "folder " << from << " has no line in this test";
    for (const std::string& t : to) {
      EXPECT_EQ(allowed->second.count(t), 1U) << from << "/ includes " << t << "/";
    }
  }
}

TEST(FoldersTest, TheDirectionsHaveNoCircle) {
  // What includes nothing that is left is taken away, until nothing is.
  Folders left = kAllowed;
  for (bool found = true; found && !left.empty();) {
    found = false;
    for (auto it = left.begin(); it != left.end();) {
      bool free = true;
      for (const std::string& t : it->second) free = free && left.count(t) == 0;
      it = free ? left.erase(it) : std::next(it);
      found = found || free;
    }
  }
  EXPECT_TRUE(left.empty()) << left.begin()->first << "/ is part of a circle";
}

}  // namespace
}  // namespace mosaic
