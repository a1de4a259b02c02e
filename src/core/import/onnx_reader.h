// Reads an ONNX file (onnx.proto3) into an OnnxModel, without reading the data of tensors.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/import/byte_source.h"
#include "core/import/onnx_model.h"
#include "core/util/status.h"

namespace mosaic {

// Memory that a model's graph takes, roughly; every name, attribute and node is charged before it
// is allocated.
class Budget {
 public:
  Status Charge(uint64_t bytes);
  Status ChargeSegment();

 private:
  uint64_t bytes_ = 0, segments_ = 0;
};

class OnnxReader {
 public:
  // source must outlive the model that is read; opener may be empty. ascii_names: others are
  // refused (UNSUPPORTED).
  OnnxReader(ByteSource* source, ExternalOpener opener, bool ascii_names = false);

  // Features that we do not have are left in OnnxModel::problems and OnnxNode::problem, and what
  // they are of is read as something harmless, so that all of them are found.
  // Errors: BAD_MODEL where the file is damaged or not ONNX, UNSUPPORTED for ascii_names, LIMIT.
  Status Read(OnnxModel* out);

 private:
  Status ReadModel(WireReader r, OnnxModel* out);
  Status ReadOpsetImport(WireReader r, int* opset,
                         std::vector<std::pair<std::string, int>>* others);
  Status ReadFunction(WireReader r, OnnxFunction* out);
  Status ReadGraph(WireReader r, OnnxGraph* out);
  Status ReadNodeInto(WireReader r, std::vector<OnnxNode>* nodes);
  Status ReadNode(WireReader r, OnnxNode* out);
  // map: where an input of the model may be a map, what it is then; else null.
  Status ReadValueInfo(WireReader r, OnnxMap* map, Value* out);
  Status ReadMapType(WireReader r, OnnxMap* map, Value* out);
  Status ReadType(WireReader r, OnnxMap* map, Value* out, bool* is_tensor);
  Status ReadTensorType(WireReader r, Value* out);
  Status ReadShape(WireReader r, Value* out);
  Status ReadDimension(WireReader r, Value* out);

  // onnx_attribute_reader.cc
  struct AttributeFields;
  Status ReadAttribute(WireReader r, OnnxNode* node);
  Status ReadAttributeFields(WireReader r, AttributeFields* f);
  Status UseAttribute(AttributeFields* f, OnnxNode* node);

  // onnx_tensor_reader.cc
  struct TensorFields;
  Status ReadTensor(WireReader r, OnnxTensor* out);
  Status ReadTensorFields(WireReader r, OnnxTensor* out, TensorFields* f);
  Status ReadElements(WireReader* r, TensorFields* f);
  Status ReadSparse(WireReader r, OnnxTensor* out);
  // Instead of a tensor that is among the problems.
  static void SetUnread(const std::string& name, OnnxTensor* out);
  Status UseStrings(TensorFields* f, OnnxTensor* out);
  Status UseBytes(TensorFields* f, OnnxTensor* out);
  Status UsePacked(TensorFields* f, OnnxTensor* out);
  Status ReadPackedVarints(WireReader r, TensorFields* f);
  Status ReadExternalEntry(WireReader r, TensorFields* f);
  Status UseFieldData(TensorFields* f, OnnxTensor* out);
  Status UseRawData(const TensorFields& f, OnnxTensor* out);
  Status UseExternalData(const TensorFields& f, OnnxTensor* out);
  Status OpenExternal(const std::string& location, std::shared_ptr<ByteSource>* out);

  // s with the part of the model that it is about; what the host reports stays as it is.
  static Status InPart(const Status& s, const std::string& part) {
    return s.ok() || s.code() == MOSAIC_E_HOST ? s : s.In(part);
  }

  static std::string NameOf(const OnnxNode& node) {
    return node.name.empty() ? node.op_type : node.name;
  }

  // Leaves an UNSUPPORTED status among the model's problems, and makes it OK. kind, name: what it
  // is about; "": the file.
  Status Note(const Status& s, const std::string& kind = "", const std::string& name = "");

  // Reads a name: valid UTF-8 without NUL, not too long.
  Status Name(WireReader* r, std::string* out);
  Status String(WireReader* r, uint64_t max, std::string* out);
  Status Int64s(WireReader* r, std::vector<int64_t>* out);
  Status Floats(WireReader* r, std::vector<float>* out);

  std::shared_ptr<ByteSource> source_;
  BufferedSource buffered_;
  ExternalOpener opener_;
  const bool ascii_names_;
  std::map<std::string, std::shared_ptr<ByteSource>> external_;
  Budget budget_;
  int depth_ = 0;  // of graphs within graphs
  std::vector<OnnxProblem>* problems_ = nullptr;
  const OnnxNode* node_ = nullptr;         // that is being read
  int64_t sparse_left_ = kMaxSparseBytes;  // of all sparse tensors, dense
};

}  // namespace mosaic
