/*
 * row.c
 *		Rows of the store's tables, read without trust.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "mosaic/capi.h"
#include "mosaic/page_reader.h"
#include "row.h"

StaticAssertDecl(BLCKSZ == MOSAIC_PAGE_BYTES && SizeOfPageHeaderData == MOSAIC_PAGE_HEADER &&
				 offsetof(PageHeaderData, pd_lower) == 12 && sizeof(ItemIdData) == 4 &&
				 MaxHeapTuplesPerPage == MOSAIC_MAX_LINES && LP_NORMAL == 1, "pages are as page_reader.h says");
StaticAssertDecl(SizeofHeapTupleHeader == MOSAIC_ROW_HEADER &&
				 offsetof(HeapTupleHeaderData, t_infomask2) == 18 &&
				 offsetof(HeapTupleHeaderData, t_infomask) == 20 &&
				 offsetof(HeapTupleHeaderData, t_hoff) == 22 &&
				 HEAP_NATTS_MASK == 0x07FF && HEAP_HASNULL == 1, "rows are as page_reader.h says");
StaticAssertDecl(TOAST_POINTER_SIZE == 18 && VARTAG_ONDISK == 18 && MAXIMUM_ALIGNOF == 8,
				 "values are as page_reader.h says");

/* ---- rows ---- */

static uint8
bytes_of_align(char align)
{
	switch (align)
	{
		case TYPALIGN_CHAR:
			return 1;
		case TYPALIGN_SHORT:
			return 2;
		case TYPALIGN_INT:
			return 4;
		default:
			return 8;
	}
}

char *
mosaic_row_damage(Relation rel, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(rel);
	MosaicColumn columns[MaxHeapAttributeNumber];
	char		damage[MOSAIC_DAMAGE_BYTES];

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(desc, i);

		columns[i].length = a->attlen;
		columns[i].align = bytes_of_align(a->attalign);
		columns[i].not_null = a->attnotnull;
		columns[i].may_lack = a->atthasmissing;
	}
	if (mosaic_row_is_sound(row->t_data, row->t_len, columns, desc->natts, damage))
		return NULL;
	return pstrdup(damage);
}

void
mosaic_row_is_damaged(Relation rel, const ItemPointerData *place, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("page %u, line %u of table \"%s.%s\" is damaged: %s",
					ItemPointerGetBlockNumberNoCheck(place), ItemPointerGetOffsetNumberNoCheck(place),
					get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel), detail),
			 errhint("check_store() tells what else is damaged.")));
}

/* What is wrong with the row in a slot of a scan; NULL: nothing. */
static char *
slot_damage(Relation rel, TupleTableSlot *slot, HeapTuple row)
{
	/* A row on its page: where that says it begins and ends. */
	if (TTS_IS_BUFFERTUPLE(slot) && BufferIsValid(((BufferHeapTupleTableSlot *) slot)->buffer))
	{
		const char *page = BufferGetPage(((BufferHeapTupleTableSlot *) slot)->buffer);
		const char *begin = (const char *) row->t_data;

		if (begin < page + MOSAIC_PAGE_HEADER || begin + row->t_len > page + BLCKSZ)
			return pstrdup("it would lie outside its page");
	}
	return mosaic_row_damage(rel, row);
}

HeapTuple
mosaic_slot_row(Relation rel, TupleTableSlot *slot)
{
	bool		should_free;
	HeapTuple	row = ExecFetchSlotHeapTuple(slot, false, &should_free);
	char	   *damage = slot_damage(rel, slot, row);

	if (damage)
		mosaic_row_is_damaged(rel, &row->t_self, damage);
	return row;
}

HeapTuple
mosaic_fetch_row(Relation rel, const ItemPointerData *place)
{
	HeapTupleData row = {.t_self = *place,.t_tableOid = RelationGetRelid(rel)};
	HeapTuple	copy = NULL;
	Buffer		buffer;
	uint32		offset;
	char	   *damage;

	/* Anybody may name a place: the last number of a block would add one to the table. */
	if (!ItemPointerIsValid(place) || ItemPointerGetBlockNumber(place) >= RelationGetNumberOfBlocks(rel))
		mosaic_row_is_damaged(rel, place, "there is no row");
	buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(place));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (mosaic_page_line(BufferGetPage(buffer), ItemPointerGetOffsetNumber(place), &offset,
						 &row.t_len) == MOSAIC_LINE_ROW)
	{
		row.t_data = (HeapTupleHeader) ((char *) BufferGetPage(buffer) + offset);
		copy = heap_copytuple(&row);
	}
	UnlockReleaseBuffer(buffer);
	damage = copy ? mosaic_row_damage(rel, copy) : pstrdup("there is no row");
	if (damage)
		mosaic_row_is_damaged(rel, place, damage);
	return copy;
}

HeapTuple
mosaic_getnext(SysScanDesc scan)
{
	return HeapTupleIsValid(systable_getnext(scan)) ? mosaic_slot_row(scan->heap_rel, scan->slot) : NULL;
}

HeapTuple
mosaic_getnext_ordered(SysScanDesc scan, ScanDirection direction)
{
	return HeapTupleIsValid(systable_getnext_ordered(scan, direction)) ?
		mosaic_slot_row(scan->heap_rel, scan->slot) : NULL;
}

/* ---- values ---- */

/* Copies the pieces of a value to data, which has room for "wanted" bytes; how many of them there are. */
static uint32
fetch_pieces(Relation toast, Relation index, Oid value, char *data, uint32 wanted)
{
	TupleDesc	desc = RelationGetDescr(toast);
	SnapshotData snapshot;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	uint32		found = 0;

	mosaic_init_toast_snapshot(&snapshot);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan = systable_beginscan_ordered(toast, index, &snapshot, 1, &key);
	for (int32 next = 0; HeapTupleIsValid(row = systable_getnext_ordered(scan, ForwardScanDirection)); next++)
	{
		bool		isnull;
		struct varlena *piece;

		if (slot_damage(toast, scan->slot, row) != NULL ||
			DatumGetInt32(heap_getattr(row, 2, desc, &isnull)) != next)
			break;
		piece = (struct varlena *) DatumGetPointer(heap_getattr(row, 3, desc, &isnull));
		if (VARATT_IS_EXTERNAL(piece) || VARATT_IS_COMPRESSED(piece) ||
			VARSIZE_ANY_EXHDR(piece) > wanted - found)
			break;
		memcpy(data + found, VARDATA_ANY(piece), VARSIZE_ANY_EXHDR(piece));
		found += VARSIZE_ANY_EXHDR(piece);
	}
	systable_endscan_ordered(scan);
	return found;
}

/*
 * A value stored out of line, compressed or not; NULL where not all of it is there, and *found tells how
 * much.  No more is allocated than its table can hold.
 */
static struct varlena *
fetch_external(const struct varatt_external *p, uint32 *found)
{
	Relation	toast = try_relation_open(p->va_toastrelid, AccessShareLock);
	Relation   *indexes;
	int			nindexes,
				valid;
	uint32		wanted = VARATT_EXTERNAL_GET_EXTSIZE(*p);
	struct varlena *value;

	*found = 0;
	if (toast == NULL)
		return NULL;
	if (toast->rd_rel->relkind != RELKIND_TOASTVALUE || wanted > (uint64) RelationGetNumberOfBlocks(toast) * BLCKSZ)
	{
		relation_close(toast, AccessShareLock);
		return NULL;
	}
	value = palloc(wanted + VARHDRSZ);
	if (VARATT_EXTERNAL_IS_COMPRESSED(*p))
		SET_VARSIZE_COMPRESSED(value, wanted + VARHDRSZ);
	else
		SET_VARSIZE(value, wanted + VARHDRSZ);
	valid = toast_open_indexes(toast, AccessShareLock, &indexes, &nindexes);
	*found = fetch_pieces(toast, indexes[valid], p->va_valueid, VARDATA(value), wanted);
	toast_close_indexes(indexes, nindexes, NoLock);
	relation_close(toast, NoLock);
	/* The size in full is there twice. */
	if (*found != wanted ||
		(VARATT_IS_COMPRESSED(value) &&
		 (wanted < sizeof(uint32) || TOAST_COMPRESS_EXTSIZE(value) + VARHDRSZ != (uint32) p->va_rawsize)))
		return NULL;
	return value;
}

struct varlena *
mosaic_decompress(const struct varlena *value)
{
	Size		size = VARDATA_COMPRESSED_GET_EXTSIZE(value);
	struct varlena *plain;

	if (VARDATA_COMPRESSED_GET_COMPRESS_METHOD(value) != TOAST_PGLZ_COMPRESSION_ID)
		return NULL;
	plain = palloc(VARHDRSZ + size + MOSAIC_PGLZ_SLACK);
	if (!mosaic_pglz_decompress((const char *) value + VARHDRSZ_COMPRESSED, VARSIZE(value) - VARHDRSZ_COMPRESSED,
								VARDATA(plain), size))
		return NULL;
	SET_VARSIZE(plain, VARHDRSZ + size);
	return plain;
}

/*
 * A value in one piece, maybe compressed: itself where it lies in its row, else a copy; NULL where pieces of it are
 * lost, and what *p and *found say of it.
 */
static struct varlena *
in_one_piece(Datum value, struct varatt_external *p, uint32 *found)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (!VARATT_IS_EXTERNAL_ONDISK(v))
		return v;
	VARATT_EXTERNAL_GET_POINTER(*p, v);
	return fetch_external(p, found);
}

/* What in_one_piece() gave, plain and the caller's own. */
static struct varlena *
own_plain(struct varlena *v, Datum value)
{
	if (VARATT_IS_COMPRESSED(v) || v == (struct varlena *) DatumGetPointer(value))
		return pg_detoast_datum_copy(v);
	return v;
}

struct varlena *
mosaic_plain_or(Datum value, char **damage)
{
	struct varatt_external p;
	uint32		found;
	struct varlena *v = in_one_piece(value, &p, &found);

	if (v == NULL)
	{
		*damage = psprintf("stored out of line, where %u of its %u bytes can be read", found, VARATT_EXTERNAL_GET_EXTSIZE(p));
		return NULL;
	}
	if (!VARATT_IS_COMPRESSED(v) || VARDATA_COMPRESSED_GET_COMPRESS_METHOD(v) != TOAST_PGLZ_COMPRESSION_ID)
		return own_plain(v, value);
	v = mosaic_decompress(v);
	if (v == NULL)
		*damage = pstrdup("compressed, and cannot be decompressed");
	return v;
}

struct varlena *
mosaic_plain(Datum value)
{
	struct varatt_external p;
	uint32		found;
	struct varlena *v = in_one_piece(value, &p, &found);

	if (v == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value stored out of line is damaged: %u of its %u bytes can be read", found,
						VARATT_EXTERNAL_GET_EXTSIZE(p)),
				 errdetail("It is value %u in the TOAST table with OID %u.", p.va_valueid, p.va_toastrelid)));
	return own_plain(v, value);
}

struct varlena *
mosaic_plain_hint(Datum value)
{
	struct varatt_external p;
	uint32		found;
	struct varlena *v = in_one_piece(value, &p, &found);

	return v == NULL || VARATT_IS_COMPRESSED(v) ? NULL : own_plain(v, value);
}

char *
mosaic_plain_text(Datum value)
{
	return text_to_cstring(mosaic_plain(value));
}

ArrayType *
mosaic_plain_array(Datum value, Oid element_type, Size element_bytes)
{
	struct varlena *array = mosaic_plain(value);
	char		damage[MOSAIC_DAMAGE_BYTES];
	uint32		n;

	if (mosaic_array_parse(array, VARSIZE(array), element_type, element_bytes, &n, damage) == NULL)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("%s", damage)));
	return (ArrayType *) array;
}

text	  **
mosaic_array_texts(struct varlena *value, int *n)
{
	ArrayType  *array = (ArrayType *) value;
	Size		size = VARSIZE(value);
	Size		at = ARR_OVERHEAD_NONULLS(1);
	text	  **texts;

	*n = 0;
	if (size < sizeof(ArrayType) || ARR_ELEMTYPE(array) != TEXTOID || array->dataoffset != 0)
		return NULL;
	if (ARR_NDIM(array) == 0)
		return palloc(sizeof *texts);
	if (ARR_NDIM(array) != 1 || size < at || ARR_DIMS(array)[0] < 1 || ARR_DIMS(array)[0] > size)
		return NULL;
	texts = palloc_extended(ARR_DIMS(array)[0] * sizeof *texts, MCXT_ALLOC_HUGE);
	/* The server aligns each element, and writes all of them with long headers. */
	for (; *n < ARR_DIMS(array)[0]; ++*n)
	{
		char	   *p;

		at = INTALIGN(at);
		p = (char *) array + at;
		if (at >= size || size - at < VARHDRSZ || !VARATT_IS_4B_U(p) || VARSIZE(p) < VARHDRSZ || VARSIZE(p) > size - at)
			return NULL;
		texts[*n] = (text *) p;
		at += VARSIZE(p);
	}
	return INTALIGN(at) == INTALIGN(size) ? texts : NULL;
}
