// models: whole models, ours against ONNX Runtime's; one thread each.
//
//   models LIBRARY LIST [--quick | --alone SECONDS | --steps | --load]
//
// LIBRARY: libonnxruntime. Each line of LIST is a run: a label, a file, and sizes of symbolic
// dimensions, "minilm.b8.t128 minilm.onnx batch_size=8,sequence_length=128". Inputs are drawn at
// random: ids below 1,000, masks of ones. Both compute by turns in this thread; times are medians
// of its CPU time. Ours reads weights from 8 kB pages, as in shared buffers. The last column are
// the operators that take most of our time. --alone: ours only, for a
// profiler; the least time of a run. --steps: ours only, the least time of each step in 40 runs, in
// ms. --load: ours only, and only imported and loaded.
//
// What may follow in a line: bf16 (ours is imported so; ONNX Runtime has float32), xgboost=FILE
// (the same trees as XGBoost stores them: its predictor, beside), mixed=TEXTS (so many texts of 16
// to 256 tokens, uniformly: in what order who computes them, see Mixed).
#include <dlfcn.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>

#include "bench_util.h"
#include "core/import/importer.h"
#include "core/run/batch.h"
#include "peers/ort_api.h"
#include "peers/xgboost.h"

namespace {

using namespace mosaic;  // NOLINT

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "models: %s\n", message.c_str());
  std::exit(1);
}
void Check(const Status& status) {
  if (!status.ok()) Fail(status.message());
}

const bench::OrtApiBase* ApiOf(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) Fail(dlerror());
  const auto base =
      reinterpret_cast<const bench::OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (base == nullptr) Fail("no OrtGetApiBase");
  return base();
}

// ---- ours ----

struct Ours {
  std::unique_ptr<Model> model;
  std::vector<std::vector<const void*>> blocks;
  std::vector<std::unique_ptr<char, void (*)(void*)>> pages;
  std::vector<const void*> payloads;

  void Load(const std::string& name, const std::string& bytes, int dtype = MOSAIC_FLOAT) {
    constexpr int64_t kPage = 8192, kOffset = 64;
    MemorySource source(bytes);
    Importer::Options options;
    options.block_height = MOSAIC_MAX_BLOCK_ROWS;
    options.weight_dtype = dtype;
    std::unique_ptr<Importer> importer;
    Check(Importer::Open(name, options, &source, {}, &importer));
    for (;;) {
      MosaicBlock block;
      bool more = false;
      Check(importer->Next(&block, &more));
      if (!more) break;
      const auto tensor = static_cast<size_t>(block.tensor),
                 index = static_cast<size_t>(block.index);
      if (blocks.size() <= tensor) blocks.resize(tensor + 1);
      if (blocks[tensor].size() <= index) blocks[tensor].resize(index + 1);
      pages.emplace_back(static_cast<char*>(std::aligned_alloc(kPage, kPage)), std::free);
      std::memcpy(pages.back().get() + kOffset, block.payload, block.length);
      blocks[tensor][index] = pages.back().get() + kOffset;
    }
    const std::vector<MosaicTensorDesc> tensors = importer->tensors();
    Check(Model::Load(name, importer->encoded_graph(), tensors.data(),
                      static_cast<int>(tensors.size()), &model));
  }
  void Predict(BatchRun* run, const std::vector<Tensor>& inputs, int64_t items) {
    Check(run->Start(inputs, items));
    for (;;) {
      BatchRun::Outcome outcome;
      Check(run->Step(&outcome));
      if (outcome == BatchRun::Outcome::kDone) return;
      if (outcome == BatchRun::Outcome::kMore) continue;
      const BlockRequest& request = run->request();
      payloads.clear();
      for (int32_t i : request.indexes) {
        payloads.push_back(blocks[static_cast<size_t>(request.tensor)][static_cast<size_t>(i)]);
      }
      run->Supply(payloads.data());
    }
  }
};

// ---- inputs ----

using Sizes = std::map<std::string, int64_t>;

Tensor Draw(const Value& v, const Sizes& sizes, Arena* arena, std::minstd_rand* rng) {
  Shape shape;
  for (size_t d = 0; d < v.dims.size(); ++d) {
    int64_t n = v.dims[d];
    if (n < 0) {
      const auto known = sizes.find(v.dim_names[d]);
      const auto other = sizes.find(v.name + "." + std::to_string(d));
      if (known == sizes.end() && other == sizes.end()) {
        Fail("input " + v.name + ": how large is dimension " + std::to_string(d) + " \"" +
             v.dim_names[d] + "\"?");
      }
      n = known != sizes.end() ? known->second : other->second;
    }
    shape.push_back(n);
  }
  Tensor t = arena->New(v.dtype, shape);
  const bool mask = v.name.find("mask") != std::string::npos,
             type = v.name.find("type") != std::string::npos;
  for (int64_t i = 0; i < t.size(); ++i) {
    const auto id = mask ? 1 : type ? 0 : static_cast<int64_t>((*rng)() % 1000);
    const float x = static_cast<float>(static_cast<int>((*rng)() % 2001) - 1000) / 1000;
    if (v.dtype == MOSAIC_FLOAT)
      t.mutable_data<float>()[i] = x;
    else if (v.dtype == MOSAIC_INT64)
      t.mutable_data<int64_t>()[i] = v.name == "sr" ? 16000 : id;
    else if (v.dtype == MOSAIC_INT32)
      t.mutable_data<int32_t>()[i] = static_cast<int32_t>(id);
    else if (v.dtype == MOSAIC_BOOL)
      t.mutable_data<bool>()[i] = false;
    else
      Fail("input " + v.name + " is of a type that is not drawn");
  }
  return t;
}

// Of the largest element that is expected.
double Difference(const Tensor& a, const float* expected) {
  double largest = 0, scale = 1e-30;
  for (int64_t i = 0; i < a.size(); ++i) {
    scale = std::max<double>(scale, std::fabs(expected[i]));
    largest = std::max<double>(largest, std::fabs(a.data<float>()[i] - expected[i]));
  }
  return largest / scale;
}

std::string Operators(const Model& model, const std::vector<double>& seconds) {
  std::map<std::string, double> by_type;
  double total = 0;
  for (size_t i = 0; i < seconds.size(); ++i) {
    by_type[model.main().steps[i].node.op_type] += seconds[i];
    total += seconds[i];
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [type, s] : by_type) order.emplace_back(s, type);
  std::sort(order.rbegin(), order.rend());
  std::string out;
  for (size_t i = 0; i < order.size() && i < 5; ++i) {
    char part[80];
    std::snprintf(part, sizeof part, "%s%s %.0f %%", i == 0 ? "" : ", ", order[i].second.c_str(),
                  100 * order[i].first / total);
    out += part;
  }
  return out;
}

// The least time of each step, by the clock: runs that other work disturbed do not count.
void PrintSteps(const Model& model, BatchRun* run, const std::function<void()>& one) {
  run->executor().SetTimed(true);
  one();
  std::vector<double> least(run->executor().step_seconds().size(), 1e9);
  for (int r = 0; r < 40; ++r) {
    const std::vector<double> before = run->executor().step_seconds();
    one();
    for (size_t i = 0; i < least.size(); ++i) {
      least[i] = std::min(least[i], run->executor().step_seconds()[i] - before[i]);
    }
  }
  for (size_t i = 0; i < least.size(); ++i) {
    const Node& n = model.main().steps[i].node;
    std::printf("  %4zu %10.3f  %-32s %s\n", i, least[i] * 1e3, n.op_type.c_str(), n.name.c_str());
  }
}

std::string Read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.empty()) Fail(file + " cannot be read");
  return bytes;
}

double Timed(const std::function<void()>& f, int repeats = 1) {
  const double begin = bench::CpuSeconds();
  for (int i = 0; i < repeats; ++i) f();
  return (bench::CpuSeconds() - begin) / repeats;
}

struct Line {
  std::string label, file;
  Sizes sizes;
  bool bf16 = false;
  std::string xgboost;  // a file
  int64_t mixed = 0;    // texts
};

void Compare(const bench::OrtRuntime& ort, const Line& line, const std::string& option,
             double alone) {
  const bool quick = option == "--quick";
  const std::string& label = line.label;
  const std::string bytes = Read(line.file);
  Ours ours;
  ours.Load(label, bytes, line.bf16 ? MOSAIC_BFLOAT16 : MOSAIC_FLOAT);
  const Model& model = *ours.model;
  Arena arena;
  std::minstd_rand rng(1);
  std::vector<Tensor> inputs;
  std::vector<const char*> input_names, output_names;
  std::vector<void*> borrowed;
  const auto value = [&](int v) -> const Value& {
    return model.graph.values[static_cast<size_t>(v)];
  };
  for (int v : model.graph.inputs) {
    inputs.push_back(Draw(value(v), line.sizes, &arena, &rng));
    const Tensor& t = inputs.back();
    borrowed.push_back(ort.Borrow(t.raw(), static_cast<size_t>(t.bytes()), t.shape().data(),
                                  t.shape().size(), t.dtype()));
    input_names.push_back(value(v).name.c_str());
  }
  for (int v : model.graph.outputs) output_names.push_back(value(v).name.c_str());
  int64_t items = 1;
  if (model.items.independent) items = inputs[0].dim(std::max(0, model.items.inputs[0]));

  BatchRun run(model, 1 << 14);
  run.executor().SharePrepared();
  const auto one = [&] { ours.Predict(&run, inputs, items); };
  if (alone > 0) {
    double least = 1e9;
    for (const double end = bench::CpuSeconds() + alone; bench::CpuSeconds() < end;) {
      const double begin = bench::CpuSeconds();
      one();
      least = std::min(least, bench::CpuSeconds() - begin);
    }
    std::printf("%-28s %10.3f\n", label.c_str(), least * 1e3);
    return;
  }
  if (option == "--steps") {
    std::printf("%s\n", label.c_str());
    return PrintSteps(model, &run, one);
  }
  void* session = ort.Session(bytes);
  std::vector<void*> results(output_names.size(), nullptr);
  const auto release = [&] {
    for (void*& r : results) {
      if (r != nullptr) ort.Release(bench::kReleaseValue, r);
      r = nullptr;
    }
  };
  const auto theirs = [&] {
    release();
    ort.Call(bench::kRun, session, static_cast<const void*>(nullptr), input_names.data(),
             borrowed.data(), borrowed.size(), output_names.data(), output_names.size(),
             results.data());
  };
  one();
  theirs();
  double difference = 0;
  for (size_t o = 0; o < results.size(); ++o) {
    if (run.output(o).dtype() != MOSAIC_FLOAT) continue;
    float* data = nullptr;
    ort.Call(bench::kGetTensorMutableData, results[o], &data);
    difference = std::max(difference, Difference(run.output(o), data));
  }
  std::unique_ptr<bench::XgboostPeer> trees;
  const auto xgboost = [&] {
    trees->Predict(inputs[0].data<float>(), inputs[0].dim(0), inputs[0].dim(1));
  };
  if (!line.xgboost.empty()) {
    trees = std::make_unique<bench::XgboostPeer>("libxgboost.so.0", line.xgboost);
    const float* y = trees->Predict(inputs[0].data<float>(), inputs[0].dim(0), inputs[0].dim(1));
    difference = std::max(difference, Difference(run.output(0), y));
  }
  const double once = Timed(one);
  const int repeats = std::max(1, static_cast<int>((quick ? 0.02 : 0.1) / once)),
            turns = quick ? once > 0.5 ? 3 : 5 : 11;
  std::vector<double> a, b, x;
  for (int t = 0; t < turns; ++t) {
    a.push_back(Timed(one, repeats));
    b.push_back(Timed(theirs, repeats));
    if (trees) x.push_back(Timed(xgboost, repeats));
  }
  const double mine = bench::Median(a), peer = bench::Median(b);
  run.executor().SetTimed(true);
  for (int i = 0; i < 3; ++i) one();
  std::printf("%-28s %10.3f %10.3f %7.2f   %.0e  %s\n", label.c_str(), mine * 1e3, peer * 1e3,
              mine / peer, difference, Operators(model, run.executor().step_seconds()).c_str());
  std::printf("report %s=%.3g\n", label.c_str(), mine / peer);
  if (trees) {
    std::printf("%-28s %10s %10.3f %7.2f\n", "  XGBoost's predictor", "", bench::Median(x) * 1e3,
                mine / bench::Median(x));
    std::printf("report %s.of_xgboost=%.3g\n", label.c_str(), mine / bench::Median(x));
  }
  std::fflush(stdout);
  release();
  for (void* v : borrowed) ort.Release(bench::kReleaseValue, v);
  ort.Release(bench::kReleaseSession, session);
}

// ---- texts of mixed lengths ----

// The inputs of a model of texts for some of them, padded to the longest.
class Texts {
 public:
  Texts(const Model& model, const std::vector<int64_t>& lengths) : model_(model) {
    for (int v : model.graph.inputs) {
      names_.push_back(model.graph.values[static_cast<size_t>(v)].name);
      const auto rows = static_cast<int64_t>(lengths.size());
      const int64_t width = *std::max_element(lengths.begin(), lengths.end());
      Tensor t = arena_.New(MOSAIC_INT64, {rows, width});
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < width; ++j) {
          const bool there = j < lengths[static_cast<size_t>(i)];
          const int64_t id = names_.back().find("mask") != std::string::npos ? 1
                             : names_.back().find("type") != std::string::npos
                                 ? 0
                                 : 1 + (i * 31 + j * 7) % 900;
          t.mutable_data<int64_t>()[i * width + j] = there ? id : 0;
        }
      }
      arrays_.push_back(t);
    }
  }
  const std::vector<Tensor>& arrays() const { return arrays_; }
  int64_t rows() const { return arrays_[0].dim(0); }
  void Ort(const bench::OrtRuntime& ort, void* session) const {
    std::vector<const char*> inputs, outputs;
    std::vector<void*> values;
    for (size_t i = 0; i < arrays_.size(); ++i) {
      const Tensor& t = arrays_[i];
      inputs.push_back(names_[i].c_str());
      values.push_back(
          ort.Borrow(t.raw(), static_cast<size_t>(t.bytes()), t.shape().data(), 2, t.dtype()));
    }
    for (int v : model_.graph.outputs)
      outputs.push_back(model_.graph.values[static_cast<size_t>(v)].name.c_str());
    std::vector<void*> results(outputs.size(), nullptr);
    ort.Call(bench::kRun, session, static_cast<const void*>(nullptr), inputs.data(), values.data(),
             values.size(), outputs.data(), outputs.size(), results.data());
    for (void* r : results) ort.Release(bench::kReleaseValue, r);
    for (void* v : values) ort.Release(bench::kReleaseValue, v);
  }

 private:
  const Model& model_;
  Arena arena_;
  std::vector<std::string> names_;
  std::vector<Tensor> arrays_;
};

// Parts of so many texts, in this order.
std::vector<std::vector<int64_t>> Parts(const std::vector<int64_t>& lengths, size_t most) {
  std::vector<std::vector<int64_t>> parts;
  for (size_t i = 0; i < lengths.size(); i += most) {
    parts.emplace_back(
        lengths.begin() + static_cast<std::ptrdiff_t>(i),
        lengths.begin() + static_cast<std::ptrdiff_t>(std::min(i + most, lengths.size())));
  }
  return parts;
}

// Ours computes texts of one length together, of windows of 256 rows as a plan's node reads them
// ahead; also each alone. ONNX Runtime pads batches of 32, as the texts come, and sorted.
void Mixed(const bench::OrtRuntime& ort, const Line& line, bool quick) {
  const std::string bytes = Read(line.file);
  Ours ours;
  ours.Load(line.label, bytes);
  std::minstd_rand rng(1);
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < line.mixed; ++i)
    lengths.push_back(16 + static_cast<int64_t>(rng() % 241));
  std::vector<int64_t> sorted = lengths;
  std::sort(sorted.begin(), sorted.end());
  BatchRun run(*ours.model, 1 << 14);
  run.executor().SharePrepared();
  void* session = ort.Session(bytes);
  const auto predict = [&](const std::vector<std::vector<int64_t>>& parts, bool peer) {
    double seconds = 0;
    for (const auto& part : parts) {
      const Texts texts(*ours.model, part);
      seconds += Timed([&] {
        if (peer) {
          texts.Ort(ort, session);
        } else {
          ours.Predict(&run, texts.arrays(), texts.rows());
        }
      });
    }
    return seconds;
  };
  std::vector<std::vector<int64_t>> groups;
  for (auto& window : Parts(lengths, 256)) {
    std::sort(window.begin(), window.end());
    for (int64_t n : window) {
      if (groups.empty() || groups.back()[0] != n) groups.emplace_back();
      groups.back().push_back(n);
    }
  }
  const std::vector<std::vector<std::vector<int64_t>>> ways = {
      groups, Parts(lengths, 1), Parts(lengths, 32), Parts(sorted, 32)};
  std::vector<std::vector<double>> seconds(ways.size());
  for (int turn = 0; turn < (quick ? 1 : 3); ++turn) {
    for (size_t w = 0; w < ways.size(); ++w) seconds[w].push_back(predict(ways[w], w >= 2));
  }
  const double mine = bench::Median(seconds[0]);
  const char* const names[] = {"padded", "sorted"};
  for (size_t w : {2, 3}) {
    const std::string label = line.label + "." + names[w - 2];
    std::printf("%-28s %10.3f %10.3f %7.2f\n", label.c_str(), mine * 1e3,
                bench::Median(seconds[w]) * 1e3, mine / bench::Median(seconds[w]));
    std::printf("report %s=%.3g\n", label.c_str(), mine / bench::Median(seconds[w]));
  }
  std::printf("%-28s %10.3f\n", "  each text alone", bench::Median(seconds[1]) * 1e3);
  std::fflush(stdout);
  ort.Release(bench::kReleaseSession, session);
}

// "label file dimension=size,... [bf16 | xgboost=FILE | mixed=TEXTS]"
Line Parsed(const std::string& text) {
  std::istringstream words(text);
  Line line;
  std::string spec, part;
  words >> line.label >> line.file >> spec;
  std::istringstream parts(spec);
  while (std::getline(parts, part, ',')) {
    const size_t equals = part.find('=');
    if (equals != std::string::npos)
      line.sizes[part.substr(0, equals)] = std::stoll(part.substr(equals + 1));
  }
  while (words >> part) {
    if (part == "bf16") line.bf16 = true;
    if (part.rfind("xgboost=", 0) == 0) line.xgboost = part.substr(8);
    if (part.rfind("mixed=", 0) == 0) line.mixed = std::stoll(part.substr(6));
  }
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) Fail("usage: models LIBRARY LIST [--quick | --alone SECONDS | --steps | --load]");
  const std::string option = argc > 3 ? argv[3] : "";
  const bool quick = option == "--quick";
  const double alone = argc > 4 && option == "--alone" ? std::stod(argv[4]) : 0;
  const bench::OrtRuntime ort(ApiOf(argv[1]));
  std::printf("%-28s %10s %10s %7s   %s  %s\n", "ms, CPU time", "ours",
              (std::string("ort ") + ort.version()).c_str(), "ratio", "diff.", "where ours goes");
  std::ifstream list(argv[2]);
  std::string text;
  while (std::getline(list, text)) {
    const Line line = Parsed(text);
    if (line.label.empty() || line.label[0] == '#') continue;
    if (option == "--load") {
      Ours().Load(line.label, Read(line.file));
    } else if (line.mixed > 0) {
      Mixed(ort, line, quick);
    } else {
      Compare(ort, line, option, alone);
    }
  }
  return 0;
}
