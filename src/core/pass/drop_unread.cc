#include "core/pass/drop_unread.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mosaic {

void DropUnread(const Model& model, BodyPlan* body) {
  std::vector<bool> read(body->values.size());
  const auto is_read = [&](int v) { return v >= 0 && read[static_cast<size_t>(v)]; };
  for (int v : body->outputs) read[static_cast<size_t>(v)] = true;
  std::vector<Step> kept;
  for (size_t i = body->steps.size(); i-- > 0;) {  // readers before what they read
    Step& s = body->steps[i];
    if (std::none_of(s.node.outputs.begin(), s.node.outputs.end(), is_read)) continue;
    for (int v : s.node.inputs) {
      if (v >= 0) read[static_cast<size_t>(v)] = true;
    }
    for (const auto& [name, b] : s.node.bodies) {
      const BodyPlan& inner = model.bodies[static_cast<size_t>(b) + 1];
      for (int v : inner.captures) read[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)] = true;
    }
    kept.push_back(std::move(s));
  }
  body->steps.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

}  // namespace mosaic
