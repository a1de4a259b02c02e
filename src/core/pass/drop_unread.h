// Removes steps whose outputs nothing reads: those of the file, before anything is inferred of them; those whose results a
// fused step no longer reads (the shapes that a transpose was computed from).
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void DropUnread(const Model& model, BodyPlan* body);

}  // namespace mosaic
