/*
 * check_domains.c
 *		check_store(): whether the sharing domains of models are there.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"

typedef struct Domains
{
	MosaicChecker *c;
	int32	   *ids;
	int64		n,
				capacity;
} Domains;

static void
note_domain(Relation rel, HeapTuple row, void *arg)
{
	Domains    *d = arg;
	bool		isnull;

	if (d->n == d->capacity)
		d->ids = repalloc_huge(d->ids, (d->capacity *= 2) * sizeof(int32));
	d->ids[d->n++] = DatumGetInt32(heap_getattr(row, Anum_domain_domain_id, RelationGetDescr(rel), &isnull));
}

static void
domain_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	mosaic_checker_damage(rel, page, line, what, ((Domains *) arg)->c);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

void
mosaic_check_domains(MosaicChecker *c)
{
	MosaicChecked *checked = c->checked;
	bool		damaged = false;
	Domains		d = {c, palloc(16 * sizeof(int32)), 0, 16};

	c->table_is_damaged = &damaged;
	mosaic_checker_read(c, "domain", note_domain, domain_damage, &d);
	qsort(d.ids, d.n, sizeof(int32), compare_ids);
	for (int64 i = 0; i < checked->nmodels && !damaged; i++)
	{
		MosaicCheckedModel *model = &checked->models[i];

		CHECK_FOR_INTERRUPTS();
		if (bsearch(&model->domain, d.ids, d.n, sizeof(int32), compare_ids))
			continue;
		c->model_id = model->model_id;
		c->model = model->name;
		mosaic_checker_report(c, MOSAIC_MISSING_DOMAIN, -1, NULL, 0,
							  "its sharing domain %d is not there, so no other model will share its blocks", model->domain);
	}
	c->model_id = 0;
	c->model = NULL;
	pfree(d.ids);
}
