/*
 * row_map.c
 *		Which columns of a row fill which inputs of a model.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "elements.h"
#include "errors.h"
#include "row_column.h"
#include "row_map.h"

/* One input: the columns whose elements follow each other in it. */
typedef struct Input
{
	const MosaicValueInfo *info;
	const MosaicInputOption *option;
	int			ncolumns;
	MosaicRowColumn *columns;
	int			ndim;			/* of the row that was read */
	int64		dims[MAXDIM];
} Input;

struct MosaicRowMap
{
	const char *model;
	TupleDesc	desc;			/* a copy */
	int			ninputs;
	Input	   *inputs;
	bool	   *used;			/* by attribute */
	StringInfoData missing,		/* what does not fit, for messages; empty: all does */
				superfluous,
				wrong;
	int			expected;		/* columns by order: how many are needed; 0: they are named */
	Datum	   *values;			/* of the row that was read; arrays detoasted */
	bool	   *nulls;
};

/* ---- which columns ---- */

static void
add_name(StringInfo list, const char *name, const char *more)
{
	appendStringInfo(list, "%s\"%s\"%s", list->len ? ", " : "", mosaic_shown_name(name, (int) strlen(name)), more);
}

static int
column_count(const MosaicRowMap *map)
{
	int			n = 0;

	for (int i = 0; i < map->desc->natts; i++)
		n += !TupleDescAttr(map->desc, i)->attisdropped;
	return n;
}

/* The column of a name, as it is spelled, or else the only one that differs in case; -1: none. */
static int
find_column(const MosaicRowMap *map, const char *name)
{
	int			found = -1;

	for (int i = 0; i < map->desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(map->desc, i);

		if (attr->attisdropped)
			continue;
		if (strcmp(NameStr(attr->attname), name) == 0)
			return i;
		if (pg_strcasecmp(NameStr(attr->attname), name) == 0)
			found = found == -1 ? i : -2;
	}
	return Max(found, -1);
}

/* The next column of an input. */
static void
take_column(MosaicRowMap *map, Input *in, int attno)
{
	Form_pg_attribute attr = TupleDescAttr(map->desc, attno);
	MosaicRowColumn *column = &in->columns[in->ncolumns++];

	map->used[attno] = true;
	if (!mosaic_row_column(attr->atttypid, in->info->dtype, column))
	{
		add_name(&map->wrong, NameStr(attr->attname), "");
		appendStringInfo(&map->wrong, " (%s; input \"%s\" is of %s)", format_type_be(attr->atttypid),
						 mosaic_shown_name(in->info->name, (int) strlen(in->info->name)), mosaic_dtype_name(in->info->dtype));
	}
	column->attno = attno;
	column->name = NameStr(attr->attname);
}

/* A row whose columns have no names of their own: as ROW() names them. */
static bool
is_anonymous(const MosaicRowMap *map)
{
	if (map->desc->tdtypeid != RECORDOID)
		return false;
	for (int i = 0; i < map->desc->natts; i++)
	{
		char		name[16];

		snprintf(name, sizeof name, "f%d", i + 1);
		if (strcmp(NameStr(TupleDescAttr(map->desc, i)->attname), name) != 0)
			return false;
	}
	return true;
}

static void
take_named(MosaicRowMap *map, Input *in)
{
	const char *own[] = {in->info->name};
	const char *const *names = in->option->ncolumns > 0 ? (const char *const *) in->option->columns : own;
	int			n = Max(in->option->ncolumns, 1);

	in->columns = palloc0(n * sizeof *in->columns);
	for (int i = 0; i < n; i++)
	{
		int			attno = find_column(map, names[i]);

		if (attno >= 0)
			take_column(map, in, attno);
		else if (in->option->ncolumns == 0)
			add_name(&map->missing, own[0], "");
		else
			add_name(&map->missing, names[i], psprintf(" (for input \"%s\")", mosaic_shown_name(own[0], (int) strlen(own[0]))));
	}
}

/* All columns in their order, to the one input, or one to each. */
static void
take_in_order(MosaicRowMap *map)
{
	int			n = column_count(map);
	int			taken = 0;

	if (map->ninputs != 1 && n != map->ninputs)
	{
		map->expected = map->ninputs;
		return;
	}
	for (int i = 0; i < map->ninputs; i++)
		map->inputs[i].columns = palloc0(Max(n, 1) * sizeof(MosaicRowColumn));
	for (int i = 0; i < map->desc->natts; i++)
		if (!TupleDescAttr(map->desc, i)->attisdropped)
		{
			take_column(map, &map->inputs[map->ninputs == 1 ? 0 : taken], i);
			taken++;
		}
}

static bool
has_map(const MosaicInputOptions *options)
{
	for (int i = 0; i < options->n; i++)
		if (options->inputs[i].ncolumns > 0)
			return true;
	return false;
}

MosaicRowMap *
mosaic_row_map_new(const MosaicModel *model, const MosaicInputOptions *options, TupleDesc desc, const char *name)
{
	MosaicRowMap *map = palloc0(sizeof *map);

	map->model = name;
	/* With the values that rows from before ALTER TABLE ADD COLUMN have there. */
	map->desc = CreateTupleDescCopyConstr(desc);
	map->ninputs = options->n;
	map->inputs = palloc0(Max(map->ninputs, 1) * sizeof *map->inputs);
	map->used = palloc0(Max(desc->natts, 1) * sizeof *map->used);
	map->values = palloc0(Max(desc->natts, 1) * sizeof *map->values);
	map->nulls = palloc0(Max(desc->natts, 1) * sizeof *map->nulls);
	initStringInfo(&map->missing);
	initStringInfo(&map->superfluous);
	initStringInfo(&map->wrong);
	for (int i = 0; i < map->ninputs; i++)
	{
		map->inputs[i].info = mosaic_model_input(model, i);
		map->inputs[i].option = &options->inputs[i];
	}
	if (is_anonymous(map) ||
		(map->ninputs == 1 && !has_map(options) && find_column(map, map->inputs[0].info->name) < 0))
		take_in_order(map);
	else
		for (int i = 0; i < map->ninputs; i++)
			take_named(map, &map->inputs[i]);
	for (int i = 0; i < desc->natts && !options->ignore_others && map->expected == 0; i++)
		if (!map->used[i] && !TupleDescAttr(desc, i)->attisdropped)
			add_name(&map->superfluous, NameStr(TupleDescAttr(desc, i)->attname), "");
	return map;
}

/* ---- what does not fit ---- */

static bool
fits(const MosaicRowMap *map)
{
	return map->missing.len == 0 && map->superfluous.len == 0 && map->wrong.len == 0 && map->expected == 0;
}

pg_noreturn static void
report_columns(const MosaicRowMap *map)
{
	StringInfoData detail;
	StringInfoData inputs;

	if (map->expected > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has %d inputs, the row has %d columns without names", map->model, map->expected,
						column_count(map)),
				 errhint("A row of a table, or of a subquery, has names.")));
	initStringInfo(&detail);
	if (map->missing.len > 0)
		appendStringInfo(&detail, "Columns that are missing: %s. ", map->missing.data);
	if (map->superfluous.len > 0)
		appendStringInfo(&detail, "Columns that are no inputs: %s. ", map->superfluous.data);
	if (map->wrong.len > 0)
		appendStringInfo(&detail, "Columns of another type: %s. ", map->wrong.data);
	detail.data[detail.len - 1] = '\0';
	initStringInfo(&inputs);
	for (int i = 0; i < map->ninputs && inputs.len < 1000; i++)
		add_name(&inputs, map->inputs[i].info->name, psprintf(" (%s)", mosaic_dtype_name(map->inputs[i].info->dtype)));
	ereport(ERROR,
			(errcode(map->missing.len == 0 && map->superfluous.len == 0 ? ERRCODE_DATATYPE_MISMATCH
					 : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the columns of the row do not fit the inputs of model \"%s\"", map->model),
			 errdetail("%s", detail.data),
			 errhint("Its inputs are %s. set_inputs() says which columns fill them.", inputs.data)));
}

pg_noreturn static void
report_nulls(const MosaicRowMap *map, const char *columns)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("model \"%s\" takes no NULL in column %s", map->model, columns),
			 errhint("set_inputs(..., nulls => ...) says what NULL is for it.")));
}

pg_noreturn static void
report_value(const MosaicRowMap *map, const Input *in, MosaicRowColumn *column, Datum value)
{
	Oid			function;
	bool		varlena;
	char	   *text;

	getTypeOutputInfo(column->type, &function, &varlena);
	text = OidOutputFunctionCall(function, value);
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("model \"%s\", input \"%s\", column \"%s\": value %s does not fit element type %s", map->model,
					mosaic_shown_name(in->info->name, (int) strlen(in->info->name)), column->name,
					mosaic_shown_name(text, (int) strlen(text)), mosaic_dtype_name(in->info->dtype))));
}

/* ---- reading ---- */

/* Whether a column holds a NULL that the input has no element for; of an array: as a whole, or within. */
static bool
has_bad_null(const MosaicRowMap *map, const Input *in, const MosaicRowColumn *column)
{
	ArrayType  *array;

	if (map->nulls[column->attno])
		return column->array || !in->option->has_null;
	if (!column->array || in->option->has_null)
		return false;
	array = (ArrayType *) DatumGetPointer(map->values[column->attno]);
	return ARR_HASNULL(array) && array_contains_nulls(array);
}

static void
detoast_arrays(MosaicRowMap *map, const Input *in)
{
	for (int i = 0; i < in->ncolumns; i++)
		if (in->columns[i].array && !map->nulls[in->columns[i].attno])
			map->values[in->columns[i].attno] = PointerGetDatum(mosaic_detoast_array(map->values[in->columns[i].attno]));
}

/* An input of one array has its dimensions, any other is a list. */
static void
shape_input(const MosaicRowMap *map, Input *in)
{
	in->ndim = 1;
	in->dims[0] = 0;
	for (int i = 0; i < in->ncolumns; i++)
	{
		const MosaicRowColumn *column = &in->columns[i];
		ArrayType  *array = column->array ? (ArrayType *) DatumGetPointer(map->values[column->attno]) : NULL;

		in->dims[0] += array ? ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) : 1;
		if (array == NULL || in->ncolumns > 1 || ARR_NDIM(array) == 0)
			continue;
		in->ndim = ARR_NDIM(array);
		for (int d = 0; d < in->ndim; d++)
			in->dims[d] = ARR_DIMS(array)[d];
	}
}

bool
mosaic_row_read(MosaicRowMap *map, HeapTupleHeader row, bool careful)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};
	StringInfoData bad;

	if (!fits(map))
	{
		if (careful)
			return false;
		report_columns(map);
	}
	heap_deform_tuple(&tuple, map->desc, map->values, map->nulls);
	bad.len = 0;
	for (int i = 0; i < map->ninputs; i++)
	{
		Input	   *in = &map->inputs[i];

		detoast_arrays(map, in);
		for (int k = 0; k < in->ncolumns; k++)
			if (has_bad_null(map, in, &in->columns[k]))
			{
				if (careful)
					return false;
				if (bad.len == 0)
					initStringInfo(&bad);
				add_name(&bad, in->columns[k].name, "");
			}
		if (bad.len == 0)
			shape_input(map, in);
	}
	if (bad.len > 0)
		report_nulls(map, bad.data);
	return true;
}

int
mosaic_row_ndim(const MosaicRowMap *map, int input)
{
	return map->inputs[input].ndim;
}

const int64 *
mosaic_row_dims(const MosaicRowMap *map, int input)
{
	return map->inputs[input].dims;
}

/* ---- filling ---- */

static bool
fill_one(const MosaicRowMap *map, const Input *in, MosaicRowColumn *column, Datum value, bool isnull, void *elements,
		 int64 at, MemoryContext strings, bool careful)
{
	if (isnull)
	{
		int			size = mosaic_dtype_size(in->info->dtype);

		memcpy((char *) elements + at * size, in->option->null.bytes, size);
		return true;
	}
	if (mosaic_column_element(column, value, in->info->dtype, elements, at, strings, careful))
		return true;
	if (!careful)
		report_value(map, in, column, value);
	return false;
}

/* The elements of an array from the at-th on. */
static bool
fill_array(const MosaicRowMap *map, const Input *in, MosaicRowColumn *column, ArrayType *array, void *elements, int64 at,
		   MemoryContext strings, bool careful)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (!column->is_string &&
		mosaic_try_elements(array, in->info->dtype, (char *) elements + at * mosaic_dtype_size(in->info->dtype)))
		return true;
	deconstruct_array(array, ARR_ELEMTYPE(array), column->typlen, column->typbyval, column->typalign, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!fill_one(map, in, column, values[i], nulls[i], elements, at + i, strings, careful))
			return false;
	pfree(values);
	pfree(nulls);
	return true;
}

bool
mosaic_row_fill(MosaicRowMap *map, int input, void *elements, MemoryContext strings, bool careful)
{
	Input	   *in = &map->inputs[input];
	int64		at = 0;

	for (int i = 0; i < in->ncolumns; i++)
	{
		MosaicRowColumn *column = &in->columns[i];
		Datum		value = map->values[column->attno];

		if (!column->array)
		{
			if (!fill_one(map, in, column, value, map->nulls[column->attno], elements, at++, strings, careful))
				return false;
			continue;
		}
		if (!fill_array(map, in, column, (ArrayType *) DatumGetPointer(value), elements, at, strings, careful))
			return false;
		at += ArrayGetNItems(ARR_NDIM((ArrayType *) DatumGetPointer(value)), ARR_DIMS((ArrayType *) DatumGetPointer(value)));
	}
	return true;
}
