/*
 * text_options.h
 *		What is set of a model of texts.  Each needs the ownership of the model (42501).
 */
#ifndef MOSAIC_TEXT_OPTIONS_H
#define MOSAIC_TEXT_OPTIONS_H

/*
 * Its tokenizer, and to how many tokens texts are cut, 0: as the tokenizer says; or, where truncate is false, how many they may have at most.
 */
extern void mosaic_set_tokenizer(const char *name, const void *content, Size len, int max_tokens, bool truncate);

/* How embed() makes one vector of those of the tokens; pooling NULL: as if nothing was set. */
extern void mosaic_set_pooling(const char *name, const char *pooling, bool normalize);

#endif
