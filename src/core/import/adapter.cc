#include "core/import/adapter.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/import/name_list.h"
#include "core/import/weight_match.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int kEinsumOpset = 12;

Status In(const Status& s, const std::string& what) {
  return s.ok() || s.code() == MOSAIC_E_HOST ? s : s.In(what);
}

bool TakeAway(std::string* name, const std::string& end) {
  if (name->size() <= end.size() || name->compare(name->size() - end.size(), end.size(), end) != 0)
    return false;
  name->resize(name->size() - end.size());
  return true;
}

// A weight of the base that the file changes.
struct Target {
  std::string name;                   // as the base's own file has it
  int a = -1, b = -1;                 // entries of a pair
  int whole = -1;                     // or of new weights
  std::vector<ContentMatch> tensors;  // of the base: entry is a stored tensor
  std::string module() const { return name.substr(0, name.rfind('.')); }
};

class AdapterBuilder {
 public:
  AdapterBuilder(const StoredModel& base, std::shared_ptr<ByteSource> file,
                 const AdapterConfig& config)
      : base_(base),
        file_(std::move(file)),
        config_(config),
        graph_(base.graph),
        tensors_(base.descs.size()) {
    for (size_t i = 0; i < base.descs.size(); ++i) kept_.push_back(static_cast<int>(i));
    for (const MosaicTensorDesc& d : base.descs) names_.insert(d.name);
    for (const Value& v : graph_.values) names_.insert(v.name);
    for (const Body& b : graph_.bodies) {
      for (const Value& v : b.values) names_.insert(v.name);
    }
  }

  Status Build(bool ascii_names, const BaseContent* content) {
    MOSAIC_RETURN_IF_ERROR(In(ReadSafetensors(file_.get(), ascii_names, &entries_), "adapter"));
    TakeTargets();
    FindTensors(content);
    for (Target& t : targets_) {
      for (const ContentMatch& m : t.tensors) {
        if (t.whole >= 0) {
          Replace(t, m);
        } else if (CheckPair(t, m.entry)) {
          MOSAIC_RETURN_IF_ERROR(config_.ScaleOf(t.module(), entry(t.a).dims[0], &scale_));
          AddWays(t, m.entry);
        }
      }
    }
    MOSAIC_RETURN_IF_ERROR(Outcome(content != nullptr));
    return {};
  }

  Graph& graph() { return graph_; }
  std::vector<GraphTensor>& tensors() { return tensors_; }
  std::vector<int>& kept() { return kept_; }

 private:
  const SafetensorsEntry& entry(int i) const { return entries_[static_cast<size_t>(i)]; }
  const MosaicTensorDesc& desc(int i) const { return base_.descs[static_cast<size_t>(i)]; }

  // base_model.model.MODULE.lora_A.weight and its lora_B; other names are new weights. Files that
  // PEFT did not write last name the adapter too: lora_A.default.weight.
  void TakeTargets() {
    std::map<std::string, Target> pairs;
    for (size_t i = 0; i < entries_.size(); ++i) {
      std::string name = entries_[i].name;
      for (const char* prefix : {"base_model.model.", "base_model."}) {
        if (name.rfind(prefix, 0) != 0) continue;
        name.erase(0, std::string(prefix).size());
        break;
      }
      const bool is_a =
          TakeAway(&name, ".lora_A.weight") || TakeAway(&name, ".lora_A.default.weight");
      const bool is_b =
          !is_a && (TakeAway(&name, ".lora_B.weight") || TakeAway(&name, ".lora_B.default.weight"));
      if (is_a || is_b) {
        Target& t = pairs[name];
        int& side = is_a ? t.a : t.b;
        if (side >= 0) unmatched_.Add(Quoted(entries_[i].name));
        side = static_cast<int>(i);
        continue;
      }
      Target t;
      t.name = name;
      t.whole = static_cast<int>(i);
      targets_.push_back(std::move(t));
    }
    for (auto& [module, t] : pairs) {
      t.name = module + ".weight";
      if (t.a < 0 || t.b < 0) {
        unmatched_.Add(Quoted(entry(std::max(t.a, t.b)).name));
      } else {
        targets_.push_back(std::move(t));
      }
    }
  }

  std::string Who(const Target& t) const {
    return Quoted(entry(t.whole >= 0 ? t.whole : t.a).name);
  }

  static std::vector<std::vector<ContentMatch>> TensorsOf(const BaseContent& content) {
    std::vector<std::vector<ContentMatch>> tensors(content.entries.size());
    const std::vector<std::vector<ContentMatch>>& of_tensor = content.matches.of_tensor;
    for (size_t g = 0; g < of_tensor.size(); ++g) {
      for (const ContentMatch& m : of_tensor[g])
        tensors[static_cast<size_t>(m.entry)].push_back({static_cast<int>(g), m.flipped});
    }
    return tensors;
  }

  void FindTensors(const BaseContent* content) {
    std::vector<std::string> wanted, distinct = NamesOf(base_);
    for (const Target& t : targets_) wanted.push_back(t.name);
    for (size_t i = 0; i < distinct.size(); ++i) {
      if (distinct[i].empty())
        distinct[i] = std::string(1, '\0') + std::to_string(i);  // no tensor is named so
    }
    const std::vector<int> by_name = PairNames(wanted, distinct);
    std::vector<int> in_base(wanted.size(), -1);
    if (content != nullptr) in_base = PairNames(wanted, NamesOf(content->entries));
    std::vector<std::vector<ContentMatch>> tensors;  // of the base, of each entry of its file
    if (content != nullptr) tensors = TensorsOf(*content);
    std::set<int> taken;
    for (size_t i = 0; i < targets_.size(); ++i) {
      Target& t = targets_[i];
      if (in_base[i] >= 0) {
        for (const ContentMatch& m : tensors[static_cast<size_t>(in_base[i])]) {
          // What is named is what the graph calls so, if several have its elements.
          const size_t g = static_cast<size_t>(m.entry);
          if (content->matches.of_tensor[g].size() < 2 || by_name[i] == m.entry)
            t.tensors.push_back(m);
        }
      }
      if (t.tensors.empty() && by_name[i] >= 0) t.tensors.push_back({by_name[i], false});
      if (t.tensors.empty()) unmatched_.Add(Who(t));
      for (const ContentMatch& m : t.tensors) {
        if (!taken.insert(m.entry).second) unmatched_.Add(Who(t));
      }
    }
  }

  void Replace(const Target& t, const ContentMatch& m) {
    const MosaicTensorDesc& d = desc(m.entry);
    const SafetensorsEntry& e = entry(t.whole);
    std::vector<int64_t> dims = e.dims;
    if (m.flipped) std::reverse(dims.begin(), dims.end());
    if (dims != DimsOf(d)) {
      shapes_.Add(Quoted(e.name) + " " + ShapeString(dims) + ", in the model " +
                  ShapeString(DimsOf(d)));
    } else if (!FitsType(e, d)) {
      types_.Add(Quoted(e.name) + " " + Shown(e.type) + ", in the model " + DTypeName(d.dtype));
    } else {
      kept_[static_cast<size_t>(m.entry)] = -1;
      GraphTensor& g = tensors_[static_cast<size_t>(m.entry)];
      g = TensorOf(d.name, d.dtype, DimsOf(d), e);
      g.flipped = m.flipped;
    }
  }

  GraphTensor TensorOf(const std::string& name, int dtype, std::vector<int64_t> dims,
                       const SafetensorsEntry& e) const {
    GraphTensor g;
    g.name = name;
    g.dtype = dtype;
    g.dims = std::move(dims);
    g.elements = e.elements;
    g.data = DataOf(e, file_);
    return g;
  }

  // A [r, in] and B [out, r] of a weight that is one or the other way round.
  bool CheckPair(const Target& t, int tensor) {
    const MosaicTensorDesc& d = desc(tensor);
    const SafetensorsEntry &a = entry(t.a), &b = entry(t.b);
    const bool ranked = a.dims.size() == 2 && b.dims.size() == 2 && d.ndim == 2 &&
                        a.dims[0] == b.dims[1] && a.dims[0] > 0;
    const bool fits = ranked && ((a.dims[1] == d.dims[0] && b.dims[0] == d.dims[1]) ||
                                 (a.dims[1] == d.dims[1] && b.dims[0] == d.dims[0]));
    if (!fits) {
      shapes_.Add(Quoted(a.name) + " " + ShapeString(a.dims) + " and its lora_B " +
                  ShapeString(b.dims) + " for " + ShapeString(DimsOf(d)));
    } else if (!FitsType(a, d) || !FitsType(b, d)) {
      types_.Add(Quoted(a.name) + " " + Shown(a.type) + " and its lora_B " + Shown(b.type) +
                 ", in the model " + DTypeName(d.dtype));
    }
    return fits && FitsType(a, d) && FitsType(b, d);
  }

  void AddWays(const Target& t, int tensor) {
    int uses = 0;
    MakeTensors(t, tensor);
    AddWays(t, tensor, &graph_, &uses);
    for (Body& body : graph_.bodies) AddWays(t, tensor, &body, &uses);
    if (uses == 0) others_.Add(Quoted(desc(tensor).name));
  }

  // Beside every product of a body with the tensor.
  void AddWays(const Target& t, int tensor, Body* body, int* uses) {
    std::vector<Node> nodes;
    std::vector<int> constants;  // of this body: A, s, B
    for (Node& n : body->nodes) {
      const int use = UseOf(*body, n, tensor);
      if (use < 0) {
        nodes.push_back(std::move(n));
        continue;
      }
      ++*uses;
      if (!IsProduct(n, use) || !FitsWay(t, tensor, n)) {
        others_.Add(Quoted(desc(tensor).name) + " in " + Describe(*body, n) + " " + n.op_type);
        nodes.push_back(std::move(n));
        continue;
      }
      if (constants.empty()) constants = MakeConstants(body);
      AddWay(std::move(n), constants, body, &nodes);
    }
    body->nodes = std::move(nodes);
  }

  static int UseOf(const Body& body, const Node& n, int tensor) {
    for (size_t k = 0; k < n.inputs.size(); ++k) {
      if (n.inputs[k] >= 0 && body.values[static_cast<size_t>(n.inputs[k])].tensor == tensor)
        return static_cast<int>(k);
    }
    return -1;
  }

  static bool IsProduct(const Node& n, int input) {
    if (!n.domain.empty() || input != 1 || n.outputs.size() != 1 || n.inputs[0] < 0) return false;
    if (n.op_type == "MatMul") return true;
    return n.op_type == "Gemm" && n.Int("transA", 0) == 0 && n.Float("alpha", 1) == 1;
  }

  // Whether the product takes the weight the way round in which A and B fit.
  bool FitsWay(const Target& t, int tensor, const Node& n) const {
    const MosaicTensorDesc& d = desc(tensor);
    const bool turned = n.op_type == "Gemm" && n.Int("transB", 0) != 0;
    return entry(t.a).dims[1] == d.dims[turned ? 1 : 0] &&
           entry(t.b).dims[0] == d.dims[turned ? 0 : 1];
  }

  std::string Unique(std::string name) {
    const std::string wanted = name;
    for (int i = 2; !names_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
    return name;
  }

  void MakeTensors(const Target& t, int tensor) {
    const int dtype = desc(tensor).dtype;
    way_ = t.module();
    first_ = static_cast<int>(tensors_.size());
    for (const int e : {t.a, t.b}) {
      GraphTensor g = TensorOf(Unique(way_ + (e == t.a ? ".lora_A.weight" : ".lora_B.weight")),
                               dtype, entry(e).dims, entry(e));
      g.as_stored = true;
      tensors_.push_back(std::move(g));
    }
    if (scale_ != 1) {
      GraphTensor s;
      s.name = Unique(way_ + ".lora_scale");
      s.dtype = dtype;
      s.elements = 1;
      s.data = DataInMemory(dtype, ScaleBytes(dtype));
      tensors_.push_back(std::move(s));
    }
    kept_.resize(tensors_.size(), -1);
  }

  std::string ScaleBytes(int dtype) const {
    if (dtype == MOSAIC_FLOAT)
      return std::string(reinterpret_cast<const char*>(&scale_), sizeof(scale_));
    const uint16_t half =
        dtype == MOSAIC_FLOAT16 ? FloatToFloat16(scale_) : FloatToBFloat16(scale_);
    return std::string(reinterpret_cast<const char*>(&half), sizeof(half));
  }

  int NewValue(Body* body, const std::string& name, int tensor = -1) {
    Value v;
    v.name = name;
    v.tensor = tensor;
    if (tensor >= 0) {
      v.dtype = tensors_[static_cast<size_t>(tensor)].dtype;
      v.has_shape = true;
      v.dims = tensors_[static_cast<size_t>(tensor)].dims;
      v.dim_names.resize(v.dims.size());
    }
    body->values.push_back(std::move(v));
    return static_cast<int>(body->values.size()) - 1;
  }

  std::vector<int> MakeConstants(Body* body) {
    std::vector<int> values;
    for (size_t i = static_cast<size_t>(first_); i < tensors_.size(); ++i) {
      values.push_back(NewValue(body, tensors_[i].name, static_cast<int>(i)));
    }
    return values;
  }

  int Step(Body* body, const std::string& op, std::vector<int> inputs,
           std::vector<Attribute> attributes, std::vector<Node>* nodes) {
    Node n;
    n.name = Unique(way_ + "/lora/" + op);
    n.op_type = op;
    n.inputs = std::move(inputs);
    n.attributes = std::move(attributes);
    n.outputs = {NewValue(body, n.name + "_output")};
    nodes->push_back(std::move(n));
    return nodes->back().outputs[0];
  }

  // x [.., k] times the other way round of w [m, k].
  int Multiply(Body* body, int x, int w, std::vector<Node>* nodes) {
    if (graph_.opset >= kEinsumOpset) {
      return Step(body, "Einsum", {x, w}, {{"equation", std::string("...k,mk->...m")}}, nodes);
    }
    const int turned = Step(body, "Transpose", {w}, {{"perm", std::vector<int64_t>{1, 0}}}, nodes);
    return Step(body, "MatMul", {x, turned}, {}, nodes);
  }

  // constants: A, B and, unless it is 1, s.
  void AddWay(Node product, const std::vector<int>& constants, Body* body,
              std::vector<Node>* nodes) {
    const int x = product.inputs[0], y = product.outputs[0];
    product.outputs[0] = NewValue(body, Unique(way_ + "/lora/base_output"));
    const int own = product.outputs[0];
    nodes->push_back(std::move(product));
    int way = Multiply(body, x, constants[0], nodes);
    if (constants.size() > 2) way = Step(body, "Mul", {way, constants[2]}, {}, nodes);
    way = Multiply(body, way, constants[1], nodes);
    Step(body, "Add", {own, way}, {}, nodes);
    body->values.pop_back();
    nodes->back().outputs = {y};
  }

  Status Outcome(bool has_content) const {
    const int n = unmatched_.count() + shapes_.count() + types_.count();
    if (n > 0) {
      std::string detail = unmatched_.Sentence("Not in the model") +
                           shapes_.Sentence("Of another shape") +
                           types_.Sentence("Of another type");
      detail.pop_back();
      return Status(MOSAIC_E_INVALID,
                    "the adapter does not fit the graph: " + std::to_string(n) +
                        (n == 1 ? " tensor does" : " tensors do") + " not match",
                    detail,
                    has_content ? "base_weights must be the file that the base was exported from."
                                : "Exporters rename and transpose weights. With base_weights => "
                                  "the safetensors file that the base "
                                  "was exported from, tensors are found by their content.");
    }
    if (others_.count() == 0) return {};
    std::string detail = others_.Sentence("Adapted");
    detail.pop_back();
    return Status(MOSAIC_E_UNSUPPORTED,
                  "adapted weights must be the right-hand side of MatMul or Gemm", detail);
  }

  const StoredModel& base_;
  const std::shared_ptr<ByteSource> file_;
  const AdapterConfig& config_;
  Graph graph_;
  std::vector<GraphTensor> tensors_;
  std::vector<int> kept_;
  std::set<std::string> names_;  // of tensors and what is added
  std::vector<SafetensorsEntry> entries_;
  std::vector<Target> targets_;
  // Of the pair that is being added.
  std::string way_;
  float scale_ = 1;
  int first_ = 0;  // its tensors
  NameList unmatched_, shapes_, types_, others_;
};

}  // namespace

Status OpenAdapter(const std::string& model_name, const Importer::Options& options,
                   const StoredModel& base, const std::shared_ptr<ByteSource>& adapter,
                   const std::shared_ptr<ByteSource>& base_weights, const AdapterConfig& config,
                   std::unique_ptr<Importer>* out) {
  const std::string who = "model " + Quoted(model_name);
  BaseContent content;
  if (base_weights != nullptr) {
    MOSAIC_RETURN_IF_ERROR(In(ReadBaseContent(base, options.ascii_names, base_weights, &content),
                              who + ": base_weights"));
  }
  AdapterBuilder builder(base, adapter, config);
  MOSAIC_RETURN_IF_ERROR(
      In(builder.Build(options.ascii_names, base_weights == nullptr ? nullptr : &content), who));
  return Importer::OpenStored(model_name, options, base, std::move(builder.graph()),
                              std::move(builder.tensors()), std::move(builder.kept()), out);
}

}  // namespace mosaic
