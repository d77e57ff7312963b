/* SPDX-License-Identifier: MIT
 * The region as the host process sees it: mapped at the guests' address, never executable. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "host/host.h"
#include "region/region.h"

#define PAGE 4096ull
#define TEXTS_MAX 256

struct range {
	uint64_t low, high;
};

static struct memory_region region;
static const struct ctl_thread *threads;
static _Atomic uint64_t *words;
/* Sorted; neighbours are joined, so that one range holds what lies in several mappings. */
static struct range readable[REGION_MAPS_MAX], writable[REGION_MAPS_MAX];
static size_t n_readable, n_writable;
static struct range texts[TEXTS_MAX];
static size_t n_texts;

const struct memory_region *memory_region(void)
{
	return &region;
}

void memory_count_gate(uint32_t slot)
{
	_Atomic uint32_t *count = (_Atomic uint32_t *)(words + RT_SLOT_COUNT + 1) + slot;

	/* The slot's thread makes one call after the other. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

_Atomic uint64_t *memory_word(uint32_t fs)
{
	return fs < RT_SLOT_COUNT ? &words[fs] : NULL;
}

uint64_t memory_changes(void)
{
	return atomic_load(&words[RT_SLOT_COUNT]);
}

void memory_changed(void)
{
	atomic_fetch_add(&words[RT_SLOT_COUNT], 1);
}

struct rt_line *memory_line(uint32_t slot)
{
	return (struct rt_line *)(region.base + RT_OFF_THREADS + slot * RT_SLOT_BYTES + RT_SLOT_THREAD + RT_LINE);
}

const struct ctl_thread *memory_threads(void)
{
	return threads;
}

static bool in_ranges(const struct range *ranges, size_t n, uint64_t addr, uint64_t len)
{
	size_t low = 0;

	while (low < n) { /* the last range that begins at or below addr */
		size_t middle = low + (n - low) / 2;

		if (ranges[middle].low <= addr)
			low = middle + 1;
		else
			n = middle;
	}
	return low > 0 && range_within(addr, len, ranges[low - 1].low, ranges[low - 1].high);
}

bool memory_readable(uint64_t addr, uint64_t len)
{
	return in_ranges(readable, n_readable, addr, len);
}

bool memory_writable(uint64_t addr, uint64_t len)
{
	return in_ranges(writable, n_writable, addr, len);
}

bool memory_in_text(uint64_t addr)
{
	for (size_t i = 0; i < n_texts; i++)
		if (addr >= texts[i].low && addr < texts[i].high)
			return true;
	return false;
}

int memory_add_text(uint64_t low, uint64_t high)
{
	if (n_texts == TEXTS_MAX || low > high)
		return -EINVAL;
	texts[n_texts++] = (struct range){ low, high };
	return 0;
}

/* Below this nothing is ours but the shadow of a sanitizer, which is mapped where numbers look like
 * addresses: the first of them for address, the second for thread. */
#if defined(__SANITIZE_ADDRESS__)
#define OWN_LOW 0x100080000000u
#elif defined(__SANITIZE_THREAD__)
#define OWN_LOW 0x340000000000u
#else
#define OWN_LOW 0x10000u
#endif

bool memory_is_own(uint64_t addr)
{
	unsigned char resident;

	if (addr < OWN_LOW || addr >> 47 != 0 ||
	    range_within(addr, 1, region.base, region.base + region.size))
		return false;
	/* ENOMEM: nothing is mapped there. Any other answer is taken for "mapped". */
	return mincore((void *)(addr & ~(PAGE - 1)), PAGE, &resident) == 0 || errno != ENOMEM;
}

/* The barriers keep the compiler from reading shared memory again in place of the copy. */
void memory_fetch(void *to, uint64_t shared, size_t n)
{
	memcpy(to, (const void *)shared, n);
	__asm__ volatile("" : : "r"(to) : "memory");
}

void memory_store(uint64_t shared, const void *from, size_t n)
{
	__asm__ volatile("" : : "r"(from) : "memory");
	memcpy((void *)shared, from, n);
	__asm__ volatile("" : : : "memory");
}

static int compare_maps(const void *a, const void *b)
{
	const struct region_map *left = a, *right = b;

	return left->addr < right->addr ? -1 : left->addr > right->addr;
}

static void add_range(struct range *ranges, size_t *n, const struct region_map *map)
{
	if (*n > 0 && ranges[*n - 1].high == map->addr)
		ranges[*n - 1].high += map->len;
	else
		ranges[(*n)++] = (struct range){ map->addr, map->addr + map->len };
}

/* Over the reservation; a part's offsets are the region's. */
static int map_part(unsigned part, uint64_t low, uint64_t high, int prot, struct err *err)
{
	void *at = mmap((void *)low, high - low, prot, MAP_SHARED | MAP_FIXED, region.fds[part],
			(off_t)(low - region.base));

	return at == MAP_FAILED ? err_sys(err, errno, "host process: cannot map the region at 0x%llx",
					  (unsigned long long)low)
				: 0;
}

static bool map_valid(const struct region_map *map, uint64_t last)
{
	return map->addr % PAGE == 0 && map->len % PAGE == 0 && map->len > 0 && map->addr >= last &&
	       range_within(map->addr, map->len, region.base, region.base + region.size) &&
	       (map->part == REGION_SEALED || map->part == REGION_SHARED);
}

static bool is_sealed_file(const struct region_map *map)
{
	return map->part == REGION_SEALED && !map->private;
}

/* From the first to the last mapping of the sealed file: one, for here and for guests, with the others
 * mapped over it. */
static void sealed_range(const struct region_map *maps, size_t n, uint64_t *low, uint64_t *high)
{
	*low = *high = 0;
	for (size_t i = 0; i < n; i++)
		if (is_sealed_file(&maps[i])) {
			*low = *low == 0 ? maps[i].addr : *low;
			*high = maps[i].addr + maps[i].len;
		}
}

/* The list, sorted by address, as plans have it. Each mapping costs a process a stop when it starts,
 * so all that lies in the sealed file is one, from the first to the last, with what is not of it
 * mapped over: the table's own copy and the modules' data. */
static int keep_plan_maps(const struct region_map *maps, size_t n)
{
	struct rt_map *list = calloc(n + 1, sizeof(*list));
	uint64_t low, high;

	if (list == NULL)
		return -ENOMEM;
	sealed_range(maps, n, &low, &high);
	if (high > low)
		list[region.n_maps++] = (struct rt_map){
			.addr = low,
			.len = high - low,
			.offset = low - region.base,
			.prot = PROT_READ | PROT_EXEC,
			.flags = MAP_SHARED,
			.fd = 0,
		};
	for (size_t i = 0; i < n; i++) {
		if (is_sealed_file(&maps[i]))
			continue;
		bool over = maps[i].addr >= low && maps[i].addr < high;
		list[region.n_maps++] = (struct rt_map){
			.addr = maps[i].addr,
			.len = maps[i].len,
			.offset = maps[i].addr - region.base,
			.prot = maps[i].prot,
			.flags = (uint32_t)((maps[i].private ? MAP_PRIVATE : MAP_SHARED) |
					    (over ? MAP_FIXED : 0)),
			.fd = maps[i].part == REGION_SEALED ? 0 : 1,
		};
	}
	region.maps = list;
	return 0;
}

static int map_all(const struct ctl_msg *msg, struct err *err)
{
	static struct region_map maps[REGION_MAPS_MAX];
	size_t n = msg->text_len / sizeof(maps[0]);
	uint64_t last = region.base, low, high;

	if (msg->text_len % sizeof(maps[0]) != 0 || n == 0 || n > REGION_MAPS_MAX)
		return err_set(err, EPROTO, "host process: malformed list of mappings");
	memcpy(maps, msg->text, msg->text_len);
	qsort(maps, n, sizeof(maps[0]), compare_maps);
	if (keep_plan_maps(maps, n) < 0)
		return err_set(err, ENOMEM, "host process: out of memory");
	/* The holes too, so that nothing of this process's own ever lies inside the region. */
	if (mmap((void *)region.base, region.size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		 0) != (void *)region.base)
		return err_sys(err, errno, "host process: the region's addresses are not free");
	int r = 0;
	for (size_t i = 0; i < n; i++) {
		if (!map_valid(&maps[i], last))
			return err_set(err, EPROTO, "host process: bad mapping in the region");
		last = maps[i].addr + maps[i].len;
	}
	sealed_range(maps, n, &low, &high);
	if (high > low)
		r = map_part(REGION_SEALED, low, high, PROT_READ, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		int prot = (int)maps[i].prot & (PROT_READ | PROT_WRITE);

		if (maps[i].part == REGION_SEALED)
			prot &= ~PROT_WRITE;
		else
			r = map_part(REGION_SHARED, maps[i].addr, maps[i].addr + maps[i].len, prot, err);
		if (prot & PROT_READ)
			add_range(readable, &n_readable, &maps[i]);
		if (prot & PROT_WRITE)
			add_range(writable, &n_writable, &maps[i]);
	}
	return r;
}

static int map_threads(int fd, struct err *err)
{
	size_t size = RT_SLOT_COUNT * sizeof(struct ctl_thread);
	size_t more = CTL_HOST_BYTES(RT_SLOT_COUNT);
	struct stat st;

	_Static_assert(RT_SLOT_COUNT * sizeof(struct ctl_thread) % PAGE == 0, "mapped apart");
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)(size + more))
		return err_set(err, EPROTO, "host process: the thread table is too short");
	void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	void *after = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)size);
	if (at == MAP_FAILED || after == MAP_FAILED)
		return err_sys(err, errno, "host process: cannot map the thread table");
	threads = at;
	words = after;
	return 0;
}

/* A descriptor of the same file that cannot be mapped writable, whatever the seals say. Where /proc
 * is not mounted the seal alone has to do. */
static int reopen_read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reopened = open(path, O_RDONLY | O_CLOEXEC);
	if (reopened < 0)
		return fd;
	close(fd);
	return reopened;
}

int memory_map(struct ctl_msg *msg, struct err *err)
{
	if (msg->n_fds != 4 || threads != NULL || msg->a % PAGE != 0 || msg->a < RT_WINDOW_LOW ||
	    msg->b > RT_REGION_SIZE || msg->b == 0 || msg->a > RT_WINDOW_HIGH)
		return err_set(err, EPROTO, "host process: malformed CTL_REGION");
	msg->n_fds = 0;
	region.base = msg->a;
	region.size = msg->b;
	region.start = msg->c;
	region.fds[0] = reopen_read_only(msg->fds[0]);
	region.fds[1] = msg->fds[1];
	region.stub_fd = msg->fds[3];
	int r = map_all(msg, err);
	if (r == 0)
		r = map_threads(msg->fds[2], err);
	close(msg->fds[2]);
	return r;
}
