/* SPDX-License-Identifier: MIT
 * The static program whose start is timed. */
#include <unistd.h>

int main(void)
{
	return write(1, "hello\n", 6) != 6;
}
