// The stored form of a Graph (mosaic.model.graph): a protobuf message, written and read with
// protozero, so that fields can be added without a format break.
//
//   GraphFile { fixed32 magic = 1;  uint32 version = 2;  uint32 opset = 3;
//               repeated Value value = 4;  repeated Node node = 5;
//               repeated uint32 input = 6 [packed];  repeated uint32 output = 7 [packed];
//               then for each other domain: string name = 8;  uint32 version = 9;
//               repeated Body body = 10;  string batch_axis = 11; }
//   Body      { value, node, input, output as above }
//   Value     { string name = 1;  uint32 dtype = 2;  bool has_shape = 3;
//               repeated sint64 dim = 4 [packed];  repeated string dim_name = 5;
//               sint32 tensor = 6 (absent: -1);  sint32 capture = 7 (absent: -1); }
//   Node      { string name = 1;  string op_type = 2;  repeated sint32 input = 3 [packed];
//               repeated sint32 output = 4 [packed];  repeated Attribute attribute = 5;
//               string domain = 6;  repeated string attribute_input = 7;
//               then for each body: string attribute = 8;  uint32 body = 9; }
//   Attribute { string name = 1;  then one of: float f = 2;  sint64 i = 3;  string s = 4;
//               repeated float floats = 5 [packed];  repeated sint64 ints = 6 [packed];
//               repeated string strings = 7;  and uint32 kind = 8 (index in the variant) }
#pragma once

#include <string>
#include <string_view>

#include "core/graph/graph.h"
#include "core/util/status.h"

namespace mosaic {

constexpr uint32_t kGraphMagic = 0x5247504d;  // "MPGR"
// 2: domains, bodies, tensor-valued attributes. Graphs of version 1 are read too.
constexpr uint32_t kGraphVersion = 2;
constexpr int kMaxBodyDepth = 32;  // of graphs in graphs

std::string EncodeGraph(const Graph& graph);

// Errors: CORRUPT where the bytes are not a graph or refer to values that do not exist;
// UNSUPPORTED where they were written by a newer version.
Status DecodeGraph(std::string_view bytes, Graph* out);

}  // namespace mosaic
