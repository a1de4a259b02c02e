// The crowns of an ensemble (core/kernel/tree_crown.h), made after its nodes, in phases of short
// units.
//
// A tree gets as many levels as its crown has a quarter of the nodes that it could have; what lies
// below is walked through. The thresholds of all crowns are sorted by feature, and their places are
// the ranks that nodes compare with.
#pragma once

#include "core/op/ml/carver.h"
#include "core/op/ml/forest.h"

namespace mosaic {

class CrownBuilder {
 public:
  // What is needed while they are made; zero before the first phase.
  struct Working {
    struct Key {
      uint32_t feature;  // as of nodes
      float value;
      uint32_t node;  // of crowns
    };
    struct Place {
      int64_t nodes = 0;  // of crowns
      int64_t keys = 0;
      int64_t thresholds = 0;  // of groups
      bool full = false;       // there are more columns than may be
    };
    Place* place;
    Key *keys, *merged;

    static Working Carve(Carver* m, const ForestSizes& sizes);
  };

  // How many phases there are, 0 where there are no crowns; AddPhases appends them.
  static int Phases(const ForestSizes& sizes);
  static void AddPhases(const ForestSizes& sizes, Call* c);

  CrownBuilder(const ForestSizes& sizes, const Forest<float>& forest, const Working& w)
      : s_(sizes), f_(forest), w_(w) {}
  void Run(int phase, int64_t begin, int64_t end);

 private:
  void AddCrown(uint32_t tree);
  int Levels(uint32_t root) const;
  void SetNode(uint32_t node, uint32_t column, uint8_t rank);
  void AddSubtrees(TreeCrown* crown);
  void Sort(int64_t unit);
  void Merge(int64_t unit);
  void Rank(int64_t begin, int64_t end);
  void Finish();

  const ForestSizes& s_;
  const Forest<float>& f_;
  Working w_;
};

}  // namespace mosaic
