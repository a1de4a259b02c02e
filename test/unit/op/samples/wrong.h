// Calls that are not quite right: a sample with something changed that its operator may have to refuse.
#pragma once

#include <string>

#include "op/samples/call.h"

namespace mosaic::samples {

// Changes a shape, a type, an element or an attribute. Returns what; "" where there is nothing to change.
std::string MakeWrong(Sample* s, Draw& d);

// Runs it, a bounded number of units. Whatever it is, it has to end in a result or in an error that is not INTERNAL.
// memory: of the arena, at most.
Status RunWrong(const Sample& s, uint64_t seed, int64_t memory);

// For RunSample: one unit at a time, and std::bad_alloc beyond a few hundred of a phase.
int64_t FewUnits(int64_t begin, int64_t units);

}  // namespace mosaic::samples
