#include "core/pass/drop_unread.h"

#include <iterator>

#include "core/pass/pattern.h"

namespace mosaic {

std::vector<bool> UnreadValues(const Model& model, const BodyPlan& body) {
  const Pattern p(model, body);
  std::vector<bool> unread(body.values.size());
  for (size_t v = 0; v < unread.size(); ++v) unread[v] = p.readers(static_cast<int>(v)).empty();
  return unread;
}

void DropUnread(const Model& model, const std::vector<bool>& before, BodyPlan* body) {
  const Pattern p(model, *body);
  std::vector<size_t> readers(body->values.size());
  for (size_t v = 0; v < readers.size(); ++v) readers[v] = p.readers(static_cast<int>(v)).size();
  std::vector<Step> kept;
  for (size_t i = body->steps.size(); i-- > 0;) {  // readers before what they read
    Step& s = body->steps[i];
    bool unread = s.node.bodies.empty();
    for (int v : s.node.outputs) {
      if (v < 0) continue;
      const size_t at = static_cast<size_t>(v);
      unread = unread && readers[at] == 0 && !before[at];
    }
    if (!unread) {
      kept.push_back(std::move(s));
      continue;
    }
    for (int v : s.node.inputs) {
      if (v >= 0) --readers[static_cast<size_t>(v)];
    }
  }
  body->steps.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

}  // namespace mosaic
