// OpenBLAS: sgemm, and sgemv for one row.
#include <cblas.h>

#include <vector>

#include "gemm_peer.h"

namespace {

class OpenBlasPeer : public GemmPeer {
 public:
  OpenBlasPeer() { openblas_set_num_threads(1); }
  const char* name() const override { return "openblas"; }
  void AddWeights(const float* w, int64_t k, int64_t m) override {
    w_.emplace_back(w, w + k * m);
    k_ = static_cast<int>(k);
    m_ = static_cast<int>(m);
  }
  void Clear() override { w_.clear(); }
  void Run(int64_t weights, int64_t n, const float* a, float* c) override {
    const float* w = w_[static_cast<size_t>(weights)].data();
    if (n == 1) {
      cblas_sgemv(CblasRowMajor, CblasTrans, k_, m_, 1, w, m_, a, 1, 0, c, 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(n), m_, k_, 1, a, k_,
                  w, m_, 0, c, m_);
    }
  }

 private:
  std::vector<std::vector<float>> w_;
  int k_ = 0, m_ = 0;
};

}  // namespace

GemmPeer* MakeGemmPeer() { return new OpenBlasPeer; }
