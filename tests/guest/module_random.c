/* SPDX-License-Identifier: MIT
 * The random module fills memory with bytes that differ from one time to the next.
 */
#include "check.h"
#include <microcosm/random.h>

int main(void)
{
	static unsigned char a[1000], b[1000];
	int same = 0;

	CHECK_IS(call2(MC_NR_RANDOM, (long)a, sizeof a), sizeof a);
	CHECK_IS(call2(MC_NR_RANDOM, (long)b, sizeof b), sizeof b);
	for (int i = 0; i < 1000; i++)
		same += a[i] == b[i];
	CHECK(same < 50);
	CHECK_IS(call2(MC_NR_RANDOM, (long)a, 0), 0);
	CHECK_IS(call2(MC_NR_RANDOM, 64, 8), -E_FAULT);
	return 0;
}
