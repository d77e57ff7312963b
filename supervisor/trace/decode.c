// SPDX-License-Identifier: MIT
// Arguments and results as text: one printer for each kind that kinds.h lists.
#include "trace/decode.h"

#include "trace/flags.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define LIST_ITEMS 4 /* of lists, that many are printed */
#define NAME_BYTES 100

typedef unsigned long long ull;

static void hex(struct out *out, uint64_t value)
{
	out_printf(out, "%#llx", (ull)value);
}

static void pointer(struct out *out, uint64_t value)
{
	if (value)
		hex(out, value);
	else
		out_text(out, "NULL");
}

/* Numbers that look like numbers in decimal, the rest as addresses. */
static void any(struct out *out, uint64_t value)
{
	int64_t number = (int64_t)value;
	if (number > -4096 && number < 65536)
		out_printf(out, "%lld", (long long)number);
	else
		hex(out, value);
}

static size_t fetch(const struct decode *d, uint64_t addr, void *to, size_t n)
{
	if (!d->access || !d->access->read || !addr || !n)
		return 0;
	size_t got = d->access->read(d->access->context, d->thread, addr, to, n);
	return got < n ? got : n;
}

static bool fetch_all(const struct decode *d, uint64_t addr, void *to, size_t n)
{
	return fetch(d, addr, to, n) == n;
}

static void string(const struct decode *d, uint64_t addr, struct out *out)
{
	char text[DECODE_STRING_BYTES + 1];
	size_t got = fetch(d, addr, text, sizeof text);
	if (!got) {
		pointer(out, addr);
		return;
	}
	size_t len = strnlen(text, got);
	bool more = len == got;
	out_quoted(out, text, len > DECODE_STRING_BYTES ? DECODE_STRING_BYTES : len, more);
}

static void bytes(const struct decode *d, uint64_t addr, uint64_t n, struct out *out)
{
	char text[DECODE_STRING_BYTES];
	size_t want = n < sizeof text ? (size_t)n : sizeof text;
	size_t got = fetch(d, addr, text, want);
	if (!got && (n || !addr))
		pointer(out, addr);
	else
		out_quoted(out, text, got, got < n);
}

/* At most `limit` bytes of the buffers, in order. */
static void iovec(const struct decode *d, uint64_t addr, int64_t count, uint64_t limit,
		  struct out *out)
{
	struct { uint64_t base, len; } list[LIST_ITEMS];
	size_t n = count < 0 ? 0 : count < LIST_ITEMS ? (size_t)count : LIST_ITEMS;
	if (!n || !fetch_all(d, addr, list, n * sizeof list[0])) {
		pointer(out, addr);
		return;
	}
	out_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		uint64_t len = list[i].len < limit ? list[i].len : limit;
		limit -= len;
		out_text(out, i ? ", {" : "{");
		bytes(d, list[i].base, len, out);
		out_printf(out, ", %llu}", (ull)list[i].len);
	}
	out_text(out, count > (int64_t)n ? ", ...]" : "]");
}

static void strings(const struct decode *d, uint64_t addr, struct out *out)
{
	uint64_t list[LIST_ITEMS + 1] = { 0 };
	size_t n = fetch(d, addr, list, sizeof list) / sizeof list[0], i;
	if (!n) {
		pointer(out, addr);
		return;
	}
	out_char(out, '[');
	for (i = 0; i < n && i < LIST_ITEMS && list[i]; i++) {
		if (i)
			out_text(out, ", ");
		string(d, list[i], out);
	}
	bool more = i < n ? list[i] != 0 : true;
	out_text(out, more ? ", ...]" : "]");
}

static void environment(const struct decode *d, uint64_t addr, struct out *out)
{
	const unsigned limit = 256;
	uint64_t list[64];
	unsigned count = 0;
	pointer(out, addr);
	for (bool ended = false; !ended && count < limit;) {
		size_t n = fetch(d, addr + count * sizeof list[0], list, sizeof list) / sizeof list[0];
		if (!n)
			return;
		size_t i = 0;
		while (i < n && list[i])
			i++;
		count += (unsigned)i;
		ended = i < n;
	}
	out_printf(out, " /* %u%s vars */", count, count >= limit ? " or more" : "");
}

static void timespec(const struct decode *d, uint64_t addr, struct out *out)
{
	struct { int64_t sec, nsec; } ts;
	if (fetch_all(d, addr, &ts, sizeof ts))
		out_printf(out, "{tv_sec=%lld, tv_nsec=%lld}", (long long)ts.sec, (long long)ts.nsec);
	else
		pointer(out, addr);
}

static void sigset(const struct decode *d, uint64_t addr, struct out *out)
{
	uint64_t mask;
	if (fetch_all(d, addr, &mask, sizeof mask))
		flags_sigset(out, mask);
	else
		pointer(out, addr);
}

static void sigaction_(const struct decode *d, uint64_t addr, struct out *out)
{
	struct { uint64_t handler, flags, restorer, mask; } sa;
	if (!fetch_all(d, addr, &sa, sizeof sa)) {
		pointer(out, addr);
		return;
	}
	out_text(out, "{sa_handler=");
	if (sa.handler == 0)
		out_text(out, "SIG_DFL");
	else if (sa.handler == 1)
		out_text(out, "SIG_IGN");
	else
		decode_function(d, sa.handler, out);
	out_text(out, ", sa_mask=");
	flags_sigset(out, sa.mask);
	out_text(out, ", sa_flags=");
	flags_sigaction(out, sa.flags);
	out_char(out, '}');
}

static void stat_(const struct decode *d, uint64_t addr, struct out *out)
{
	struct stat st;
	if (!fetch_all(d, addr, &st, sizeof st)) {
		pointer(out, addr);
		return;
	}
	out_text(out, "{st_mode=");
	flags_file_mode(out, st.st_mode);
	out_printf(out, ", st_size=%lld, ...}", (long long)st.st_size);
}

static void socket_address(const struct decode *d, uint64_t addr, uint64_t len, struct out *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} sa;
	memset(&sa, 0, sizeof sa);
	size_t got = fetch(d, addr, &sa, len < sizeof sa ? (size_t)len : sizeof sa);
	if (got < sizeof sa.any.sa_family) {
		pointer(out, addr);
		return;
	}
	char text[INET6_ADDRSTRLEN] = "?";
	out_text(out, "{");
	flags_print(out, FAMILY, sa.any.sa_family);
	if (sa.any.sa_family == AF_INET && got >= sizeof sa.in) {
		inet_ntop(AF_INET, &sa.in.sin_addr, text, sizeof text);
		out_printf(out, ", %s:%u", text, ntohs(sa.in.sin_port));
	} else if (sa.any.sa_family == AF_INET6 && got >= sizeof sa.in6) {
		inet_ntop(AF_INET6, &sa.in6.sin6_addr, text, sizeof text);
		out_printf(out, ", [%s]:%u", text, ntohs(sa.in6.sin6_port));
	} else if (sa.any.sa_family == AF_UNIX && got > offsetof(struct sockaddr_un, sun_path)) {
		size_t n = got - offsetof(struct sockaddr_un, sun_path);
		if (sa.un.sun_path[0])
			n = strnlen(sa.un.sun_path, n);
		bool more = n > DECODE_STRING_BYTES;
		out_text(out, ", ");
		out_quoted(out, sa.un.sun_path, more ? DECODE_STRING_BYTES : n, more);
	}
	out_char(out, '}');
}

static void poll_list(const struct decode *d, uint64_t addr, uint64_t count, struct out *out)
{
	struct pollfd list[LIST_ITEMS];
	size_t n = count < LIST_ITEMS ? (size_t)count : LIST_ITEMS;
	if (!n || !fetch_all(d, addr, list, n * sizeof list[0])) {
		pointer(out, addr);
		return;
	}
	out_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		out_printf(out, "%s{%d, ", i ? ", " : "", list[i].fd);
		flags_poll(out, (unsigned short)list[i].events);
		out_char(out, '}');
	}
	out_text(out, count > n ? ", ...]" : "]");
}

static void limit(struct out *out, uint64_t value)
{
	if (value == (uint64_t)-1)
		out_text(out, "RLIM_INFINITY");
	else
		out_printf(out, "%llu", (ull)value);
}

static void rlimit_(const struct decode *d, uint64_t addr, struct out *out)
{
	struct { uint64_t soft, hard; } rl;
	if (!fetch_all(d, addr, &rl, sizeof rl)) {
		pointer(out, addr);
		return;
	}
	out_text(out, "{rlim_cur=");
	limit(out, rl.soft);
	out_text(out, ", rlim_max=");
	limit(out, rl.hard);
	out_char(out, '}');
}

static void clone3(const struct decode *d, uint64_t addr, uint64_t size, struct out *out)
{
	/* The first version of struct clone_args; later ones only add to it. */
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } args;
	if (size < sizeof args || !fetch_all(d, addr, &args, sizeof args)) {
		pointer(out, addr);
		return;
	}
	out_text(out, "{flags=");
	flags_clone(out, args.flags & ~(uint64_t)0xff);
	out_text(out, ", exit_signal=");
	flags_print(out, SIG, args.exit_signal);
	out_printf(out, ", stack=%#llx, stack_size=%#llx}", (ull)args.stack, (ull)args.stack_size);
}

static void pair(const struct decode *d, uint64_t addr, struct out *out)
{
	int32_t fds[2];
	if (fetch_all(d, addr, fds, sizeof fds))
		out_printf(out, "[%d, %d]", fds[0], fds[1]);
	else
		pointer(out, addr);
}

static void wait_status(const struct decode *d, uint64_t addr, struct out *out)
{
	int32_t status;
	if (d->result > 0 && fetch_all(d, addr, &status, sizeof status))
		flags_wait_status(out, status);
	else
		pointer(out, addr);
}

static void call_number(struct out *out, uint64_t value)
{
	int nr = (int32_t)value;
	const char *name = trace_call_name(nr);
	if (name)
		out_text(out, name);
	else
		out_printf(out, "%d", nr);
}

void decode_function(const struct decode *d, uint64_t addr, struct out *out)
{
	char text[NAME_BYTES + 1] = "";
	if (addr && d->access && d->access->symbol)
		d->access->symbol(d->access->context, d->thread, addr, text, sizeof text);
	text[NAME_BYTES] = 0;
	if (text[0])
		out_escaped(out, text, strlen(text));
	else
		pointer(out, addr);
}

bool decode_is_filled(enum kind kind)
{
	switch (kind) {
	case OUT:
	case IOVOUT:
	case WSTAT:
	case SIGSETO:
	case SIGACTO:
	case TSO:
	case PIPE:
	case STAT: return true;
	default: return false;
	}
}

static void filled(const struct decode *d, enum kind kind, unsigned i, struct out *out)
{
	uint64_t value = d->args[i], next = i < 5 ? d->args[i + 1] : 0;
	uint64_t n = (uint64_t)d->result;
	switch (kind) {
	case OUT: bytes(d, value, n < next ? n : next, out); break;
	case IOVOUT: iovec(d, value, (int32_t)next, n, out); break;
	case WSTAT: wait_status(d, value, out); break;
	case SIGSETO: sigset(d, value, out); break;
	case SIGACTO: sigaction_(d, value, out); break;
	case TSO: timespec(d, value, out); break;
	case PIPE: pair(d, value, out); break;
	case STAT: stat_(d, value, out); break;
	default: pointer(out, value);
	}
}

void decode_argument(const struct decode *d, unsigned i, bool returned, struct out *out)
{
	enum kind kind = d->shape.kinds[i];
	uint64_t value = d->args[i], next = i < 5 ? d->args[i + 1] : 0, last = i ? d->args[i - 1] : 0;
	if (flags_print(out, kind, value))
		return;
	if (decode_is_filled(kind)) {
		if (returned && d->result >= 0)
			filled(d, kind, i, out);
		else
			pointer(out, value);
		return;
	}
	switch (kind) {
	case INT:
	case FD: out_printf(out, "%d", (int)value); break;
	case ATFD:
		if ((int)value == AT_FDCWD)
			out_text(out, "AT_FDCWD");
		else
			out_printf(out, "%d", (int)value);
		break;
	case LONG: out_printf(out, "%lld", (long long)value); break;
	case UINT: out_printf(out, "%llu", (ull)value); break;
	case HEX: hex(out, value); break;
	case MODE:
	case OMODE: out_printf(out, "%#o", (unsigned)value); break;
	case PTR: pointer(out, value); break;
	case STR: string(d, value, out); break;
	case IN: bytes(d, value, next, out); break;
	case IOVIN: iovec(d, value, (int32_t)next, (uint64_t)-1, out); break;
	case ARGV: strings(d, value, out); break;
	case ENVP: environment(d, value, out); break;
	case CLONE3: clone3(d, value, next, out); break;
	case SIGSET: sigset(d, value, out); break;
	case SIGACT: sigaction_(d, value, out); break;
	case FUTEXT:
		if (flags_futex_has_timeout(d->args[1]))
			timespec(d, value, out);
		else if (flags_futex_has_count(d->args[1]))
			out_printf(out, "%llu", (ull)value);
		else
			hex(out, value);
		break;
	case FUTEXA: pointer(out, value); break;
	case FUTEXV: hex(out, value); break;
	case FARG: flags_fcntl_argument(out, last, value); break;
	case TS: timespec(d, value, out); break;
	case SADDR: socket_address(d, value, next, out); break;
	case PFDS: poll_list(d, value, next, out); break;
	case RLIM: rlimit_(d, value, out); break;
	case CALLNR: call_number(out, value); break;
	case FUNC: decode_function(d, value, out); break;
	case THREAD:
		if ((int64_t)value == -1)
			out_text(out, "MC_WORLD");
		else
			out_printf(out, "%lld", (long long)value);
		break;
	default: any(out, value);
	}
}

/* What the arguments before it make meaningless is left out, as it is often rubbish. */
static bool optional_absent(const struct decode *d, unsigned i)
{
	switch ((enum kind)d->shape.kinds[i]) {
	case OMODE: return !flags_open_has_mode(d->args[i - 1]);
	case FARG: return !flags_fcntl_has_argument(d->args[i - 1]);
	case FUTEXT:
		return !flags_futex_has_timeout(d->args[1]) && !flags_futex_has_count(d->args[1]) &&
		       !flags_futex_has_more(d->args[1]);
	case FUTEXA: return !flags_futex_has_more(d->args[1]);
	default: return false;
	}
}

unsigned decode_count(const struct decode *d)
{
	unsigned n = 0;
	while (n < 6 && d->shape.kinds[n] != NONE && !optional_absent(d, n))
		n++;
	return n;
}

void decode_shape(enum trace_source source, int nr, struct call_shape *shape)
{
	static const struct call_shape unknown = { NULL, DEC, { ANY, ANY, ANY, ANY, ANY, ANY } };
	if (source == TRACE_GATE || !call_shape(nr, shape))
		*shape = unknown;
}

void decode_errno(struct out *out, int errnum)
{
	const char *name = trace_errno_name(errnum);
	if (name)
		out_printf(out, "%s (%s)", name, strerror(errnum));
	else
		out_printf(out, "errno %d", errnum);
}

void decode_result(const struct decode *d, enum trace_source source, int64_t result, struct out *out)
{
	/* What a host function returns is its own affair: no number in it is an errno for certain. */
	if (source == TRACE_GATE) {
		any(out, (uint64_t)result);
		return;
	}
	if (decode_is_error(result)) {
		out_text(out, "-1 ");
		decode_errno(out, (int)-result);
		return;
	}
	switch ((enum result_kind)d->shape.result) {
	case ADDR: pointer(out, (uint64_t)result); break;
	case OCT: out_printf(out, "%#llo", (ull)result); break;
	case RFUNC: decode_function(d, (uint64_t)result, out); break;
	default:
		if (d->shape.name)
			out_printf(out, "%lld", (long long)result);
		else
			any(out, (uint64_t)result);
	}
}

void decode_name(enum trace_source source, int nr, const char *name, const char *module,
		 struct out *out)
{
	const char *known = source == TRACE_GATE ? NULL : trace_call_name(nr);
	/* A call that a module interposed is still that call, not the module's function. */
	if (known)
		name = known;
	if (name)
		out_escaped(out, name, strnlen(name, NAME_BYTES));
	else
		out_printf(out, "%s_%d", source == TRACE_GATE ? "gate" : "call", nr);
	/* Core and Linux names are the world's; others say whose they are. */
	if (!known && module) {
		out_char(out, '@');
		out_escaped(out, module, strnlen(module, NAME_BYTES));
	}
}
