// The outcome of an operation that can fail for reasons of its input.
//
// Expected failures are Status values; exceptions are left for memory and bugs, and are turned into
// errors at the C boundary (capi.cc). A message names the object: model, tensor, node, operator,
// and expected and actual shape.
#pragma once

#include <string>
#include <utility>

#include "mosaic/capi.h"

namespace mosaic {

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(MosaicCode code, std::string message, std::string detail = {}, std::string hint = {})
      : code_(code),
        message_(std::move(message)),
        detail_(std::move(detail)),
        hint_(std::move(hint)) {}

  static Status Invalid(std::string m) { return {MOSAIC_E_INVALID, std::move(m)}; }
  static Status BadModel(std::string m) { return {MOSAIC_E_BAD_MODEL, std::move(m)}; }
  static Status Unsupported(std::string m) { return {MOSAIC_E_UNSUPPORTED, std::move(m)}; }
  static Status Limit(std::string m) { return {MOSAIC_E_LIMIT, std::move(m)}; }
  static Status Corrupt(std::string m) { return {MOSAIC_E_CORRUPT, std::move(m)}; }
  static Status Internal(std::string m) { return {MOSAIC_E_INTERNAL, std::move(m)}; }

  bool ok() const { return code_ == MOSAIC_OK; }
  MosaicCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& detail() const { return detail_; }
  const std::string& hint() const { return hint_; }

  // The same failure with "context: " put before the message.
  Status In(const std::string& context) const {
    return ok() ? *this : Status(code_, context + ": " + message_, detail_, hint_);
  }
  Status WithHint(std::string hint) const { return Status(code_, message_, detail_, std::move(hint)); }

 private:
  MosaicCode code_ = MOSAIC_OK;
  std::string message_, detail_, hint_;
};

#define MOSAIC_RETURN_IF_ERROR(expr)             \
  do {                                           \
    ::mosaic::Status mosaic_status_ = (expr);    \
    if (!mosaic_status_.ok()) return mosaic_status_; \
  } while (0)

}  // namespace mosaic
