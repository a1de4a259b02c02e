// Fields of a JSON object, with their type checked.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/util/quote.h"
#include "core/util/status.h"

namespace mosaic::text {

// Collects the first failure, so that many fields can be read before it is looked at.
class Fields {
 public:
  // where: for messages, "normalizer"
  Fields(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) Fail(Status::BadModel(where_ + " is not an object"));
  }

  const Status& status() const { return status_; }
  std::string type() { return String("type", ""); }

  // nullptr: not there, or null.
  const nlohmann::json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  // A value that must be there.
  const nlohmann::json& Get(const char* name) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) Fail(Status::BadModel(where_ + " has no " + Quoted(name)));
    return value == nullptr ? null_ : *value;
  }

  std::string String(const char* name, std::string otherwise) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_string()) return value->get<std::string>();
    Wrong(name, "a string");
    return otherwise;
  }
  bool Bool(const char* name, bool otherwise) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_boolean()) return value->get<bool>();
    Wrong(name, "true or false");
    return otherwise;
  }
  // least <= value <= 2^31 - 1
  int64_t Int(const char* name, int64_t otherwise, int64_t least = 0) {
    const nlohmann::json* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_number_integer()) {
      // Of unsigned numbers beyond int64 the conversion is negative.
      const auto n = value->get<int64_t>();
      if (n >= least && n <= INT32_MAX) return n;
    }
    Wrong(name, "a number of the range that is allowed");
    return otherwise;
  }

  Status Unsupported() {
    MOSAIC_RETURN_IF_ERROR(status_);
    return Status::Unsupported(where_ + " of the type " + Quoted(type()) + " is not supported");
  }
  void Fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  const std::string& where() const { return where_; }

 private:
  void Wrong(const char* name, const char* expected) {
    Fail(Status::BadModel(where_ + ": " + Quoted(name) + " is not " + expected));
  }

  const nlohmann::json& object_;
  const std::string where_;
  const nlohmann::json null_;
  Status status_;
};

}  // namespace mosaic::text
