// Which output of a model has a score for each class, what the scores are, and what the classes are
// called in the graph.
//
// Decided from the graph alone, so that it is the same for every row. A model of a converter of
// scikit-learn has its scores beside the class: what a classifier of ai.onnx.ml or ZipMap makes.
// Else the scores are the first output if that is of floats, or the first that is.
//
//   made by Softmax, Sigmoid, HardSigmoid, Normalizer, a classifier of ai.onnx.ml,
//   ZipMap, exp(x) / sum(exp(x)); or the output is called so ("prob")              probabilities
//   made by LogSoftmax                                                             their logarithms
//   anything else                                                                  logits
//
// Nodes that keep elements as they are (Identity, Cast, Reshape, ...) are looked through.
#pragma once

#include <string>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

struct ClassScores {
  enum Kind { kProbabilities, kLogits, kLogProbabilities };
  int output = -1;  // -1: the model has none of floats
  Kind kind = kLogits;
  // The classes' names in the order of the scores, as a node of ai.onnx.ml has them; at most one is
  // set. They live as long as the model.
  const std::vector<std::string>* texts = nullptr;
  const std::vector<int64_t>* numbers = nullptr;
};

ClassScores FindClassScores(const Model& model);

}  // namespace mosaic
