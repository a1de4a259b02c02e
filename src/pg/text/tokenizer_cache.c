/*
 * tokenizer_cache.c
 *		The tokenizers that this backend has compiled.
 *
 * A tokenizer's row never changes and its id is never used again, so an entry
 * never becomes stale; the table's OID tells those of a dropped and recreated extension apart.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "errors.h"
#include "tokenizer_cache.h"
#include "tokenizer_store.h"

struct MosaicTokenizerHandle
{
	dlist_node	node;			/* the one used last comes first */
	Oid			catalog;		/* OID of mosaic.tokenizer */
	int32		id;
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
compile(int32 id, Snapshot snapshot)
{
	MosaicTokenizerHandle *entry;
	bytea	   *content = mosaic_read_tokenizer(id, snapshot);
	MosaicError error;
	MosaicCode	code;

	make_room();
	entry = MemoryContextAllocZero(TopMemoryContext, sizeof *entry);
	code = mosaic_tokenizer_new(VARDATA(content), VARSIZE(content) - VARHDRSZ, &entry->tokenizer, &error);
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
	entry->memory = mosaic_tokenizer_memory(entry->tokenizer);
	dlist_push_head(&entries, &entry->node);
	n_entries++;
	memory += entry->memory;
	return entry;
}

MosaicTokenizerHandle *
mosaic_tokenizer_acquire(HeapTuple model, Snapshot snapshot)
{
	int32		id = mosaic_tokenizer_of(model);
	Oid			catalog = mosaic_relid("tokenizer");
	MosaicTokenizerHandle *entry = NULL;
	dlist_iter	iter;

	if (id == 0)
		return NULL;
	dlist_foreach(iter, &entries)
	{
		MosaicTokenizerHandle *e = dlist_container(MosaicTokenizerHandle, node, iter.cur);

		if (e->id == id && e->catalog == catalog)
		{
			entry = e;
			break;
		}
	}
	if (entry)
		dlist_move_head(&entries, &entry->node);
	else
	{
		entry = compile(id, snapshot);
		entry->catalog = catalog;
	}
	entry->users++;
	return entry;
}

void
mosaic_tokenizer_try_load(HeapTuple model, Snapshot snapshot)
{
	int32		id = mosaic_tokenizer_of(model);

	if (id != 0)
		forget(compile(id, snapshot));
}

void
mosaic_tokenizer_release(MosaicTokenizerHandle *handle)
{
	handle->users--;
	if (handle->users == 0)
		mosaic_encoder_give_back(handle->encoder);
}

const MosaicTokenizer *
mosaic_tokenizer_of_handle(MosaicTokenizerHandle *handle)
{
	return handle->tokenizer;
}

MosaicEncoder *
mosaic_tokenizer_encoder(MosaicTokenizerHandle *handle)
{
	return handle->encoder;
}
