/* SPDX-License-Identifier: MIT
 * Names out of hostile files, made fit for a terminal. */
#ifndef LOAD_TEXT_H
#define LOAD_TEXT_H

#include "base/err.h"

static inline void text_clean_string(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static inline void text_clean(struct err *err)
{
	if (err)
		text_clean_string(err->text);
}

#endif
