// SPDX-License-Identifier: MIT
// The name that was probably meant: by the number of letters that differ.
#include "trace/near.h"

#include <string.h>

#define NAME_MAX_LETTERS 48

/* Edit distance with swaps of neighbours; both shorter than NAME_MAX_LETTERS. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][NAME_MAX_LETTERS + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= nb; j++)
		above[j] = j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		size_t *spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

void near_init(struct near *near, const char *wanted)
{
	*near = (struct near){ .wanted = wanted, .distance = (size_t)-1 };
}

void near_try(struct near *near, const char *name)
{
	size_t nw = strlen(near->wanted), nn = strlen(name);
	if (nw > NAME_MAX_LETTERS || nn > NAME_MAX_LETTERS)
		return;
	size_t limit = nw < 4 ? 1 : nw < 8 ? 2 : 3;
	size_t distance = edit_distance(near->wanted, nw, name, nn);
	if (distance <= limit && distance < near->distance) {
		near->distance = distance;
		near->best = name;
	}
}
