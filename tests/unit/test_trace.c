// SPDX-License-Identifier: MIT
// The trace: its lines, its SET, its JSON, its table, and the fault report; also under hostile input.
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "trace/fault.h"
#include "trace/flags.h"
#include "trace/kinds.h"
#include "trace/ring.h"
#include "trace/set.h"
#include "trace/summary.h"
#include "trace/trace.h"

// A guest's memory: the bytes after it are not mapped.
#define GUEST 0x10000ull
#define GUEST_BYTES 4096
static unsigned char memory[GUEST_BYTES];
static char symbol_text[256];
static size_t read_largest;

static size_t guest_read(void *context, int64_t thread, uint64_t addr, void *to, size_t n)
{
	(void)context;
	(void)thread;
	if (n > read_largest)
		read_largest = n;
	if (addr < GUEST || addr >= GUEST + GUEST_BYTES)
		return 0;
	size_t room = (size_t)(GUEST + GUEST_BYTES - addr);
	if (n > room)
		n = room;
	memcpy(to, memory + (addr - GUEST), n);
	return n;
}

static void guest_symbol(void *context, int64_t thread, uint64_t addr, char *text, size_t size)
{
	(void)context;
	(void)thread;
	(void)addr;
	snprintf(text, size, "%s", symbol_text);
}

static const struct trace_access guest_access = { NULL, guest_read, guest_symbol };
static struct trace *trace;
static struct err err;
static char path[] = "/tmp/test_trace_XXXXXX";
static char *output;

static void setup(void)
{
	strcpy(path, "/tmp/test_trace_XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	memset(memory, 0, sizeof memory);
	strcpy(symbol_text, "start+0x12@app.elf");
	output = NULL;
}

static void teardown(void)
{
	unlink(path);
	free(output);
}

static void begin(struct trace_options options)
{
	options.file = path;
	ck_assert_int_eq(trace_open(&options, &guest_access, &trace, &err), 0);
}

static const char *end(void)
{
	ck_assert_int_eq(trace_close(trace, &err), 0);
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	size_t size = 0;
	free(output);
	output = NULL;
	ck_assert_int_ge(getdelim(&output, &size, 0, file), 0);
	fclose(file);
	return output;
}

static uint64_t put(size_t offset, const void *bytes, size_t n)
{
	ck_assert(offset + n <= sizeof memory);
	memcpy(memory + offset, bytes, n);
	return GUEST + offset;
}

static uint64_t put_text(size_t offset, const char *text)
{
	return put(offset, text, strlen(text) + 1);
}

static struct trace_call linux_call(int nr)
{
	return (struct trace_call){ .thread = 3, .source = TRACE_LINUX, .nr = nr, .start_ns = 1000 };
}

static bool is_printable(const char *text)
{
	while (*text == '\n' || (*text >= 0x20 && *text < 0x7f))
		text++;
	return !*text;
}

// The line of one call, without its time.
static const char *line_of(struct trace_call call, int64_t result)
{
	static char line[4096];
	begin((struct trace_options){ .lines = true });
	trace_enter(trace, &call);
	trace_leave(trace, &call, result, 13345);
	snprintf(line, sizeof line, "%s", end());
	char *time = strstr(line, " <12.3 us>\n");
	ck_assert_msg(time != NULL, "no time in %s", line);
	ck_assert_str_eq(time, " <12.3 us>\n");
	*time = 0;
	return line;
}

#define LINE(call_nr, result, expected, ...)                                          \
	do {                                                                               \
		struct trace_call c_ = linux_call(call_nr);                                \
		uint64_t a_[] = { __VA_ARGS__ };                                           \
		memcpy(c_.args, a_, sizeof a_);                                            \
		ck_assert_str_eq(line_of(c_, result), expected);                           \
	} while (0)

START_TEST(lines_of_the_manual)
{
	uint64_t text = put_text(0, "hello\n"), file = put_text(100, "/etc/x");
	struct trace_call call = linux_call(1);
	memcpy(call.args, (uint64_t[]){ 1, text, 6 }, 24);
	begin((struct trace_options){ .lines = true });
	trace_enter(trace, &call);
	memory[0] = 'j'; // what is changed after the call was made does not show
	trace_leave(trace, &call, 6, 13345);
	ck_assert_str_eq(end(), "[3] write(1, \"hello\\n\", 6) = 6 <12.3 us>\n");
	LINE(257, -ENOENT, "[3] openat(AT_FDCWD, \"/etc/x\", O_RDONLY) = -1 ENOENT (No such file or directory)",
	     (uint64_t)-100, file, 0, 0666);
	LINE(2, 3, "[3] open(\"/etc/x\", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644) = 3", file, 02001101, 0644);
}
END_TEST

START_TEST(filled_buffers_are_printed_when_the_call_returns)
{
	uint64_t buf = GUEST + 200;
	struct trace_call call = linux_call(0);
	memcpy(call.args, (uint64_t[]){ 0, buf, 4096 }, 24);
	begin((struct trace_options){ .lines = true });
	trace_enter(trace, &call);
	put(200, "abc\0\033" "1", 6);
	trace_leave(trace, &call, 6, 1000);
	ck_assert_str_eq(end(), "[3] read(0, \"abc\\0\\0331\", 4096) = 6 <0.0 us>\n");
	LINE(0, -EBADF, "[3] read(9, 0x100c8, 10) = -1 EBADF (Bad file descriptor)", 9, buf, 10);
	LINE(0, 0, "[3] read(0, \"\", 10) = 0", 0, buf, 10);
	LINE(0, 100, "[3] read(0, 0x900000, 200) = 100", 0, 0x900000, 200);
	int fds[2] = { 5, 6 };
	LINE(293, 0, "[3] pipe2([5, 6], O_CLOEXEC) = 0", put(300, fds, 8), 02000000);
	put(200, "target", 6);
	LINE(89, 6, "[3] readlink(\"/a\", \"target\", 64) = 6", put_text(400, "/a"), buf, 64);
}
END_TEST

START_TEST(long_strings_are_cut)
{
	memset(memory, 'a', 1000);
	char expected[256];
	char as[65];
	memset(as, 'a', 64);
	as[64] = 0;
	snprintf(expected, sizeof expected, "[3] write(1, \"%s\"..., 1000) = 1000", as);
	LINE(1, 1000, expected, 1, GUEST, 1000);
	memory[64] = 0;
	snprintf(expected, sizeof expected, "[3] chdir(\"%s\") = 0", as);
	LINE(80, 0, expected, GUEST);
	memory[64] = 'a';
	snprintf(expected, sizeof expected, "[3] chdir(\"%s\"...) = 0", as);
	LINE(80, 0, expected, GUEST);
	// The string runs into memory that is not there.
	memcpy(memory + GUEST_BYTES - 3, "abc", 3);
	LINE(80, -EFAULT, "[3] chdir(\"abc\"...) = -1 EFAULT (Bad address)", GUEST + GUEST_BYTES - 3);
	LINE(80, -EFAULT, "[3] chdir(NULL) = -1 EFAULT (Bad address)", 0);
	ck_assert_uint_le(read_largest, 512);
}
END_TEST

START_TEST(both_binary_strings_fit)
{
	memset(memory, 0xff, 1000);
	struct trace_call call = linux_call(264); // renameat, two strings of 64 escapes
	memcpy(call.args, (uint64_t[]){ 1, GUEST, 2, GUEST }, 32);
	const char *line = line_of(call, 0);
	ck_assert(strstr(line, "[3] renameat(1, \"\\377\\377") == line);
	ck_assert_ptr_nonnull(strstr(line, "\"..., 2, \"\\377\\377"));
	size_t len = strlen(line);
	ck_assert_str_eq(line + len - 9, "\"...) = 0");
}
END_TEST

START_TEST(flags_and_structures)
{
	LINE(9, 0x7f0000001000, "[3] mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"
	     " = 0x7f0000001000", 0, 4096, 3, 0x22, (uint32_t)-1, 0);
	LINE(10, 0, "[3] mprotect(0x1000, 4096, PROT_NONE) = 0", 0x1000, 4096, 0);
	LINE(56, 77, "[3] clone(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, NULL, 0x10, 0) = 77",
	     0x1200011, 0, 0, 0x10, 0);
	LINE(202, 0, "[3] futex(0x10, FUTEX_WAIT_PRIVATE, 2, NULL) = 0", 0x10, 128, 2, 0, 99, 99);
	LINE(202, 1, "[3] futex(0x10, FUTEX_WAKE_PRIVATE, 1) = 1", 0x10, 129, 1, 7, 8, 9);
	uint64_t ts[2] = { 1, 5 };
	LINE(202, -ETIMEDOUT, "[3] futex(0x10, FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, 2, "
	     "{tv_sec=1, tv_nsec=5}, NULL, 0xffffffff) = -1 ETIMEDOUT (Connection timed out)",
	     0x10, 9 | 256, 2, put(0, ts, 16), 0, 0xffffffff);
	LINE(202, 3, "[3] futex(0x10, FUTEX_REQUEUE, 1, 5, 0x20, 0) = 3", 0x10, 3, 1, 5, 0x20, 0);
	LINE(16, -ENOTTY, "[3] ioctl(1, TCGETS, 0x7ffe00000000) = -1 ENOTTY (Inappropriate ioctl for device)",
	     1, 0x5401, 0x7ffe00000000);
	LINE(16, 0, "[3] ioctl(1, _IOC(_IOC_READ, 0x99, 0x1, 0x4), 0) = 0", 1, 0x80049901, 0);
	LINE(72, 0, "[3] fcntl(3, F_SETFD, FD_CLOEXEC) = 0", 3, 2, 1);
	LINE(72, 2, "[3] fcntl(3, F_GETFL) = 2", 3, 3, 99);
	LINE(72, 0, "[3] fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0", 3, 4, 04002);
	LINE(157, 0, "[3] prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0", 38, 1, 0, 0, 0);
	LINE(158, 0, "[3] arch_prctl(ARCH_SET_FS, 0x401000) = 0", 0x1002, 0x401000);
	LINE(228, 0, "[3] clock_gettime(CLOCK_MONOTONIC, {tv_sec=1, tv_nsec=5}) = 0", 1, GUEST);
	LINE(8, 10, "[3] lseek(3, -5, SEEK_END) = 10", 3, (uint64_t)-5, 2);
	LINE(41, 3, "[3] socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3", 10, 02000001, 0);
	LINE(62, 0, "[3] kill(5, SIGTERM) = 0", 5, 15);
	LINE(62, 0, "[3] kill(5, 0) = 0", 5, 0);
	LINE(21, 0, "[3] access(NULL, R_OK|X_OK) = 0", 0, 5);
	LINE(95, 022, "[3] umask(077) = 022", 077);
	LINE(318, 2, "[3] getrandom(\"\\1\\0\", 2, GRND_NONBLOCK) = 2", GUEST, 2, 1);
	uint64_t mask = 1u << (SIGINT - 1) | 1u << (SIGTERM - 1);
	LINE(14, 0, "[3] rt_sigprocmask(SIG_BLOCK, [SIGINT SIGTERM], NULL, 8) = 0", 0, put(64, &mask, 8), 0, 8);
	mask = ~mask;
	LINE(130, -EINTR, "[3] rt_sigsuspend(~[SIGINT SIGTERM], 8) = -1 EINTR (Interrupted system call)",
	     put(64, &mask, 8), 8);
	uint64_t action[4] = { 0x401000, 0x14000000, 0, 0 };
	LINE(13, 0, "[3] rt_sigaction(SIGINT, {sa_handler=start+0x12@app.elf, sa_mask=[], "
	     "sa_flags=SA_RESTORER|SA_RESTART}, NULL, 8) = 0", 2, put(128, action, 32), 0, 8);
	int status = 3 << 8;
	LINE(61, 12, "[3] wait4(-1, {exited 3}, WNOHANG, NULL) = 12", (uint64_t)-1, put(256, &status, 4), 1, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/s" };
	LINE(42, 0, "[3] connect(3, {AF_UNIX, \"/run/s\"}, 110) = 0", 3, put(512, &un, sizeof un), sizeof un);
	uint64_t iov[4] = { put_text(800, "ab"), 2, put_text(810, "cde"), 3 };
	LINE(20, 5, "[3] writev(1, [{\"ab\", 2}, {\"cde\", 3}], 2) = 5", 1, put(900, iov, 32), 2);
	LINE(19, 3, "[3] readv(1, [{\"ab\", 2}, {\"c\", 3}], 2) = 3", 1, GUEST + 900, 2);
	uint64_t argv[] = { put_text(1000, "sh"), put_text(1010, "-c"), 0 };
	LINE(59, -ENOENT, "[3] execve(\"sh\", [\"sh\", \"-c\"], 0x10450 /* 2 vars */) = -1 ENOENT "
	     "(No such file or directory)", argv[0], put(1104, argv, 24), put(1104, argv, 24));
}
END_TEST

START_TEST(core_calls_come_from_their_table)
{
	struct trace_call call = { .thread = 1, .source = TRACE_CORE, .nr = -1, .start_ns = 1000,
				   .args = { (uint64_t)-17, 0x401000 } };
	ck_assert_str_eq(line_of(call, 0), "[1] mc_register(mc_thread_init, start+0x12@app.elf) = NULL");
	call.args[0] = 1;
	ck_assert_str_eq(line_of(call, 0x567000001000),
			 "[1] mc_register(write, start+0x12@app.elf) = start+0x12@app.elf");
	call = (struct trace_call){ .thread = 1, .source = TRACE_CORE, .nr = -18, .start_ns = 1000,
				    .args = { (uint64_t)-1, 3 } };
	begin((struct trace_options){ .lines = true });
	trace_enter(trace, &call);
	trace_unfinished(trace, &call);
	ck_assert_str_eq(end(), "[1] mc_thread_kill(MC_WORLD, 3) = ?\n");
	call.nr = -16;
	memcpy(call.args, (uint64_t[]){ 0x401000, 0x20, 0, 65536 }, 32);
	ck_assert_str_eq(line_of(call, 2), "[1] mc_thread_spawn(start+0x12@app.elf, 0x20, NULL, 65536) = 2");
	ck_assert_str_eq(line_of(call, -EAGAIN), "[1] mc_thread_spawn(start+0x12@app.elf, 0x20, NULL, 65536) = "
			 "-1 EAGAIN (Resource temporarily unavailable)");
	call.nr = -9;
	ck_assert_str_eq(line_of(call, 0x567040020000), "[1] mc_thread_self() = 0x567040020000");
	ck_assert_str_eq(trace_call_name(-19), "mc_thread_join");
	ck_assert_ptr_null(trace_call_name(-4));
	ck_assert_ptr_null(trace_call_name(400));
}
END_TEST

START_TEST(modules_and_gates)
{
	struct trace_call call = { .thread = 2, .source = TRACE_GATE, .nr = 17, .name = "crc32",
				   .module = "zlib", .start_ns = 1000, .args = { 0, 0x567010000000, 5 } };
	ck_assert_str_eq(line_of(call, 7), "[2] crc32@zlib(0, 0x567010000000, 5, 0, 0, 0) = 7");
	call.name = "open";
	call.host_errno = ENOENT;
	ck_assert_str_eq(line_of(call, 0xffffffff), "[2] open@zlib(0, 0x567010000000, 5, 0, 0, 0) = "
			 "0xffffffff ENOENT (No such file or directory)");
	ck_assert_str_eq(line_of(call, 9), "[2] open@zlib(0, 0x567010000000, 5, 0, 0, 0) = 9");
	call.name = "mch_open";
	call.host_errno = 0;
	ck_assert_str_eq(line_of(call, -EPERM), "[2] mch_open@zlib(0, 0x567010000000, 5, 0, 0, 0) = "
			 "-1 EPERM (Operation not permitted)");
	call = (struct trace_call){ .thread = 2, .source = TRACE_MODULE, .nr = 4112, .module = "clock",
				    .start_ns = 1000 };
	ck_assert_str_eq(line_of(call, 0), "[2] call_4112@clock(0, 0, 0, 0, 0, 0) = 0");
	call.source = TRACE_UNKNOWN;
	call.module = NULL;
	ck_assert_str_eq(line_of(call, -ENOSYS),
			 "[2] call_4112(0, 0, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)");
	call = (struct trace_call){ .thread = 2, .source = TRACE_MODULE, .nr = 39, .name = "my_getpid",
				    .module = "wrap", .start_ns = 1000 };
	ck_assert_str_eq(line_of(call, 5), "[2] getpid() = 5");
}
END_TEST

START_TEST(relative_times)
{
	struct trace_call call = linux_call(39);
	begin((struct trace_options){ .lines = true, .relative = true });
	trace_enter(trace, &call);
	trace_leave(trace, &call, 5, 1);
	trace_event(trace, 3, "ended with %d", 7);
	const char *text = end();
	ck_assert(strncmp(text, "    0.000000 [3] getpid() = 5 <", 31) == 0);
	ck_assert_ptr_nonnull(strstr(text, "[3] +++ ended with 7 +++\n"));
}
END_TEST

START_TEST(signals_and_events)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_MAPERR };
	info.si_addr = (void *)0x10;
	begin((struct trace_options){ .lines = true });
	trace_signal(trace, 3, SIGSEGV, &info);
	info = (siginfo_t){ .si_signo = SIGTERM, .si_code = SI_USER };
	info.si_pid = 12;
	trace_signal(trace, 4, SIGTERM, &info);
	trace_signal(trace, 4, SIGINT, NULL);
	trace_signal(trace, 4, 99, NULL);
	trace_event(trace, 5, "module %s loaded", "a\033[31mb\n[3] write() = 0");
	ck_assert_str_eq(end(), "[3] --- SIGSEGV {si_code=SEGV_MAPERR, si_addr=0x10} ---\n"
			 "[4] --- SIGTERM {si_code=SI_USER, si_pid=12, si_uid=0} ---\n"
			 "[4] --- SIGINT ---\n[4] --- 99 ---\n"
			 "[5] +++ module a\\33[31mb\\n[3] write() = 0 loaded +++\n");
}
END_TEST

// ---- The SET ----

static struct set *set_of(const char *text)
{
	struct set *set = NULL;
	ck_assert_msg(set_parse(text, &set, &err) == 0, "%s: %s", text, err.text);
	return set;
}

static void check_set(const char *text, enum trace_source source, int nr, const char *module, bool in)
{
	struct set *set = set_of(text);
	ck_assert_msg(set_has_call(set, source, nr, module) == in, "%s: call %d of %s", text, nr,
		      module ? module : "nobody");
	set_free(set);
}

START_TEST(sets)
{
	check_set(NULL, TRACE_GATE, 17, "zlib", true);
	check_set("all", TRACE_UNKNOWN, 5000, NULL, true);
	check_set("none", TRACE_LINUX, 1, "linux", false);
	check_set("write", TRACE_LINUX, 1, "linux", true);
	check_set("write", TRACE_LINUX, 0, "linux", false);
	check_set("write", TRACE_GATE, 1, "zlib", false);
	check_set("write", TRACE_MODULE, 1, "interposer", true);
	check_set("1", TRACE_LINUX, 1, NULL, true);
	check_set("-16", TRACE_CORE, -16, "core", true);
	check_set("4112", TRACE_MODULE, 4112, "clock", true);
	check_set("core", TRACE_CORE, -16, NULL, true);
	check_set("core", TRACE_MODULE, -16, "wrap", true);
	check_set("core", TRACE_LINUX, 1, NULL, false);
	check_set("core,!mc_thread_join", TRACE_CORE, -19, NULL, false);
	check_set("core,!mc_thread_join", TRACE_CORE, -16, NULL, true);
	check_set("!futex", TRACE_LINUX, 202, NULL, false);
	check_set("!futex", TRACE_LINUX, 1, NULL, true);
	check_set("!linux,write", TRACE_LINUX, 1, NULL, true);
	check_set("!linux,write", TRACE_LINUX, 0, NULL, false);
	check_set("!linux,write", TRACE_CORE, -1, NULL, true);
	check_set("linux", TRACE_UNKNOWN, 2, NULL, true);
	check_set("linux", TRACE_UNKNOWN, 5000, NULL, false);
	check_set("gates", TRACE_GATE, 20, "zlib", true);
	check_set("gates", TRACE_LINUX, 20, NULL, false);
	check_set("module:zlib", TRACE_GATE, 20, "zlib", true);
	check_set("module:zlib", TRACE_MODULE, 4200, "zlib", true);
	check_set("module:zlib", TRACE_MODULE, 4200, "libm", false);
	check_set("module:zlib", TRACE_UNKNOWN, 4200, NULL, false);
	check_set("all,!module:zlib", TRACE_GATE, 20, "zlib", false);
	check_set("!none", TRACE_GATE, 20, "zlib", true);
	struct set *set = set_of("write,signals");
	ck_assert(set_has_signals(set) && !set_has_threads(set));
	set_free(set);
	set = set_of("!signals");
	ck_assert(!set_has_signals(set) && set_has_threads(set));
	set_free(set);
	set = set_of("module:zlib,module:clok");
	const char *names[] = { "zlib", "clock" };
	ck_assert_str_eq(set_unknown_module(set, names, 2), "clok");
	set_free(set);
}
END_TEST

static void bad_set(const char *text, const char *message)
{
	struct set *set;
	ck_assert_int_eq(set_parse(text, &set, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, message) != NULL, "%s: %s", text, err.text);
}

START_TEST(bad_sets)
{
	bad_set("wirte", "did you mean 'write'?");
	bad_set("mc_regster", "did you mean 'mc_register'?");
	bad_set("gate", "did you mean 'gates'?");
	bad_set("frobnicate_everything", "no call or group is named 'frobnicate_everything'");
	bad_set("", "a name is missing");
	bad_set("write,", "a name is missing");
	bad_set("!", "a name is missing");
	bad_set("module:", "a name is missing");
	bad_set("99999", "call numbers run from -4096 to 61439");
	bad_set("-4097", "call numbers run from -4096 to 61439");
	bad_set("99999999999999999999", "call numbers run from");
	bad_set("12x", "'12x' is not a number");
	struct trace_options options = { .format = "xml" };
	ck_assert_int_eq(trace_open(&options, NULL, &trace, &err), -EINVAL);
	ck_assert_int_eq(err.status, EXIT_MICROCOSM);
	options = (struct trace_options){ .file = "/nonexistent/x" };
	ck_assert_int_eq(trace_open(&options, NULL, &trace, &err), -ENOENT);
}
END_TEST

START_TEST(modules_are_checked_when_they_are_known)
{
	begin((struct trace_options){ .set = "module:linux,module:zlob" });
	const char *names[] = { "zlib", "clock" };
	ck_assert_int_eq(trace_check_modules(trace, names, 2, &err), -EINVAL);
	ck_assert_str_eq(err.text, "--trace: no module is named 'zlob'; did you mean 'zlib'?");
	ck_assert_int_eq(trace_close(trace, &err), 0);
	begin((struct trace_options){ .set = "write" });
	ck_assert_int_eq(trace_check_modules(trace, NULL, 0, &err), 0);
	ck_assert_int_eq(trace_close(trace, &err), 0);
}
END_TEST

// ---- Writing ----

START_TEST(a_full_disk_is_reported)
{
	struct trace_options options = { .lines = true, .file = "/dev/full" };
	ck_assert_int_eq(trace_open(&options, &guest_access, &trace, &err), 0);
	for (int i = 0; i < 3; i++)
		trace_event(trace, 1, "event");
	ck_assert_int_eq(trace_close(trace, &err), -ENOSPC);
	ck_assert_str_eq(err.text, "trace: 3 lines could not be written to /dev/full: No space left on device");
	ck_assert_int_eq(err.status, EXIT_MICROCOSM);
	ck_assert_int_eq(trace_close(NULL, &err), 0);
}
END_TEST

START_TEST(the_file_is_closed_on_exec)
{
	begin((struct trace_options){ .lines = true });
	int found = 0;
	for (int fd = 3; fd < 64; fd++) {
		char link[64], target[64] = "";
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof target - 1) > 0 && strcmp(target, path) == 0) {
			ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			found++;
		}
	}
	ck_assert_int_eq(found, 1);
	ck_assert_int_eq(trace_close(trace, &err), 0);
}
END_TEST

// ---- The table ----

START_TEST(summary_counts)
{
	struct summary *summary = summary_new();
	for (int i = 1; i <= 101; i++)
		summary_add(summary, 1, "write", (uint64_t)i * 1000, i % 10 == 0);
	summary_add(summary, 2, "read", 100000000, false);
	size_t n;
	struct summary_row *rows = summary_rows(summary, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(rows[0].name, "read");
	ck_assert_str_eq(rows[1].name, "write");
	ck_assert_uint_eq(rows[1].calls, 101);
	ck_assert_uint_eq(rows[1].errors, 10);
	ck_assert_uint_eq(rows[1].total_ns, 101 * 51 * 1000);
	ck_assert(rows[1].median_ns > 51000 * 96 / 100 && rows[1].median_ns < 51000 * 104 / 100);
	free(rows);
	summary_free(summary);
}
END_TEST

START_TEST(summary_is_bounded)
{
	struct summary *summary = summary_new();
	for (uint64_t i = 0; i < 70000; i++)
		summary_add(summary, i, "x", UINT64_MAX, false);
	size_t n;
	struct summary_row *rows = summary_rows(summary, &n);
	ck_assert_uint_eq(n, 501);
	uint64_t calls = 0;
	for (size_t i = 0; i < n; i++)
		calls += rows[i].calls;
	ck_assert_uint_eq(calls, 70000);
	free(rows);
	summary_free(summary);
}
END_TEST

START_TEST(summary_alone_prints_no_lines)
{
	begin((struct trace_options){ .summary = true });
	struct trace_call call = linux_call(1);
	for (int i = 0; i < 3; i++) {
		trace_enter(trace, &call);
		trace_leave(trace, &call, i ? 5 : -EBADF, 3000);
	}
	trace_event(trace, 1, "event");
	ck_assert_str_eq(end(),
		"% time       total us   median us     calls    errors call\n"
		"------ -------------- ----------- --------- --------- ----------------\n"
		"100.00            6.0         2.0         3         1 write\n"
		"------ -------------- ----------- --------- --------- ----------------\n"
		"100.00            6.0                     3         1 total\n");
}
END_TEST

// ---- JSON ----

static const char *json_value(const char *s);

static const char *json_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return NULL;
		if (*s == '\\') {
			s++;
			if (*s == 'u') {
				for (int i = 0; i < 4; i++)
					if (!isxdigit((unsigned char)*++s))
						return NULL;
			} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
				return NULL;
			}
		}
	}
	return s + 1;
}

static const char *json_list(const char *s, char close, bool keys)
{
	if (*++s == close)
		return s + 1;
	for (;;) {
		if (keys) {
			s = json_string(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s);
		if (!s)
			return NULL;
		if (*s == close)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *json_value(const char *s)
{
	if (*s == '{')
		return json_list(s, '}', true);
	if (*s == '[')
		return json_list(s, ']', false);
	if (*s == '"')
		return json_string(s);
	if (strncmp(s, "null", 4) == 0)
		return s + 4;
	char *after;
	strtoll(s, &after, 10);
	return after == s ? NULL : after;
}

static void check_json(const char *text)
{
	while (*text) {
		const char *after = json_value(text);
		if (!after || *after != '\n')
			ck_abort_msg("not JSON: %s", text);
		text = after + 1;
	}
}

START_TEST(json_lines)
{
	begin((struct trace_options){ .lines = true, .format = "json", .summary = true });
	struct trace_call call = linux_call(1);
	call.module = "linux";
	memcpy(call.args, (uint64_t[]){ 1, put_text(0, "a\"\\\n"), 4 }, 24);
	trace_enter(trace, &call);
	trace_leave(trace, &call, -EBADF, 3500);
	call = linux_call(231);
	trace_enter(trace, &call);
	trace_unfinished(trace, &call);
	trace_signal(trace, 3, SIGSEGV, NULL);
	trace_event(trace, 3, "ended \"%s\"", "x\001");
	const char *text = end();
	check_json(text);
	ck_assert_ptr_nonnull(strstr(text,
		"{\"schema\":1,\"type\":\"call\",\"time_ns\":0,\"thread\":3,\"source\":\"linux\",\"module\":\"linux\","
		"\"nr\":1,\"name\":\"write\",\"args\":[\"1\",\"\\\"a\\\\\\\"\\\\\\\\\\\\n\\\"\",\"4\"],"
		"\"raw\":[\"0x1\",\"0x10000\",\"0x4\"],\"result\":-9,\"text\":\"-1 EBADF (Bad file descriptor)\","
		"\"errno\":\"EBADF\",\"duration_ns\":2500,\"cycles\":null}\n"));
	ck_assert_ptr_nonnull(strstr(text, "\"args\":[\"0\"],\"raw\":[\"0x0\"],\"result\":null,\"text\":\"?\","
					   "\"errno\":null,\"duration_ns\":null,\"cycles\":null}\n"));
	ck_assert_ptr_nonnull(strstr(text, "\"type\":\"summary\""));
}
END_TEST

// ---- Rings ----

/* What a guest recorded has no memory of the call's, and its own measure of time. */
START_TEST(recorded_calls)
{
	begin((struct trace_options){ .lines = true });
	struct trace_call call = linux_call(1);
	call.recorded = true;
	call.cycles = 321;
	memcpy(call.args, (uint64_t[]){ 1, put_text(0, "secret"), 6 }, 24);
	trace_enter(trace, &call);
	trace_leave(trace, &call, 6, 3500);
	call = linux_call(0);
	call.recorded = true;
	memcpy(call.args, (uint64_t[]){ 1, GUEST, 6 }, 24);
	trace_enter(trace, &call);
	trace_leave(trace, &call, 6, 3500);
	trace_lost(trace, 3, 17);
	trace_lost(trace, 3, -1);
	ck_assert_str_eq(end(), "[3] write(1, 0x10000, 6) = 6 <321 cycles>\n"
				"[3] read(1, 0x10000, 6) = 6\n"
				"[3] ... 17 records lost\n"
				"[3] ... records lost: the ring was written to\n");
	begin((struct trace_options){ .lines = true, .format = "json" });
	call = linux_call(39);
	call.recorded = true;
	call.cycles = 321;
	trace_enter(trace, &call);
	trace_leave(trace, &call, 6, 3500);
	call.cycles = 0;
	trace_enter(trace, &call);
	trace_leave(trace, &call, 6, 3500);
	trace_lost(trace, 3, 17);
	trace_lost(trace, 3, -1);
	const char *text = end();
	check_json(text);
	ck_assert_ptr_nonnull(strstr(text, "\"duration_ns\":2500,\"cycles\":321}\n"));
	ck_assert_ptr_nonnull(strstr(text, "\"duration_ns\":null,\"cycles\":null}\n"));
	ck_assert_ptr_nonnull(strstr(text, ",\"thread\":3,\"records\":17}\n"));
	ck_assert_ptr_nonnull(strstr(text, ",\"thread\":3,\"records\":null}\n"));
	begin((struct trace_options){ .summary = true });
	trace_lost(trace, 3, 17);
	ck_assert_ptr_null(strstr(end(), "lost"));
}
END_TEST

/* They are all there, in order, when they are let go, and those that the disk has no room for are counted. */
START_TEST(held_lines)
{
	begin((struct trace_options){ .lines = true });
	trace_hold(trace);
	for (int i = 0; i < 5000; i++)
		trace_event(trace, i, "an event of some length, so that it takes more than one buffer to hold them");
	trace_flush(trace);
	trace_event(trace, 5000, "after");
	const char *at = end();
	for (int i = 0; i <= 5000; i++) {
		char line[16];
		int n = snprintf(line, sizeof line, "[%d] +++ ", i);
		ck_assert_msg(strncmp(at, line, (size_t)n) == 0, "not %s: %.40s", line, at);
		at = strchr(at, '\n') + 1;
	}
	ck_assert_int_eq(*at, 0);
	struct trace_options options = { .lines = true, .file = "/dev/full" };
	ck_assert_int_eq(trace_open(&options, &guest_access, &trace, &err), 0);
	trace_hold(trace);
	for (int i = 0; i < 5000; i++)
		trace_event(trace, i, "an event of some length, so that it takes more than one buffer to hold them");
	trace_flush(trace);
	ck_assert_int_lt(trace_close(trace, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "5000 lines"));
	err = (struct err){ 0 };
}
END_TEST

static uint64_t ring_seen[RT_RING_RECORDS + 1], ring_lost_sum;
static size_t ring_n, ring_n_lost;

static void ring_record(void *context, const struct rt_ring_record *record)
{
	ck_assert_ptr_eq(context, &ring_n);
	ck_assert_uint_lt(ring_n, RT_RING_RECORDS);
	ring_seen[ring_n++] = record->args[0];
}

static void ring_lost(void *context, uint64_t n)
{
	ck_assert_ptr_eq(context, &ring_n);
	ring_lost_sum += n;
	ring_n_lost++;
}

static const struct ring_reader ring_reader = { &ring_n, ring_record, ring_lost };

static uint64_t read_ring(const struct rt_ring_record *records, uint64_t tail, uint64_t head)
{
	ring_n = ring_n_lost = 0;
	ring_lost_sum = 0;
	return ring_read(records, tail, head, &ring_reader);
}

START_TEST(rings_are_read_in_order)
{
	static struct rt_ring_record records[RT_RING_RECORDS];
	for (uint64_t i = 0; i < RT_RING_RECORDS; i++)
		records[i] = (struct rt_ring_record){ .kind = RT_RING_CALL, .args = { i } };
	static const uint64_t tails[] = { 0, 1, RT_RING_RECORDS - 1, 12345, UINT64_MAX, UINT64_MAX - RT_RING_RECORDS / 2 };
	for (size_t t = 0; t < sizeof tails / sizeof *tails; t++)
		for (uint64_t n = 0; n <= RT_RING_RECORDS; n++) {
			ck_assert_uint_eq(read_ring(records, tails[t], tails[t] + n), tails[t] + n);
			ck_assert_uint_eq(ring_n, n);
			ck_assert_uint_eq(ring_n_lost, 0);
			for (uint64_t i = 0; i < n; i++)
				ck_assert_uint_eq(ring_seen[i], (tails[t] + i) % RT_RING_RECORDS);
		}
	records[3] = (struct rt_ring_record){ .kind = RT_RING_LOST, .result = 99 };
	ck_assert_uint_eq(read_ring(records, 0, 10), 10);
	ck_assert_uint_eq(ring_n, 9);
	ck_assert_uint_eq(ring_n_lost, 1);
	ck_assert_uint_eq(ring_lost_sum, 99);
}
END_TEST

START_TEST(rings_that_make_no_sense)
{
	static struct rt_ring_record records[RT_RING_RECORDS];
	static const uint64_t heads[] = { RT_RING_RECORDS + 1, 1ull << 32, 1ull << 63, UINT64_MAX };
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		for (uint64_t tail = 0; tail < 3; tail++) {
			ck_assert_uint_eq(read_ring(records, tail, tail + heads[i]), tail + heads[i]);
			ck_assert_uint_eq(ring_n, 0);
			ck_assert_uint_eq(ring_n_lost, 1);
			ck_assert_uint_eq(ring_lost_sum, RING_LOST_UNKNOWN);
		}
	records[0].kind = 77; /* the others' is 0 */
	read_ring(records, 0, RT_RING_RECORDS);
	ck_assert_uint_eq(ring_n, 0);
	ck_assert_uint_eq(ring_n_lost, RT_RING_RECORDS);
}
END_TEST

START_TEST(ticks_in_nanoseconds)
{
	struct ring_clock clock = { .ticks = { 1000, 3000 }, .ns = { 500, 1500 } };
	ck_assert_uint_eq(ring_ns(&clock, 1000), 500);
	ck_assert_uint_eq(ring_ns(&clock, 2000), 1000);
	ck_assert_uint_eq(ring_ns(&clock, 3000), 1500);
	ck_assert_uint_eq(ring_ns(&clock, 0), 500);
	ck_assert_uint_eq(ring_ns(&clock, UINT64_MAX), 1500);
	clock.ticks[1] = 1000;
	ck_assert_uint_eq(ring_ns(&clock, 1000), 500);
	ck_assert_uint_eq(ring_ns(&clock, 2000), 500);
}
END_TEST

// ---- Hostile guests ----

static uint64_t state = 88172645463325252ull;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t hostile_value(void)
{
	switch (rnd() % 6) {
	case 0: return GUEST + rnd() % (GUEST_BYTES + 8);
	case 1: return rnd();
	case 2: return rnd() % 512;
	case 3: return (uint64_t)-1 - rnd() % 5000;
	case 4: return 1ull << rnd() % 64;
	default: return GUEST + GUEST_BYTES - rnd() % 80;
	}
}

static void hostile_run(const char *format, unsigned rounds)
{
	begin((struct trace_options){ .lines = true, .format = format, .summary = true });
	for (unsigned round = 0; round < rounds; round++) {
		if (round % 64 == 0)
			for (size_t i = 0; i < sizeof memory; i += 8) {
				uint64_t value = rnd() & 1 ? rnd() : hostile_value();
				memcpy(memory + i, &value, 8);
			}
		for (size_t i = 0; i < 60; i++)
			symbol_text[i] = (char)(rnd() | 1);
		symbol_text[60] = 0;
		struct trace_call call = {
			.thread = (int64_t)rnd(),
			.source = (enum trace_source)(rnd() % 5),
			.nr = rnd() % 8 ? (int)(rnd() % 500) - 24 : (int)rnd(),
			.name = rnd() % 16 ? NULL : symbol_text,
			.module = rnd() % 4 ? NULL : symbol_text,
			.host_errno = (int32_t)rnd(),
			.start_ns = rnd(),
		};
		for (size_t i = 0; i < 6; i++)
			call.args[i] = hostile_value();
		trace_enter(trace, &call);
		if (strnlen(call.text, sizeof call.text) == sizeof call.text)
			ck_abort_msg("the arguments of call %d do not end", call.nr);
		if (rnd() % 16)
			trace_leave(trace, &call, (int64_t)hostile_value(), rnd());
		else
			trace_unfinished(trace, &call);
		siginfo_t info;
		for (size_t i = 0; i < sizeof info; i++)
			((char *)&info)[i] = (char)rnd();
		if (rnd() % 8 == 0)
			trace_signal(trace, 1, (int)(rnd() % 80) - 8, &info);
		if (rnd() % 8 == 0)
			trace_event(trace, 1, "%s", symbol_text);
	}
	const char *text = end();
	ck_assert(is_printable(text));
	ck_assert_uint_le(read_largest, 512);
}

START_TEST(hostile_guests_get_printable_lines)
{
	hostile_run("text", 20000);
}
END_TEST

START_TEST(hostile_guests_get_valid_json)
{
	hostile_run("json", 20000);
	check_json(output);
}
END_TEST

// ---- The tables ----

START_TEST(numbers_agree_with_the_kernel_headers)
{
	FILE *file = fopen("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "r");
	if (!file)
		file = fopen("/usr/include/asm/unistd_64.h", "r");
	ck_assert_msg(file != NULL, "asm/unistd_64.h is needed");
	char line[256], name[128];
	int nr, n = 0, found;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "#define __NR_%127s %d", name, &nr) != 2)
			continue;
		ck_assert_msg(trace_call_name(nr) != NULL, "%d %s is missing", nr, name);
		ck_assert_str_eq(trace_call_name(nr), name);
		ck_assert_int_eq(call_by_name(name, &found), 0);
		ck_assert_int_eq(found, nr);
		n++;
	}
	fclose(file);
	ck_assert_int_ge(n, 340);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(trace_signal_name(SIGSEGV), "SIGSEGV");
	ck_assert_str_eq(trace_signal_name(64), "SIGRT_32");
	ck_assert_ptr_null(trace_signal_name(0));
	ck_assert_ptr_null(trace_signal_name(65));
	ck_assert_str_eq(trace_errno_name(ENOENT), "ENOENT");
	ck_assert_str_eq(trace_errno_name(EHWPOISON), "EHWPOISON");
	ck_assert_str_eq(trace_errno_name(512), "ERESTARTSYS");
	ck_assert_ptr_null(trace_errno_name(0));
	ck_assert_ptr_null(trace_errno_name(100000));
	for (int i = 1; i <= 64; i++)
		ck_assert_ptr_nonnull(trace_signal_name(i));
	ck_assert_str_eq(flags_si_code(SIGBUS, 2), "BUS_ADRERR");
	ck_assert_str_eq(flags_si_code(SIGINT, -6), "SI_TKILL");
	ck_assert_ptr_null(flags_si_code(SIGINT, 1));
}
END_TEST

// ---- The fault report ----

static void report_symbol(void *context, uint64_t addr, char *text, size_t size)
{
	(void)context;
	snprintf(text, size, addr == 0x401005 ? "main+0x5@app\033" : "");
}

static const char *report_text(const struct fault_report *report)
{
	size_t size;
	free(output);
	FILE *file = open_memstream(&output, &size);
	fault_report(file, report);
	fclose(file);
	return output;
}

START_TEST(fault_reports)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_ACCERR };
	info.si_addr = (void *)0xdead000;
	struct user_regs_struct regs = { .rip = 0x401005, .rsp = 0x7ffe00001000, .rax = 5 };
	uint64_t frames[] = { 0x401006, 0x402000 };
	struct fault_call calls[20];
	for (int i = 0; i < 20; i++)
		calls[i] = (struct fault_call){ .source = TRACE_LINUX, .nr = i < 4 ? 24 : 1, .result = 6,
						.returned = i < 19, .args = { 1, 0x1000, 6 } };
	struct fault_report report = {
		.program = "app\n", .thread = 3, .process = 1, .signo = SIGSEGV, .info = &info,
		.regs = &regs, .frames = frames, .n_frames = 2, .symbol = report_symbol,
		.calls = calls, .n_calls = 20,
	};
	const char *text = report_text(&report);
	ck_assert(strncmp(text, "microcosm: app\\n: thread 3 of process 1: SIGSEGV (Segmentation fault)\n"
			  "  SEGV_ACCERR: address 0xdead000\n"
			  "  rip   0000000000401005  rsp   00007ffe00001000  ", 100) == 0);
	ck_assert_ptr_nonnull(strstr(text, "    #0  0x401005 main+0x5@app\\33\n    #1  0x401006 main+0x5@app\\33\n"
				     "    #2  0x402000\n"));
	ck_assert_ptr_nonnull(strstr(text, "    write(1, 0x1000, 6) = 6\n"));
	ck_assert_ptr_nonnull(strstr(text, "    write(1, 0x1000, 6) = ?\n"));
	ck_assert_ptr_null(strstr(text, "sched_yield")); // older than the last 16
	ck_assert(is_printable(text));
	report = (struct fault_report){ .thread = 1, .process = 1, .signo = SIGILL };
	ck_assert_str_eq(report_text(&report), "microcosm: thread 1 of process 1: SIGILL (Illegal instruction)\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tcase = tcase_create("trace");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, lines_of_the_manual);
	tcase_add_test(tcase, filled_buffers_are_printed_when_the_call_returns);
	tcase_add_test(tcase, long_strings_are_cut);
	tcase_add_test(tcase, both_binary_strings_fit);
	tcase_add_test(tcase, flags_and_structures);
	tcase_add_test(tcase, core_calls_come_from_their_table);
	tcase_add_test(tcase, modules_and_gates);
	tcase_add_test(tcase, relative_times);
	tcase_add_test(tcase, signals_and_events);
	tcase_add_test(tcase, sets);
	tcase_add_test(tcase, bad_sets);
	tcase_add_test(tcase, modules_are_checked_when_they_are_known);
	tcase_add_test(tcase, a_full_disk_is_reported);
	tcase_add_test(tcase, the_file_is_closed_on_exec);
	tcase_add_test(tcase, summary_counts);
	tcase_add_test(tcase, summary_is_bounded);
	tcase_add_test(tcase, summary_alone_prints_no_lines);
	tcase_add_test(tcase, json_lines);
	tcase_add_test(tcase, recorded_calls);
	tcase_add_test(tcase, held_lines);
	tcase_add_test(tcase, rings_are_read_in_order);
	tcase_add_test(tcase, rings_that_make_no_sense);
	tcase_add_test(tcase, ticks_in_nanoseconds);
	tcase_add_test(tcase, hostile_guests_get_printable_lines);
	tcase_add_test(tcase, hostile_guests_get_valid_json);
	tcase_add_test(tcase, numbers_agree_with_the_kernel_headers);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, fault_reports);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
