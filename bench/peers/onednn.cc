// oneDNN: matmul with weights in the format that it chooses for each n. With -DBF16 they are
// bfloat16, as is A, which is converted in each run.
#include <dnnl.hpp>
#include <map>
#include <vector>

#include "gemm_peer.h"

namespace {

using dnnl::memory;

class OneDnnPeer : public GemmPeer {
 public:
#ifdef BF16
  static constexpr auto kType = memory::data_type::bf16;
  const char* name() const override { return "onednn_bf16"; }
#else
  static constexpr auto kType = memory::data_type::f32;
  const char* name() const override { return "onednn"; }
#endif
  bool rounds() const override { return kType == memory::data_type::bf16; }
  void AddWeights(const float* w, int64_t k, int64_t m) override {
    w_.push_back(w);
    k_ = k;
    m_ = m;
  }
  void Clear() override {
    w_.clear();
    plans_.clear();
  }
  void Run(int64_t weights, int64_t n, const float* a, float* c) override {
    if (n != n_) plans_.clear();  // the packed weights of an earlier n
    n_ = n;
    auto it = plans_.find(weights);
    if (it == plans_.end()) it = plans_.emplace(weights, MakePlan(weights)).first;
    Plan& p = it->second;
    p.given.set_data_handle(const_cast<float*>(a));
    if (rounds()) {
      p.convert.execute(stream_, p.given, p.a);
    } else {
      p.a.set_data_handle(const_cast<float*>(a));
    }
    p.c.set_data_handle(c);
    p.primitive.execute(stream_,
                        {{DNNL_ARG_SRC, p.a}, {DNNL_ARG_WEIGHTS, p.w}, {DNNL_ARG_DST, p.c}});
    stream_.wait();
  }

 private:
  struct Plan {
    dnnl::matmul primitive;
    memory given, a, w, c;
    dnnl::reorder convert;
  };
  Plan MakePlan(int64_t weights) {
    using Tag = memory::format_tag;
    constexpr auto kFloat = memory::data_type::f32;
    const memory::desc given({n_, k_}, kFloat, Tag::ab), c({n_, m_}, kFloat, Tag::ab);
    const memory::desc a({n_, k_}, kType, Tag::ab), any({k_, m_}, kType, Tag::any);
    const memory::desc plain({k_, m_}, kFloat, Tag::ab);
    const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, any, c), engine_);
    Plan p{dnnl::matmul(pd),
           memory(given, engine_, nullptr),
           memory(a, engine_),
           memory(pd.weights_desc(), engine_),
           memory(c, engine_, nullptr),
           {}};
    p.convert = dnnl::reorder(p.given, p.a);
    memory from(plain, engine_, const_cast<float*>(w_[static_cast<size_t>(weights)]));
    dnnl::reorder(from, p.w).execute(stream_, from, p.w);
    stream_.wait();
    return p;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<const float*> w_;
  std::map<int64_t, Plan> plans_;
  int64_t k_ = 0, m_ = 0, n_ = 0;
};

}  // namespace

GemmPeer* MakeGemmPeer() { return new OneDnnPeer; }
