// Runs ONNX's own node cases (Debian package libonnx-testdata) through the core.
//
//   conformance_tests DATA LISTS            check against LISTS/claimed.txt and excluded.txt
//   conformance_tests DATA LISTS --write    write LISTS/claimed.txt anew
//   conformance_tests DATA LISTS --only X   run case X alone and say what happens
//
// A case is claimed when the registry has all its operators at its opset and excluded.txt does not
// name it. Every claimed case must pass and stand in claimed.txt; every other case, excluded or
// not, must be refused rightly: as unsupported (if it names no default operator set, also as no
// model).
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <set>

#include "conformance/onnx_case.h"
#include "conformance/run_case.h"
#include "core/op/op.h"

namespace mosaic::conformance {

namespace {

constexpr int kMinOpset = 9, kMaxOpset = 17;

// The first word of each line, and the rest; # begins a comment.
std::map<std::string, std::string> ReadList(const std::string& path) {
  std::map<std::string, std::string> list;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ');
    list[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return list;
}

bool HasOperators(const Case& c) {
  if (c.other_domain || c.opset < kMinOpset || c.opset > kMaxOpset) return false;
  for (const std::string& op : c.op_types) {
    // The importer turns Constant nodes into tensors.
    if (op != "Constant" && FindOp(op, c.opset) == nullptr) return false;
  }
  return true;
}

class Run {
 public:
  explicit Run(const std::string& lists)
      : lists_(lists),
        listed_(ReadList(lists + "/claimed.txt")),
        excluded_(ReadList(lists + "/excluded.txt")) {}

  void Do(const Case& c) {
    const bool excluded = excluded_.count(c.name) > 0;
    const bool operators = HasOperators(c);
    if (excluded && !operators) Fail(c, "is excluded, but its operators are not there anyway");
    const Status status = RunCase(c, &totals_);
    if (operators && !excluded) {
      claimed_.insert(c.name);
      if (status.ok()) {
        ++passed_;
      } else {
        Fail(c, status.message());
      }
    } else if (!RefusedRightly(c, status.code())) {
      Fail(c, status.ok() ? "passes, but is not claimed"
                          : "is refused in the wrong way: " + status.message());
    }
  }

  // claimed.txt and excluded.txt name what there is, no more and no less.
  void CheckLists(const std::vector<Case>& cases) {
    std::set<std::string> names;
    for (const Case& c : cases) names.insert(c.name);
    for (const auto& [name, reason] : excluded_) {
      if (names.count(name) == 0) Say("excluded.txt names " + name + ", which is not there");
      if (reason.empty()) Say("excluded.txt gives no reason for " + name);
    }
    for (const auto& [name, unused] : listed_) {
      (void)unused;
      if (claimed_.count(name) == 0) Say(name + " is listed in claimed.txt, but no longer claimed");
    }
    for (const std::string& name : claimed_) {
      if (listed_.count(name) == 0) {
        Say(name + " is claimed, but not listed: run conformance_tests with --write");
      }
    }
  }

  void Write() const {
    std::ofstream out(lists_ + "/claimed.txt");
    for (const std::string& name : claimed_) out << name << "\n";
  }

  int Report(size_t total) const {
    std::printf("passed %d / claimed %zu / total %zu (%lld runs, %lld blocks)\n", passed_,
                claimed_.size(), total, static_cast<long long>(totals_.runs),
                static_cast<long long>(totals_.blocks));
    return failures_ == 0 ? 0 : 1;
  }

 private:
  bool RefusedRightly(const Case& c, MosaicCode code) const {
    const auto excluded = excluded_.find(c.name);
    if (excluded != excluded_.end() && excluded->second == "bad data") {
      return code == MOSAIC_E_INVALID;
    }
    return code == MOSAIC_E_UNSUPPORTED || (c.opset == 0 && code == MOSAIC_E_BAD_MODEL);
  }

  void Fail(const Case& c, const std::string& why) { Say("FAIL " + c.name + ": " + why); }
  void Say(const std::string& line) {
    ++failures_;
    std::printf("%s\n", line.c_str());
  }

  std::string lists_;
  std::map<std::string, std::string> listed_, excluded_;
  std::set<std::string> claimed_;
  Totals totals_;
  int passed_ = 0, failures_ = 0;
};

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s DATA LISTS [--write | --only CASE]\n", argv[0]);
    return 2;
  }
  const std::vector<Case> cases = ReadCases(argv[1]);
  if (argc == 5 && std::strcmp(argv[3], "--only") == 0) {
    Totals totals;
    for (const Case& c : cases) {
      if (c.name != argv[4]) continue;
      const Status status = RunCase(c, &totals);
      std::printf("%s: %s\n", c.name.c_str(), status.ok() ? "passes" : status.message().c_str());
      return status.ok() ? 0 : 1;
    }
    std::printf("there is no case %s\n", argv[4]);
    return 2;
  }
  Run run(argv[2]);
  for (const Case& c : cases) run.Do(c);
  if (argc == 4 && std::strcmp(argv[3], "--write") == 0) {
    run.Write();
  } else {
    run.CheckLists(cases);
  }
  return run.Report(cases.size());
}

}  // namespace

}  // namespace mosaic::conformance

int main(int argc, char** argv) {
  try {
    return mosaic::conformance::Main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\nThe cases come with Debian's package libonnx-testdata.\n", e.what());
    return 2;
  }
}
