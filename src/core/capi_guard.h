// What every function of the C boundary does with failures: each Status and each exception becomes
// a MosaicError.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

// Copies as much as fits, cutting before a character rather than within it.
template <size_t kSize>
inline void CopyText(char (&to)[kSize], const char* text, size_t length) {
  size_t n = std::min(length, kSize - 1);
  if (n < length) {
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  }
  std::memcpy(to, text, n);
  to[n] = '\0';
}

inline MosaicCode Report(MosaicError* err, MosaicCode code, const char* message, size_t length) {
  if (err == nullptr) return code;
  err->code = code;
  CopyText(err->message, message, length);
  err->detail[0] = err->hint[0] = '\0';
  return code;
}

inline MosaicCode Report(MosaicError* err, const Status& status) {
  Report(err, status.code(), status.message().data(), status.message().size());
  if (err != nullptr) {
    CopyText(err->detail, status.detail().data(), status.detail().size());
    CopyText(err->hint, status.hint().data(), status.hint().size());
  }
  return status.code();
}

// Runs f(&code), which returns a Status. The result is code (MOSAIC_OK unless f set it), or the
// failure, which is then described in *err.
template <typename F>
MosaicCode Guard(MosaicError* err, F&& f) noexcept {
  try {
    MosaicCode code = MOSAIC_OK;
    const Status status = f(&code);
    return status.ok() ? code : Report(err, status);
  } catch (const std::bad_alloc&) {
    const char text[] = "out of memory";
    return Report(err, MOSAIC_E_NOMEM, text, sizeof(text) - 1);
  } catch (const std::length_error& e) {  // more dimensions than an array may have
    return Report(err, MOSAIC_E_LIMIT, e.what(), std::strlen(e.what()));
  } catch (const std::exception& e) {
    return Report(err, MOSAIC_E_INTERNAL, e.what(), std::strlen(e.what()));
  } catch (...) {
    const char text[] = "unknown exception";
    return Report(err, MOSAIC_E_INTERNAL, text, sizeof(text) - 1);
  }
}

}  // namespace mosaic
