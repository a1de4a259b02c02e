// ONNX Runtime's Run() on one row that is in memory, for bench/latency.py, which reads and writes a line each time:
//
//   ort_latency FILE INPUT OUTPUT INPUTS OUTPUTS
//   "COUNT"  ->  "MEDIAN"                                 of COUNT runs, microseconds
//
// The model has one input of INPUTS floats and one output of OUTPUTS.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <vector>

#include "ort_api.h"

extern "C" const bench::OrtApiBase* OrtGetApiBase();

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const char* const names[] = {argv[2], argv[3]};
  const int64_t shapes[][2] = {{1, std::atoll(argv[4])}, {1, std::atoll(argv[5])}};
  const bench::OrtRuntime ort(OrtGetApiBase());
  void* const session = ort.SessionOf(argv[1]);
  std::vector<float> x(static_cast<size_t>(shapes[0][1])), y(static_cast<size_t>(shapes[1][1]));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) / 7;
  const void* const input = ort.Borrow(x.data(), x.size() * sizeof(float), shapes[0], 2, 1);
  void* output = ort.Borrow(y.data(), y.size() * sizeof(float), shapes[1], 2, 1);
  std::vector<double> times;
  for (int count = 0; std::cin >> count;) {
    times.clear();
    for (int i = 0; i < count; ++i) {
      const auto start = std::chrono::steady_clock::now();
      ort.Call(bench::kRun, session, static_cast<const void*>(nullptr), &names[0], &input, size_t{1}, &names[1], size_t{1},
               &output);
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + count / 2, times.end());
    std::cout << times[static_cast<size_t>(count) / 2] << std::endl;
  }
}
