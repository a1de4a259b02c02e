#include "core/import/model_check.h"

#include <map>
#include <utility>

#include "core/load/build.h"

namespace mosaic {

Status CheckModel(const Importer::Options& options, ByteSource* source, ExternalOpener opener,
                  std::vector<OperatorUse>* out) {
  std::unique_ptr<Importer> importer;
  Graph graph;
  const Status status = Importer::Open("", options, source, std::move(opener), &importer, &graph);
  if (status.code() == MOSAIC_E_HOST) return status;
  out->clear();

  std::map<std::pair<std::string, std::string>, std::vector<OperatorUse>> uses;
  const auto count = [&](const Body& body) {
    for (const Node& n : body.nodes) {
      std::vector<OperatorUse>& use = uses[{n.domain, n.op_type}];
      if (use.empty()) use.push_back({n.domain, n.op_type, 0, true, ""});
      ++use[0].count;
    }
  };
  count(graph);
  for (const Body& body : graph.bodies) count(body);
  const std::vector<MissingOperator> missing = MissingOperators(graph);
  for (const MissingOperator& m : missing) {
    std::vector<OperatorUse>& use = uses[{m.domain, m.op_type}];
    if (use.empty()) continue;
    use[0].count -= m.count;
    const std::string why = m.reason.empty() ? "there is no such operator" : m.reason;
    use.push_back({m.domain, m.op_type, m.count, false, why + " (first: " + m.first_node + ")"});
  }
  for (auto& [key, use] : uses) {
    for (OperatorUse& u : use) {
      if (u.count > 0) out->push_back(std::move(u));
    }
  }
  // What else is in the way: what the error says besides the operators, which have lines.
  if (status.ok()) return Status();
  const std::string prefix = "not supported: ", operators = MissingMessage(missing);
  std::string rest = status.message();
  if (!missing.empty() && rest.size() >= operators.size() &&
      rest.compare(rest.size() - operators.size(), operators.size(), operators) == 0) {
    rest.resize(rest.size() - operators.size());
    if (rest.rfind(prefix, 0) == 0) rest.erase(0, prefix.size());
    if (rest.size() > 2) rest.resize(rest.size() - 2);  // ", "
  }
  if (!rest.empty()) out->push_back({"", "", 0, false, rest});
  return Status();
}

}  // namespace mosaic
