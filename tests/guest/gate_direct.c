/* SPDX-License-Identifier: MIT
 * Gates in the table are C functions that can be called directly, by a guest on its own stack too.
 * modules: host
 */
#include "check.h"
#include "host.h"

int main(void)
{
	CHECK_IS(do_get(HOST_ECHO)(99, 0, 0, 0, 0, 0), 99);
	CHECK_IS(do_get(HOST_CALL_BACK)(3, 0, 0, 0, 0, 0), 3);
	return 0;
}
