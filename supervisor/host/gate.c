/* SPDX-License-Identifier: MIT
 * Gate calls. Each slot has a record of its thread's last call, in memory that no guest can reach:
 *
 *   IDLE     nothing recorded under `sequence`
 *   RUNNING  `worker` runs the call; `waiting` is the notification to answer when it is done
 *   DONE     `status` is the answer; its results are in the frame
 *
 * moved under the slot's lock by the worker that receives a call (IDLE, DONE -> RUNNING), the one
 * that finishes it (RUNNING -> DONE), and whoever finds the record void: the thread dropped, or its
 * epoch changed (any -> IDLE).
 *
 * A call is known by its sequence number, not by how it came here: whichever of its notifications is seen
 * first runs it, also one that was broken off meanwhile. So a CTL_SETTLE that finds no record has the
 * thread make its call again, and that joins what runs, gets the result that is recorded, or runs.
 *
 * A host function that calls back into the guest leaves its call DONE with RT_GATE_CALLBACK; its
 * worker is pushed on the slot's stack of suspended ones until the RT_GATE_RETURN, which is RUNNING
 * on that worker from then on. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/audit.h>

#include "host/host.h"
#include "os/os.h"

#define CALLBACK_DEPTH_MAX 64
#define BRISK_NS 50000 /* from one call's beginning to the next one's */
#define BRISK_CALLS 32
#define FOLLOW_CALLS 8 /* elsewhere than a worker, until it follows */
#define ORPHANED_CALLBACKS_MAX 100000

enum slot_state { SLOT_IDLE, SLOT_RUNNING, SLOT_DONE };

struct slot {
	pthread_mutex_t lock;
	uint32_t epoch;
	enum slot_state state;
	uint64_t sequence;     /* of the last call recorded */
	int64_t status;        /* DONE: what goes into rax */
	struct worker *worker; /* RUNNING: who runs it */
	struct notice waiting; /* RUNNING: the newest notification of the call */
	bool settling;         /* RUNNING: a CTL_SETTLE waits for the outcome */
	uint64_t interrupted;  /* a call that a signal broke off before it was received: its repeat
				  runs as one that has been interrupted; 0: none */
	bool started;          /* a gate with a frame was called: the stub's time is over */
	uint32_t handed_out;   /* descriptors that the stub has got */
	int64_t packed;        /* of these, those that it has not been told of: RT_DESCRIPTORS at most */
	uint32_t n_packed;
	/* DONE: the result is this descriptor, which the repeat of the call is to get, since the
	 * thread was interrupted before it could be installed. */
	bool has_gift;
	struct gift gift;
	struct worker *suspended;
	uint32_t depth;
	/* Of whoever runs the thread's call. */
	uint64_t began_ns;
	unsigned brisk; /* calls of swift functions, one soon after the other */
};

/* All zero is a valid initial state, mutex included; pages of slots never used stay untouched. */
static struct slot slots[RT_SLOT_COUNT];

enum claim {
	CLAIM_RUN,     /* it is recorded as running, on the worker given */
	CLAIM_ANSWER,  /* the status is known */
	CLAIM_NOTHING, /* answered, joined, or broken off: done with */
};

struct gate_call { /* what a notification asks for, copied */
	uint32_t slot;
	uint32_t epoch;
	uint64_t frame, index, sequence;
};

static void notice_answer(const struct notice *notice, int64_t status)
{
	struct seccomp_notif_resp response = { .id = notice->id };

	if (notice->listener < 0) {
		line_answer(notice->slot, notice->id, status < 0 ? RT_LINE_ASK : (uint64_t)status);
		return;
	}
	if (status < 0)
		response.error = (int32_t)status;
	else
		response.val = status;
	/* ENOENT: the call was broken off or the thread is gone; the record has the result. */
	while (ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno == EINTR)
		;
}

static bool notice_valid(const struct notice *notice)
{
	uint64_t id = notice->id;
	int r;

	if (notice->listener < 0)
		return false; /* one who waits at a line comes by notification if need be */
	do {
		r = ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
	} while (r < 0 && errno == EINTR);
	return r == 0;
}

/* ---- Records ---- */

static uint32_t current_epoch(uint32_t slot)
{
	return atomic_load_explicit(&memory_threads()[slot].epoch, memory_order_acquire);
}

/* Under the slot's lock. */
static void gift_drop(struct slot *slot)
{
	if (slot->has_gift)
		close(slot->gift.fd);
	slot->has_gift = false;
}

/* Under the slot's lock: nothing of what is recorded counts any more. */
static void slot_void(struct slot *slot, uint32_t epoch)
{
	if (slot->state == SLOT_RUNNING) {
		slot->worker->dropped = true;
		worker_interrupt(slot->worker);
	}
	while (slot->suspended != NULL) {
		struct worker *worker = slot->suspended;

		slot->suspended = worker->below;
		worker->below = NULL;
		worker->dropped = true;
		worker_interrupt(worker);
		pthread_cond_signal(&worker->resume);
	}
	slot->depth = 0;
	slot->worker = NULL;
	slot->state = SLOT_IDLE;
	slot->sequence = 0;
	slot->settling = false;
	slot->interrupted = 0;
	slot->started = false;
	slot->handed_out = slot->n_packed = 0;
	slot->packed = 0;
	slot->epoch = epoch;
	gift_drop(slot);
}

struct ending { /* of a call, carried out after the slot's lock has been released */
	struct notice notice;
	uint64_t sequence;
	bool settling;
};

/* Under the slot's lock: RUNNING -> DONE. */
static void slot_finish(struct slot *slot, int64_t status, struct ending *ending)
{
	ending->notice = slot->waiting;
	ending->sequence = slot->sequence;
	ending->settling = slot->settling;
	slot->state = SLOT_DONE;
	slot->status = status;
	slot->worker = NULL;
	slot->settling = false;
}

/* Under the slot's lock: whether anybody still wants what the worker has found. */
static bool still_wanted(struct slot *slot, const struct worker *worker)
{
	uint32_t epoch = current_epoch(worker->slot_index);

	if (!worker->dropped && slot->epoch != epoch)
		slot_void(slot, epoch);
	return !worker->dropped;
}

static void settled(uint32_t slot, uint64_t sequence, enum ctl_outcome outcome, int64_t status)
{
	control_say(CTL_SETTLED, slot, sequence, outcome, (uint64_t)status, NULL, 0);
}

/* ---- Descriptors ---- */

static int64_t add_fd(const struct notice *notice, const struct gift *gift, unsigned flags)
{
	struct seccomp_notif_addfd add = { .id = notice->id, .srcfd = (uint32_t)gift->fd,
					   .flags = flags, .newfd_flags = gift->flags };
	int64_t number;

	do {
		number = ioctl(notice->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	} while (number < 0 && errno == EINTR);
	return number < 0 ? -errno : number;
}

/* Installs the descriptor in the notified thread and answers the call with its number there, both at
 * once; when gates are reported, in two steps, since the report must come before the thread goes on. */
static int64_t install(const struct notice *notice, const struct gift *gift, bool *answered)
{
	int64_t number = -EINVAL;

	*answered = false;
	if (notice->listener < 0)
		return -ENOENT; /* into a line nothing can be installed */
	*answered = !control_traces();
	if (*answered)
		number = add_fd(notice, gift, SECCOMP_ADDFD_FLAG_SEND);
	if (number == -EINVAL) { /* or before Linux 5.14 */
		*answered = false;
		number = add_fd(notice, gift, 0);
	}
	if (number < 0) /* it has no room for one more */
		*answered = false;
	return number;
}

/* The notification was gone before the descriptor, or went while it was on its way. */
static bool broken_off(int64_t result)
{
	return result == -ENOENT || result == -ESRCH || result == -EINPROGRESS;
}

/* ---- Host functions ---- */

static void report(const struct worker *worker, int64_t status)
{
	struct ctl_gate gate = {
		.start_ns = worker->start_ns,
		.end_ns = os_now_ns(),
		.rax = status < 0 ? (uint64_t)status : worker->frame.rax,
		.err = worker->frame.err,
		.status = (uint32_t)status,
	};

	memcpy(gate.ireg, worker->frame.ireg, sizeof(gate.ireg));
	control_say(CTL_GATE, worker->slot_index, worker->caller.gate, 0, 0, &gate, sizeof(gate));
}

/* The fields of a frame that the host process writes after a call. */
static void frame_store_results(const struct worker *worker)
{
	const struct rt_gate_frame *frame = &worker->frame;
	uint64_t at = worker->frame_addr;

	memory_store(at + offsetof(struct rt_gate_frame, rax), &frame->rax, 16);
	memory_store(at + offsetof(struct rt_gate_frame, err), &frame->err, sizeof(frame->err));
	if (frame->vector)
		memory_store(at + offsetof(struct rt_gate_frame, xmm), frame->xmm, 32);
}

/* Under the slot's lock: the worker's result is a descriptor. The status that its call ends with; false
 * when nobody could be given it yet. */
static bool give(struct slot *slot, struct worker *worker, int64_t *status, bool *answered)
{
	worker->frame.err = RT_ERR_DESCRIPTOR;
	frame_store_results(worker);
	int64_t number = install(&slot->waiting, &worker->gift, answered);
	if (broken_off(number)) {
		slot->has_gift = true;
		slot->gift = worker->gift;
		return false;
	}
	close(worker->gift.fd);
	worker->frame.rax = (uint64_t)number;
	if (number < 0) {
		worker->frame.err = (int32_t)-number;
		frame_store_results(worker);
	} else {
		*status = number;
	}
	return true;
}

/* The worker's call is over: done is false when the frame holds no results. */
static void call_finish(struct worker *worker, int64_t status, bool done)
{
	struct slot *slot = worker->slot;
	struct ending ending = { .settling = false };
	bool gives = done && worker->gives, given = true, answered = false;

	pthread_mutex_lock(&slot->lock);
	bool wanted = still_wanted(slot, worker);
	/* First: the kernel takes back a descriptor whose giver is interrupted, but not the answer. */
	worker_release(worker);
	if (wanted) {
		if (gives)
			given = give(slot, worker, &status, &answered);
		else if (done)
			frame_store_results(worker);
		slot_finish(slot, status, &ending);
	} else if (gives) {
		close(worker->gift.fd);
	}
	pthread_mutex_unlock(&slot->lock);
	if (!wanted)
		return;
	if (given && control_traces())
		report(worker, status); /* before the thread goes on */
	if (given && !answered)
		notice_answer(&ending.notice, status);
	else if (!given && ending.notice.listener < 0)
		line_answer(worker->slot_index, ending.sequence, RT_LINE_ASK);
	if (ending.settling)
		settled(worker->slot_index, ending.sequence, given ? CTL_DONE : CTL_REPEAT, status);
}

/* Under the slot's lock: the repeat of a call whose result is a descriptor. */
static void give_again(struct slot *slot, const struct notice *notice)
{
	bool answered = false;
	int64_t number = install(notice, &slot->gift, &answered);

	if (broken_off(number))
		return;
	gift_drop(slot);
	slot->status = number;
	if (!answered)
		notice_answer(notice, number);
}

/* A pointer into this process's own memory is never right, whatever the function does with it. Registers that
 * it has no argument in are looked at too, since nobody knows how many it takes; a component of ours
 * is left alone: what a guest has in the others may be such an address by chance. */
static void check_pointers(const struct worker *worker)
{
	for (int i = 0; i < 6; i++)
		if (memory_is_own(worker->frame.ireg[i]))
			control_end("host function %s: argument %d points into the supervisor's memory",
				    worker->gate->symbol, i);
}

static bool frame_valid(uint64_t addr)
{
	return addr % 16 == 0 && memory_writable(addr, sizeof(struct rt_gate_frame));
}

/* Whether the thread's calls follow each other so closely that it pays to look at its line. */
static void count_brisk(struct slot *slot, const struct gate_call *call, uint64_t now, bool swift)
{
	bool soon = now - slot->began_ns < BRISK_NS;

	slot->began_ns = now;
	slot->brisk = soon ? slot->brisk + swift : 0;
	if (slot->brisk < BRISK_CALLS)
		return;
	slot->brisk = 0;
	line_want(call->slot, call->epoch, now);
}

static void run_function(struct worker *worker, const struct gate_call *call)
{
	struct component_gate *gate = component_gate(call->index);
	const struct ctl_thread *thread = &memory_threads()[call->slot];

	worker->caller = (struct mch_caller){
		.thread = thread->id, .process = thread->process, .gate = (uint32_t)call->index,
		.pid = (int32_t)thread->pid, .tid = (int32_t)atomic_load(&thread->tid) };
	worker->frame_addr = call->frame;
	worker->orphaned_callbacks = 0;
	memset(&worker->frame.ireg, 0, sizeof(worker->frame.ireg));
	worker->frame.err = 0;
	worker->start_ns = os_now_ns();
	if (gate == NULL) {
		call_finish(worker, -ENOSYS, false);
		return;
	}
	if (!frame_valid(call->frame)) {
		call_finish(worker, -EFAULT, false);
		return;
	}
	/* Each of its cache lines has to come from another CPU, where the caller is on one. */
	memory_fetch(&worker->frame, call->frame,
		     gate->vector ? sizeof(worker->frame) : offsetof(struct rt_gate_frame, xmm));
	worker->frame.vector = gate->vector && worker->frame.vector == 1;
	worker->gate = gate;
	worker->gives = false;
	if (!gate->checks)
		check_pointers(worker);
	worker->segment_ns = worker->start_ns;
	worker_begin(worker, component_is_quick(gate));
	if (worker->listener != NULL)
		count_brisk(worker->slot, call, worker->start_ns, component_is_swift(gate));
	errno = 0;
	call_function(&worker->frame, gate->function);
	worker->frame.err = errno;
	/* What a function that returns nothing there leaves in rdx would be the next gate's third
	 * argument, and a pointer of ours may not come back. */
	if (memory_is_own(worker->frame.rdx))
		worker->frame.rdx = 0;
	worker->gate = NULL;
	worker_end(worker);
	component_took(gate, os_now_ns() - worker->segment_ns);
	if (worker->gives)
		atomic_store_explicit(&gate->special, true, memory_order_relaxed);
	call_finish(worker, RT_GATE_DONE, true);
}

/* ---- Callbacks ---- */

/* The callback's arguments, out of the worker's frame into the guest's. */
static void frame_store_callback(const struct worker *worker)
{
	const struct rt_gate_frame *frame = &worker->frame;
	uint64_t at = worker->frame_addr;

	memory_store(at + offsetof(struct rt_gate_frame, callback), &frame->callback, 8);
	memory_store(at + offsetof(struct rt_gate_frame, cb_ireg), frame->cb_ireg,
		     sizeof(frame->cb_ireg));
	if (frame->vector)
		memory_store(at + offsetof(struct rt_gate_frame, xmm), frame->xmm, sizeof(frame->xmm));
}

/* Under the slot's lock: RUNNING -> DONE with RT_GATE_CALLBACK, and the worker on the stack. */
static void suspend(struct slot *slot, struct worker *worker, struct ending *ending)
{
	if (slot->depth == CALLBACK_DEPTH_MAX)
		control_end("host function %s: callbacks are nested deeper than %d",
			    worker->gate->symbol, CALLBACK_DEPTH_MAX);
	frame_store_callback(worker);
	slot_finish(slot, RT_GATE_CALLBACK, ending);
	worker->returned = false;
	worker->below = slot->suspended;
	slot->suspended = worker;
	slot->depth++;
	worker_release(worker);
}

/* The guest is gone: the host function gets 0 from its callbacks until it returns. One that does not
 * return is kept from burning time; there is no safe way to break it off. */
static void answer_orphan(struct worker *worker)
{
	worker->frame.rax = 0;
	memset(worker->frame.xmm, 0, sizeof(worker->frame.xmm));
	if (++worker->orphaned_callbacks < ORPHANED_CALLBACKS_MAX)
		return;
	worker_release(worker);
	worker_leave(worker);
	for (;;)
		pause();
}

/* False when the thread is gone. The leader goes on receiving: the return comes to it. */
static bool await_return(struct worker *worker)
{
	struct slot *slot = worker->slot;

	pthread_mutex_lock(&slot->lock);
	while (!worker->returned && !worker->dropped) {
		if (worker->leads) {
			pthread_mutex_unlock(&slot->lock);
			worker_await(worker);
			pthread_mutex_lock(&slot->lock);
		} else {
			pthread_cond_wait(&worker->resume, &slot->lock);
		}
	}
	bool wanted = !worker->dropped;
	pthread_mutex_unlock(&slot->lock);
	return wanted;
}

/* The guest runs the function. False when it never will have. */
static bool callback_made(struct worker *worker)
{
	struct slot *slot = worker->slot;
	struct ending ending = { .settling = false };

	pthread_mutex_lock(&slot->lock);
	bool wanted = still_wanted(slot, worker);
	if (wanted)
		suspend(slot, worker, &ending);
	pthread_mutex_unlock(&slot->lock);
	if (!wanted)
		return false;
	component_took(worker->gate, os_now_ns() - worker->segment_ns);
	atomic_store_explicit(&worker->gate->special, true, memory_order_relaxed);
	worker_end(worker);
	notice_answer(&ending.notice, RT_GATE_CALLBACK);
	if (ending.settling)
		settled(worker->slot_index, ending.sequence, CTL_DONE, RT_GATE_CALLBACK);
	wanted = await_return(worker);
	worker->segment_ns = os_now_ns();
	worker_begin(worker, component_is_quick(worker->gate));
	return wanted;
}

void gate_callback(struct worker *worker)
{
	struct rt_gate_frame result;

	worker->in_handler = true;
	if (callback_made(worker)) {
		memory_fetch(&result, worker->frame_addr, sizeof(result));
		worker->frame.rax = result.rax;
		memcpy(worker->frame.xmm[0], result.xmm[0], sizeof(result.xmm[0]));
	} else {
		answer_orphan(worker);
	}
	worker->in_handler = false;
}

/* Under the slot's lock, RT_GATE_RETURN claimed: the call is the suspended worker's from now on. */
static void resume(struct slot *slot)
{
	struct worker *worker = slot->suspended;

	slot->suspended = worker->below;
	slot->depth--;
	slot->worker = worker;
	worker->below = NULL;
	worker->returned = true;
	if (slot->interrupted == slot->sequence)
		worker_interrupt(worker);
	pthread_cond_signal(&worker->resume);
}

/* ---- Descriptors for the stub ---- */

/* Installs one more descriptor. 0, or -errno: there is no further one, no room, or nobody waits any more. */
static int64_t install_next(struct slot *slot, const struct gate_call *call, const struct notice *notice)
{
	int fd = descriptor_get(memory_threads()[call->slot].plan, call->slot, slot->handed_out);

	if (fd < 0)
		return fd;
	const struct gift gift = { .fd = fd, .flags = O_CLOEXEC };
	int64_t number = add_fd(notice, &gift, 0);
	close(fd);
	if (number < 0)
		return number;
	slot->packed |= (number + 1) << (RT_DESCRIPTOR_BITS * slot->n_packed++);
	slot->handed_out++;
	return 0;
}

/* Under the slot's lock throughout: the thread's next call must find this one recorded. One that was broken
 * off leaves no record, but what it has installed is there, and its repeat goes on after that. */
static void slot_install(struct slot *slot, const struct gate_call *call, const struct notice *notice)
{
	int64_t r = 0;

	while (r == 0 && slot->n_packed < RT_DESCRIPTORS)
		r = install_next(slot, call, notice);
	if (broken_off(r))
		return;
	slot->sequence = call->sequence;
	slot->state = SLOT_DONE;
	slot->status = slot->n_packed > 0 ? slot->packed : r;
	slot->interrupted = 0; /* or it would be for the first gate of the same number */
	slot->packed = slot->n_packed = 0;
	notice_answer(notice, slot->status);
}

/* ---- Serving ---- */

static cpu_set_t all_cpus; /* that the process was started with */
static pthread_once_t cpus_once = PTHREAD_ONCE_INIT;

static void cpus_read(void)
{
	if (sched_getaffinity(0, sizeof(all_cpus), &all_cpus) < 0)
		CPU_ZERO(&all_cpus);
}

const cpu_set_t *gate_cpus(void)
{
	pthread_once(&cpus_once, cpus_read);
	return &all_cpus;
}

/* A worker is where the tracer keeps the thread that it serves. Else the last steps of a call, which
 * the guest thread does not wait for, would take it to an idle CPU, far away at the next call. A few
 * calls are not worth the move. */
static void follow(uint32_t slot)
{
	static __thread uint32_t kept; /* CPU + 1, as in the table */
	static __thread unsigned calls;
	uint32_t wanted = atomic_load_explicit(&memory_threads()[slot].cpu, memory_order_relaxed);
	cpu_set_t one;

	if (wanted == kept || wanted > CPU_SETSIZE || ++calls < FOLLOW_CALLS)
		return;
	calls = 0;
	const cpu_set_t *all = gate_cpus();
	CPU_ZERO(&one);
	if (wanted > 0)
		CPU_SET(wanted - 1, &one);
	/* Where it is not allowed, nothing is lost but time. */
	(void)sched_setaffinity(0, sizeof(one), wanted > 0 ? &one : all);
	kept = wanted;
}

/* Under the slot's lock: what is to be done about a call. */
static enum claim slot_claim(struct slot *slot, const struct gate_call *call, struct worker *worker,
			     const struct notice *notice, int64_t *status)
{
	bool descriptor = call->index == RT_GATE_DESCRIPTOR;

	/* Its thread is gone, and another may have the slot, with calls of its own. */
	if (call->epoch != current_epoch(call->slot))
		return CLAIM_NOTHING;
	if (slot->epoch != call->epoch)
		slot_void(slot, call->epoch);
	if (!descriptor && !slot->started && slot->state != SLOT_RUNNING) {
		slot->started = true; /* the stub counted its own calls */
		descriptor_forget_next(call->slot);
		slot->state = SLOT_IDLE;
		slot->sequence = 0;
	}
	if (call->sequence == slot->sequence && slot->state == SLOT_DONE) {
		if (slot->has_gift) {
			give_again(slot, notice);
			return CLAIM_NOTHING;
		}
		*status = slot->status;
		return CLAIM_ANSWER;
	}
	if (call->sequence == slot->sequence && slot->state == SLOT_RUNNING) {
		if (notice_valid(notice)) /* else another one waits, or will */
			slot->waiting = *notice;
		return CLAIM_NOTHING;
	}
	*status = call->sequence <= slot->sequence ? -EINVAL : slot->state == SLOT_RUNNING ? -EBUSY : 0;
	if (*status == 0 && descriptor && slot->started)
		*status = -EPERM;
	if (*status == 0 && call->index == RT_GATE_RETURN &&
	    (slot->suspended == NULL || slot->suspended->frame_addr != call->frame))
		*status = -EINVAL;
	if (*status < 0)
		return CLAIM_ANSWER;
	if (descriptor) {
		slot_install(slot, call, notice);
		return CLAIM_NOTHING;
	}
	gift_drop(slot);
	slot->sequence = call->sequence;
	slot->state = SLOT_RUNNING;
	slot->waiting = *notice;
	slot->worker = worker;
	if (slot->interrupted == call->sequence && call->index != RT_GATE_RETURN)
		worker_interrupt(worker);
	return CLAIM_RUN;
}

static bool thread_is(uint64_t slot, uint32_t tid)
{
	return tid != 0 && slot < RT_SLOT_COUNT &&
	       atomic_load_explicit(&memory_threads()[slot].tid, memory_order_acquire) == tid;
}

/* Which slot the thread really has: only the stub, which knows none, is looked up. */
static bool find_slot(const struct seccomp_notif *notif, struct gate_call *call)
{
	uint64_t slot = notif->data.args[3];

	if (memory_threads() == NULL)
		return false;
	if (slot == UINT64_MAX && call->index == RT_GATE_DESCRIPTOR)
		for (slot = 0; slot < RT_SLOT_COUNT && !thread_is(slot, notif->pid); slot++)
			;
	if (!thread_is(slot, notif->pid))
		return false;
	call->slot = (uint32_t)slot;
	call->epoch = current_epoch(call->slot);
	return true;
}

bool gate_needs_worker(const struct seccomp_notif *notif)
{
	return notif->data.args[1] != RT_GATE_DESCRIPTOR && notif->data.args[1] != RT_GATE_RETURN;
}

void gate_serve(struct worker *worker, const struct notice *notice, const struct seccomp_notif *notif)
{
	struct gate_call call = { .frame = notif->data.args[0],
				  .index = notif->data.args[1],
				  .sequence = notif->data.args[2] };
	int64_t status = 0;

	if (notif->data.nr != RT_NR_CARRIER || notif->data.args[5] != RT_CARRIES_GATE ||
	    notif->data.arch != AUDIT_ARCH_X86_64) {
		notice_answer(notice, -ENOSYS);
		return;
	}
	if (!find_slot(notif, &call)) {
		notice_answer(notice, -EPERM);
		return;
	}
	memory_count_gate(call.slot);
	follow(call.slot);
	struct slot *slot = &slots[call.slot];
	bool callback_return = call.index == RT_GATE_RETURN;

	pthread_mutex_lock(&slot->lock);
	enum claim claim = slot_claim(slot, &call, worker, notice, &status);
	if (claim == CLAIM_RUN && callback_return) {
		resume(slot);
	} else if (claim == CLAIM_RUN) {
		worker->slot = slot;
		worker->slot_index = call.slot;
		worker->dropped = false;
	}
	pthread_mutex_unlock(&slot->lock);
	if (claim == CLAIM_ANSWER)
		notice_answer(notice, status);
	else if (claim == CLAIM_RUN && !callback_return)
		run_function(worker, &call);
}

bool gate_serve_line(struct worker *worker, uint32_t index, uint32_t epoch, uint32_t function, uint64_t frame,
		     uint64_t sequence)
{
	struct gate_call call = { .slot = index, .epoch = epoch, .frame = frame, .index = function,
				  .sequence = sequence };
	const struct notice notice = { .listener = -1, .id = sequence, .slot = index };
	const struct component_gate *gate = component_gate(function);
	struct slot *slot = &slots[index];
	int64_t status = 0;

	if (gate == NULL || !component_is_swift(gate)) {
		line_answer(index, sequence, RT_LINE_ASK);
		return false;
	}
	memory_count_gate(index);
	pthread_mutex_lock(&slot->lock);
	enum claim claim = slot_claim(slot, &call, worker, &notice, &status);
	if (claim == CLAIM_RUN) {
		worker->slot = slot;
		worker->slot_index = index;
		worker->dropped = false;
	}
	pthread_mutex_unlock(&slot->lock);
	if (claim == CLAIM_RUN)
		run_function(worker, &call);
	else if (claim == CLAIM_ANSWER)
		line_answer(index, sequence, RT_LINE_ASK);
	return claim == CLAIM_RUN;
}

void gate_settle(uint32_t index, uint64_t sequence, bool interrupt)
{
	enum ctl_outcome outcome = CTL_REPEAT;
	int64_t status = 0;

	if (index >= RT_SLOT_COUNT || memory_threads() == NULL)
		control_end("host process: malformed CTL_SETTLE");
	struct slot *slot = &slots[index];
	pthread_mutex_lock(&slot->lock);
	uint32_t epoch = current_epoch(index);
	if (slot->epoch != epoch)
		slot_void(slot, epoch);
	bool wait = false;
	if (slot->sequence == sequence && slot->state == SLOT_DONE && !slot->has_gift) {
		outcome = CTL_DONE;
		status = slot->status;
	} else if (slot->sequence == sequence && slot->state == SLOT_RUNNING && interrupt) {
		wait = true;
		slot->settling = true;
		worker_interrupt(slot->worker);
	} else if (interrupt) {
		slot->interrupted = sequence;
	}
	pthread_mutex_unlock(&slot->lock);
	if (!wait)
		settled(index, sequence, outcome, status);
}

void gate_drop(uint32_t index)
{
	if (index >= RT_SLOT_COUNT || memory_threads() == NULL)
		control_end("host process: malformed CTL_DROP");
	struct slot *slot = &slots[index];
	pthread_mutex_lock(&slot->lock);
	uint32_t epoch = current_epoch(index);
	/* Another thread may have the slot already, and have called: then the record is its. */
	const struct ctl_thread *thread = &memory_threads()[index];
	bool owned = atomic_load(&thread->tid) != 0;
	if (slot->epoch != epoch || !owned)
		slot_void(slot, epoch);
	/* By another epoch it may also be that the new owner has executed something already. */
	descriptor_forget_others(index, owned ? thread->id : 0);
	pthread_mutex_unlock(&slot->lock);
}
