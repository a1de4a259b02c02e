/*
 * errors.h
 *		From the core's errors to ereport.
 */
#ifndef MOSAIC_ERRORS_H
#define MOSAIC_ERRORS_H

#include "compat.h"
#include "mosaic/capi.h"

/* Raises the core's error with its SQLSTATE, detail and hint.  Not for MOSAIC_E_HOST. */
pg_noreturn extern void mosaic_report(const MosaicError *error);

/* A name of len bytes as messages show it: cut, with "...", where it is long.  Quotes are the message's. */
extern char *mosaic_shown_name(const char *name, int len);

#endif
