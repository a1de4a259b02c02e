/*
 * The boundary between the C shim (src/pg, sees postgres.h) and the C++ core
 * (src/core, never does).  Pure C, plain data, opaque handles.
 *
 * Rules (docs/architecture.md, "The boundary"):
 *  - No function throws or longjmps: every C++ exception becomes a MosaicError.
 *  - Ownership never crosses: what a _new function makes, its _free releases;
 *    pointers handed out are valid until the time each function states.
 *  - The shim owns all loops: *_step returns after at most some 10 ms of work,
 *    so that the shim can check for interrupts.
 *  - The only callbacks are those of MosaicSource; they must not longjmp.
 *  - Handles are not thread safe; different handles are independent.
 */
#ifndef MOSAIC_CAPI_H
#define MOSAIC_CAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mosaic/page_format.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum MosaicCode {
  MOSAIC_OK = 0,
  MOSAIC_MORE,        /* call step again */
  MOSAIC_NEED_BLOCKS, /* supply the requested blocks, then call step again */
  MOSAIC_E_INVALID,     /* a bad argument of the caller            22023 */
  MOSAIC_E_BAD_MODEL,   /* the file is damaged or not a model      22P03 */
  MOSAIC_E_UNSUPPORTED, /* valid, but a feature we do not have     0A000 */
  MOSAIC_E_LIMIT,       /* a size beyond a documented limit        54000 */
  MOSAIC_E_CORRUPT,     /* what the database holds is inconsistent XX001 */
  MOSAIC_E_NOMEM,       /* out of memory                           53200 */
  MOSAIC_E_HOST,        /* a callback failed; the host holds the error   */
  MOSAIC_E_INTERNAL     /* a bug                                   XX000 */
} MosaicCode;

/* Plain old data: may live in a frame that a longjmp crosses.  detail, hint: "" if none. */
typedef struct MosaicError {
  MosaicCode code;
  char message[1024];
  char detail[4096];
  char hint[1024];
} MosaicError;

/* ---- Import: the bytes of a model in, graph + tensors + blocks out ---- */

/* Random access to the bytes of a model.  Must outlive the import. */
typedef struct MosaicSource {
  void *ctx;
  uint64_t size;
  /* Reads exactly len bytes at off (off + len <= size); 0, or non-zero when the host holds an error. */
  int (*read)(void *ctx, uint64_t off, size_t len, void *buf);
  /*
   * Opens an external data file of the model by the location its TensorProto names (already checked
   * by the core: relative, no "..").  NULL: external data is not possible here.  The host owns *out
   * until the import is freed; the core opens each location once.
   */
  int (*open_external)(void *ctx, const char *location, struct MosaicSource *out);
} MosaicSource;

typedef struct MosaicImportOptions {
  const char *model_name; /* for messages */
  int block_height;       /* 126, 63 or 31 */
  int weight_dtype;       /* of matrices of floats as stored: MOSAIC_FLOAT or MOSAIC_BFLOAT16 */
  bool ascii_names;       /* names outside ASCII are refused: the host could not show them */
  const char *batch_axis; /* which dimension counts items: NULL as usual, "none", or its name */
} MosaicImportOptions;

/*
 * A tensor of a model: its ONNX view (dtype, dims) and how it lies in blocks.
 * "rows" x "cols" is the stored matrix: STRIP K x M; ROW N x D.
 */
#define MOSAIC_MAX_DIMS 8
typedef struct MosaicTensorDesc {
  const char *name;
  int dtype; /* MosaicDtype the graph sees */
  int ndim;
  int64_t dims[MOSAIC_MAX_DIMS];
  int layout;       /* MosaicLayout */
  int stored_dtype; /* MosaicDtype in the blocks */
  bool transposed;  /* STRIP: the ONNX tensor is M x K */
  int64_t rows, cols;
  int block_rows, block_cols; /* of one block, as in its geometry; STRIP: block_cols = 16 */
  int64_t nblocks;            /* 0 for INLINE */
  const void *value;          /* INLINE: the elements, row-major; else NULL */
  size_t value_bytes;
} MosaicTensorDesc;

/* One block, ready to be stored. */
typedef struct MosaicBlock {
  int tensor;    /* index of its tensor */
  int64_t index; /* place in the tensor's map */
  MosaicGeometry geometry;
  const void *payload; /* valid until the next step */
  uint32_t length;     /* bytes, a multiple of 32 */
  uint8_t hash[16];    /* XXH3-128 over geometry and payload, canonical (big endian) */
} MosaicBlock;

typedef struct MosaicImport MosaicImport;

/* Reads and checks the graph; no tensor data yet.  On error *out is NULL. */
MosaicCode mosaic_import_new(const MosaicSource *source, const MosaicImportOptions *options,
                             MosaicImport **out, MosaicError *err);
/* MOSAIC_MORE: *block is the next block.  MOSAIC_OK: all blocks were delivered, each exactly once. */
MosaicCode mosaic_import_step(MosaicImport *job, MosaicBlock *block, MosaicError *err);
int mosaic_import_tensor_count(const MosaicImport *job);
/* Valid until the import is freed. */
const MosaicTensorDesc *mosaic_import_tensor(const MosaicImport *job, int i);
/* The graph in our own format (src/core/graph/graph_format.h); valid until the import is freed. */
const void *mosaic_import_graph(const MosaicImport *job, size_t *len);
void mosaic_import_free(MosaicImport *job);

/* ---- Check: what of a file can be run, without importing it (src/core/import/model_check.h) ---- */

typedef struct MosaicOperatorUse {
  const char *domain;   /* "": ONNX's own */
  const char *op_type;  /* "": not of an operator but of the whole file */
  int64_t count;        /* nodes; 0: of the whole file */
  bool supported;
  const char *reason;   /* "" where supported */
} MosaicOperatorUse;

typedef struct MosaicCheck MosaicCheck;

/* A file that cannot be imported is no error, only one that cannot be read.  On error *out is NULL. */
MosaicCode mosaic_check_new(const MosaicSource *source, const MosaicImportOptions *options,
                            MosaicCheck **out, MosaicError *err);
int mosaic_check_count(const MosaicCheck *check);
/* Valid until the check is freed. */
MosaicOperatorUse mosaic_check_use(const MosaicCheck *check, int i);
void mosaic_check_free(MosaicCheck *check);

/* ---- Model: a plan, without weights.  Immutable, shared by any number of executions ---- */

typedef struct MosaicValueInfo {
  const char *name;
  int dtype;
  int ndim;
  int64_t dims[MOSAIC_MAX_DIMS]; /* -1: symbolic */
  const char *dim_names[MOSAIC_MAX_DIMS]; /* "" where it has none */
  int item_axis; /* which dimension counts items where those are independent; else -1 */
  bool is_map;   /* of an input: strings [n, 2] that are the keys and values of a map */
} MosaicValueInfo;

typedef struct MosaicModel MosaicModel;

MosaicCode mosaic_model_new(const char *name, const void *graph, size_t len,
                            const MosaicTensorDesc *tensors, int ntensors, MosaicModel **out,
                            MosaicError *err);
int mosaic_model_input_count(const MosaicModel *model);
int mosaic_model_output_count(const MosaicModel *model);
const MosaicValueInfo *mosaic_model_input(const MosaicModel *model, int i);
const MosaicValueInfo *mosaic_model_output(const MosaicModel *model, int i);
/*
 * Inputs, outputs, operators and opset as a JSON object: {"opset": 13, "operators": {"Gemm": 3, ...},
 * "inputs": [{"name": ..., "dtype": ..., "shape": ["batch", 784]}, ...], "outputs": [...]}; symbolic
 * dimensions are strings ("?" where unnamed).  *json is valid until the model is freed.
 */
MosaicCode mosaic_model_describe(MosaicModel *model, const char **json, MosaicError *err);
/* Whether rows of a query may be computed together: src/core/plan/model.h, ItemPlan. */
bool mosaic_model_items_independent(const MosaicModel *model);
/* MosaicDtype of the weights in blocks; that of the most elements, 0 where there are none. */
int mosaic_model_weight_dtype(const MosaicModel *model);
void mosaic_model_free(MosaicModel *model);

/* ---- Execution ---- */

/* A dense row-major array.  As input: borrowed until the execution is done or restarted. */
typedef struct MosaicTensorView {
  int dtype;
  int ndim;
  int64_t dims[MOSAIC_MAX_DIMS];
  const void *data;
} MosaicTensorView;

/*
 * How a SQL array becomes an input: see src/core/plan/binding.h for the rules.
 * "batch" tells that dims[0] of the input counts items, so that outputs are a batch too.
 */
typedef struct MosaicBinding {
  int ndim;
  int64_t dims[MOSAIC_MAX_DIMS];
  bool batch;    /* the array held a batch of items (a 2-D result is due) */
  int64_t items; /* number of items, 1 where not a batch */
  int left_out;  /* the array was of one item: the dimension that it had not, or -1 */
} MosaicBinding;

/* Shapes an array of array_dims (1 <= array_ndim <= 6) as input i; the error names input and both lengths. */
MosaicCode mosaic_model_bind(const MosaicModel *model, int i, int array_ndim,
                             const int64_t *array_dims, MosaicBinding *out, MosaicError *err);

/* Blocks of one tensor wanted now.  The pointers are valid until the next step. */
typedef struct MosaicBlockRequest {
  int tensor;
  int64_t count;          /* 1 .. max_blocks of mosaic_exec_new */
  const int32_t *indexes; /* places in the tensor's map; one may come twice */
} MosaicBlockRequest;

typedef struct MosaicExec MosaicExec;

/* max_blocks: most blocks that one request may ask for, >= 1.  model must outlive the exec. */
MosaicCode mosaic_exec_new(const MosaicModel *model, int max_blocks, MosaicExec **out,
                           MosaicError *err);
/*
 * Most bytes of activations of a run.  What needs more is computed in fewer items at a time, or
 * refused (MOSAIC_E_NOMEM) before it is allocated.  Groups of items are made to need no more than
 * target, where they can.
 */
void mosaic_exec_set_memory_limit(MosaicExec *exec, int64_t limit, int64_t target);
/*
 * *fitting: how many of the items of these inputs (as for mosaic_exec_start, without elements) a run
 * can take within so many bytes of activations; at least 1.
 */
MosaicCode mosaic_exec_fitting(MosaicExec *exec, const MosaicTensorView *inputs, int64_t items,
                               int64_t bytes, int64_t *fitting, MosaicError *err);
/* Whether the time of each node is measured from now on; false at first. */
void mosaic_exec_set_timed(MosaicExec *exec, bool timed);
/*
 * Begins a prediction; forgets an unfinished one.  inputs: one per model input, in order, borrowed.
 * items 1: one run on the arrays as they are.  items > 1: the arrays are a batch of that many items
 * along item_axis (dims[0] where the model's items are not independent), whose elements lie item
 * after item where stacked; the result of each item is bit-identical to that of its prediction alone.
 */
MosaicCode mosaic_exec_start(MosaicExec *exec, const MosaicTensorView *inputs, int64_t items,
                             bool stacked, MosaicError *err);
/* MOSAIC_OK: done. MOSAIC_NEED_BLOCKS: *request is set. */
MosaicCode mosaic_exec_step(MosaicExec *exec, MosaicBlockRequest *request, MosaicError *err);
/* blocks[i] is the payload of request->indexes[i]; must stay valid until step returns NEED_BLOCKS or OK or an error. */
void mosaic_exec_supply(MosaicExec *exec, const void *const *blocks);
/* Output i as ONNX lays it out, for all items.  Valid until the next start or free. */
MosaicCode mosaic_exec_output(const MosaicExec *exec, int i, MosaicTensorView *out,
                              MosaicError *err);
/*
 * Output i item after item: out->dims are those of one item, without an axis that only counts items (keep_axis:
 * with it, as a batch of one has it); the elements of item k begin at k times their product.  Valid as above.
 * MOSAIC_MORE: they are being put in that order; call again.
 */
MosaicCode mosaic_exec_item_output(MosaicExec *exec, int i, bool keep_axis, MosaicTensorView *out,
                                   MosaicError *err);
/* How the items of the last run were computed: "at once", "in groups of 12", "one by one". */
void mosaic_exec_way(const MosaicExec *exec, char *out, size_t size);
/* Time spent in a node since the exec was made.  Nodes of the graph may have been fused into one. */
typedef struct MosaicNodeStats {
  const char *name; /* the node's, or that of its first output; valid until the model is freed */
  const char *op_type; /* "Gemm"; of a fused one "Gemm + Relu" */
  double seconds;
} MosaicNodeStats;
/* Of the i-th node in the order of execution; false where there is none. */
bool mosaic_exec_node_stats(const MosaicExec *exec, int i, MosaicNodeStats *out);
/* Most bytes of activations in use at a time in the last run.  (Kept for reuse are as many as any run needed.) */
int64_t mosaic_exec_memory(const MosaicExec *exec);
/* The model keeps one that is done for the next mosaic_exec_new: what it knows of shapes. */
void mosaic_exec_free(MosaicExec *exec);

/* ---- Blocks ---- */

/* XXH3-128 over geometry and payload, as in MosaicBlock. */
void mosaic_block_hash(MosaicGeometry geometry, const void *payload, uint32_t length,
                       uint8_t hash[16]);
/* Turns it into the hash of the block in a sharing domain; other domains, other hashes. */
void mosaic_hash_in_domain(int32_t domain, uint8_t hash[16]);

/* ---- Features ---- */

/* Decompresses pglz: see src/core/codec/pglz.h.  Room at out: out_size + MOSAIC_PGLZ_SLACK. */
#define MOSAIC_PGLZ_SLACK 16
bool mosaic_pglz_decompress(const void *in, size_t in_size, void *out, size_t out_size);

/* ---- Names ---- */

const char *mosaic_dtype_name(int dtype); /* "float32", ...; "?" where unknown */
int mosaic_dtype_size(int dtype);         /* bytes of an element; 0 where unknown */
/* A float16 or bfloat16 (dtype) from float32, rounded to nearest even, and the way back. */
uint16_t mosaic_half_from_float(int dtype, float value);
float mosaic_half_to_float(int dtype, uint16_t half);
/* Of the products with matrices of this type on this CPU: "avx512", ... */
const char *mosaic_kernel_name(int weight_dtype);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_H */
