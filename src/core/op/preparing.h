// An operator that makes something of its constants once, for all runs: packed trees, for example.
//
// Preparing is a call of its own, in phases of units like any other, with the inputs that it needs.
// What it makes is kept (plan/prepared.h) where all of these are constants of the model; they are not
// read again then.
#pragma once

#include "core/op/op.h"

namespace mosaic {

class PreparingOp : public Op {
 public:
  // Whether preparing reads input i, and Start and Run do not (but for its type and shape).
  virtual bool prepares(int i) const = 0;
  // Whether so many bytes may be kept with the plan; else they are made for each run.
  virtual bool keeps(int64_t bytes) const {
    (void)bytes;
    return true;
  }
  // As Start, of the call that prepares. Sets also *bytes, the size of what it makes; it follows from
  // types and shapes. inputs: as of Start.
  virtual Status StartPreparing(Call& c, int64_t* bytes) const = 0;
  // As Run, of that call. Its output 0 is an array of so many bytes, zero before the first phase.
  virtual Status RunPreparing(Call& c, int phase, int64_t begin, int64_t end) const = 0;
  // Between Start and Run of a call: hands in what was prepared.
  virtual void UsePrepared(Call& c, const void* prepared) const = 0;
};

// The same op where it is one, else null.
inline const PreparingOp* AsPreparing(const Op& op) { return dynamic_cast<const PreparingOp*>(&op); }

}  // namespace mosaic
