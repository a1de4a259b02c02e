// Models of ONNX files cut into blocks in ordinary memory, and their inference over any map of
// blocks: what the benchmarks of deduplication run on.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/dedup/block_values.h"
#include "core/dedup/metric.h"
#include "core/import/importer.h"
#include "core/run/batch.h"
#include "core/plan/model.h"

namespace bench {

inline void Check(const mosaic::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string bytes(static_cast<size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// A block of some model; equal blocks have one id.
struct StoredBlock {
  const void* payload;
  uint32_t bytes;
  MosaicGeometry geometry;
  mosaic::BlockShape shape;  // in the model that brought it first
};

using Maps = std::vector<std::vector<uint32_t>>;  // per tensor: the ids of its blocks

struct StoredModel {
  std::string name;
  std::unique_ptr<mosaic::Model> model;
  std::vector<mosaic::Blocking> blockings;  // per tensor; rows = 0 where INLINE
  Maps maps;
  int64_t blocks = 0, bytes = 0;  // as if nothing were shared
};

class BlockStore {
 public:
  explicit BlockStore(int height) : height_(height) {}

  StoredModel Load(const std::string& name, const std::string& path) {
    const std::string bytes = ReadFile(path);
    mosaic::MemorySource source(bytes);
    std::unique_ptr<mosaic::Importer> importer;
    Check(mosaic::Importer::Open(name, {height_}, &source, nullptr, &importer));
    StoredModel m;
    m.name = name;
    for (const MosaicTensorDesc& d : importer->tensors()) {
      m.blockings.push_back(mosaic::BlockingOf(d));
      m.maps.emplace_back(static_cast<size_t>(d.nblocks));
    }
    MosaicBlock block;
    for (bool more = true;;) {
      Check(importer->Next(&block, &more));
      if (!more) break;
      const size_t t = static_cast<size_t>(block.tensor);
      m.maps[t][static_cast<size_t>(block.index)] = Intern(block, m.blockings[t]);
      ++m.blocks;
      m.bytes += block.length;
    }
    const auto& tensors = importer->tensors();
    Check(mosaic::Model::Load(name, importer->encoded_graph(), tensors.data(),
                              static_cast<int>(tensors.size()), &m.model));
    return m;
  }
  const StoredBlock& block(uint32_t id) const { return blocks_[id]; }
  const float* values(uint32_t id) const { return static_cast<const float*>(blocks_[id].payload); }
  size_t size() const { return blocks_.size(); }

 private:
  static constexpr size_t kChunk = 64 << 20;

  uint32_t Intern(const MosaicBlock& block, const mosaic::Blocking& blocking) {
    const std::string hash(reinterpret_cast<const char*>(block.hash), sizeof(block.hash));
    const auto [at, is_new] = by_hash_.emplace(hash, static_cast<uint32_t>(blocks_.size()));
    if (is_new) {
      const mosaic::BlockShape shape = mosaic::ShapeOfBlock(blocking, block.index);
      blocks_.push_back({Keep(block.payload, block.length), block.length, block.geometry, shape});
    }
    return at->second;
  }
  const void* Keep(const void* payload, uint32_t length) {
    if (chunks_.empty() || used_ + length > kChunk) {
      chunks_.emplace_back(static_cast<char*>(std::aligned_alloc(64, kChunk)), &std::free);
      used_ = 0;
    }
    void* to = chunks_.back().get() + used_;
    std::memcpy(to, payload, length);
    used_ += (length + 63) / 64 * 64;
    return to;
  }

  const int height_;
  std::unordered_map<std::string, uint32_t> by_hash_;
  std::vector<StoredBlock> blocks_;
  std::deque<std::unique_ptr<char, decltype(&std::free)>> chunks_;
  size_t used_ = 0;
};

// Labelled texts: NAME.{validation,test}.bin of train_text.py.
struct TextSet {
  int64_t n = 0, length = 0, classes = 0;
  std::vector<int64_t> ids, labels;

  static TextSet Read(const std::string& path) {
    const std::string bytes = ReadFile(path);
    TextSet s;
    int64_t head[3];
    std::memcpy(head, bytes.data(), sizeof(head));
    s.n = head[0];
    s.length = head[1];
    s.classes = head[2];
    const int64_t* from = reinterpret_cast<const int64_t*>(bytes.data()) + 3;
    s.ids.assign(from, from + s.n * s.length);
    s.labels.assign(from + s.n * s.length, from + s.n * s.length + s.n);
    return s;
  }
};

// The model's accuracy over a set, its weights taken from the blocks that maps name.
inline double Accuracy(const StoredModel& m, const Maps& maps, const BlockStore& store,
                       const TextSet& set) {
  constexpr int64_t kBatch = 256;
  mosaic::BatchRun executor(*m.model, 4096);
  const auto metric = mosaic::Metric::New(mosaic::MetricKind::kAccuracy);
  std::vector<const void*> payloads;
  for (int64_t begin = 0; begin < set.n; begin += kBatch) {
    const int64_t items = std::min(kBatch, set.n - begin);
    const auto input = mosaic::Tensor::Borrow(MOSAIC_INT64, {items, set.length},
                                              set.ids.data() + begin * set.length);
    Check(executor.Start({input}, items));
    auto outcome = mosaic::BatchRun::Outcome::kMore;
    while (outcome != mosaic::BatchRun::Outcome::kDone) {
      Check(executor.Step(&outcome));
      if (outcome != mosaic::BatchRun::Outcome::kNeedBlocks) continue;
      const mosaic::BlockRequest& request = executor.request();
      payloads.clear();
      for (int32_t i : request.indexes) {
        const auto& map = maps[static_cast<size_t>(request.tensor)];
        payloads.push_back(store.block(map[static_cast<size_t>(i)]).payload);
      }
      executor.Supply(payloads.data());
    }
    const mosaic::Tensor& out = executor.output(0);
    const int64_t classes = out.size() / items;
    for (int64_t i = 0; i < items; ++i) {
      const auto label = static_cast<double>(set.labels[static_cast<size_t>(begin + i)]);
      Check(metric->Add(out.data<float>() + i * classes, classes, &label));
    }
  }
  return metric->value();
}

}  // namespace bench
