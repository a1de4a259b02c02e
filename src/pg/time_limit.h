/*
 * time_limit.h
 *		pg_mosaic.max_prediction_time: what a role that only predicts cannot set.
 */
#ifndef MOSAIC_TIME_LIMIT_H
#define MOSAIC_TIME_LIMIT_H

extern int	mosaic_max_prediction_time; /* ms for each item, or for the tokens of a text; 0: none */

/* When so many items, begun now, have to be done; 0: whenever they are. */
extern int64 mosaic_time_limit(int64 items);

extern bool mosaic_time_is_up(int64 limit);

/* CHECK_FOR_INTERRUPTS(), and an error (57014) after that time. */
extern void mosaic_check_time_limit(int64 limit);

#endif
