// What of a model file can be run here, without importing it.
#pragma once

#include <string>
#include <vector>

#include "core/import/importer.h"

namespace mosaic {

// An operator of a file, and whether its nodes can be run.
struct OperatorUse {
  std::string domain, op_type;  // op_type "": not of an operator but of the whole file
  int64_t count = 0;            // nodes; 0: of the whole file
  bool supported = false;
  std::string reason;  // why not, with the first node; "" where supported
};

// Fills *out: a line for each operator, two where some of its nodes can be run and others cannot, by
// domain and name; then what else keeps the file from being imported, if anything does. Nodes that
// no output depends on do not count, nor do constants; of model-local functions the nodes within do.
//
// Errors: those of reading alone (E_HOST). A file that cannot be imported is an answer.
Status CheckModel(const Importer::Options& options, ByteSource* source, ExternalOpener opener,
                  std::vector<OperatorUse>* out);

}  // namespace mosaic
