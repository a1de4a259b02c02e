#include "core/load/build.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "core/lower/lower.h"
#include "core/op/refused.h"
#include "core/op/reviewed.h"
#include "core/pass/drop_unread.h"
#include "core/pass/fuse_attention.h"
#include "core/pass/fuse_convolutions.h"
#include "core/pass/fuse_gelu.h"
#include "core/pass/fuse_integers.h"
#include "core/pass/fuse_norms.h"
#include "core/pass/fuse_products.h"
#include "core/pass/fuse_quantised.h"
#include "core/pass/fuse_swish.h"
#include "core/pass/fuse_tables.h"
#include "core/pass/unflatten.h"
#include "core/plan/infer_body.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// Results of constants that are computed once, when the model is loaded: up to so many elements.
constexpr int64_t kFoldElements = 1 << 16;

int AddTensor(void* model, const std::string& name, const Tensor& value) {
  return AddConstant(static_cast<Model*>(model), name, value);
}

void StartBody(const Body& from, BodyPlan* to) {
  to->values = from.values;
  to->facts.resize(to->values.size());
  to->inputs = from.inputs;
  to->outputs = from.outputs;
  for (size_t v = 0; v < from.values.size(); ++v) {
    if (from.values[v].capture >= 0) to->captures.push_back(static_cast<int>(v));
  }
  for (const Node& n : from.nodes) {
    Step s;
    s.node = n;
    to->steps.push_back(std::move(s));
  }
}

Status MakeOp(const Node& node, std::unique_ptr<Op>* out) {
  const OpDef* def = FindOp(node.domain, node.op_type);
  if (def == nullptr) return Status::Unsupported("operator is not supported");
  return def->make(node, out);
}

Status MakeOps(const Body& names, BodyPlan* body) {
  std::string message;
  MosaicCode code = MOSAIC_OK;
  for (Step& s : body->steps) {
    const Status status = MakeOp(s.node, &s.op);
    if (status.ok()) continue;
    // A damaged model outweighs an unsupported one.
    if (code == MOSAIC_OK || code == MOSAIC_E_UNSUPPORTED) code = status.code();
    if (message.size() < 2000) {
      message += (message.empty() ? "" : "; ") + Describe(names, s.node) + ": " + status.message();
    }
  }
  return code == MOSAIC_OK ? Status() : Status(code, message);
}

// Every step has all outputs that its node lists, named or not: what computes one computes others
// beside it.
void AddUnnamedOutputs(BodyPlan* body) {
  for (Step& s : body->steps) {
    for (int& v : s.node.outputs) {
      if (v >= 0) continue;
      v = static_cast<int>(body->values.size());
      body->values.emplace_back();
    }
  }
  body->facts.resize(body->values.size());
}

// ---- items ----

// The symbol of a dimension that the model names. What symbols of our own begin with or are made of
// ("#items", "?3", "min(n, 64)") is taken out of it, so that no name can pass for one of them.
std::string SymbolOf(const std::string& name) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string symbol;
  for (const char c : name) {
    if (std::strchr("#?$(%", c) == nullptr) {
      symbol += c;
    } else {
      symbol += {'%', kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
    }
  }
  return symbol;
}

// The symbol that counts items; '#' keeps it apart from all names.
std::string ItemSymbol(const BodyPlan& main, const std::vector<int>& axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    const Value& v = main.values[static_cast<size_t>(main.inputs[i])];
    if (axes[i] >= 0 && !v.dim_names[static_cast<size_t>(axes[i])].empty()) {
      return "#" + SymbolOf(v.dim_names[static_cast<size_t>(axes[i])]);
    }
  }
  return "#items";
}

bool IsNamed(const Value& v, size_t axis, const std::string& name) {
  return axis < v.dims.size() && v.dims[axis] == kSymbolic && v.dim_names[axis] == name;
}

// The axis of each input that may count items; empty where some input has none. By default axis 0
// of arrays of two dimensions or more, where it is free or 1, and of vectors whose dimension has
// the same name as that of such an array; with a batch axis, the dimension of that name. *why_not:
// if empty.
std::vector<int> ItemAxes(const Graph& graph, std::string* why_not) {
  std::vector<int> axes;
  std::set<std::string> names;
  if (graph.batch_axis == "none") *why_not = "its batch axis is \"none\"";
  if (graph.batch_axis == "none" || graph.inputs.empty()) return {};
  for (int i : graph.inputs) {
    const Value& v = graph.values[static_cast<size_t>(i)];
    if (v.dims.size() >= 2 && v.dims[0] == kSymbolic) names.insert(v.dim_names[0]);
  }
  names.erase("");
  for (int i : graph.inputs) {
    const Value& v = graph.values[static_cast<size_t>(i)];
    int axis = -1;
    if (!graph.batch_axis.empty()) {
      for (size_t d = v.dims.size(); d-- > 0;) {
        if (IsNamed(v, d, graph.batch_axis)) axis = static_cast<int>(d);
      }
    } else if (v.dims.size() >= 2 && (v.dims[0] == kSymbolic || v.dims[0] == 1)) {
      axis = 0;
    } else if (v.dims.size() == 1 && v.dims[0] == kSymbolic && names.count(v.dim_names[0]) > 0) {
      axis = 0;
    }
    if (axis < 0) {
      *why_not = graph.batch_axis.empty()
                     ? "no dimension of input " + Quoted(v.name) + " counts items"
                     : "input " + Quoted(v.name) + " has no such dimension";
      return {};
    }
    axes.push_back(axis);
  }
  return axes;
}

// What is known of the inputs. axes: empty where nothing counts items. Unnamed dimensions are
// symbols of their own, $input.dimension (?n are made on the way: FreshName).
void SetInputs(const std::vector<int>& axes, const std::string& items, BodyPlan* main) {
  for (size_t i = 0; i < main->inputs.size(); ++i) {
    const size_t v = static_cast<size_t>(main->inputs[i]);
    const Value& value = main->values[v];
    Fact f;
    f.dtype = value.dtype;
    f.ranked = value.has_shape;
    f.item_axis = axes.empty() ? kShared : axes[i];
    for (size_t d = 0; d < value.dims.size(); ++d) {
      if (!axes.empty() && static_cast<int>(d) == axes[i]) {
        f.dims.push_back(Dim::Symbol(items));
      } else if (value.dims[d] != kSymbolic) {
        f.dims.push_back(value.dims[d]);
      } else {
        f.dims.push_back(Dim::Symbol(value.dim_names[d].empty()
                                         ? "$" + std::to_string(i) + "." + std::to_string(d)
                                         : SymbolOf(value.dim_names[d])));
      }
    }
    main->facts[v] = std::move(f);
  }
}

// Why an output is not that of independent items; "" if it is.
std::string WhyNotItems(const Fact& f, const std::string& items) {
  if (f.item_axis == kMixed) return " mixes items";
  if (f.dtype == MOSAIC_SEQUENCE) return " is a sequence";
  for (size_t d = 0; f.ints != nullptr && d < f.ints->size(); ++d) {
    if ((*f.ints)[d].DependsOn(items)) return " depends on how many items there are";
  }
  return "";
}

// Infers the main body in symbols: with items on the axes, if that proves them independent; else
// as it is declared. options: how.
Status InferMain(Model* model, Arena* arena, InferOptions* how) {
  BodyPlan& main = model->bodies[0];
  ItemPlan& items = model->items;
  InferOptions& options = *how;
  options.fold_elements = kFoldElements;
  options.arena = arena;
  int mixer = -1;
  std::vector<int> axes = ItemAxes(model->graph, &items.reason);
  if (!axes.empty()) {
    options.item_symbol = ItemSymbol(main, axes);
    SetInputs(axes, options.item_symbol, &main);
    const Status status = InferBody(*model, main, options, &main.facts, &mixer);
    items.independent = status.ok();
    if (!status.ok()) items.reason = status.message();
    for (int o : main.outputs) {
      const Fact& f = main.facts[static_cast<size_t>(o)];
      items.outputs.push_back(f.item_axis);
      const std::string why_not = WhyNotItems(f, options.item_symbol);
      if (why_not.empty()) continue;
      items.independent = false;
      if (status.ok())
        items.reason = "output " + Quoted(main.values[static_cast<size_t>(o)].name) + why_not;
    }
    if (items.independent) {
      items.inputs = axes;
      return Status();
    }
    if (status.ok() && mixer >= 0) {
      items.reason = DescribeStep(main, main.steps[static_cast<size_t>(mixer)]) + " mixes items";
    }
  }
  // Not in batches.
  items.outputs.assign(main.outputs.size(), -1);
  items.inputs.assign(main.inputs.size(), -1);
  options.item_symbol = "#";  // occurs nowhere
  *options.body_steps = kBodySteps;
  *options.fold_work = kFoldWork;
  SetInputs({}, "", &main);
  return InferBody(*model, main, options, &main.facts, nullptr);
}

// Steps whose results are known become constants.
void DropKnown(Model* model, BodyPlan* body) {
  std::vector<Step> kept;
  for (Step& s : body->steps) {
    bool known = s.node.bodies.empty();
    for (int v : s.node.outputs) {
      known = known && (v < 0 || body->facts[static_cast<size_t>(v)].value.defined());
    }
    if (!known) {
      kept.push_back(std::move(s));
      continue;
    }
    for (int v : s.node.outputs) {
      if (v < 0) continue;
      Value& value = body->values[static_cast<size_t>(v)];
      const Tensor t = body->facts[static_cast<size_t>(v)].value;
      value.tensor = AddConstant(model, value.name, t);
      value.dtype = t.dtype();
      value.has_shape = true;
      value.dims.assign(t.shape().begin(), t.shape().end());
      value.dim_names.assign(value.dims.size(), "");
    }
  }
  body->steps = std::move(kept);
}

// Marks what is streamed, wanted, and read for the last time.
void FinishSteps(const Model& model, BodyPlan* body) {
  std::vector<int> last(body->values.size(), -1);
  for (size_t i = 0; i < body->steps.size(); ++i) {
    Step& s = body->steps[i];
    s.preparing = AsPreparing(*s.op);
    s.streams.clear();
    for (size_t k = 0; k < s.node.inputs.size(); ++k) {
      s.streams.push_back(StreamedTensor(model, *body, s.node, *s.op, k));
      if (s.node.inputs[k] >= 0) last[static_cast<size_t>(s.node.inputs[k])] = static_cast<int>(i);
    }
    for (const auto& [name, b] : s.node.bodies) {
      for (int v : model.bodies[static_cast<size_t>(b) + 1].captures) {
        const BodyPlan& inner = model.bodies[static_cast<size_t>(b) + 1];
        last[static_cast<size_t>(inner.values[static_cast<size_t>(v)].capture)] =
            static_cast<int>(i);
      }
    }
    s.wanted.clear();
    for (int v : s.node.outputs) {
      s.wanted.push_back(v >= 0);
      if (v >= 0 && last[static_cast<size_t>(v)] < static_cast<int>(i)) {
        last[static_cast<size_t>(v)] = static_cast<int>(i);
      }
    }
    s.releases.clear();
  }
  for (int v : body->outputs) last[static_cast<size_t>(v)] = -1;  // kept
  for (size_t v = 0; v < last.size(); ++v) {
    if (last[v] >= 0)
      body->steps[static_cast<size_t>(last[v])].releases.push_back(static_cast<int>(v));
  }
}

// Marks the values of a body, and of those within, that follow from constants alone.
void MarkConstants(Model* model, size_t body, const std::vector<bool>& around) {
  BodyPlan& b = model->bodies[body];
  b.constant.resize(b.values.size());
  for (size_t v = 0; v < b.values.size(); ++v) {
    const int outer = b.values[v].capture;
    b.constant[v] = b.values[v].tensor >= 0 || (outer >= 0 && around[static_cast<size_t>(outer)]);
  }
  for (const Step& s : b.steps) {
    bool constant = s.node.bodies.empty() && !s.node.inputs.empty();
    for (int v : s.node.inputs)
      constant = constant && (v < 0 || b.constant[static_cast<size_t>(v)]);
    for (int v : s.node.outputs) {
      if (v >= 0) b.constant[static_cast<size_t>(v)] = constant;
    }
    for (const auto& [name, inner] : s.node.bodies) {
      MarkConstants(model, static_cast<size_t>(inner) + 1, b.constant);
    }
  }
}

// Products come before the activations that they take on, and after the attention that reads them.
void RunPasses(const Model& model, BodyPlan* body) {
  Unflatten(model, body);
  FuseNorms(model, body);
  FuseAttention(model, body);
  FuseTables(model, body);
  FuseProducts(model, body);
  FuseIntegers(model, body);
  FuseGelu(model, body);
  FuseSwish(model, body);
  FuseQuantised(model, body);
  FuseConvolutions(model, body);
  DropUnread(model, body);
}

// The branches of If as the body itself: what is known around them holds in them whenever they are
// taken. (Loop and Scan may carry along other shapes from one iteration to the next.) A branch that
// does not fit these shapes stays as it is, and fails where it is taken.
void BuildBranches(size_t body, const InferOptions& options, Model* model) {
  for (size_t i = 0; i < model->bodies[body].steps.size(); ++i) {
    const Node& node = model->bodies[body].steps[i].node;
    if (node.op_type != "If" || !node.domain.empty()) continue;
    for (const auto& [name, branch] : node.bodies) {
      const size_t b = static_cast<size_t>(branch) + 1;
      BodyPlan& inner = model->bodies[b];
      std::vector<Fact> facts(inner.values.size());
      for (int v : inner.captures) {
        const int around = inner.values[static_cast<size_t>(v)].capture;
        facts[static_cast<size_t>(v)] = model->bodies[body].facts[static_cast<size_t>(around)];
      }
      if (!InferBody(*model, inner, options, &facts, nullptr).ok()) continue;
      inner.facts = std::move(facts);
      DropKnown(model, &inner);
      RunPasses(*model, &inner);
      BuildBranches(b, options, model);
    }
  }
}

}  // namespace

Status BuildPlan(Model* model) {
  Graph lowered = model->graph;
  MOSAIC_RETURN_IF_ERROR(Lower(&lowered, model, AddTensor));
  model->bodies.clear();
  model->bodies.resize(1 + lowered.bodies.size());
  StartBody(lowered, &model->bodies[0]);
  for (size_t b = 0; b < lowered.bodies.size(); ++b) {
    StartBody(lowered.bodies[b], &model->bodies[b + 1]);
  }
  for (size_t b = 0; b < model->bodies.size(); ++b) {
    MOSAIC_RETURN_IF_ERROR(MakeOps(
        b == 0 ? static_cast<const Body&>(lowered) : lowered.bodies[b - 1], &model->bodies[b]));
    AddUnnamedOutputs(&model->bodies[b]);
  }
  for (BodyPlan& b : model->bodies) DropUnread(*model, &b);
  Arena arena;
  InferOptions options;
  int64_t steps = kBodySteps;
  options.body_steps = &steps;
  double fold_work = kFoldWork;
  options.fold_work = &fold_work;
  MOSAIC_RETURN_IF_ERROR(InferMain(model, &arena, &options));
  DropKnown(model, &model->bodies[0]);
  RunPasses(*model, &model->bodies[0]);
  steps = kBodySteps;
  BuildBranches(0, options, model);
  for (size_t b = model->bodies.size(); b-- > 0;) FinishSteps(*model, &model->bodies[b]);
  MarkConstants(model, 0, {});
  // Facts stay for those who ask; the arrays are constants now, or not needed.
  for (BodyPlan& b : model->bodies) {
    for (Fact& f : b.facts) f.value = Tensor();
  }
  model->weight_bytes = 0;
  for (const ModelTensor& t : model->tensors) {
    if (t.is_inline()) continue;
    model->weight_bytes += t.weight.blocking.blocks() * t.weight.blocking.payload_bytes();
  }
  return Status();
}

namespace {

// Why a lowered node cannot be made: OK where it can.
Status WhyMissing(const Graph& lowered, const Node& node) {
  const OpDef* def = FindOp(node.domain, node.op_type);
  if (def == nullptr) {
    const char* why = WhyRefused(node.domain, node.op_type);
    return Status::Unsupported(why == nullptr ? "" : why);
  }
  const int version = lowered.Version(node.domain);
  if (!IsReviewed(*def, version)) {
    return Status::Unsupported("version " + std::to_string(version) + " of its operator set");
  }
  std::unique_ptr<Op> op;
  return def->make(node, &op);
}

}  // namespace

std::vector<MissingOperator> MissingOperators(const Graph& graph) {
  const auto body_of = [](const Graph& g, int number) -> const Body& {
    return number == 0 ? g : g.bodies[static_cast<size_t>(number) - 1];
  };
  // What is wrong with a node, by where it is: as the file has it, whatever it becomes.
  std::map<std::pair<int, int>, Status> wrong;
  Graph lowered = graph;
  Model scratch;
  const LowerReport report = LowerWhatCan(&lowered, &scratch, AddTensor);
  for (const LowerReport::Refused& r : report.refused) wrong[{r.body, r.node}] = r.status;
  for (int b = 0; b <= static_cast<int>(graph.bodies.size()); ++b) {
    const std::vector<Node>& nodes = body_of(lowered, b).nodes;
    for (size_t i = 0; i < nodes.size(); ++i) {
      Status s = WhyMissing(lowered, nodes[i]);
      if (!s.ok())
        wrong.emplace(std::pair(b, report.origins[static_cast<size_t>(b)][i]), std::move(s));
    }
  }
  std::vector<MissingOperator> missing;
  std::map<std::tuple<std::string, std::string, std::string>, size_t> lines;
  for (const auto& [where, status] : wrong) {
    const Body& body = body_of(graph, where.first);
    const Node& node = body.nodes[static_cast<size_t>(where.second)];
    const auto [line, is_new] =
        lines.emplace(std::tuple(node.domain, node.op_type, status.message()), missing.size());
    if (is_new) {
      missing.push_back({node.domain, node.op_type, status.message(), Describe(body, node), 0,
                         status.code() == MOSAIC_E_BAD_MODEL});
    }
    ++missing[line->second].count;
  }
  return missing;
}

std::string MissingMessage(const std::vector<MissingOperator>& missing) {
  std::string message;
  for (const MissingOperator& m : missing) {
    if (!message.empty()) message += ", ";
    message += (m.domain.empty() ? "" : Shown(m.domain) + ".") + Shown(m.op_type);
    if (m.count > 1) message += " x" + std::to_string(m.count);
    message += " (first: " + m.first_node + (m.reason.empty() ? "" : ": " + m.reason) + ")";
  }
  return message;
}

}  // namespace mosaic
