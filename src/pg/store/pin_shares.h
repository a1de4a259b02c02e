/*
 * pin_shares.h
 *		The shares of shared_buffers that queries may keep pinned.
 *
 * One word of shared memory, a bit for each share, for all databases of the server.  Not heavyweight locks: 200 sessions that asked for
 * sixteen of these were seen waiting for the lock manager, 94 % of them (docs/larger_than_memory.md).
 */
#ifndef MOSAIC_PIN_SHARES_H
#define MOSAIC_PIN_SHARES_H

#define MOSAIC_PIN_SHARES 16

/* Takes a share that is free: its bit; 0 where there is none.  It is to be given back whatever happens. */
extern uint32 mosaic_take_pin_share(void);

/* Gives back shares, by their bits.  Never raises an error. */
extern void mosaic_return_pin_shares(uint32 shares);

#endif
