#include "op/samples/wrong.h"

#include <limits>
#include <new>

namespace mosaic::samples {
namespace {

constexpr int kTries = 20, kUnits = 200;

size_t Index(size_t n, Draw& d) { return static_cast<size_t>(d.Int(0, static_cast<int64_t>(n) - 1)); }

int64_t AnyInt(Draw& d) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kBig = int64_t{1} << 31;
  return d.Of<int64_t>({-1, 0, 1, 2, 3, 7, -2, -3, 16, 64, 100, 1000, 65536, kBig, -kBig, int64_t{1} << 40, int64_t{1} << 62,
                        kMost, -kMost - 1});
}

bool ChangeShape(Given* g, Draw& d) {
  Shape& shape = g->shape;
  switch (d.Int(0, 4)) {
    case 0:
    case 1: {
      if (shape.empty()) return false;
      int64_t& size = shape[Index(shape.size(), d)];
      const int64_t was = size;
      size = d.Of<int64_t>({0, 1, 3, was + 1, was > 0 ? was - 1 : 0, 2 * was, was / 2});
      return size != was;
    }
    case 2:
      if (shape.empty()) return false;
      shape.erase(shape.begin() + d.Int(0, static_cast<int64_t>(shape.size()) - 1));
      return true;
    case 3:
      if (static_cast<int>(shape.size()) >= MOSAIC_MAX_DIMS) return false;
      shape.insert(shape.begin() + d.Int(0, static_cast<int64_t>(shape.size())), d.Of<int64_t>({1, 2, 0}));
      return true;
    default:
      if (shape.size() < 2 || shape[0] == shape[shape.size() - 1]) return false;
      std::swap(shape[0], shape[shape.size() - 1]);
      return true;
  }
}

bool ChangeType(Given* g, Draw& d) {
  const int was = g->dtype;
  g->dtype = d.Of<int>({MOSAIC_FLOAT, MOSAIC_INT64, MOSAIC_INT32, MOSAIC_DOUBLE, MOSAIC_STRING, MOSAIC_UINT8, MOSAIC_INT8,
                        MOSAIC_BOOL, MOSAIC_FLOAT16});
  if (g->dtype == was) return false;
  if (g->dtype == MOSAIC_STRING) {
    g->values.clear();
    g->strings = {"a", "bb", ""};
  } else if (was == MOSAIC_STRING) {
    g->strings.clear();
    g->values = {1, 2, 0};
  }
  return true;
}

bool ChangeElement(Given* g, Draw& d) {
  if (g->values.empty()) return false;
  double most = 1;  // what the type holds for certain
  switch (g->dtype) {
    case MOSAIC_INT64:
    case MOSAIC_DOUBLE:
    case MOSAIC_FLOAT:
      most = 4e18;
      break;
    case MOSAIC_INT32:
      most = 2147483647;
      break;
    default:
      most = 100;
  }
  if (g->dtype == MOSAIC_BOOL) return false;
  const bool below = g->dtype == MOSAIC_INT64 || g->dtype == MOSAIC_INT32 || g->dtype == MOSAIC_FLOAT || g->dtype == MOSAIC_DOUBLE;
  const double v = static_cast<double>(AnyInt(d));
  g->values[Index(g->values.size(), d)] = std::min(std::max(v, below ? -most : 0), most);
  return true;
}

template <typename T>
bool Longer(std::vector<T>* list, T last, Draw& d) {
  if (d.Flip()) {
    list->push_back(last);
  } else if (!list->empty()) {
    list->pop_back();
  } else {
    return false;
  }
  return true;
}

bool ChangeAttribute(Attribute* a, Draw& d) {
  if (a->name == "projected") return false;  // made by lower/ only
  if (auto* i = std::get_if<int64_t>(&a->value)) {
    *i = AnyInt(d);
  } else if (auto* f = std::get_if<float>(&a->value)) {
    *f = d.Of<float>({0, -1, 1e30F, -1e30F, 1e-30F, 0.5F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  } else if (auto* ints = std::get_if<std::vector<int64_t>>(&a->value)) {
    if (d.Int(0, 3) == 0) {
      a->value = std::vector<float>(ints->begin(), ints->end());
    } else if (d.Flip() && !ints->empty()) {
      (*ints)[Index(ints->size(), d)] = AnyInt(d);
    } else {
      return Longer<int64_t>(ints, 1, d);
    }
  } else if (auto* floats = std::get_if<std::vector<float>>(&a->value)) {
    if (d.Int(0, 3) > 0) return Longer(floats, 1.0F, d);
    a->value = std::vector<int64_t>(floats->size(), 1);
  } else if (auto* strings = std::get_if<std::vector<std::string>>(&a->value)) {
    return Longer<std::string>(strings, "zz", d);
  } else {
    return false;
  }
  return true;
}

}  // namespace

int64_t FewUnits(int64_t begin, int64_t) {
  thread_local int64_t left = 0;
  if (begin == 0) left = kUnits;
  if (--left < 0) throw std::bad_alloc();  // enough
  return begin + 1;
}

std::string MakeWrong(Sample* s, Draw& d) {
  for (int i = 0; i < kTries; ++i) {
    const int64_t kind = d.Int(0, 9);
    if (kind >= 7 && !s->node.attributes.empty()) {
      Attribute& a = s->node.attributes[Index(s->node.attributes.size(), d)];
      if (ChangeAttribute(&a, d)) return "attribute " + a.name;
    } else if (kind < 7 && !s->inputs.empty()) {
      const size_t n = Index(s->inputs.size(), d);
      Given& g = s->inputs[n];
      if (g.dtype == MOSAIC_UNDEFINED || g.dtype == MOSAIC_SEQUENCE) continue;
      const std::string input = " of input " + std::to_string(n);
      if (kind < 5 && ChangeShape(&g, d)) return "the shape" + input;
      if (kind == 5 && ChangeType(&g, d)) return "the type" + input;
      if (kind == 6 && ChangeElement(&g, d)) return "an element" + input;
    }
  }
  return "";
}

Status RunWrong(const Sample& s, uint64_t seed, int64_t memory) {
  Arena arena;
  arena.SetLimit(memory);
  try {
    const std::vector<Tensor> inputs = MakeInputs(s, &arena, seed, false);
    std::vector<Tensor> out;
    return RunSample(s, inputs, &arena, &out, FewUnits);
  } catch (const MemoryLimitExceeded&) {
    return Status();
  } catch (const std::bad_alloc&) {
    return Status();
  }
}

}  // namespace mosaic::samples
