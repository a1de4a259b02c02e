// Loop and Scan: what is known of what they carry along holds for every iteration, and items are
// apart only where no iteration brings them together.
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

// The body of a Loop: its values by name, then its nodes. Inputs are the iteration, the condition
// and the carried values.
class LoopBody {
 public:
  explicit LoopBody(size_t carried) {
    Add("i", MOSAIC_INT64);
    Add("condition", MOSAIC_BOOL);
    for (size_t k = 0; k < carried; ++k) Add("v" + std::to_string(k), MOSAIC_UNDEFINED);
    for (int v = 0; v < static_cast<int>(carried) + 2; ++v) body_.inputs.push_back(v);
    body_.outputs.push_back(Call("Identity", {1}));
  }
  int carried(int k) const { return 2 + k; }
  int Capture(int around) {
    const int v = Add("captured" + std::to_string(around), MOSAIC_UNDEFINED);
    body_.values[static_cast<size_t>(v)].capture = around;
    return v;
  }
  int Constant(int tensor) {
    const int v = Add("t" + std::to_string(tensor), MOSAIC_UNDEFINED);
    body_.values[static_cast<size_t>(v)].tensor = tensor;
    return v;
  }
  int Call(const std::string& op, std::vector<int> inputs, std::vector<Attribute> attributes = {}) {
    Node node;
    node.op_type = op;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    node.outputs = {Add("o" + std::to_string(body_.values.size()), MOSAIC_UNDEFINED)};
    body_.nodes.push_back(node);
    return node.outputs[0];
  }
  void Output(int v) { body_.outputs.push_back(v); }
  Body& body() { return body_; }

 private:
  int Add(const std::string& name, int dtype) {
    body_.values.emplace_back();
    body_.values.back().name = name;
    body_.values.back().dtype = dtype;
    return static_cast<int>(body_.values.size()) - 1;
  }
  Body body_;
};

// A Loop of the main graph; returns its outputs.
std::vector<int> Loop(GraphBuilder* g, LoopBody* body, std::vector<int> inputs) {
  g->graph.bodies.push_back(body->body());
  const size_t outputs = body->body().outputs.size() - 1;
  std::vector<int> out = {g->Call("Loop", std::move(inputs))};
  for (size_t o = 1; o < outputs; ++o) {
    out.push_back(static_cast<int>(g->graph.values.size()));
    g->graph.values.emplace_back();
    g->graph.values.back().name = "loop" + std::to_string(o);
  }
  Node& node = g->graph.nodes.back();
  node.outputs = out;
  node.bodies = {{"body", static_cast<int>(g->graph.bodies.size()) - 1}};
  return out;
}

int Trips(GraphBuilder* g, int64_t n) {
  return g->Constant(g->store.AddInline("trips", {}, MOSAIC_INT64, &n));
}
int One(GraphBuilder* g) {
  const float one = 1;
  return g->store.AddInline("one", {}, MOSAIC_FLOAT, &one);
}

std::vector<Array> Predicted(const GraphBuilder& g, const Model& model,
                             const std::vector<Array>& inputs, int64_t items) {
  BatchRun run(model, 10);
  std::vector<Array> out;
  const Status s = Predict(&run, g.store, inputs, items, g.graph.outputs.size(), &out);
  EXPECT_TRUE(s.ok()) << s.message();
  return out;
}

bool Independent(const GraphBuilder& g) {
  const auto model = g.Load();
  return model != nullptr && model->items.independent;
}

TEST(Loop, ATripCountOfItemsMixesThem) {
  for (const bool condition : {false, true}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2}),
              l = g.Input("l", MOSAIC_INT64, {kSymbolic, 1});
    const int most = g.Call("ReduceMax", {l}, {{"keepdims", int64_t{0}}});
    LoopBody body(1);
    body.Output(body.Call("Add", {body.carried(0), body.Constant(One(&g))}));
    const int64_t three = 3;
    const int above =
        g.Call("Greater", {most, g.Constant(g.store.AddInline("three", {}, MOSAIC_INT64, &three))});
    g.Output(Loop(
        &g, &body,
        condition ? std::vector<int>{Trips(&g, 2), above, x} : std::vector<int>{most, -1, x})[0]);
    const auto model = g.Load();
    ASSERT_NE(model, nullptr);
    EXPECT_FALSE(model->items.independent);
    const std::vector<Array> out =
        Predicted(g, *model,
                  {Floats({3, 2}, {10, 10, 20, 20, 30, 30}),
                   Array(MOSAIC_INT64, {3, 1}, std::vector<int64_t>{1, 5, 2})},
                  3);
    EXPECT_TRUE(out[0] == (condition ? Floats({3, 2}, {10, 10, 22, 22, 30, 30})
                                     : Floats({3, 2}, {11, 11, 25, 25, 32, 32})));
  }
}

// w0 = [1, 2], w1 = v0, w2 = v1 and so on: what comes in at one end reaches the other after as many
// iterations as there are.
TEST(Loop, WhatMovesFromValueToValueIsFollowedToTheLast) {
  for (const int values : {1, 4, 5, 9}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic});
    const float two[] = {1, 2};
    LoopBody body(static_cast<size_t>(values));
    body.Output(body.Constant(g.store.AddInline("two", {2}, MOSAIC_FLOAT, two)));
    for (int k = 1; k < values; ++k) body.Output(body.Call("Identity", {body.carried(k - 1)}));
    std::vector<int> inputs = {Trips(&g, 20), -1};
    const float zero[] = {0};
    for (int k = 0; k < values; ++k)
      inputs.push_back(g.Constant(g.store.AddInline("zero", {1}, MOSAIC_FLOAT, zero)));
    const std::vector<int> out = Loop(&g, &body, inputs);
    g.Output(g.Call("Shape", {out.back()}));
    g.Output(x);
    const auto model = g.Load();
    ASSERT_NE(model, nullptr);
    EXPECT_TRUE(Predicted(g, *model, {Floats({1}, {0})}, 1)[0] ==
                Array(MOSAIC_INT64, {1}, std::vector<int64_t>{2}))
        << values;
  }
}

// Items that meet in the first of many values meet in all; those that do not stay apart.
TEST(Loop, ItemsThatMeetInOneValueMeetInTheLast) {
  for (const bool meet : {true, false}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 1});
    constexpr int kValues = 7;
    LoopBody body(kValues);
    const int captured = body.Capture(x);
    const int other =
        meet ? body.Call("ReduceMax", {captured}, {{"keepdims", int64_t{0}}}) : captured;
    body.Output(body.Call("Add", {body.carried(0), other}));
    for (int k = 1; k < kValues; ++k) body.Output(body.Call("Identity", {body.carried(k - 1)}));
    std::vector<int> inputs = {Trips(&g, 10), -1};
    for (int k = 0; k < kValues; ++k) inputs.push_back(x);
    g.Output(Loop(&g, &body, inputs).back());
    EXPECT_EQ(Independent(g), !meet);
  }
}

// A number of an item that is changed on the way is none; what each iteration makes of an item is
// its own.
TEST(Loop, NumbersOfItemsThatChangeAreForgotten) {
  for (const bool numbered : {true, false}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 1});
    const int64_t zero = 0, one = 1, minus = -1;
    const auto constant = [&](const int64_t* v) {
      return g.Constant(g.store.AddInline("n", {}, MOSAIC_INT64, v));
    };
    const int n = g.Call("Gather", {g.Call("Shape", {x}), constant(&zero)}, {{"axis", int64_t{0}}});
    const int numbers = g.Call("Range", {constant(&zero), n, constant(&one)});
    LoopBody body(1);
    const int captured = body.Capture(x);
    if (numbered) {
      const int down = body.Constant(g.store.AddInline("m", {}, MOSAIC_INT64, &minus));
      body.Output(body.Call("Add", {body.carried(0), down}));
      body.Output(body.Call("Gather", {captured, body.carried(0)}, {{"axis", int64_t{0}}}));
    } else {
      body.Output(body.Call("Add", {body.carried(0), captured}));
      body.Output(body.Call("Neg", {body.carried(0)}));
    }
    const std::vector<int> out = Loop(&g, &body, {Trips(&g, 2), -1, numbered ? numbers : x});
    g.Output(g.Call("Transpose", {out[1]}, {{"perm", std::vector<int64_t>{1, 0, 2}}}));
    EXPECT_EQ(Independent(g), !numbered);
  }
}

TEST(Loop, ThatNeverRunsGivesArraysAsDeclared) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 1});
  const int64_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  LoopBody body(0);
  const int given =
      body.Call("Identity", {body.Constant(g.store.AddInline("ones", {2, 4}, MOSAIC_INT64, ones))});
  Value& declared = body.body().values[static_cast<size_t>(given)];
  declared.dtype = MOSAIC_INT64;
  declared.has_shape = true;
  declared.dims = {2, 4};
  declared.dim_names = {"", ""};
  body.Output(given);
  const std::vector<int> out = Loop(&g, &body, {Trips(&g, 0), -1});
  g.Output(g.Call("Shape", {out[0]}));
  g.Output(g.Call("Concat", {out[0], out[0]}, {{"axis", int64_t{1}}}));
  g.Output(x);
  const auto model = g.Load();
  ASSERT_NE(model, nullptr);
  const std::vector<Array> arrays = Predicted(g, *model, {Floats({1, 1}, {0})}, 1);
  EXPECT_TRUE(arrays[0] == Array(MOSAIC_INT64, {3}, std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(arrays[1].dtype, MOSAIC_INT64);
}

// What is declared of what never came may be anything: steps further on were sized by what an
// iteration gives.
TEST(Loop, ThatNeverRunsGivesWhatStepsWereSizedFor) {
  struct Declared {
    int dtype;
    bool has_shape;
    std::vector<int64_t> dims;
  };
  const Declared kDeclared[] = {{MOSAIC_FLOAT, true, {1, kSymbolic}},
                                {MOSAIC_FLOAT, true, {1, 2}},
                                {MOSAIC_UINT8, true, {1, 500}},
                                {MOSAIC_FLOAT, true, {int64_t{1} << 62, int64_t{1} << 62}},
                                {MOSAIC_FLOAT, true, {1}},
                                {MOSAIC_UNDEFINED, false, {}}};
  for (const Declared& d : kDeclared) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {1, 500}), trips = g.Input("t", MOSAIC_INT64, {1});
    LoopBody body(0);
    const int y = body.Call("Identity", {body.Capture(x)});
    Value& declared = body.body().values[static_cast<size_t>(y)];
    declared.dtype = d.dtype;
    declared.has_shape = d.has_shape;
    declared.dims = d.dims;
    declared.dim_names.assign(d.dims.size(), "");
    body.Output(y);
    const int all = Loop(&g, &body, {trips, -1})[0];
    const int sum = g.Call("ReduceSum", {all, g.Ints({0})}, {{"keepdims", int64_t{0}}});
    g.Output(g.Call("Add", {sum, x}));
    std::unique_ptr<Model> model;
    if (!g.TryLoad(&model).ok()) continue;  // a declaration that cannot be
    for (const int64_t n : {0, 3}) {
      const std::vector<Array> out = Predicted(g, *model,
                                               {Floats({1, 500}, std::vector<float>(500, 1)),
                                                Array(MOSAIC_INT64, {1}, std::vector<int64_t>{n})},
                                               1);
      EXPECT_TRUE(out[0] == Floats({1, 500}, std::vector<float>(500, static_cast<float>(n + 1))));
    }
  }
}

// A value of which not even the type is known is not left out.
TEST(Loop, ValuesOfUnknownTypeAreNotOmitted) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {1, 1}), trips = g.Input("t", MOSAIC_INT64, {1});
  const int bytes = g.Call("Cast", {x}, {{"to", int64_t{MOSAIC_UINT8}}});
  const int first = g.Call("SequenceConstruct", {bytes});
  LoopBody body(1);
  body.Output(body.Call("SequenceConstruct", {body.Call("Squeeze", {body.Capture(x)})}));
  const int last = Loop(&g, &body, {trips, -1, first})[0];
  const int64_t zero = 0;
  const int at = g.Constant(g.store.AddInline("zero", {}, MOSAIC_INT64, &zero));
  const float numbers[] = {1, 2, 3};
  const int constant = g.Constant(g.store.AddInline("k", {3}, MOSAIC_FLOAT, numbers));
  g.Output(g.Call("Clip", {constant, g.Call("SequenceAt", {last, at})}));
  const auto model = g.Load();
  ASSERT_NE(model, nullptr);
  const Array one(MOSAIC_INT64, {1}, std::vector<int64_t>{1});
  EXPECT_TRUE(Predicted(g, *model, {Floats({1, 1}, {2.5F}), one}, 1)[0] ==
              Floats({3}, {2.5F, 2.5F, 3}));
}

TEST(Loop, SequencesAreNotCollected) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {1, 1});
  LoopBody body(0);
  body.Output(body.Call("SequenceConstruct", {body.Capture(x)}));
  g.Output(Loop(&g, &body, {Trips(&g, 2), -1})[0]);
  std::unique_ptr<Model> model;
  EXPECT_EQ(g.TryLoad(&model).code(), MOSAIC_E_UNSUPPORTED);
}

// How many items there are, as a float, from the array's shape.
int ItemCount(GraphBuilder* g, int x) {
  const int64_t zero = 0;
  const int first = g->Constant(g->store.AddInline("zero", {}, MOSAIC_INT64, &zero));
  return g->Call("Gather", {g->Call("Shape", {x}), first}, {{"axis", int64_t{0}}});
}
int AsFloat(GraphBuilder* g, int v) {
  return g->Call("Cast", {v}, {{"to", int64_t{MOSAIC_FLOAT}}});
}

// What passes through a body is how many items there are, still.
TEST(Loop, NumbersOfItemsThatPassThroughMixThem) {
  for (const bool used : {false, true}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2}), n = ItemCount(&g, x);
    LoopBody body(2);
    const int term = used ? body.Call("Cast", {body.carried(1)}, {{"to", int64_t{MOSAIC_FLOAT}}})
                          : body.Constant(One(&g));
    body.Output(body.Call("Add", {body.carried(0), term}));
    body.Output(body.Call("Identity", {body.carried(1)}));
    g.Output(Loop(&g, &body, {Trips(&g, 2), -1, x, n})[0]);
    EXPECT_EQ(Independent(g), !used);
  }
}

TEST(If, NumbersOfItemsThatPassThroughMixThem) {
  for (const bool counted : {true, false}) {
    GraphBuilder g;
    const int64_t three = 3;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
    const int n = counted ? ItemCount(&g, x)
                          : g.Constant(g.store.AddInline("three", {}, MOSAIC_INT64, &three));
    for (const char* op : {"Identity", "Neg"}) {
      Body body;
      body.values.resize(2);
      body.values[0].name = "n";
      body.values[0].capture = n;
      body.values[1].name = op;
      Node node;
      node.op_type = op;
      node.inputs = {0};
      node.outputs = {1};
      body.nodes = {node};
      body.outputs = {1};
      g.graph.bodies.push_back(body);
    }
    const uint8_t yes = 1;
    const int out = g.Call("If", {g.Constant(g.store.AddInline("yes", {}, MOSAIC_BOOL, &yes))});
    g.graph.nodes.back().bodies = {{"then_branch", 0}, {"else_branch", 1}};
    g.Output(g.Call("Add", {x, AsFloat(&g, out)}));
    EXPECT_EQ(Independent(g), !counted);
  }
}

// A branch makes rows of the items' elements: that there are more of them can be told from the
// shape.
TEST(If, ShapesOfItemsThatDifferMixThem) {
  for (const bool differ : {true, false}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
    g.graph.values[static_cast<size_t>(x)].dim_names = {"N", "m"};
    const int64_t five = 5, one = 1;
    const int width =
        g.Call("Gather",
               {g.Call("Shape", {x}), g.Constant(g.store.AddInline("one", {}, MOSAIC_INT64, &one))},
               {{"axis", int64_t{0}}});
    const int wide =
        g.Call("Greater", {width, g.Constant(g.store.AddInline("five", {}, MOSAIC_INT64, &five))});
    const int64_t rows[] = {-1, 1};
    const int shape = g.store.AddInline("rows", {2}, MOSAIC_INT64, rows);
    for (const bool flat : {false, true}) {
      Body body;
      body.values.resize(3);
      body.values[0].name = "x";
      body.values[0].capture = x;
      body.values[1].name = "shape";
      body.values[1].tensor = shape;
      body.values[2].name = "y";
      Node node;
      node.op_type = flat && differ ? "Reshape" : "Identity";
      node.inputs = flat && differ ? std::vector<int>{0, 1} : std::vector<int>{0};
      node.outputs = {2};
      body.nodes = {node};
      body.outputs = {2};
      g.graph.bodies.push_back(body);
    }
    const int out = g.Call("If", {wide});
    g.graph.nodes.back().bodies = {{"then_branch", 0}, {"else_branch", 1}};
    // The number of rows, or of columns, of what the branches give.
    g.Output(differ ? g.Call("Add", {x, AsFloat(&g, ItemCount(&g, out))})
                    : g.Call("Add", {x, out}));
    EXPECT_EQ(Independent(g), !differ);
  }
}

// Over the items, or over something else of each.
TEST(Scan, AsManyTripsAsItemsMixThem) {
  for (const bool over_items : {true, false}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
    Body body;
    body.values.resize(4);
    const char* const names[] = {"state", "element", "one", "next"};
    for (size_t v = 0; v < 4; ++v) body.values[v].name = names[v];
    body.values[2].tensor = One(&g);
    Node node;
    node.op_type = "Add";
    node.inputs = {0, 2};
    node.outputs = {3};
    body.nodes = {node};
    body.inputs = {0, 1};
    body.outputs = {3};
    g.graph.bodies.push_back(body);
    std::vector<Attribute> attributes = {{"num_scan_inputs", int64_t{1}}};
    if (!over_items) attributes.push_back({"scan_input_axes", std::vector<int64_t>{1}});
    g.Output(g.Call("Scan", {x, x}, attributes));
    g.graph.nodes.back().bodies = {{"body", 0}};
    EXPECT_EQ(Independent(g), !over_items);
  }
}

// Each level settles in some rounds, each of which settles the next: that is bounded.
TEST(Loop, LoopsWithinLoopsAreRefusedWhereTheyTakeTooLong) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4});
  const int wide = g.Call("Concat", {x, x}, {{"axis", int64_t{1}}});
  constexpr int kLevels = 12;
  const int64_t one = 1;
  const int trips = g.store.AddInline("trips", {}, MOSAIC_INT64, &one);
  // The innermost is the last of the bodies.
  for (int level = 0; level < kLevels; ++level) {
    LoopBody body(1);
    // In each body they are values 4 and 5.
    const int other = body.Capture(level == 0 ? wide : 4), start = body.Capture(level == 0 ? x : 5);
    ASSERT_EQ(other, 4);
    ASSERT_EQ(start, 5);
    body.Output(body.Call("Identity", {other}));
    if (level + 1 < kLevels) {
      body.Output(body.Call("Loop", {body.Constant(trips), -1, start}));
      body.body().nodes.back().bodies = {{"body", level + 1}};
    }
    g.graph.bodies.push_back(body.body());
  }
  g.Output(g.Call("Loop", {g.Constant(trips), -1, x}));
  g.graph.nodes.back().bodies = {{"body", 0}};
  std::unique_ptr<Model> model;
  const Status s = g.TryLoad(&model);
  EXPECT_EQ(s.code(), MOSAIC_E_LIMIT) << s.message();
  EXPECT_NE(s.message().find("loops within loops"), std::string::npos) << s.message();
}

// The rank of what is carried along is forgotten; what Expand makes of it has as many rows as there are items.
TEST(Loop, ArraysOfUnknownRankThatFollowShapesOfItemsAreMixed) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4});
  const float w[16] = {1, 2, 3, 4};
  LoopBody body(1);
  body.Output(body.Capture(g.Constant(g.store.AddInline("w1", {1, 4}, MOSAIC_FLOAT, w))));
  const int loop = Loop(&g, &body, {Trips(&g, 1), -1, g.Constant(g.store.AddInline("w", {4, 4}, MOSAIC_FLOAT, w))})[0];
  g.Output(g.Call("Expand", {loop, g.Call("Shape", {x})}));
  EXPECT_FALSE(Independent(g));
}

// A sequence within a sequence within ... would be given up by as many calls within calls.
TEST(Loop, SequencesOfSequencesAreRefused) {
  for (const char* op : {"SequenceConstruct", "SequenceInsert"}) {
    GraphBuilder g;
    const int s = g.Call("SequenceConstruct", {g.Input("x", MOSAIC_FLOAT, {1})});
    LoopBody body(1);
    body.Output(body.Call(op, std::string(op) == "SequenceInsert" ? std::vector<int>{body.Capture(s), body.carried(0)} : std::vector<int>{body.carried(0)}));
    g.Output(g.Call("SequenceLength", {Loop(&g, &body, {Trips(&g, 100000), -1, s})[0]}));
    std::unique_ptr<Model> model;
    const Status status = g.TryLoad(&model);
    EXPECT_EQ(status.code(), MOSAIC_E_UNSUPPORTED) << status.message();
  }
}

Status RunWithin(const GraphBuilder& g, const std::vector<Array>& inputs, int64_t limit) {
  const auto model = g.Load();
  if (model == nullptr) return Status::Internal("no model");
  BatchRun run(*model, 10);
  run.SetMemoryLimit(limit, limit);
  std::vector<Array> out;
  return Predict(&run, g.store, inputs, 1, g.graph.outputs.size(), &out);
}

TEST(Loop, CollectedOutputsAreCountedTogether) {
  GraphBuilder g;
  LoopBody body(0);
  const int captured = body.Capture(g.Input("x", MOSAIC_FLOAT, {0}));
  for (int i = 0; i < 100; ++i) body.Output(captured);
  for (int v : Loop(&g, &body, {Trips(&g, 50000), -1})) g.Output(v);
  const Status status = RunWithin(g, {Floats({0}, {})}, 1 << 20);
  EXPECT_EQ(status.code(), MOSAIC_E_LIMIT) << status.message();
}

TEST(Sequence, HandlesOfArraysAreCounted) {
  GraphBuilder g;
  const int whole = g.Call("SplitToSequence", {g.Input("x", MOSAIC_FLOAT, {20000})});
  std::vector<int> parts;
  for (int i = 0; i < 10; ++i) parts.push_back(g.Call("SequenceErase", {whole}));
  for (int v : parts) g.Output(g.Call("SequenceLength", {v}));
  const std::vector<Array> in = {Floats({20000}, std::vector<float>(20000))};
  const Status status = RunWithin(g, in, 8 << 20);
  EXPECT_EQ(status.code(), MOSAIC_E_NOMEM) << status.message();
  EXPECT_EQ(RunWithin(g, in, 64 << 20).code(), MOSAIC_OK);
}

TEST(Loop, ShiftRegistersAreSettledOrRefusedSoon) {
  for (const int values : {100, 20000}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {1}), y = g.Input("y", MOSAIC_FLOAT, {2});
    LoopBody body(static_cast<size_t>(values));
    std::vector<int> inputs = {Trips(&g, 2), -1};
    for (int k = 0; k < values; ++k) {
      body.Output(body.carried(std::min(k + 1, values - 1)));
      inputs.push_back(k + 1 == values ? y : x);
    }
    g.Output(Loop(&g, &body, inputs)[0]);
    std::unique_ptr<Model> model;
    const Status status = g.TryLoad(&model);
    EXPECT_EQ(status.code(), values == 100 ? MOSAIC_OK : MOSAIC_E_LIMIT) << status.message();
  }
}

// What takes long is not computed while a model is loaded, where nothing can interrupt it.
TEST(Loaded, LongStepsOverConstantsAreLeftToTheRun) {
  GraphBuilder g;
  g.graph.opset = 16;
  const float image = 1, roi[4] = {0, 0, 1, 1};
  const int64_t first = 0;
  std::vector<int> inputs = {g.Constant(g.store.AddInline("image", {1, 1, 1, 1}, MOSAIC_FLOAT, &image)),
                             g.Constant(g.store.AddInline("roi", {1, 4}, MOSAIC_FLOAT, roi)),
                             g.Constant(g.store.AddInline("first", {1}, MOSAIC_INT64, &first))};
  g.Output(g.Call("Add", {g.Input("x", MOSAIC_FLOAT, {1}),
                          g.Call("RoiAlign", inputs, {{"output_height", int64_t{60000}}, {"output_width", int64_t{1}}, {"sampling_ratio", int64_t{1024}}})}));
  const auto model = g.Load();
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->main().steps.size(), 2);
}

// Nor does what nobody reads decide whether items can be predicted together.
TEST(Loaded, StepsThatNobodyReadsAreLeftOut) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4});
  const float w[16] = {};
  g.Call("Add", {x, g.Constant(g.store.AddInline("w", {4, 4}, MOSAIC_FLOAT, w))});
  g.Output(g.Call("Neg", {x}));
  const auto model = g.Load();
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->items.independent);
  const std::vector<float> ones(20, 1.0F), negative(20, -1.0F);
  EXPECT_TRUE(Predicted(g, *model, {Floats({5, 4}, ones)}, 5)[0] == Floats({5, 4}, negative));
}

// A step that lowering made has no name: the reason names its output.
TEST(Lowered, StepsThatMixItemsAreNamed) {
  GraphBuilder g;
  g.graph.opset = 11;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4, 5});
  g.Output(g.Call("Relu", {g.Call("Softmax", {x}, {{"axis", int64_t{0}}})}));
  const auto model = g.Load();
  ASSERT_NE(model, nullptr);
  EXPECT_FALSE(model->items.independent);
  EXPECT_NE(model->items.reason.find("mixes items"), std::string::npos) << model->items.reason;
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
