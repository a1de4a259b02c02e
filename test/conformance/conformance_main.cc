// Runs ONNX's own node cases through the core.
//
//   conformance_tests DATA                  counts what passes, what is refused and why, what is
//   wrong conformance_tests DATA LISTS            the same, checked against LISTS/claimed.txt,
//   excluded.txt conformance_tests DATA LISTS --write    adds to LISTS/claimed.txt what passes, and
//   drops what no longer does conformance_tests DATA - --only X       runs case X alone and says
//   what happens
//
// A case passes, or is refused as unsupported, as too large, or (where its model is no model) as
// bad; anything else is wrong. claimed.txt names the cases that pass, by name and opset, for ONNX
// changes cases with its opsets: no more and no less, for data of as many cases as its first line
// says; where DATA is of another release, what passes besides is told and no failure.
// excluded.txt names those that may do something else, by name and the number of cases that DATA
// has, with the reason.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "conformance/onnx_case.h"
#include "conformance/run_case.h"

namespace mosaic::conformance {

namespace {

// The first two words of each line, and the rest; # begins a comment.
std::map<std::string, std::string> ReadList(const std::string& path) {
  std::map<std::string, std::string> list;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ', line.find(' ') + 1);
    list[line.substr(0, space)] = space == std::string::npos ? "" : line.substr(space + 1);
  }
  return list;
}

constexpr const char* kComplete = "# complete for data of so many cases:";

// The numbers of cases for which a list is complete: its first line.
std::set<size_t> ReadComplete(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  std::set<size_t> sizes;
  if (line.rfind(kComplete, 0) != 0) return sizes;
  std::istringstream numbers(line.substr(std::strlen(kComplete)));
  for (size_t n; numbers >> n;) sizes.insert(n);
  return sizes;
}

std::string KeyOf(const Case& c) { return c.name + " " + std::to_string(c.opset); }

class Run {
 public:
  Run(const std::string& lists, size_t cases) : lists_(lists), cases_(cases) {
    if (lists_.empty()) return;
    listed_ = ReadList(lists_ + "/claimed.txt");
    complete_ = ReadComplete(lists_ + "/claimed.txt");
    excluded_ = ReadList(lists_ + "/excluded.txt");
  }

  void Do(const Case& c) {
    const Status status = RunCase(c, &totals_);
    const std::string key = KeyOf(c);
    present_.insert(key);
    if (status.ok()) {
      passed_.insert(key);
    } else if (IsRefusal(status.code())) {
      ++refused_[Reason(status)];
      std::printf("refused %s: %s\n", c.name.c_str(), status.message().c_str());
    } else if (excluded_.count(ExcludedKey(c.name)) > 0) {
      excluded_keys_.insert(key);
      std::printf("excluded %s: %s\n", c.name.c_str(), excluded_[ExcludedKey(c.name)].c_str());
    } else {
      ++wrong_;
      std::printf("WRONG %s: %s\n", c.name.c_str(), status.message().c_str());
    }
  }

  void CheckLists() {
    for (const auto& [key, unused] : listed_) {
      (void)unused;
      if (present_.count(key) > 0 && passed_.count(key) == 0 && excluded_keys_.count(key) == 0) {
        Say(key + " is listed in claimed.txt, but does not pass");
      }
    }
    for (const std::string& key : passed_) {
      if (listed_.count(key) > 0) continue;
      const std::string line =
          key + " passes, but is not listed: run conformance_tests with --write";
      if (complete_.count(cases_) > 0) {
        Say(line);
      } else {
        std::printf("%s\n", line.c_str());
      }
    }
    for (const auto& [key, reason] : excluded_) {
      if (reason.empty()) Say("excluded.txt gives no reason for " + key);
    }
    for (const std::string& key : passed_) {
      const std::string name = key.substr(0, key.find(' '));
      if (excluded_.count(ExcludedKey(name)) > 0)
        Say("excluded.txt names " + name + ", which passes");
    }
  }

  void Write() {
    for (const std::string& key : present_) {
      if (excluded_keys_.count(key) == 0) listed_.erase(key);
    }
    for (const std::string& key : passed_) listed_[key] = "";
    complete_.insert(cases_);
    std::ofstream out(lists_ + "/claimed.txt");
    out << kComplete;
    for (size_t n : complete_) out << ' ' << n;
    out << '\n';
    for (const auto& [key, unused] : listed_) {
      (void)unused;
      out << key << '\n';
    }
  }

  int Report(size_t total) const {
    size_t refused = 0;
    std::vector<std::pair<int, std::string>> reasons;
    for (const auto& [reason, count] : refused_) {
      refused += static_cast<size_t>(count);
      reasons.emplace_back(count, reason);
    }
    std::sort(reasons.rbegin(), reasons.rend());
    for (const auto& [count, reason] : reasons) std::printf("%6d  %s\n", count, reason.c_str());
    std::printf("cases %zu: %zu pass, %zu refused, %d wrong (%lld runs, %lld blocks)\n", total,
                passed_.size(), refused, wrong_, static_cast<long long>(totals_.runs),
                static_cast<long long>(totals_.blocks));
    return failures_ == 0 && wrong_ == 0 ? 0 : 1;
  }

 private:
  static bool IsRefusal(MosaicCode code) {
    return code == MOSAIC_E_UNSUPPORTED || code == MOSAIC_E_LIMIT || code == MOSAIC_E_BAD_MODEL;
  }
  // The message without the node.
  static std::string Reason(const Status& status) {
    std::string reason = status.message();
    const size_t model = reason.find("\": ");
    if (model != std::string::npos) reason = reason.substr(model + 3);
    const size_t first = reason.find(" (first: ");
    return first == std::string::npos ? reason.substr(0, 120) : reason.substr(0, first);
  }

  std::string ExcludedKey(const std::string& name) const {
    return name + " " + std::to_string(cases_);
  }

  void Say(const std::string& line) {
    ++failures_;
    std::printf("%s\n", line.c_str());
  }

  std::string lists_;
  size_t cases_;
  std::map<std::string, std::string> listed_, excluded_;
  std::set<std::string> present_, passed_, excluded_keys_;  // KeyOf
  std::set<size_t> complete_;
  std::map<std::string, int> refused_;
  Totals totals_;
  int wrong_ = 0, failures_ = 0;
};

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DATA [LISTS [--write | --only CASE]]\n", argv[0]);
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
  Run run(argc > 2 ? argv[2] : "", cases.size());
  for (const Case& c : cases) run.Do(c);
  if (argc == 4 && std::strcmp(argv[3], "--write") == 0) {
    run.Write();
  } else if (argc > 2) {
    run.CheckLists();
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
