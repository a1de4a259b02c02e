// Any bytes as an ONNX file: importing them either fails with a Status or gives blocks that are in
// bounds, each once, and a graph that can be read back.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/graph/graph_format.h"
#include "core/import/importer.h"

namespace {

constexpr size_t kMaxInput = 1 << 16;
constexpr int64_t kEnoughBlocks = 2000;  // many tensors may share the same external bytes

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mosaic;
  if (size > kMaxInput) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  MemorySource source(bytes);
  // External data: the same bytes again.
  ExternalOpener opener = [&](const std::string&, std::unique_ptr<ByteSource>* out) {
    *out = std::make_unique<MemorySource>(bytes);
    return Status();
  };
  std::unique_ptr<Importer> importer;
  if (!Importer::Open("fuzz", {126, MOSAIC_FLOAT, false, ""}, &source, opener, &importer).ok()) return 0;

  Graph graph;
  const Status decoded = DecodeGraph(importer->encoded_graph(), &graph);
  if (!decoded.ok()) std::fprintf(stderr, "%s\n", decoded.message().c_str());
  Require(decoded.ok(), "an imported graph can be read back");
  const std::vector<MosaicTensorDesc>& tensors = importer->tensors();
  for (const Value& v : graph.values) {
    Require(v.tensor < static_cast<int>(tensors.size()), "values refer to tensors that exist");
  }
  int64_t expected = 0, delivered = 0;
  for (const MosaicTensorDesc& d : tensors) expected += d.nblocks;
  MosaicBlock b;
  for (bool more = true;; ++delivered) {
    if (!importer->Next(&b, &more).ok()) return 0;
    if (!more) break;
    if (delivered == kEnoughBlocks) return 0;
    const MosaicTensorDesc& d = tensors[static_cast<size_t>(b.tensor)];
    Require(b.index >= 0 && b.index < d.nblocks, "a block has its place in the map");
    Require(b.length % MOSAIC_TUPLE_ALIGN == 0 && b.length >= MOSAIC_MIN_PAYLOAD &&
                b.length <= MOSAIC_MAX_PAYLOAD,
            "a payload fits its page");
  }
  Require(delivered == expected, "every block is delivered");
  return 0;
}
