// Inputs of the packing benchmark: the paper's own, and family trees of fine-tuned models.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

struct PackingInput {
  std::string name;
  uint32_t capacity = 0;
  uint32_t blocks = 0;                        // distinct
  std::vector<std::vector<uint32_t>> models;  // the blocks of each, in the order of reading
  std::map<std::string, uint32_t> reference_pages;

  uint32_t bound() const { return (blocks + capacity - 1) / capacity; }
  // No packing lets all models read less than this together.
  uint64_t least_reads() const {
    uint64_t sum = 0;
    for (const auto& m : models) sum += (m.size() + capacity - 1) / capacity;
    return sum;
  }
};

inline PackingInput ReadPaperInput(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  const nlohmann::json json = nlohmann::json::parse(file);
  PackingInput in;
  in.name = name;
  in.capacity = json.at("blocks_per_page");
  in.blocks = json.at("distinct_blocks");
  in.models = json.at("models").get<std::vector<std::vector<uint32_t>>>();
  in.reference_pages = json.at("reference_pages").get<std::map<std::string, uint32_t>>();
  return in;
}

// A store of fine-tunes: every model but a few roots is a copy of an earlier one in which some
// ranges of blocks (layers) were trained on. Children prefer recent parents a little, so that the
// trees are neither stars nor chains. Has about the wanted number of distinct blocks.
inline PackingInput FamilyTree(uint32_t models, uint32_t wanted_blocks, uint32_t capacity,
                               uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](uint64_t n) { return static_cast<uint32_t>(random() % n); };
  constexpr uint32_t kLayers = 192, kMostTrained = 48;
  const uint32_t roots = std::max(1u, models / 60);
  // A fine-tune changes 1 to 48 layers, not always different ones: 12 % of the blocks.
  const double copies = roots + (models - roots) * 0.12;
  const uint32_t per_model = std::max(kLayers, static_cast<uint32_t>(wanted_blocks / copies));
  PackingInput in;
  in.name = "family tree";
  in.capacity = capacity;
  for (uint32_t m = 0; m < models; m++) {
    std::vector<uint32_t> map;
    if (m < roots) {
      for (uint32_t i = 0; i < per_model; i++) map.push_back(in.blocks++);
    } else {
      map = in.models[std::max(below(m), below(m))];
      for (uint32_t left = 1 + below(kMostTrained); left > 0; left--) {
        const uint64_t layer = below(kLayers);
        const uint32_t end = static_cast<uint32_t>((layer + 1) * per_model / kLayers);
        for (uint32_t i = layer * per_model / kLayers; i < end; i++) map[i] = in.blocks++;
      }
    }
    in.models.push_back(std::move(map));
  }
  // Layers trained twice leave numbers that no model uses: number the used blocks densely.
  std::vector<uint32_t> number(in.blocks, UINT32_MAX);
  uint32_t used = 0;
  for (auto& map : in.models) {
    for (uint32_t& b : map) {
      if (number[b] == UINT32_MAX) number[b] = used++;
      b = number[b];
    }
  }
  in.blocks = used;
  return in;
}

}  // namespace bench
