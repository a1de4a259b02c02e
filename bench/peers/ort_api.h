// ONNX Runtime by its C interface. The library comes without headers, so this declares what
// benchmarks need of it: a table of functions whose order is part of the ABI and only grows at the
// end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bench {

// Places in OrtApi, version 1.
enum OrtFunction {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kCreateSessionFromArray = 8,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kCreateTensorWithData = 49,
  kGetTensorMutableData = 51,
  kCreateCpuMemoryInfo = 69,
  kReleaseSession = 95,
  kReleaseValue = 96
};
struct OrtApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*get_version)();
};

// One environment, with sessions of one thread and all optimisations. A call that fails ends the
// program.
class OrtRuntime {
 public:
  explicit OrtRuntime(const OrtApiBase* base)
      : api_(base->get_api(1)), version_(base->get_version()) {
    Call(kCreateEnv, 3 /* errors */, "bench", &env_);
    Call(kCreateSessionOptions, &options_);
    Call(kSetGraphOptimizationLevel, options_, 99 /* all */);
    Call(kSetIntraOpNumThreads, options_, 1);
    Call(kCreateCpuMemoryInfo, 0 /* device allocator */, 0 /* default memory */, &memory_);
  }
  const char* version() const { return version_; }

  // Calls a function of the table that returns a status.
  template <typename... T>
  void Call(OrtFunction f, T... args) const {
    void* status = reinterpret_cast<void* (*)(T...)>(const_cast<void*>(api_[f]))(args...);
    if (status == nullptr) return;
    std::fprintf(stderr, "ONNX Runtime: %s\n",
                 reinterpret_cast<const char* (*)(void*)>(
                     const_cast<void*>(api_[kGetErrorMessage]))(status));
    std::exit(1);
  }
  void Release(OrtFunction f, void* object) const {
    reinterpret_cast<void (*)(void*)>(const_cast<void*>(api_[f]))(object);
  }
  // Of an ONNX model; released by kReleaseSession.
  void* Session(const std::string& model) const {
    void* session = nullptr;
    Call(kCreateSessionFromArray, env_, static_cast<const void*>(model.data()), model.size(),
         options_, &session);
    return session;
  }
  // The same, of a file; its external data are read from beside it.
  void* SessionOf(const char* path) const {
    void* session = nullptr;
    Call(kCreateSession, env_, path, options_, &session);
    return session;
  }
  // A value on memory that stays the caller's; type as TensorProto.DataType. Released by
  // kReleaseValue.
  void* Borrow(const void* data, size_t bytes, const int64_t* shape, size_t rank, int type) const {
    void* value = nullptr;
    Call(kCreateTensorWithData, memory_, const_cast<void*>(data), bytes, shape, rank, type, &value);
    return value;
  }

 private:
  const void* const* api_;
  const char* version_;
  void *env_ = nullptr, *options_ = nullptr, *memory_ = nullptr;
};

}  // namespace bench
