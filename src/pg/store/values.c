/*
 * values.c
 *		Values of the extension's tables, read without trust before the server's own functions get them.
 *
 * Views are made of what the server reads.  A row whose header or values are damaged leads it outside the row, an
 * array or a jsonb outside the value; so views take from a table only rows for which mosaic.is_sound() is true, in a
 * subquery with OFFSET 0: nothing else is looked at before.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "mosaic/jsonb_reader.h"
#include "row.h"
#include "values.h"

static bool
is_text(const text *t)
{
	return pg_verifymbstr(VARDATA_ANY(t), (int) VARSIZE_ANY_EXHDR(t), true);
}

static char *
array_damage(struct varlena *array, Oid element)
{
	char		damage[MOSAIC_DAMAGE_BYTES];
	uint32		count;
	int			n;
	text	  **texts;

	if (element != TEXTOID)
		return mosaic_array_parse(array, VARSIZE(array), element, get_typlen(element), &count, damage) ? NULL : pstrdup(damage);
	texts = mosaic_array_texts(array, &n);
	if (texts == NULL)
		return pstrdup("not an array of texts");
	for (int i = 0; i < n; i++)
		if (!is_text(texts[i]))
			return psprintf("an array whose element %d is no text in the encoding of the database", i + 1);
	return NULL;
}

/* Of the value of one column; NULL: nothing. */
static char *
value_damage(Relation rel, HeapTuple row, AttrNumber column)
{
	Form_pg_attribute a = TupleDescAttr(RelationGetDescr(rel), column - 1);
	char		damage[MOSAIC_DAMAGE_BYTES];
	bool		isnull;
	Datum		value;
	struct varlena *plain;
	char	   *lost;
	Oid			element;

	if (a->attisdropped || a->attlen != -1 || a->atttypid == BYTEAOID)
		return NULL;
	value = heap_getattr(row, column, RelationGetDescr(rel), &isnull);
	if (isnull)
		return NULL;
	plain = mosaic_plain_or(value, &lost);
	if (plain == NULL)
		return lost;
	if (a->atttypid == TEXTOID)
		return is_text((text *) plain) ? NULL : pstrdup("no text in the encoding of the database");
	if (a->atttypid == JSONBOID)
		return mosaic_jsonb_is_sound(plain, VARSIZE(plain), damage) ? NULL : pstrdup(damage);
	element = get_element_type(a->atttypid);
	return OidIsValid(element) ? array_damage(plain, element) : NULL;
}

char *
mosaic_values_damage(Relation rel, HeapTuple row)
{
	MemoryContext saved = CurrentMemoryContext;
	MemoryContext values = AllocSetContextCreate(saved, "pg_mosaic values", ALLOCSET_DEFAULT_SIZES);
	char	   *found = NULL;

	/* Whoever checks a whole store does so in one context. */
	MemoryContextSwitchTo(values);
	for (int column = 1; found == NULL && column <= RelationGetNumberOfAttributes(rel); column++)
	{
		char	   *damage = value_damage(rel, row, column);

		if (damage)
			found = MemoryContextStrdup(saved, psprintf("column \"%s\" is %s", NameStr(TupleDescAttr(RelationGetDescr(rel), column - 1)->attname), damage));
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(values);
	return found;
}

/* To those who may know that it is there. */
static void
model_is_damaged(HeapTuple model, const char *damage)
{
	char	   *name = mosaic_plain_text(mosaic_model_attr(model, Anum_model_name));

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("model \"%s\" is damaged: %s", mosaic_shown_name(name, (int) strlen(name)), damage),
			 errhint("check_store() tells what else is damaged.")));
}

/* Of a model, or of an alias, the current role is the owner. */
static bool
is_owned(Relation rel, HeapTuple row, bool is_model)
{
	bool		isnull;

	if (is_model)
		return mosaic_owns_model(row);
	return has_privs_of_role(GetUserId(), DatumGetObjectId(heap_getattr(row, Anum_alias_owner, RelationGetDescr(rel), &isnull)));
}

/* False: whoever asks may not know of it. */
static bool
check_values(Relation rel, HeapTuple row)
{
	bool		is_model = RelationGetRelid(rel) == mosaic_relid("model");
	bool		is_alias = RelationGetRelid(rel) == mosaic_relid("alias");
	bool		readers = (is_model || is_alias) && value_damage(rel, row, is_model ? Anum_model_readers : Anum_alias_readers) == NULL;
	char	   *damage;

	/* Whoever may not use it is shown nothing of it; nor is, where nobody can tell, whoever does not own it. */
	if ((is_model || is_alias) && !readers && !is_owned(rel, row, is_model))
		return false;
	if (is_model && readers && !mosaic_may_use_model(row))
		return true;			/* the view sees to it */
	damage = mosaic_values_damage(rel, row);
	if (damage && is_model)
		model_is_damaged(row, damage);
	else if (damage)
		mosaic_row_is_damaged(rel, &row->t_self, damage);
	return true;
}

/* True; false of what the role may not know of; or an error (XX001). */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_is_sound);
Datum
mosaic_pg_is_sound(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel;
	HeapTuple	row;
	bool		is_shown;

	if (get_rel_namespace(relid) != get_rel_namespace(mosaic_relid("model")) || get_rel_relkind(relid) != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation %u is no table of the extension", relid),
				 errhint("This function is for the extension's views.")));
	rel = table_open(relid, AccessShareLock);
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a table of blocks", RelationGetRelationName(rel))));
	row = mosaic_fetch_row(rel, (ItemPointer) PG_GETARG_POINTER(1));
	is_shown = check_values(rel, row);
	heap_freetuple(row);
	table_close(rel, NoLock);
	PG_RETURN_BOOL(is_shown);
}
