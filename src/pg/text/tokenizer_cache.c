/*
 * tokenizer_cache.c
 *		The tokenizers that this backend has compiled.
 *
 * A tokenizer's row never changes and its id is never used again, so an entry
 * never becomes stale; the hash tells those of a dropped and recreated extension apart.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "errors.h"
#include "tokenizer_cache.h"
#include "tokenizer_store.h"

struct MosaicTokenizerHandle
{
	dlist_node	node;			/* the one used last comes first */
	int32		id;
	uint8		hash[MOSAIC_HASH_BYTES];
	MosaicTokenizer *tokenizer;
	MosaicEncoder *encoder;
	Size		memory;
	int			users;
};

static dlist_head entries = DLIST_STATIC_INIT(entries);
static int	n_entries = 0;
static Size memory = 0;

static void
forget(MosaicTokenizerHandle *entry)
{
	dlist_delete(&entry->node);
	n_entries--;
	memory -= entry->memory;
	mosaic_encoder_free(entry->encoder);
	mosaic_tokenizer_free(entry->tokenizer);
	pfree(entry);
}

/* Makes room for one more, of those that nobody uses. */
static void
make_room(void)
{
	dlist_node *node,
			   *previous;

	for (node = dlist_is_empty(&entries) ? NULL : dlist_tail_node(&entries); node; node = previous)
	{
		MosaicTokenizerHandle *entry = dlist_container(MosaicTokenizerHandle, node, node);

		previous = dlist_has_prev(&entries, node) ? dlist_prev_node(&entries, node) : NULL;
		if (n_entries < MOSAIC_MAX_TOKENIZERS && memory <= MOSAIC_TOKENIZER_MEMORY)
			return;
		if (entry->users == 0)
			forget(entry);
	}
}

static MosaicTokenizerHandle *
compile(int32 id, const uint8 *hash, Snapshot snapshot)
{
	MosaicTokenizerHandle *entry;
	bytea	   *content = mosaic_tokenizer_content(id, snapshot);
	MosaicError error;
	MosaicCode	code;

	make_room();
	entry = MemoryContextAllocZero(TopMemoryContext, sizeof *entry);
	code = mosaic_tokenizer_new(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), &entry->tokenizer, &error);
	if (code == MOSAIC_OK)
		code = mosaic_encoder_new(entry->tokenizer, &entry->encoder, &error);
	if (code != MOSAIC_OK)
	{
		mosaic_tokenizer_free(entry->tokenizer);
		pfree(entry);
		mosaic_report(&error);
	}
	pfree(content);
	entry->id = id;
	memcpy(entry->hash, hash, sizeof entry->hash);
	entry->memory = mosaic_tokenizer_memory(entry->tokenizer);
	dlist_push_head(&entries, &entry->node);
	n_entries++;
	memory += entry->memory;
	return entry;
}

MosaicTokenizerHandle *
mosaic_tokenizer_acquire(int64 model_id, Snapshot snapshot)
{
	MosaicTokenizerHandle *entry = NULL;
	uint8		hash[MOSAIC_HASH_BYTES];
	int32		id;
	dlist_iter	iter;

	if (!mosaic_find_tokenizer(model_id, snapshot, &id, hash))
		return NULL;
	dlist_foreach(iter, &entries)
	{
		MosaicTokenizerHandle *e = dlist_container(MosaicTokenizerHandle, node, iter.cur);

		if (e->id == id && memcmp(e->hash, hash, sizeof hash) == 0)
		{
			entry = e;
			break;
		}
	}
	if (entry)
		dlist_move_head(&entries, &entry->node);
	else
		entry = compile(id, hash, snapshot);
	entry->users++;
	return entry;
}

void
mosaic_tokenizer_release(MosaicTokenizerHandle *handle)
{
	handle->users--;
}

MosaicEncoder *
mosaic_tokenizer_encoder(MosaicTokenizerHandle *handle)
{
	return handle->encoder;
}
