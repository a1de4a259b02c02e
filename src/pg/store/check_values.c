/*
 * check_values.c
 *		check_store(): arrays, jsonb and texts of the smaller tables, which views read.
 */
#include "postgres.h"

#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "damage.h"
#include "values.h"

typedef struct ValuesRead
{
	Relation	rel;
	HeapTuple	row;
	char	   *damage;
} ValuesRead;

static void
read_values(void *arg)
{
	ValuesRead *r = arg;

	r->damage = mosaic_values_damage(r->rel, r->row);
}

char *
mosaic_checker_values(Relation rel, HeapTuple row)
{
	ValuesRead	r = {rel, row};
	char	   *damage = mosaic_catch_damage(read_values, &r);

	return damage ? damage : r.damage;
}

static void
check_row(Relation rel, HeapTuple row, void *arg)
{
	char	   *damage = mosaic_checker_values(rel, row);

	if (damage)
		mosaic_checker_damage(rel, ItemPointerGetBlockNumber(&row->t_self), ItemPointerGetOffsetNumber(&row->t_self),
							  damage, arg);
}

void
mosaic_check_values(MosaicChecker *c)
{
	static const char *const ours[] = {"dedup_run", "dedup_decision"};
	static const char *const others[] = {"domain", "alias", "tokenizer"};
	bool		damaged = false;

	c->table_is_damaged = &damaged;
	for (int i = 0; i < lengthof(ours); i++)
		mosaic_checker_scan(c, ours[i], &damaged, check_row);
	for (int i = 0; i < lengthof(others); i++)
		mosaic_checker_read(c, others[i], check_row, mosaic_checker_ignore_damage, c);
	c->table_is_damaged = NULL;
}
