// Eigen's dense product, compiled for this machine.
#include <Eigen/Core>
#include <vector>

#include "gemm_peer.h"

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class EigenPeer : public GemmPeer {
 public:
  const char* name() const override { return "eigen"; }
  void AddWeights(const float* w, int64_t k, int64_t m) override {
    w_.push_back(Eigen::Map<const Matrix>(w, k, m));
  }
  void Clear() override { w_.clear(); }
  void Run(int64_t weights, int64_t n, const float* a, float* c) override {
    const Matrix& w = w_[static_cast<size_t>(weights)];
    Eigen::Map<Matrix> out(c, n, w.cols());
    if (n == 1) {
      out.row(0).noalias() = Eigen::Map<const Eigen::RowVectorXf>(a, w.rows()) * w;
    } else {
      out.noalias() = Eigen::Map<const Matrix>(a, n, w.rows()) * w;
    }
  }

 private:
  std::vector<Matrix> w_;
};

}  // namespace

GemmPeer* MakeGemmPeer() { return new EigenPeer; }
