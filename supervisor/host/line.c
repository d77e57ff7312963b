/* SPDX-License-Identifier: MIT
 * Gate calls without a kernel call. A thread that makes one swift call after the other writes them into its
 * line (struct rt_line in rt.h), and one worker, the watcher, looks at the lines of such threads from
 * another CPU. A call by the line is the call that the notification would have been, with the same sequence
 * number and the same record (gate.c), so a thread that waits long enough makes it by notification and
 * gets what became of it. Nobody has to know whether the other side still looks.
 *
 * It pays where a CPU has nothing else to do, and that is found by trying. A watch ends when no call has
 * come for IDLE_NS. It has failed when it served few calls, or few at a time, when the watcher lost its
 * CPU, or when guests did not get their answers in time. After each failure the next watch is further
 * away, after a success nearer. While nobody watches, no line is armed and nothing spins. */
#include <sched.h>
#include <string.h>

#include "host/host.h"
#include "os/os.h"

#define LINES_MAX 16
#define SPIN_NS 40000  /* of a guest, until it goes by notification */
#define IDLE_NS 50000  /* without a call */
#define LOST_NS 300000 /* between two looks at the clock, when no call took them apart */
#define CALL_NS 25000  /* what one takes at most, roughly */
#define LATE_NS 500000 /* from the wish to the first look */
#define LOOKS 16       /* between looks at the clock */
#define WORTH_CALLS 64 /* of a watch that has paid */
#define WINDOW_NS 1000000 /* in each of these at least so many calls, or they are not worth a CPU */
#define WINDOW_CALLS 32
#define MISSES_FREE 2  /* more than that, and more than one call in a hundred, is a failure */
#define BACKOFF_FIRST_NS 1000000u
#define BACKOFF_LAST_NS 1024000000u

struct watched {
	uint32_t slot, epoch;
	uint64_t seen; /* the last sequence number */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wish = PTHREAD_COND_INITIALIZER;
/* Under lock. */
static struct watched wanted[LINES_MAX];
static unsigned n_wanted;
static uint64_t wanted_ns; /* since when */
static bool started;       /* the watcher */

static _Atomic bool more;        /* n_wanted is not 0 */
static _Atomic uint64_t next_ns; /* before that nothing is watched */

/* The watcher's. */
static struct watched lines[LINES_MAX];
static unsigned n_lines;
static uint16_t spins; /* of a guest, in SPIN_NS */
static uint64_t backoff_ns;

void line_want(uint32_t slot, uint32_t epoch, uint64_t now)
{
	if (now < atomic_load(&next_ns) || CPU_COUNT(gate_cpus()) < 2)
		return;
	pthread_mutex_lock(&lock);
	if (!started && worker_start_for_lines() < 0)
		atomic_store(&next_ns, UINT64_MAX); /* it goes without */
	started = true;
	if (n_wanted == 0)
		wanted_ns = now;
	if (n_wanted < LINES_MAX)
		wanted[n_wanted++] = (struct watched){ .slot = slot, .epoch = epoch };
	atomic_store(&more, true);
	pthread_cond_signal(&wish);
	pthread_mutex_unlock(&lock);
}

void line_answer(uint32_t slot, uint64_t sequence, uint64_t status)
{
	atomic_store_explicit(&memory_line(slot)->done, sequence * 4 + status, memory_order_release);
}

/* ---- The watcher ---- */

static void arm(const struct watched *line)
{
	atomic_store(&memory_line(line->slot)->spins, spins);
}

static void arm_all(void)
{
	for (unsigned i = 0; i < n_lines; i++)
		arm(&lines[i]);
}

static bool armed(const struct watched *line)
{
	return atomic_load_explicit(&memory_line(line->slot)->spins, memory_order_relaxed) != 0;
}

/* A line that is looked at already stays as it is; what stands in another is old. */
static void add(const struct watched *line)
{
	unsigned i = 0;

	while (i < n_lines && lines[i].slot != line->slot)
		i++;
	if (i == LINES_MAX)
		return;
	if (i == n_lines || lines[i].epoch != line->epoch) {
		lines[i] = *line;
		lines[i].seen = atomic_load(&memory_line(line->slot)->sequence);
	}
	n_lines += i == n_lines;
}

static void take_wanted(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < n_wanted; i++)
		add(&wanted[i]);
	n_wanted = 0;
	atomic_store(&more, false);
	pthread_mutex_unlock(&lock);
}

static uint64_t await_wanted(void)
{
	pthread_mutex_lock(&lock);
	while (n_wanted == 0)
		pthread_cond_wait(&wish, &lock);
	uint64_t since = wanted_ns;
	pthread_mutex_unlock(&lock);
	return since;
}

/* From the CPUs where the threads are kept that it watches: there it would be in the way. False when there is no
 * other. */
static bool keep_away(void)
{
	static cpu_set_t kept;
	cpu_set_t others = *gate_cpus();

	for (unsigned i = 0; i < n_lines; i++) {
		uint32_t cpu = atomic_load_explicit(&memory_threads()[lines[i].slot].cpu, memory_order_relaxed);

		if (cpu > 0 && cpu <= CPU_SETSIZE)
			CPU_CLR(cpu - 1, &others);
	}
	if (CPU_COUNT(&others) == 0)
		return false;
	if (!CPU_EQUAL(&others, &kept) && sched_setaffinity(0, sizeof(others), &others) == 0)
		kept = others;
	return CPU_EQUAL(&others, &kept);
}

/* The owner is who the tracer says, whoever wrote into the line: it is the world's, like all of its memory.
 * False when it has none any more, or another. */
static bool look(struct worker *worker, struct watched *line, uint64_t *served)
{
	struct rt_line *shared = memory_line(line->slot);
	const struct ctl_thread *thread = &memory_threads()[line->slot];
	uint64_t sequence = atomic_load_explicit(&shared->sequence, memory_order_acquire);

	if (sequence == line->seen)
		return true;
	line->seen = sequence;
	if (atomic_load(&thread->tid) == 0 || atomic_load(&thread->epoch) != line->epoch)
		return false;
	uint32_t index = atomic_load_explicit(&shared->index, memory_order_relaxed);
	uint64_t frame = atomic_load_explicit(&shared->frame, memory_order_relaxed);
	if (gate_serve_line(worker, line->slot, line->epoch, index, frame, sequence))
		++*served;
	return true;
}

/* How many threads have given up waiting; they are armed again. */
static unsigned look_at_all(struct worker *worker, uint64_t *served)
{
	unsigned missed = 0;

	for (unsigned i = 0; i < n_lines; i++) {
		if (!armed(&lines[i])) {
			missed++;
			arm(&lines[i]);
		}
		if (!look(worker, &lines[i], served)) {
			atomic_store(&memory_line(lines[i].slot)->spins, 0);
			lines[i--] = lines[--n_lines];
		}
	}
	return missed;
}

/* True when it has paid. */
static bool watch(struct worker *worker, uint64_t since)
{
	uint64_t served = 0, missed = 0, last = os_now_ns(), before = last;
	uint64_t window = last, served_before = 0;

	if (last - since > LATE_NS)
		return false;
	arm_all();
	while (n_lines > 0) {
		uint64_t at_first = served;

		for (int i = 0; i < LOOKS; i++) {
			missed += look_at_all(worker, &served);
			__builtin_ia32_pause();
		}
		uint64_t now = os_now_ns();
		if (now - before > LOST_NS + (served - at_first) * CALL_NS ||
		    (missed > MISSES_FREE && missed > served / 100))
			return false;
		before = now;
		if (now - window > WINDOW_NS) {
			if (served - served_before < WINDOW_CALLS)
				return false;
			window = now;
			served_before = served;
		}
		if (served != at_first)
			last = now;
		else if (now - last > IDLE_NS)
			break;
		if (atomic_load_explicit(&more, memory_order_relaxed)) {
			take_wanted();
			arm_all();
		}
	}
	return served >= WORTH_CALLS;
}

static void disarm(struct worker *worker)
{
	uint64_t served = 0;

	for (unsigned i = 0; i < n_lines; i++)
		atomic_store(&memory_line(lines[i].slot)->spins, 0);
	/* One may have written before that, and would wait in vain. */
	for (unsigned i = 0; i < n_lines; i++)
		look(worker, &lines[i], &served);
	n_lines = 0;
}

static uint16_t measure_spins(void)
{
	uint64_t begin = os_now_ns(), n;

	for (int i = 0; i < 1000; i++)
		__builtin_ia32_pause();
	n = SPIN_NS * 1000 / (os_now_ns() - begin + 1) + 1;
	return n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
}

static void back_off(bool paid)
{
	if (paid)
		backoff_ns = backoff_ns > BACKOFF_FIRST_NS ? backoff_ns / 2 : 0;
	else if (backoff_ns < BACKOFF_LAST_NS)
		backoff_ns = backoff_ns == 0 ? BACKOFF_FIRST_NS : backoff_ns * 4;
	atomic_store(&next_ns, os_now_ns() + backoff_ns);
}

void line_run(struct worker *worker)
{
	spins = measure_spins();
	for (;;) {
		uint64_t since = await_wanted();

		take_wanted();
		bool paid = keep_away() && watch(worker, since);

		disarm(worker);
		back_off(paid);
	}
}
