/* SPDX-License-Identifier: MIT
 * Who the program is. What of ids a process may set; and, where the user says another name or other ids
 * (--hostname, --uid), what it sees of them: the user's own id is shown as the given one, wherever an
 * id is shown, and the given one means the user's. Nothing else changes: least of all what is allowed. */
#include "linux.h"

#include <asm/socket.h>
#include <asm/stat.h>
#include <linux/stat.h>

enum {
	FSTAT = 5, GETSOCKOPT = 55, UNAME = 63, GETUID = 102, GETGID = 104, GETEUID = 107, GETEGID = 108,
	GETGROUPS = 115, SETGROUPS = 116, GETRESUID = 118, GETRESGID = 120
};

#define UNCHANGED UINT32_MAX
#define NAME_BYTES 65 /* of each field of uname's */

static mc_fn fstat_stub, getsockopt_stub, getresuid_stub, getresgid_stub, uname_stub;
static bool shown; /* other ids than the kernel's */
static uint32_t own_uid, own_gid, shown_uid, shown_gid;
static const char *hostname;

/* ---- Setting ids ---- */

/* Real, effective and saved. */
static long ids_get(bool group, uint32_t ids[3])
{
	mc_fn get = group ? getresgid_stub : getresuid_stub;

	for (int i = 0; shown && i < 3; i++)
		ids[i] = group ? shown_gid : shown_uid;
	return shown ? 0 : get((long)&ids[0], (long)&ids[1], (long)&ids[2], 0, 0, 0);
}

/* Programs drop privileges that they do not have, and check that it worked: the first n ids are asked
 * for, -1 leaves one alone. 0 where all three ids are the same and stay so. */
static long ids_keep(bool group, int n, long a, long b, long c)
{
	uint32_t wanted[3] = { (uint32_t)a, (uint32_t)b, (uint32_t)c }, ids[3];

	if (ids_get(group, ids) != 0)
		return -EPERM;
	if (ids[0] != ids[1] || ids[0] != ids[2])
		return -EPERM;
	for (int i = 0; i < n; i++)
		if (wanted[i] != ids[0] && wanted[i] != UNCHANGED)
			return -EPERM;
	return 0;
}

#define IDS_HANDLER(name, group, n)                                                        \
	HANDLER(name)                                                                      \
	{                                                                                  \
		return n == 1 && (uint32_t)a0 == UNCHANGED ? -EINVAL                       \
							   : ids_keep(group, n, a0, a1, a2); \
	}
IDS_HANDLER(linux_setuid, false, 1)
IDS_HANDLER(linux_setgid, true, 1)
IDS_HANDLER(linux_setreuid, false, 2)
IDS_HANDLER(linux_setregid, true, 2)
IDS_HANDLER(linux_setresuid, false, 3)
IDS_HANDLER(linux_setresgid, true, 3)

/* ---- Other ids ---- */

void ids_show(uint32_t *uid, uint32_t *gid)
{
	if (shown && *uid == own_uid)
		*uid = shown_uid;
	if (shown && *gid == own_gid)
		*gid = shown_gid;
}

void ids_mean(long *uid, long *gid)
{
	if (shown && (uint32_t)*uid == shown_uid)
		*uid = own_uid;
	if (shown && (uint32_t)*gid == shown_gid)
		*gid = own_gid;
}

long ids_gave(long result, uint32_t owner)
{
	return result == -EPERM && shown && shown_uid == 0 && owner == own_uid ? 0 : result;
}

bool ids_pretend(void)
{
	return shown && shown_uid == 0;
}

static long see_uid(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return shown_uid;
}

static long see_gid(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return shown_gid;
}

static long see_three(uint32_t id, long a, long b, long c)
{
	if (mc_copy_out((void *)a, &id, sizeof id) != 0 || mc_copy_out((void *)b, &id, sizeof id) != 0)
		return -EFAULT;
	return mc_copy_out((void *)c, &id, sizeof id);
}

static long see_resuid(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	return see_three(shown_uid, a0, a1, a2);
}

static long see_resgid(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	return see_three(shown_gid, a0, a1, a2);
}

static long see_groups(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	if ((int)a0 < 0)
		return -EINVAL;
	if ((int)a0 > 0 && mc_copy_out((void *)a1, &shown_gid, sizeof shown_gid) != 0)
		return -EFAULT;
	return 1;
}

/* Root gives up groups before it does anything risky. */
static long set_groups(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return shown_uid == 0 ? 0 : -EPERM;
}

static long see_fstat(long a0, long a1, long a2, long a3, long a4, long a5)
{
	struct stat st;
	long r = fstat_stub(a0, (long)&st, 0, 0, 0, 0);

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (r != 0)
		return r;
	ids_show(&st.st_uid, &st.st_gid);
	return mc_copy_out((void *)a1, &st, sizeof st);
}

/* Who is at a local socket's other end. */
static long see_sockopt(long a0, long a1, long a2, long a3, long a4, long a5)
{
	struct {
		int32_t pid;
		uint32_t uid, gid;
	} who;
	uint32_t len;

	(void)a5;
	if ((int)a1 != SOL_SOCKET || (int)a2 != SO_PEERCRED)
		return getsockopt_stub(a0, a1, a2, a3, a4, 0);
	if (mc_copy_in(&len, (const void *)a4, sizeof len) != 0)
		return -EFAULT;
	if (len > INT32_MAX)
		return -EINVAL;
	if (len > sizeof who)
		len = sizeof who;
	uint32_t got = sizeof who;
	long r = getsockopt_stub(a0, a1, a2, (long)&who, (long)&got, 0);
	if (r != 0)
		return r;
	ids_show(&who.uid, &who.gid);
	return mc_copy_out((void *)a3, &who, len) != 0 ? -EFAULT : mc_copy_out((void *)a4, &len, sizeof len);
}

static void show_ids(void)
{
	static const struct mc_entry all[] = {
		{ GETUID, see_uid },       { GETEUID, see_uid },       { GETGID, see_gid },
		{ GETEGID, see_gid },      { GETRESUID, see_resuid },  { GETRESGID, see_resgid },
		{ GETGROUPS, see_groups }, { SETGROUPS, set_groups },  { FSTAT, see_fstat },
		{ GETSOCKOPT, see_sockopt },
	};

	own_uid = (uint32_t)mc_get(GETEUID)(0, 0, 0, 0, 0, 0);
	own_gid = (uint32_t)mc_get(GETEGID)(0, 0, 0, 0, 0, 0);
	shown_uid = (uint32_t)mc_option_number("uid", own_uid);
	shown_gid = (uint32_t)mc_option_number("gid", own_gid);
	shown = true;
	start_check(mc_register_all(all, COUNT(all)) == 0);
}

/* ---- Another name ---- */

static long see_name(long a0, long a1, long a2, long a3, long a4, long a5)
{
	char names[6][NAME_BYTES];
	long r = uname_stub((long)names, 0, 0, 0, 0, 0);
	size_t i = 0;

	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	if (r != 0)
		return r;
	for (; hostname[i] != 0 && i < NAME_BYTES - 1; i++)
		names[1][i] = hostname[i];
	for (; i < NAME_BYTES; i++)
		names[1][i] = 0;
	return mc_copy_out((void *)a0, names, sizeof names);
}

/* What the host half writes of it. */
static void tell_host(void)
{
	char name[NAME_BYTES];
	size_t len = 0;

	for (; hostname != NULL && hostname[len] != 0 && len < NAME_BYTES - 1; len++)
		name[len] = hostname[len];
	/* Not told of ids, all are 0. */
	start_check(names_identity((uint64_t)own_uid << 32 | shown_uid, (uint64_t)own_gid << 32 | shown_gid, name, len) ==
		    0);
}

/* Handlers over grants cost a stop each: there are none unless they are asked for. */
void ids_init(void)
{
	fstat_stub = mc_get(FSTAT);
	getsockopt_stub = mc_get(GETSOCKOPT);
	getresuid_stub = mc_get(GETRESUID);
	getresgid_stub = mc_get(GETRESGID);
	uname_stub = mc_get(UNAME);
	hostname = mc_option("hostname");
	if (hostname != NULL)
		mc_register(UNAME, see_name);
	if (mc_option("uid") != NULL || mc_option("gid") != NULL)
		show_ids();
	if (shown || hostname != NULL)
		tell_host();
}
