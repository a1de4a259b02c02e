// Any bytes as an ONNX file: importing them either fails with a Status or gives blocks that are in
// bounds, each once, and a graph that can be read back.
//
// A first byte from 0xe0 on, with which no field of a model begins, says how the others are
// imported.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "core/graph/graph_format.h"
#include "core/import/importer.h"

namespace {

using namespace mosaic;

constexpr size_t kMaxInput = 1 << 16;
constexpr int64_t kEnoughBlocks = 2000;  // many tensors may share the same external bytes

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

// Takes the byte of the options, if there is one.
Importer::Options TakeOptions(std::string_view* bytes) {
  if (bytes->empty() || static_cast<uint8_t>((*bytes)[0]) < 0xe0)
    return {126, MOSAIC_FLOAT, false, ""};
  const unsigned bits = static_cast<uint8_t>((*bytes)[0]) - 0xe0;
  bytes->remove_prefix(1);
  const int heights[] = {126, 63, 31, 126};
  const char* axes[] = {"", "none", "N", "N"};
  return {heights[bits >> 1 & 3], (bits & 1) != 0 ? MOSAIC_BFLOAT16 : MOSAIC_FLOAT, bits == 31,
          axes[bits >> 3]};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMaxInput) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Importer::Options options = TakeOptions(&bytes);
  MemorySource source(bytes);
  // External data: the same bytes again.
  ExternalOpener opener = [&](const std::string&, std::unique_ptr<ByteSource>* out) {
    *out = std::make_unique<MemorySource>(bytes);
    return Status();
  };
  std::unique_ptr<Importer> importer;
  if (!Importer::Open("fuzz", options, &source, opener, &importer).ok()) return 0;

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
