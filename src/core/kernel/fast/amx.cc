#include "core/kernel/fast/amx.h"
namespace mosaic {
bool AmxUsable() { return false; }
void StripGemmAmx(const StripGemmArgs&) {}
}  // namespace mosaic
