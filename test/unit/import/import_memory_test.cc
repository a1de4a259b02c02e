// A large model is imported within a bounded amount of memory, however large a single tensor is.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCounts = false;
#elif defined(__has_feature)
constexpr bool kCounts = !__has_feature(address_sanitizer);
#else
constexpr bool kCounts = true;
#endif

size_t HeapInUse() {
  const struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

// A file of literal pieces and of long stretches of computed bytes, none of which is in memory.
class SyntheticSource : public ByteSource {
 public:
  void Append(const std::string& literal) {
    pieces_.push_back({size_, literal}), size_ += literal.size();
  }
  void AppendComputed(uint64_t bytes) { size_ += bytes; }
  uint64_t size() const override { return size_; }
  Status Read(uint64_t offset, size_t len, void* out) override {
    peak_ = std::max(peak_, HeapInUse());
    char* to = static_cast<char*>(out);
    // Computed: small floats 0x3f80xxxx that differ from place to place.
    for (size_t i = 0; i < len; ++i) {
      const uint64_t at = offset + i;
      to[i] = at % 4 == 3   ? '\x3f'
              : at % 4 == 2 ? '\x80'
                            : static_cast<char>(at >> (at % 4 * 8 + 2));
    }
    for (const Piece& p : pieces_) {
      const uint64_t from = std::max(offset, p.at);
      const uint64_t end = std::min(offset + len, p.at + p.bytes.size());
      if (from < end) std::copy_n(&p.bytes[from - p.at], end - from, to + (from - offset));
    }
    return {};
  }
  size_t peak() const { return peak_; }

 private:
  struct Piece {
    uint64_t at;
    std::string bytes;
  };
  std::vector<Piece> pieces_;
  uint64_t size_ = 0;
  size_t peak_ = 0;
};

// The start of a field of n bytes.
std::string Open(uint32_t field, uint64_t n) {
  std::string s;
  protozero::add_varint_to_buffer(&s, field << 3 | 2);
  protozero::add_varint_to_buffer(&s, n);
  return s;
}

struct BigTensor {
  std::string name;
  std::vector<int64_t> dims;
  uint32_t field;  // raw_data or float_data
};

void Build(const ModelBuilder& nodes, const std::vector<BigTensor>& tensors, SyntheticSource* out) {
  std::vector<std::string> heads;
  std::vector<uint64_t> sizes;
  uint64_t graph = nodes.graph().size();
  for (const BigTensor& t : tensors) {
    uint64_t bytes = 4;
    for (int64_t d : t.dims) bytes *= static_cast<uint64_t>(d);
    std::string head = TensorHead(t.name, MOSAIC_FLOAT, t.dims).str() + Open(t.field, bytes);
    head = Open(5, head.size() + bytes) + head;
    graph += head.size() + bytes;
    heads.push_back(head);
    sizes.push_back(bytes);
  }
  out->Append(Message().Int(1, 7).Bytes(8, Message().Int(2, 13).str()).str() + Open(7, graph));
  for (size_t i = 0; i < heads.size(); ++i) {
    out->Append(heads[i]);
    out->AppendComputed(sizes[i]);
  }
  out->Append(nodes.graph());
}

TEST(ImportMemory, BoundedByAWindow) {
  // ASan's allocator does not count: there only the delivery is checked.
  ASSERT_EQ(HeapInUse() > 0, kCounts);
  ModelBuilder nodes;
  nodes.Input("x", {kN, 1000}).Input("z", {kN, 700000}).Input("ids", {kN}, MOSAIC_INT64);
  nodes.Output("a", {kN, 32000}).Output("b", {kN, 40}).Output("c", {kN, 64}).Output("d", {1, kN});
  nodes.Node("MatMul", {"x", "wide"}, {"a"});
  nodes.Node("Gemm", {"z", "tall"}, {"b"}, {IntAttr("transB", 1)});
  nodes.Node("Gather", {"table", "ids"}, {"c"});
  nodes.Node("Gather", {"one_row", "ids"}, {"d"});
  SyntheticSource source;
  Build(nodes,
        {{"wide", {1000, 32000}, 9},     // 128 MB: a row of blocks does not fit the window
         {"tall", {40, 700000}, 4},      // 112 MB: a strip of 16 rows does not fit
         {"table", {100000, 64}, 9},     // 26 MB
         {"one_row", {1, 4000000}, 4}},  // 16 MB in one row
        &source);
  ASSERT_GT(source.size(), uint64_t{250} << 20);

  const size_t before = HeapInUse();
  std::unique_ptr<Importer> importer;
  const Status s = Importer::Open("big", {126, MOSAIC_FLOAT, false, ""}, &source, {}, &importer);
  ASSERT_TRUE(s.ok()) << s.message() << s.detail();
  int64_t expected = 0, delivered = 0;
  for (const MosaicTensorDesc& d : importer->tensors()) expected += d.nblocks;
  MosaicBlock block;
  size_t peak = 0;
  for (bool more = true; more; delivered += more) {
    ASSERT_TRUE(importer->Next(&block, &more).ok());
    if (delivered % 1000 == 0) peak = std::max(peak, HeapInUse());
  }
  EXPECT_EQ(delivered, expected);
  peak = std::max(peak, source.peak()) - before;
  RecordProperty("peak_bytes", std::to_string(peak));
  std::printf("peak %zu bytes over the baseline\n", peak);
  EXPECT_LT(peak, size_t{16} << 20);
}

// A length that the file cannot have is refused without being believed.
TEST(ImportMemory, ClaimsAreNotAllocated) {
  const std::string claims[] = {
      Open(7, uint64_t{1} << 40), Open(7, 20) + Open(5, uint64_t{1} << 62),
      Open(7, 30) + Open(1, 20) + Open(3, uint64_t{1} << 35),
      Message().Int(1, 7).Bytes(7, Message().Bytes(5, Open(9, uint64_t{1} << 33)).str()).str(),
      Message().Int(1, 7).Bytes(7, Message().Bytes(5, Open(4, UINT64_MAX)).str()).str()};
  for (const std::string& bytes : claims) {
    const Imported r = Import(bytes);
    EXPECT_EQ(r.status.code(), MOSAIC_E_BAD_MODEL) << r.status.message();
  }
}

}  // namespace
}  // namespace mosaic
