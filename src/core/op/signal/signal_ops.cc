// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpFamily kSignalOps = {nullptr, nullptr};

}  // namespace mosaic
