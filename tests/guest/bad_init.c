/* SPDX-License-Identifier: MIT
 * A fault in an initialiser ends the world with 125 before the program has begun.
 * modules: bad_init
 * status: 125
 * stderr: fault in an initialiser
 * stderr: @bad_init
 * stdout:
 * modes: direct
 */
#include "check.h"

int main(void)
{
	say("ran");
	return 0;
}
