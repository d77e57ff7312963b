/* SPDX-License-Identifier: MIT
 * Refusal: a library of the host's that believes its arguments is not given a pointer into the host process's own
 * memory, which it would read for the guest.
 * modules: raw
 * status: 125
 * stdout: given
 * stderr: ^microcosm: host function atol: argument 0 points into the supervisor's memory$ */
#include "hostile.h"
#include "raw.h"

int main(void)
{
	long pointer = call0(RAW_SETLOCALE);
	CHECK(pointer > 4096);
	say("given");
	say_number("READ", call1(RAW_ATOL, pointer));
	return 0;
}
