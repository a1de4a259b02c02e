#include "core/op/product/einsum_equation.h"

#include <algorithm>
#include <map>

#include "core/util/quote.h"

namespace mosaic {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Status ParseTerm(const std::string& term, std::vector<int>* labels) {
  for (size_t i = 0; i < term.size(); ++i) {
    if (term.compare(i, 3, "...") == 0) {
      if (std::count(labels->begin(), labels->end(), EinsumEquation::kEllipsis) > 0) {
        return Status::BadModel("term " + Quoted(term) + " has two ellipses");
      }
      labels->push_back(EinsumEquation::kEllipsis);
      i += 2;
    } else if (IsLetter(term[i])) {
      labels->push_back(term[i]);
    } else {
      return Status::BadModel("term " + Quoted(term) + " of the equation is none");
    }
  }
  return Status();
}

std::string TermOf(const std::vector<int>& labels) {
  std::string term;
  for (int l : labels)
    term += l == EinsumEquation::kEllipsis ? "..." : std::string(1, static_cast<char>(l));
  return term;
}

}  // namespace

Status EinsumEquation::Parse(const std::string& equation, EinsumEquation* out) {
  std::string text;
  for (char c : equation) {
    if (c != ' ') text += c;
  }
  const size_t arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  out->operands.clear();
  out->output.clear();
  std::map<int, int> times;
  for (size_t at = 0; at <= left.size();) {
    const size_t comma = std::min(left.find(',', at), left.size());
    out->operands.emplace_back();
    MOSAIC_RETURN_IF_ERROR(ParseTerm(left.substr(at, comma - at), &out->operands.back()));
    for (int l : out->operands.back()) ++times[l];
    at = comma + 1;
  }
  if (arrow == std::string::npos) {
    for (const auto& [label, n] : times) {  // the ellipsis comes first
      if (n == 1 || label == kEllipsis) out->output.push_back(label);
    }
    return Status();
  }
  MOSAIC_RETURN_IF_ERROR(ParseTerm(text.substr(arrow + 2), &out->output));
  for (int l : out->output) {
    if (times.count(l) == 0 || std::count(out->output.begin(), out->output.end(), l) > 1) {
      return Status::BadModel("the output of equation " + Quoted(equation) +
                              " has a letter twice, or one that no operand has");
    }
  }
  return Status();
}

std::string EinsumEquation::ToString() const {
  std::string text;
  for (size_t i = 0; i < operands.size(); ++i) text += (i > 0 ? "," : "") + TermOf(operands[i]);
  return text + "->" + TermOf(output);
}

Status EinsumEquation::Expand(const std::vector<int>& ranks) {
  int most = 0;
  std::vector<int> hidden(operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    const int letters = static_cast<int>(
        operands[i].size() -
        static_cast<size_t>(std::count(operands[i].begin(), operands[i].end(), kEllipsis)));
    const bool ellipsis = letters != static_cast<int>(operands[i].size());
    hidden[i] = ranks[i] - letters;
    if (ellipsis ? hidden[i] < 0 : hidden[i] != 0) {
      return Status::BadModel("operand " + std::to_string(i) + " has " + std::to_string(ranks[i]) +
                              " dimensions, its term " + Quoted(TermOf(operands[i])));
    }
    most = std::max(most, hidden[i]);
  }
  const auto replace = [&](std::vector<int>* labels, int n) {
    const auto at = std::find(labels->begin(), labels->end(), kEllipsis);
    if (at == labels->end()) return;
    std::vector<int> expanded(labels->begin(), at);
    for (int d = most - n; d < most; ++d) expanded.push_back(kBroadcast + d);
    expanded.insert(expanded.end(), at + 1, labels->end());
    *labels = std::move(expanded);
  };
  for (size_t i = 0; i < operands.size(); ++i) replace(&operands[i], hidden[i]);
  replace(&output, most);
  return Status();
}

}  // namespace mosaic
