// How much work a step may do: so that a caller can ask for interrupts between steps, whatever the text.
#pragma once

#include <cstdint>

namespace mosaic::text {

// One unit is about the work of normalising a byte; kStepUnits of them take a few milliseconds.
constexpr int64_t kStepUnits = 256 * 1024;

class Budget {
 public:
  explicit Budget(int64_t units = kStepUnits) : left_(units) {}

  void Use(int64_t units) { left_ -= units; }
  bool spent() const { return left_ <= 0; }

 private:
  int64_t left_;
};

}  // namespace mosaic::text
