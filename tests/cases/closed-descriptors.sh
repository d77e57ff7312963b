#!/bin/bash
# SPDX-License-Identifier: MIT
# Where the standard descriptors are closed, guests find none of the supervisor's files in their place,
# and nothing is written into one.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

cat >guest.c <<'END'
#include "check.h"

struct status { long device, inode, n_links; unsigned mode, uid, gid, pad; long rest[14]; };

/* Each of 0-2 is closed or a character device, like /dev/null; none is above. */
int main(void)
{
	struct status status;
	for (int fd = 0; fd < 64; fd++) {
		long result = mc_syscall(5 /* fstat */, fd, (long)&status, 0, 0, 0, 0);
		if (result == -9)
			continue;
		if (fd > 2 || result != 0 || (status.mode & 0170000) != 0020000)
			return 10 + fd;
	}
	return 0;
}
END
build guest guest.c
is 0 "$microcosm" ./guest </dev/null >/dev/null 2>/dev/null
is 0 "$microcosm" ./guest <&- >/dev/null 2>/dev/null
is 0 "$microcosm" ./guest </dev/null >&- 2>/dev/null
is 0 "$microcosm" ./guest </dev/null >/dev/null 2>&-
is 0 "$microcosm" ./guest <&- >&- 2>&-
is 0 "$microcosm" --trace ./guest <&- >&- 2>&-
is 127 "$microcosm" ./missing <&- >&- 2>&-
