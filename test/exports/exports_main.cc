// Runs models exported by the tools that people use, and compares with what ONNX Runtime computes.
//
//   exports_tests DIR [NAME]
//
// Each folder of DIR is a model: model.onnx, and CASE/in/NAME.npy, CASE/out/NAME.npy for each case. Floats may
// differ by 1e-5 of the largest element of an output, or by what the file "tolerance" says; all else must be
// equal. Where the model's items are independent, each item alone must give the bits of the batch.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "conformance/block_store.h"
#include "conformance/exported.h"
#include "core/tensor/element.h"
#include "exports/npy_file.h"

namespace mosaic::exports {
namespace {

namespace fs = std::filesystem;
constexpr int kBlockHeight = 63, kMaxBlocks = 64;

struct Export {
  std::string name, bytes;
  double tolerance = 1e-5;
  Arena arena;
  std::unique_ptr<Model> model;
  conformance::BlockStore store;
  std::unique_ptr<Export> exported;  // the same by way of export_model()

  Status Open(const fs::path& folder) {
    name = folder.filename().string();
    std::ifstream in(folder / "model.onnx", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
    if (std::ifstream given(folder / "tolerance"); given) given >> tolerance;
    return Load(true);
  }
  // back: exported again and imported as such, too.
  Status Load(bool back) {
    MemorySource source(bytes);
    std::unique_ptr<Importer> importer;
    MOSAIC_RETURN_IF_ERROR(conformance::ImportBlocks(name, kBlockHeight, &source, &arena, &importer, &store));
    const std::vector<MosaicTensorDesc> tensors = importer->tensors();
    if (back) {
      exported = std::make_unique<Export>();
      exported->name = name;
      MOSAIC_RETURN_IF_ERROR(conformance::ExportedFile(name, *importer, store, &exported->bytes));
      MOSAIC_RETURN_IF_ERROR(exported->Load(false).In("exported"));
      if (const int64_t n = exported->store.NotIn(store); n > 0 || exported->store.size() != store.size()) {
        return Status::Internal("exported and imported again it has " + std::to_string(n) + " new blocks, " +
                                std::to_string(exported->store.size()) + " in all");
      }
    }
    return Model::Load(name, importer->encoded_graph(), tensors.data(), static_cast<int>(tensors.size()), &model);
  }
  const Value& value(int v) const { return model->graph.values[static_cast<size_t>(v)]; }
};

// The largest difference of floats in terms of the largest element expected; infinite where anything else differs.
double Difference(const Tensor& actual, const Tensor& expected) {
  if (actual.dtype() != expected.dtype() || actual.shape() != expected.shape()) return INFINITY;
  if (actual.dtype() == MOSAIC_STRING) {
    for (int64_t i = 0; i < actual.size(); ++i) {
      if (actual.data<StringElement>()[i].view() != expected.data<StringElement>()[i].view()) return INFINITY;
    }
    return 0;
  }
  double largest = 0, scale = 0;
  Dispatch(AllTypes(), actual.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    for (int64_t i = 0; i < actual.size(); ++i) {
      const double a = static_cast<double>(Load(actual.data<T>()[i]));
      const double e = static_cast<double>(Load(expected.data<T>()[i]));
      if (std::isfinite(e)) scale = std::max(scale, std::fabs(e));
      if (a == e || (std::isnan(a) && std::isnan(e))) continue;
      const bool close = std::is_floating_point_v<ComputeType<T>> && std::isfinite(a) && std::isfinite(e);
      largest = std::max(largest, close ? std::fabs(a - e) : INFINITY);
    }
  });
  return largest == 0 ? 0 : largest / std::max(scale, 1e-30);
}

// One item of a batch along an axis, as an array of its own.
Tensor ItemOf(const Tensor& t, int axis, int64_t item, int64_t items, Arena* arena) {
  Shape shape = t.shape();
  const int64_t each = shape[static_cast<size_t>(axis)] / items;
  shape[static_cast<size_t>(axis)] = each;
  int64_t outer = 1, inner = DTypeSize(t.dtype());
  for (int d = 0; d < axis; ++d) outer *= t.dim(d);
  for (int d = axis + 1; d < t.rank(); ++d) inner *= t.dim(d);
  Tensor out = arena->New(t.dtype(), shape);
  for (int64_t o = 0; o < outer; ++o) {
    if (each * inner == 0) break;
    std::memcpy(out.mutable_data<char>() + o * each * inner,
                t.data<char>() + (o * t.dim(axis) + item * each) * inner, static_cast<size_t>(each * inner));
  }
  return out;
}

bool SameBits(const Tensor& a, const Tensor& b) {
  if (a.dtype() == MOSAIC_STRING) return Difference(a, b) == 0;
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0);
}

// How many items the inputs have: 1 where the model cannot take several together.
int64_t ItemsOf(const Model& model, const std::vector<Tensor>& inputs) {
  int64_t items = -1;
  if (!model.items.independent) return 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const int64_t n = inputs[i].dim(model.items.inputs[i]);
    if (items >= 0 && n != items) return 1;
    items = n;
  }
  return std::max<int64_t>(items, 1);
}

Status CheckItems(Export* e, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, int64_t items) {
  for (int64_t k = 0; k < items; ++k) {
    std::vector<Tensor> alone;
    for (size_t i = 0; i < inputs.size(); ++i) {
      alone.push_back(ItemOf(inputs[i], e->model->items.inputs[i], k, items, &e->arena));
    }
    BatchRun run(*e->model, kMaxBlocks);
    MOSAIC_RETURN_IF_ERROR(conformance::Execute(*e->model, e->store, alone, 1, kMaxBlocks, &run));
    for (size_t o = 0; o < outputs.size(); ++o) {
      const int axis = e->model->items.outputs[o];
      const Tensor part = axis < 0 ? outputs[o] : ItemOf(outputs[o], axis, k, items, &e->arena);
      if (!SameBits(run.output(o), part)) {
        return Status::Internal("item " + std::to_string(k) + " alone differs from the batch in output " + std::to_string(o));
      }
    }
  }
  return Status();
}

Status RunCase(Export* e, const fs::path& folder, double* difference) {
  std::vector<Tensor> inputs, outputs;
  for (int v : e->model->graph.inputs) {
    inputs.push_back(ReadNpy(folder / "in" / (e->value(v).name + ".npy"), &e->arena));
  }
  const int64_t items = ItemsOf(*e->model, inputs);
  BatchRun run(*e->model, kMaxBlocks);
  MOSAIC_RETURN_IF_ERROR(conformance::Execute(*e->model, e->store, inputs, items, kMaxBlocks, &run));
  for (size_t o = 0; o < e->model->graph.outputs.size(); ++o) {
    const std::string& name = e->value(e->model->graph.outputs[o]).name;
    const Tensor expected = ReadNpy(folder / "out" / (name + ".npy"), &e->arena);
    outputs.push_back(run.output(o));
    const double d = Difference(outputs.back(), expected);
    *difference = std::max(*difference, d);
    if (!(d <= e->tolerance)) {
      char text[200];
      std::snprintf(text, sizeof text, "%s: output %s %s differs by %g from %s", folder.filename().c_str(), name.c_str(),
                    ShapeString(outputs.back().shape()).c_str(), d, ShapeString(expected.shape()).c_str());
      return Status::Internal(text);
    }
  }
  BatchRun again(*e->exported->model, kMaxBlocks);
  MOSAIC_RETURN_IF_ERROR(conformance::Execute(*e->exported->model, e->exported->store, inputs, items, kMaxBlocks, &again).In("exported"));
  for (size_t o = 0; o < outputs.size(); ++o) {
    if (!SameBits(again.output(o), outputs[o])) return Status::Internal("exported, output " + std::to_string(o) + " differs");
  }
  return items > 1 ? CheckItems(e, inputs, outputs, items) : Status();
}

bool RunExport(const fs::path& folder) {
  Export e;
  double difference = 0;
  int cases = 0;
  Status status = e.Open(folder);
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  for (const fs::path& c : folders) {
    if (status.ok()) status = RunCase(&e, c, &difference);
    ++cases;
  }
  if (cases == 0 && status.ok()) status = Status::Internal("there is no case");
  std::printf("%s %s: %d cases, %lld blocks, largest difference %.2g%s%s\n", status.ok() ? "ok  " : "FAIL",
              e.name.c_str(), cases, static_cast<long long>(e.store.size()), difference,
              status.ok() ? "" : ": ", status.message().c_str());
  return status.ok();
}

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    if (fs::exists(entry.path() / "model.onnx") && (argc < 3 || entry.path().filename() == argv[2])) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  size_t passed = 0;
  for (const fs::path& f : folders) passed += RunExport(f);
  std::printf("%zu passed, %zu failed\n", passed, folders.size() - passed);
  return passed == folders.size() && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace mosaic::exports

int main(int argc, char** argv) {
  try {
    return mosaic::exports::Main(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
