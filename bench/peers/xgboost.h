// XGBoost's own predictor by its C interface (libxgboost, loaded when it is asked for).
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bench {

// A model as XGBoost stores it, one thread. A call that fails ends the program.
class XgboostPeer {
 public:
  XgboostPeer(const char* library, const std::string& json)
      : library_(dlopen(library, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) Fail(dlerror());
    Call<const void*, uint64_t, void**>("XGBoosterCreate", nullptr, 0, &booster_);
    Call<void*, const char*, const char*>("XGBoosterSetParam", booster_, "nthread", "1");
    Call<void*, const char*>("XGBoosterLoadModel", booster_, json.c_str());
    Call<void*, const char*, const char*>("XGBoosterSetParam", booster_, "nthread", "1");
  }
  // Rows in memory; the result is the library's, until the next call.
  const float* Predict(const float* rows, int64_t n, int64_t features) {
    const std::string array = "{\"data\":[" + std::to_string(reinterpret_cast<uintptr_t>(rows)) +
                              ",true],\"shape\":[" + std::to_string(n) + "," +
                              std::to_string(features) + "],\"typestr\":\"<f4\",\"version\":3}";
    const uint64_t *shape = nullptr, *dims = nullptr;
    const float* result = nullptr;
    Call<void*, const char*, const char*, void*, const uint64_t**, const uint64_t**, const float**>(
        "XGBoosterPredictFromDense", booster_, array.c_str(),
        "{\"type\":0,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
        "\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}",
        nullptr, &shape, const_cast<const uint64_t**>(&dims), &result);
    return result;
  }

 private:
  [[noreturn]] static void Fail(const char* message) {
    std::fprintf(stderr, "XGBoost: %s\n", message);
    std::exit(1);
  }
  template <typename... T>
  void Call(const char* name, T... args) const {
    const auto f = reinterpret_cast<int (*)(T...)>(dlsym(library_, name));
    if (f == nullptr) Fail(name);
    if (f(args...) == 0) return;
    Fail(reinterpret_cast<const char* (*)()>(dlsym(library_, "XGBGetLastError"))());
  }

  void* library_;
  void* booster_ = nullptr;
};

}  // namespace bench
