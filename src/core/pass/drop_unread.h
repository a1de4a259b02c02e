// The pass that removes steps whose results a fused step no longer reads (the shapes that a
// transpose was computed from). What the file itself leaves unread stays.
#pragma once

#include <vector>

#include "core/plan/model.h"

namespace mosaic {

// Values that nothing reads.
std::vector<bool> UnreadValues(const Model& model, const BodyPlan& body);
// before: UnreadValues of the body before it was fused.
void DropUnread(const Model& model, const std::vector<bool>& before, BodyPlan* body);

}  // namespace mosaic
