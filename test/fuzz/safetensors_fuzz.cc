// Any bytes as a safetensors file: reading the header either fails with a Status or gives tensors
// whose elements lie in the file, each of its bytes in one of them; and as new weights for a small
// model, or an adapter of it, they either fit or are refused.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/import/adapter.h"
#include "core/import/adapter_config.h"
#include "core/import/like.h"
#include "core/import/safetensors.h"

namespace safetensors_fuzz {

using namespace mosaic;  // NOLINT

constexpr size_t kMaxInput = 1 << 16;

inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

class ZeroBlocks : public StoredBlocks {
 public:
  Status Read(int, int64_t, void* payload) override {
    std::fill_n(static_cast<char*>(payload), MOSAIC_MIN_PAYLOAD, '\0');
    return {};
  }
};

// y = x * weight [8, 16] + bias [16]
struct Base {
  Base() {
    Graph& g = model.graph;
    g.opset = 13;
    g.values.resize(4);
    const char* const names[] = {"x", "a.weight", "a.bias", "y"};
    for (size_t i = 0; i < 4; ++i) g.values[i].name = names[i];
    g.values[0].dtype = MOSAIC_FLOAT;
    g.values[0].has_shape = true;
    g.values[0].dims = {kSymbolic, 8};
    g.values[0].dim_names = {"N", ""};
    g.values[1].tensor = 0;
    g.values[2].tensor = 1;
    Node n;
    n.op_type = "Gemm";
    n.inputs = {0, 1, 2};
    n.outputs = {3};
    g.nodes.push_back(n);
    g.inputs = {0};
    g.outputs = {3};
    model.descs.resize(2);
    const Blocking b = PlanStrip(8, 16, 126);
    model.descs[0] = {"a.weight",   MOSAIC_FLOAT, 2,       {8, 16}, MOSAIC_LAYOUT_STRIP,
                      MOSAIC_FLOAT, false,        8,       16,      b.block_rows,
                      b.block_cols, b.blocks(),   nullptr, 0};
    model.descs[1] = {
        "a.bias", MOSAIC_FLOAT, 1, {16}, MOSAIC_LAYOUT_INLINE, MOSAIC_FLOAT, false, 0, 0, 0, 0, 0,
        bias,     sizeof(bias)};
    model.blocks = &blocks;
  }
  StoredModel model;
  ZeroBlocks blocks;
  float bias[16] = {};
};

inline void CheckEntries(const std::vector<SafetensorsEntry>& entries,
                         const std::shared_ptr<ByteSource>& source) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const SafetensorsEntry& e = entries[i];
    Require(i == 0 || entries[i - 1].name < e.name, "names are distinct");
    Require(e.offset <= source->size() && e.bytes <= source->size() - e.offset,
            "a tensor lies in the file");
    bytes += e.bytes;
    if (e.dtype == MOSAIC_UNDEFINED) continue;
    Require(
        static_cast<uint64_t>(e.elements) * static_cast<uint64_t>(DTypeSize(e.dtype)) == e.bytes,
        "its bytes are its elements");
    const TensorData data = DataOf(e, source);
    std::vector<char> elements(e.bytes);
    Require(ElementReader(data, e.dtype).Read(0, e.elements, elements.data()).ok(),
            "and can be read");
  }
  Require(bytes < source->size() || entries.empty(), "no byte is two tensors'");
}

inline void TakeAll(Importer* importer) {
  int64_t expected = 0, blocks = 0;
  for (const MosaicTensorDesc& d : importer->tensors()) expected += d.nblocks;
  MosaicBlock block;
  for (bool more = true;; ++blocks) {
    Require(importer->Next(&block, &more).ok(), "weights that fit can be read");
    if (!more) break;
  }
  Require(blocks == expected, "every block is delivered");
}

inline int Check(std::string_view bytes) {
  const auto source = std::make_shared<MemorySource>(bytes);
  std::vector<SafetensorsEntry> entries;
  if (!ReadSafetensors(source.get(), false, &entries).ok()) return 0;
  CheckEntries(entries, source);
  Base base;
  AdapterConfig config;
  config.alpha = 16;
  const Importer::Options options = {126, MOSAIC_FLOAT, false, ""};
  for (const bool content : {false, true}) {
    const std::shared_ptr<ByteSource> own = content ? source : nullptr;
    std::unique_ptr<Importer> importer;
    if (OpenLike("fuzz", options, base.model, source, own, &importer).ok()) TakeAll(importer.get());
    if (OpenAdapter("fuzz", options, base.model, source, own, config, &importer).ok())
      TakeAll(importer.get());
  }
  return 0;
}

}  // namespace safetensors_fuzz

#ifndef MOSAIC_FUZZ_CORPUS_TEST
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > safetensors_fuzz::kMaxInput) return 0;
  return safetensors_fuzz::Check({reinterpret_cast<const char*>(data), size});
}
#endif
