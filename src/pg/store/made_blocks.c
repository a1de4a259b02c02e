/*
 * made_blocks.c
 *		The blocks of a model that were made of deltas.
 *
 * What is made costs as much as some 10 rows of a product with it, so it is kept where there is memory for
 * all of the model.  Where there is not, keeping some would not help: models are read from
 * the first block to the last.  Then it is made in windows that the processor's second-level cache holds.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "made_blocks.h"
#include "mosaic/capi_delta.h"
#include "mosaic/page_format.h"

#define PIECE_BYTES (256 * 1024)
#define WINDOW_BYTES (256 * 1024)

int			mosaic_delta_memory = 32 * 1024;

static int64
memory(const MosaicModelHandle *handle)
{
	return Max(mosaic_delta_memory * INT64CONST(1024), handle->made.memory);
}

bool
mosaic_made_are_kept(const MosaicModelHandle *handle)
{
	return handle->made.expected <= memory(handle);
}

int
mosaic_made_window(const MosaicModelHandle *handle)
{
	uint32		largest = MOSAIC_MIN_PAYLOAD;

	if (mosaic_made_are_kept(handle))
		return PG_INT32_MAX;
	for (int i = 0; i < handle->ntensors; i++)
		if (handle->tensors[i].made)
			largest = Max(largest, handle->tensors[i].payload_bytes);
	return WINDOW_BYTES / largest;
}

bool
mosaic_made_have_room(const MosaicModelHandle *handle, const MosaicTensorBlocks *blocks, int64 n)
{
	int64		limit = mosaic_made_are_kept(handle) ? memory(handle) : WINDOW_BYTES;
	int64		more = blocks->made ? n * blocks->payload_bytes : 0;

	return handle->made.bytes == 0 || handle->made.bytes + more <= limit;
}

/* Forgets all blocks, and keeps so many pieces. */
static void
forget(MosaicMadeBlocks *made, int64 kept)
{
	for (int64 i = 0; i < made->nentries; i++)
		*made->entries[i] = NULL;
	while (made->npieces > kept)
		pfree(made->pieces[--made->npieces]);
	made->nentries = 0;
	made->piece = 0;
	made->used = 0;
	made->bytes = 0;
}

void
mosaic_made_forget(MosaicModelHandle *handle)
{
	/* Of a tensor that was not known yet, the first window may have been larger than there is memory for. */
	forget(&handle->made, Max(mosaic_made_are_kept(handle) ? memory(handle) : 0, WINDOW_BYTES) / PIECE_BYTES);
}

void
mosaic_made_free(MosaicModelHandle *handle)
{
	forget(&handle->made, 0);
}

/* Memory for a block, 32-byte aligned; the next one's too, until it is counted in made->used. */
static char *
reserve(MemoryContext cxt, MosaicMadeBlocks *made, uint32 bytes)
{
	if (made->npieces > 0 && made->used + bytes > PIECE_BYTES)
	{
		made->piece++;
		made->used = 0;
	}
	if (made->piece == made->npieces)
	{
		if (made->npieces == made->piece_capacity)
		{
			int			capacity = Max(16, 2 * made->piece_capacity);
			char	  **pieces = MemoryContextAlloc(cxt, capacity * sizeof *pieces);

			if (made->npieces > 0)
				memcpy(pieces, made->pieces, made->npieces * sizeof *pieces);
			if (made->pieces)
				pfree(made->pieces);
			made->pieces = pieces;
			made->piece_capacity = capacity;
		}
		made->pieces[made->npieces] = MemoryContextAlloc(cxt, PIECE_BYTES + MOSAIC_ROW_BYTES);
		made->npieces++;
	}
	return (char *) TYPEALIGN(MOSAIC_ROW_BYTES, made->pieces[made->piece]) + made->used;
}

static void
reserve_entry(MemoryContext cxt, MosaicMadeBlocks *made)
{
	const void ***entries;
	int64		capacity = Max(64, 2 * made->capacity);

	if (made->nentries < made->capacity)
		return;
	entries = MemoryContextAllocHuge(cxt, capacity * sizeof *entries);
	if (made->nentries > 0)
		memcpy(entries, made->entries, made->nentries * sizeof *entries);
	if (made->entries)
		pfree(made->entries);
	made->entries = entries;
	made->capacity = capacity;	/* not before: there may be no memory */
}

/*
 * Where bases were seen last, by any model of this backend: fine-tunes of one base have them in common.  The
 * bases of one import have consecutive ids.
 */
#define BASE_HINTS 16384

typedef struct BaseHint
{
	int32		id;				/* 0: none */
	Buffer		buffer;
	ItemPointerData place;
} BaseHint;

static BaseHint *base_hints;

static void
recall_base(int32 id, ItemPointer place, Buffer *buffer)
{
	const BaseHint *hint = base_hints ? &base_hints[id % BASE_HINTS] : NULL;

	if (hint == NULL || hint->id != id)
		return;
	*place = hint->place;
	*buffer = hint->buffer;
}

static void
remember_base(int32 id, const ItemPointerData *place, Buffer buffer)
{
	if (base_hints == NULL)
		base_hints = MemoryContextAllocZero(CacheMemoryContext, BASE_HINTS * sizeof *base_hints);
	base_hints[id % BASE_HINTS] = (BaseHint) {.id = id,.buffer = buffer,.place = *place};
}

static void
make_of_base(MosaicReader *reader, MosaicTensorBlocks *blocks, int32 k, const void *delta, uint32 stored, void *out)
{
	ItemPointer place = &blocks->base_places[k];
	Buffer	   *buffer = &blocks->base_buffers[k];
	bool		known = BufferIsValid(*buffer);
	int32		base = known ? 0 : mosaic_delta_base(delta, stored, blocks->payload_bytes);

	if (base > 0)
		recall_base(base, place, buffer);
	if (!mosaic_make_block(reader, delta, stored, blocks->payload_bytes, place, buffer, out))
		mosaic_delta_is_damaged(blocks->ids[k]);
	if (base > 0)
		remember_base(base, place, *buffer);
}

/* A tensor of which one block is a delta has others, as a rule. */
void
mosaic_made_expect(MosaicModelHandle *handle, MosaicTensorBlocks *blocks)
{
	ItemPointerData *places;

	if (blocks->made)
		return;
	places = MemoryContextAllocExtended(handle->cxt, blocks->n * sizeof *places, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < blocks->n; i++)
		ItemPointerSetInvalid(&places[i]);
	blocks->base_places = places;
	blocks->base_buffers = MemoryContextAllocExtended(handle->cxt, blocks->n * sizeof(Buffer),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	blocks->made = MemoryContextAllocExtended(handle->cxt, blocks->n * sizeof *blocks->made,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	handle->made.expected += blocks->n * blocks->payload_bytes;
}

const void *
mosaic_made_base(MosaicReader *reader, MosaicTensorBlocks *blocks, int32 k, const void *delta, uint32 stored,
				 ResourceOwner owner, Buffer *buffer)
{
	ItemPointer place = &blocks->base_places[k];
	Buffer	   *seen = &blocks->base_buffers[k];
	int32		id = mosaic_delta_base(delta, stored, blocks->payload_bytes);
	bool		known = BufferIsValid(*seen);
	const void *base;

	if (!known)
		recall_base(id, place, seen);
	base = mosaic_find_base(reader, id, blocks->payload_bytes, place, *seen, owner, buffer);
	if (base == NULL)
		mosaic_delta_is_damaged(blocks->ids[k]);
	*seen = BufferIsValid(*buffer) ? *buffer : reader->held;
	if (!known)
		remember_base(id, place, *seen);
	return base;
}

uint32
mosaic_lower_block(MosaicReader *reader, MosaicGeometry geometry, const void *payload, uint32 length,
				   int bits, int32 base_id, ItemPointer base_place, void *delta, void *out)
{
	Buffer		buffer;
	const void *base = mosaic_read_block(reader, base_id, length, base_place, CurrentResourceOwner, &buffer);
	uint32		delta_length = mosaic_delta_encode_low(geometry, payload, base, length, bits, base_id,
													   MOSAIC_MAX_PAYLOAD, delta);

	if (delta_length == 0 || !mosaic_delta_decode(delta, delta_length, base, length, out))
		elog(ERROR, "block %d is no base any more", base_id);
	mosaic_release_pin(buffer, CurrentResourceOwner);
	return delta_length;
}

static void
lower(MosaicReader *reader, MosaicTensorBlocks *blocks, int32 k, const void *payload, uint32 stored, char *out)
{
	const MosaicLoweredBlocks *lowered = blocks->lowered;
	char		delta[MOSAIC_MAX_PAYLOAD];

	payload = mosaic_whole_block(reader, payload, stored, blocks->payload_bytes);
	if (payload == NULL)
		mosaic_delta_is_damaged(blocks->ids[k]);
	(void) mosaic_lower_block(reader, lowered->geometry, payload, blocks->payload_bytes, lowered->rungs[k],
							  lowered->bases[k], &blocks->base_places[k], delta, out);
}

void
mosaic_made_add(MosaicModelHandle *handle, MosaicReader *reader, MosaicTensorBlocks *blocks, int32 k,
				const void *delta, uint32 stored)
{
	MosaicMadeBlocks *made = &handle->made;
	char	   *block;

	mosaic_made_expect(handle, blocks);
	reserve_entry(handle->cxt, made);
	block = reserve(handle->cxt, made, blocks->payload_bytes);
	if (mosaic_is_lowered(blocks, k))
		lower(reader, blocks, k, delta, stored, block);
	else
		make_of_base(reader, blocks, k, delta, stored, block);
	made->used += blocks->payload_bytes;
	made->bytes += blocks->payload_bytes;
	blocks->made[k] = block;
	made->entries[made->nentries++] = &blocks->made[k];
}
