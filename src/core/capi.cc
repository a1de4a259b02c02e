// The C boundary: every exception ends here, as a MosaicError.
#include "mosaic/capi.h"

#include <algorithm>
#include <memory>

#include "core/capi_guard.h"
#include "core/capi_handles.h"
#include "core/codec/pglz.h"
#include "core/graph/maps.h"
#include "core/import/importer.h"
#include "core/import/model_check.h"
#include "core/kernel/strip_gemm.h"
#include "core/plan/binding.h"
#include "core/plan/describe.h"
#include "core/util/quote.h"
#include "mosaic/capi_delta.h"
#include "mosaic/capi_items.h"

using mosaic::Guard;
using mosaic::OptionsOf;
using mosaic::Quoted;
using mosaic::Status;

namespace {

MosaicValueInfo InfoOf(const mosaic::Value& v, int item_axis) {
  MosaicValueInfo info{};
  info.name = v.name.c_str();
  info.dtype = v.dtype;
  info.ndim = static_cast<int>(std::min<size_t>(v.dims.size(), MOSAIC_MAX_DIMS));
  for (int i = 0; i < MOSAIC_MAX_DIMS; ++i) {
    const size_t d = static_cast<size_t>(i);
    info.dims[i] = i < info.ndim ? v.dims[d] : 0;
    info.dim_names[i] = i < info.ndim && d < v.dim_names.size() ? v.dim_names[d].c_str() : "";
  }
  info.item_axis = item_axis;
  return info;
}

// An output as it was inferred; names of its dimensions are those that the file gives.
MosaicValueInfo OutputInfo(const mosaic::Value& v, const mosaic::Fact& fact, int item_axis) {
  MosaicValueInfo info = InfoOf(v, item_axis);
  if (fact.dtype != MOSAIC_UNDEFINED) info.dtype = fact.dtype;
  if (!fact.ranked) return info;
  const bool as_declared = v.has_shape && v.dims.size() == fact.dims.size();
  info.ndim = fact.rank();
  for (int i = 0; i < info.ndim; ++i) {
    const mosaic::Dim& d = fact.dims[static_cast<size_t>(i)];
    info.dims[i] = d.is_number() ? d.number() : -1;
    if (!as_declared) info.dim_names[i] = "";
  }
  return info;
}

mosaic::ExternalOpener OpenerOf(const MosaicSource* host) {
  if (host->open_external == nullptr) return {};
  return [host](const std::string& location, std::unique_ptr<mosaic::ByteSource>* file) -> Status {
    MosaicSource opened{};
    if (host->open_external(host->ctx, location.c_str(), &opened) != 0) {
      return Status(MOSAIC_E_HOST, "cannot open the external data file " + Quoted(location));
    }
    *file = std::make_unique<mosaic::HostSource>(opened);
    return Status();
  };
}

}  // namespace

struct MosaicCheck {
  std::vector<mosaic::OperatorUse> uses;
};

// ---- Import ----

MosaicCode mosaic_import_new(const MosaicSource* source, const MosaicImportOptions* options,
                             MosaicImport** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto job = std::make_unique<MosaicImport>();
    job->host = *source;
    job->source = std::make_unique<mosaic::HostSource>(*source);
    MOSAIC_RETURN_IF_ERROR(mosaic::Importer::Open(
        options->model_name == nullptr ? "" : options->model_name, OptionsOf(*options),
        job->source.get(), OpenerOf(&job->host), &job->importer));
    *out = job.release();
    return Status();
  });
}

MosaicCode mosaic_import_step(MosaicImport* job, MosaicBlock* block, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    bool more = false;
    MOSAIC_RETURN_IF_ERROR(job->importer->Next(block, &more));
    if (more) *code = MOSAIC_MORE;
    return Status();
  });
}

int mosaic_import_tensor_count(const MosaicImport* job) {
  return static_cast<int>(job->importer->tensors().size());
}

const MosaicTensorDesc* mosaic_import_tensor(const MosaicImport* job, int i) {
  return &job->importer->tensors()[static_cast<size_t>(i)];
}

const void* mosaic_import_graph(const MosaicImport* job, size_t* len) {
  *len = job->importer->encoded_graph().size();
  return job->importer->encoded_graph().data();
}

void mosaic_import_free(MosaicImport* job) { delete job; }

// ---- Check ----

MosaicCode mosaic_check_new(const MosaicSource* source, const MosaicImportOptions* options,
                            MosaicCheck** out, MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto check = std::make_unique<MosaicCheck>();
    mosaic::HostSource bytes(*source);
    MOSAIC_RETURN_IF_ERROR(
        mosaic::CheckModel(OptionsOf(*options), &bytes, OpenerOf(source), &check->uses));
    *out = check.release();
    return Status();
  });
}

int mosaic_check_count(const MosaicCheck* check) { return static_cast<int>(check->uses.size()); }

MosaicOperatorUse mosaic_check_use(const MosaicCheck* check, int i) {
  const mosaic::OperatorUse& u = check->uses[static_cast<size_t>(i)];
  return {u.domain.c_str(), u.op_type.c_str(), u.count, u.supported, u.reason.c_str()};
}

void mosaic_check_free(MosaicCheck* check) { delete check; }

// ---- Model ----

MosaicCode mosaic_model_new(const char* name, const void* graph, size_t len,
                            const MosaicTensorDesc* tensors, int ntensors, MosaicModel** out,
                            MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto model = std::make_unique<MosaicModel>();
    MOSAIC_RETURN_IF_ERROR(
        mosaic::Model::Load(name, std::string_view(static_cast<const char*>(graph), len), tensors,
                            ntensors, &model->model));
    const mosaic::Model& m = *model->model;
    const mosaic::Graph& g = m.graph;
    for (size_t i = 0; i < g.inputs.size(); ++i) {
      model->inputs.push_back(
          InfoOf(g.values[static_cast<size_t>(g.inputs[i])], m.items.inputs[i]));
      MosaicValueInfo& info = model->inputs.back();
      info.is_map = info.dtype == MOSAIC_STRING && mosaic::ReaderOfMap(g, g.inputs[i]) != nullptr;
    }
    for (size_t i = 0; i < g.outputs.size(); ++i) {
      const size_t v = static_cast<size_t>(g.outputs[i]);
      model->outputs.push_back(OutputInfo(g.values[v], m.main().facts[v], m.items.outputs[i]));
    }
    *out = model.release();
    return Status();
  });
}

int mosaic_model_input_count(const MosaicModel* model) {
  return static_cast<int>(model->inputs.size());
}

int mosaic_model_output_count(const MosaicModel* model) {
  return static_cast<int>(model->outputs.size());
}

const MosaicValueInfo* mosaic_model_input(const MosaicModel* model, int i) {
  return &model->inputs[static_cast<size_t>(i)];
}

const MosaicValueInfo* mosaic_model_output(const MosaicModel* model, int i) {
  return &model->outputs[static_cast<size_t>(i)];
}

MosaicCode mosaic_model_describe(MosaicModel* model, const char** json, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    model->description = mosaic::DescribeModel(*model->model);
    *json = model->description.c_str();
    return Status();
  });
}

bool mosaic_model_items_independent(const MosaicModel* model) {
  return model->model->items.independent;
}

int mosaic_model_weight_dtype(const MosaicModel* model) {
  int dtype = 0;
  int64_t most = 0;
  for (const mosaic::ModelTensor& t : model->model->tensors) {
    const int64_t size = t.weight.blocking.rows * t.weight.blocking.cols;
    if (t.layout == MOSAIC_LAYOUT_INLINE || size <= most) continue;
    most = size;
    dtype = t.weight.blocking.dtype;
  }
  return dtype;
}

void mosaic_model_free(MosaicModel* model) { delete model; }

MosaicCode mosaic_model_bind(const MosaicModel* model, int i, int array_ndim,
                             const int64_t* array_dims, MosaicBinding* out, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (i < 0 || i >= mosaic_model_input_count(model) || array_ndim < 0) {
      return Status::Internal("there is no input " + std::to_string(i));
    }
    const mosaic::Graph& g = model->model->graph;
    const int value = g.inputs[static_cast<size_t>(i)];
    const int axis =
        model->model->items.independent ? model->model->items.inputs[static_cast<size_t>(i)] : -1;
    return mosaic::BindArray(model->model->name, g.values[static_cast<size_t>(value)], axis,
                             std::vector<int64_t>(array_dims, array_dims + array_ndim), out);
  });
}

// ---- Execution ----

MosaicCode mosaic_exec_new(const MosaicModel* model, int max_blocks, MosaicExec** out,
                           MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    std::unique_ptr<MosaicExec>& idle = model->idle->exec;
    if (idle != nullptr && idle->max_blocks == max_blocks) {
      *out = idle.release();
    } else {
      *out = new MosaicExec(*model->model, max_blocks, model->idle);
    }
    return Status();
  });
}

void mosaic_exec_set_memory_limit(MosaicExec* exec, int64_t limit, int64_t target) {
  exec->run.SetMemoryLimit(limit, target);
}

MosaicCode mosaic_exec_fitting(MosaicExec* exec, const MosaicTensorView* inputs, int64_t items,
                               int64_t bytes, int64_t* fitting, MosaicError* err) {
  *fitting = 1;
  return Guard(err, [&](MosaicCode*) -> Status {
    std::vector<mosaic::Tensor> tensors(exec->model.graph.inputs.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      tensors[i] = mosaic::TensorOf(inputs[i]);
      if (!tensors[i].defined() || tensors[i].rank() == 0) return Status();
    }
    if (!exec->model.items.independent) return Status();
    return exec->run.Fitting(tensors, items, bytes, fitting);
  });
}

bool mosaic_exec_takes_deltas(const MosaicExec* exec) { return exec->run.request().deltas; }

void mosaic_exec_set_made_blocks(MosaicExec* exec, int most) {
  exec->run.executor().SetMadeBlocks(most);
}

void mosaic_exec_set_timed(MosaicExec* exec, bool timed) { exec->run.executor().SetTimed(timed); }

MosaicCode mosaic_exec_start(MosaicExec* exec, const MosaicTensorView* inputs, int64_t items,
                             bool stacked, MosaicError* err) {
  exec->done = false;
  return Guard(err, [&](MosaicCode*) -> Status {
    std::vector<mosaic::Tensor> tensors(exec->model.graph.inputs.size());
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i] = mosaic::TensorOf(inputs[i]);
    return exec->run.Start(std::move(tensors), items, stacked);
  });
}

MosaicCode mosaic_exec_step(MosaicExec* exec, MosaicBlockRequest* request, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    mosaic::Executor::Outcome outcome{};
    MOSAIC_RETURN_IF_ERROR(exec->run.Step(&outcome));
    switch (outcome) {
      case mosaic::Executor::Outcome::kMore:
        *code = MOSAIC_MORE;
        break;
      case mosaic::Executor::Outcome::kNeedBlocks: {
        const mosaic::BlockRequest& wanted = exec->run.request();
        request->tensor = wanted.tensor;
        request->count = static_cast<int64_t>(wanted.indexes.size());
        request->indexes = wanted.indexes.data();
        *code = MOSAIC_NEED_BLOCKS;
        break;
      }
      case mosaic::Executor::Outcome::kDone:
        exec->done = true;
        break;
    }
    return Status();
  });
}

void mosaic_exec_supply(MosaicExec* exec, const void* const* blocks) { exec->run.Supply(blocks); }

namespace {

Status CheckOutput(const MosaicExec* exec, int i) {
  if (exec->done && i >= 0 && static_cast<size_t>(i) < exec->model.graph.outputs.size()) return {};
  return Status::Internal("there is no output " + std::to_string(i));
}

Status View(const MosaicExec* exec, const mosaic::Tensor& t, const mosaic::Shape& shape,
            MosaicTensorView* out) {
  if (shape.size() > MOSAIC_MAX_DIMS || t.dtype() == MOSAIC_SEQUENCE) {
    return Status::Unsupported("model " + Quoted(exec->model.name) +
                               ": an output is a sequence or has more than " +
                               std::to_string(MOSAIC_MAX_DIMS) + " dimensions");
  }
  out->dtype = t.dtype();
  out->ndim = static_cast<int>(shape.size());
  std::copy(shape.begin(), shape.end(), out->dims);
  out->data = t.raw();
  return Status();
}

}  // namespace

MosaicCode mosaic_exec_output(const MosaicExec* exec, int i, MosaicTensorView* out,
                              MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    MOSAIC_RETURN_IF_ERROR(CheckOutput(exec, i));
    const mosaic::Tensor& t = exec->run.output(static_cast<size_t>(i));
    return View(exec, t, t.shape(), out);
  });
}

MosaicCode mosaic_exec_item_output(MosaicExec* exec, int i, bool keep_axis, MosaicTensorView* out,
                                   MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    MOSAIC_RETURN_IF_ERROR(CheckOutput(exec, i));
    mosaic::Shape item;
    mosaic::Tensor all;
    bool more = false;
    MOSAIC_RETURN_IF_ERROR(exec->run.ItemOutput(static_cast<size_t>(i), keep_axis, &item, &all, &more));
    if (more) *code = MOSAIC_MORE;
    return View(exec, all, item, out);
  });
}

const char* mosaic_model_items_because(const MosaicModel* model) {
  const mosaic::ItemPlan& items = model->model->items;
  return items.independent ? nullptr : items.reason.c_str();
}

void mosaic_exec_way(const MosaicExec* exec, char* out, size_t size) {
  const mosaic::BatchRun& run = exec->run;
  if (size == 0) return;
  std::string way = "at once";
  if (run.way() == mosaic::BatchRun::Way::kGroups) {
    way = "in groups of " + std::to_string(run.group());
  } else if (run.way() == mosaic::BatchRun::Way::kEach) {
    way = "one by one";
    if (!exec->model.items.reason.empty()) way += ": " + exec->model.items.reason;
  }
  out[way.copy(out, size - 1)] = '\0';
}

bool mosaic_exec_node_stats(const MosaicExec* exec, int i, MosaicNodeStats* out) {
  const mosaic::BodyPlan& main = exec->model.main();
  if (i < 0 || static_cast<size_t>(i) >= main.steps.size()) return false;
  const mosaic::Node& node = main.steps[static_cast<size_t>(i)].node;
  out->name = node.name.c_str();
  if (node.name.empty()) {
    for (int v : node.outputs) {
      if (v < 0) continue;
      out->name = main.values[static_cast<size_t>(v)].name.c_str();
      break;
    }
  }
  out->op_type = node.op_type.c_str();
  out->seconds = exec->run.executor().step_seconds()[static_cast<size_t>(i)];
  return true;
}

int64_t mosaic_exec_memory(const MosaicExec* exec) { return exec->run.memory(); }

void mosaic_exec_free(MosaicExec* exec) {
  if (exec == nullptr) return;
  std::unique_ptr<MosaicExec> own(exec);
  // One that failed, or was given up, still holds what it was at work on.
  const std::shared_ptr<MosaicIdle> idle = exec->idle;
  if (!exec->done || idle->closed || idle->exec != nullptr) return;
  exec->done = false;
  exec->run.Renew();
  idle->exec = std::move(own);
}

// ---- Names ----

static_assert(MOSAIC_PGLZ_SLACK == mosaic::kPglzSlack, "as capi.h says");
bool mosaic_pglz_decompress(const void* in, size_t in_size, void* out, size_t out_size) {
  return mosaic::PglzDecompress(static_cast<const uint8_t*>(in), in_size,
                                static_cast<uint8_t*>(out), out_size);
}

const char* mosaic_dtype_name(int dtype) { return mosaic::DTypeName(dtype); }
int mosaic_dtype_size(int dtype) { return mosaic::DTypeSize(dtype); }
uint16_t mosaic_half_from_float(int dtype, float value) {
  return dtype == MOSAIC_BFLOAT16 ? mosaic::FloatToBFloat16(value) : mosaic::FloatToFloat16(value);
}
float mosaic_half_to_float(int dtype, uint16_t half) {
  return dtype == MOSAIC_BFLOAT16 ? mosaic::BFloat16ToFloat(half) : mosaic::Float16ToFloat(half);
}
const char* mosaic_kernel_name(int dtype) { return mosaic::StripGemmKernelName(dtype); }
