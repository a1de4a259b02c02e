// A library to compare the kernels with. Each is a shared object of its own, so that none needs to
// be there, and each can be compiled as it likes best; bench/kernels.sh builds them.
#pragma once

#include <cstdint>

class GemmPeer {
 public:
  virtual ~GemmPeer() = default;
  virtual const char* name() const = 0;
  // Whether it rounds its operands to bfloat16.
  virtual bool rounds() const { return false; }
  // Takes W (k x m, dense, row-major; stays valid) as its next operand, packed as it likes.
  virtual void AddWeights(const float* w, int64_t k, int64_t m) = 0;
  // Drops all of them.
  virtual void Clear() = 0;
  // C[n x m] = A[n x k] * W, on one thread. Called often with the same n, a and c.
  virtual void Run(int64_t weights, int64_t n, const float* a, float* c) = 0;
};

// The one symbol of a peer.
extern "C" __attribute__((visibility("default"))) GemmPeer* MakeGemmPeer();
