/*
 * read_only.h
 *		Running what users wrote, so that nothing of it stays.
 */
#ifndef MOSAIC_READ_ONLY_H
#define MOSAIC_READ_ONLY_H

/*
 * Runs fn(arg) in a subtransaction that is read only, and rolled back in any case: but for temporary
 * tables nothing can be written (25006), and neither that stays, nor settings, nor what the server lets
 * pass in spite of it (large objects, notifications).  Errors are raised again.  What fn allocates in
 * contexts of before stays.  Not in parallel mode, which does not allow subtransactions.
 */
extern void mosaic_run_read_only(void (*fn) (void *arg), void *arg);

#endif
