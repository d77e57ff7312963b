/* SPDX-License-Identifier: MIT
 * A granted call passes where the rules hold, else it is -EPERM: each operator, two rules, alternatives,
 * 64 bits. In the initialiser bad grants are -EINVAL or -EFAULT and -16 is -EAGAIN; later mc_grant is
 * -EPERM.
 * modules-only: grants probe console
 */
#include "check.h"
#include "grants.h"
#include "probe.h"

enum { E_BADF = 9 };

int main(void)
{
	static const long noted[] = {0, -E_INVAL, -E_INVAL, -E_INVAL, -E_INVAL, -E_INVAL, -E_INVAL, -E_FAULT,
				     -E_AGAIN, 1};
	for (int i = 0; i < 10; i++)
		CHECK_IS(call1(GRANTS_NOTED, i), noted[i]);
	CHECK(call1(GRANTS_NOTED, 11) > 0);
	/* Descriptors from 3 on are not open. */
	CHECK_IS(call1(NR_GRANT_EQ, 5), -E_BADF);
	CHECK_IS(call1(NR_GRANT_EQ, 4), -E_PERM);
	CHECK_IS(call1(NR_GRANT_EQ, 0x100000005), -E_PERM);
	CHECK_IS(call1(GRANTS_STUB, 5), -E_BADF);
	CHECK_IS(call1(GRANTS_STUB, 4), -E_PERM);
	CHECK_IS(call1(NR_GRANT_NE, 6), -E_BADF);
	CHECK_IS(call1(NR_GRANT_NE, 5), -E_PERM);
	CHECK_IS(call1(NR_GRANT_LT, 4), -E_BADF);
	CHECK_IS(call1(NR_GRANT_LT, 5), -E_PERM);
	CHECK_IS(call1(NR_GRANT_LT, -1), -E_PERM); /* unsigned */
	CHECK_IS(call1(NR_GRANT_LE, 5), -E_BADF);
	CHECK_IS(call1(NR_GRANT_LE, 6), -E_PERM);
	CHECK_IS(call1(NR_GRANT_GE, 5), -E_BADF);
	CHECK_IS(call1(NR_GRANT_GE, 4), -E_PERM);
	CHECK_IS(call1(NR_GRANT_GT, 6), -E_BADF);
	CHECK_IS(call1(NR_GRANT_GT, 5), -E_PERM);
	CHECK_IS(call1(NR_GRANT_MASKED, 0x2f), -E_BADF);
	CHECK_IS(call1(NR_GRANT_MASKED, 0x30), -E_PERM);
	CHECK_IS(call1(NR_GRANT_MASKED, 0x12f), -E_PERM);
	CHECK_IS(call4(NR_GRANT_TWO, 100, 7, 0, 0), -E_BADF);
	CHECK_IS(call4(NR_GRANT_TWO, 100, 6, 0, 0), -E_PERM);
	CHECK_IS(call4(NR_GRANT_TWO, 200, 0, 0, 0), -E_BADF);
	CHECK_IS(call4(NR_GRANT_TWO, 201, 9, 0, 0), -E_PERM);
	CHECK_IS(call1(NR_GRANT_WIDE, 0x500000005), -E_BADF);
	CHECK_IS(call1(NR_GRANT_WIDE, 5), -E_PERM);
	CHECK(call0(39) > 0);
	CHECK_IS(call0(NR_getppid), -E_NOSYS); /* never granted */
	CHECK_IS(call1(NR_close, 9), -E_NOSYS);
	CHECK_IS(call1(PROBE_GRANT, NR_getppid), -E_PERM); /* the world is sealed */
	CHECK_IS(call0(NR_getppid), -E_NOSYS);
	return 0;
}
