// tokenize: one tokenizer over a file of texts, JSON strings a line; tools/bench.sh tokenize runs it
//
//   tokenize TOKENIZER TEXTS OUT   writes the ids of each text as a line, and "bytes tokens seconds load_seconds
//   longest_step_seconds memory" to the standard output. Seconds are of the CPU.
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/text/encoder.h"

using namespace mosaic;        // NOLINT: a program
using namespace mosaic::text;  // NOLINT

namespace {

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void Check(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.message() << "\n";
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  Tokenizer tokenizer;
  const double load_start = CpuSeconds();
  Check(ReadTokenizer(bytes, &tokenizer));
  const double load = CpuSeconds() - load_start;

  std::ifstream lines(argv[2]);
  std::ofstream out(argv[3]);
  Encoder encoder(tokenizer);
  EncodeOptions options;
  options.truncate = false;
  size_t total = 0, tokens = 0;
  double seconds = 0, longest = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto text = nlohmann::json::parse(line).get<std::string>();
    total += text.size();
    const double start = CpuSeconds();
    Check(encoder.Start(text, {}, options));
    for (bool done = false; !done;) {
      const double step = CpuSeconds();
      Budget budget;
      Check(encoder.Step(&budget, &done));
      longest = std::max(longest, CpuSeconds() - step);
    }
    seconds += CpuSeconds() - start;
    tokens += encoder.result().ids.size();
    std::string row;
    for (const int32_t id : encoder.result().ids) row += std::to_string(id) + ' ';
    out << row << '\n';
  }
  std::cout << total << ' ' << tokens << ' ' << seconds << ' ' << load << ' ' << longest << ' ' << tokenizer.bytes() << "\n";
  return 0;
}
