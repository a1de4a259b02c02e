// ONNX Runtime: a session with one MatMul and constant weights, which it packs beforehand.
#include <string>
#include <vector>

#include "gemm_peer.h"
#include "ort_api.h"

extern "C" const bench::OrtApiBase* OrtGetApiBase();

namespace {

using bench::kReleaseSession;
using bench::kReleaseValue;
using bench::kRun;

// Just enough of protobuf to write a model.
std::string Varint(uint64_t v) {
  std::string s;
  for (; v >= 128; v >>= 7) s += static_cast<char>(v | 128);
  return s + static_cast<char>(v);
}
std::string Number(int field, uint64_t v) {
  return Varint(static_cast<uint64_t>(field) << 3) + Varint(v);
}
std::string Bytes(int field, const std::string& s) {
  return Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(s.size()) + s;
}
std::string ValueInfo(const std::string& name, int64_t columns) {
  const std::string shape =
      Bytes(1, Bytes(2, "N")) + Bytes(1, Number(1, static_cast<uint64_t>(columns)));
  return Bytes(1, name) + Bytes(2, Bytes(1, Number(1, 1) + Bytes(2, shape)));
}
std::string MatMulModel(const float* w, int64_t k, int64_t m) {
  const std::string raw(reinterpret_cast<const char*>(w),
                        static_cast<size_t>(k * m) * sizeof(float));
  const std::string tensor = Number(1, static_cast<uint64_t>(k)) +
                             Number(1, static_cast<uint64_t>(m)) + Number(2, 1) + Bytes(8, "W") +
                             Bytes(9, raw);
  const std::string node = Bytes(1, "X") + Bytes(1, "W") + Bytes(2, "Y") + Bytes(4, "MatMul");
  const std::string graph = Bytes(1, node) + Bytes(2, "g") + Bytes(5, tensor) +
                            Bytes(11, ValueInfo("X", k)) + Bytes(12, ValueInfo("Y", m));
  return Number(1, 8) + Bytes(7, graph) + Bytes(8, Number(2, 13));
}

class OrtPeer : public GemmPeer {
 public:
  OrtPeer() : ort_(OrtGetApiBase()), name_(std::string("ort ") + ort_.version()) {}
  const char* name() const override { return name_.c_str(); }
  void AddWeights(const float* w, int64_t k, int64_t m) override {
    const std::string model = MatMulModel(w, k, m);
    sessions_.push_back(ort_.Session(model));
    k_ = k;
    m_ = m;
  }
  void Clear() override {
    for (void* s : sessions_) ort_.Release(kReleaseSession, s);
    sessions_.clear();
  }
  void Run(int64_t weights, int64_t n, const float* a, float* c) override {
    Bind(n, a, c);
    static const char* const kInput[] = {"X"};
    static const char* const kOutput[] = {"Y"};
    const void* const inputs[] = {x_};
    ort_.Call(kRun, sessions_[static_cast<size_t>(weights)], static_cast<const void*>(nullptr),
              &kInput[0], &inputs[0], size_t{1}, &kOutput[0], size_t{1}, &y_);
  }

 private:
  // Input and output stay the caller's memory, and are described once.
  void Bind(int64_t n, const float* a, float* c) {
    if (n == n_ && a == a_ && c == c_ && k_ == bound_k_ && m_ == bound_m_) return;
    if (x_) ort_.Release(kReleaseValue, x_), ort_.Release(kReleaseValue, y_);
    const int64_t x[] = {n, k_}, y[] = {n, m_};
    x_ = ort_.Borrow(a, static_cast<size_t>(n * k_) * sizeof(float), x, 2, 1 /* float */);
    y_ = ort_.Borrow(c, static_cast<size_t>(n * m_) * sizeof(float), y, 2, 1);
    n_ = n, a_ = a, c_ = c, bound_k_ = k_, bound_m_ = m_;
  }

  const bench::OrtRuntime ort_;
  const std::string name_;
  void *x_ = nullptr, *y_ = nullptr;
  std::vector<void*> sessions_;
  int64_t k_ = 0, m_ = 0, n_ = 0, bound_k_ = 0, bound_m_ = 0;
  const float* a_ = nullptr;
  float* c_ = nullptr;
};

}  // namespace

GemmPeer* MakeGemmPeer() { return new OrtPeer; }
