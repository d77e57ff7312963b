// SPDX-License-Identifier: MIT
// What has been proven to be a site in one process is one for every process of the world that has the same
// page of the same file: it is patched there as soon as a call comes from that code, before threads are made.
// That the file is the same is told by device and inode, that its code is, by the bytes of the whole page.
#include <stdlib.h>
#include <string.h>

#include "call/patch.h"

#define PAGES_MAX 512
#define SITES_MAX 32 /* of a page */
#define CODE_READ (CODE_PAGE + 8)

struct page {
	uint64_t dev, inode, offset;
	size_t n;
	uint16_t at[SITES_MAX];
	uint8_t code[CODE_PAGE]; /* as the file has it */
};

struct proven {
	struct page *pages[PAGES_MAX];
	size_t n;
	uint32_t changes;
};

struct proven *proven_new(void)
{
	struct proven *proven = calloc(1, sizeof *proven);
	if (proven)
		proven->changes = 1; /* no process has seen this one */
	return proven;
}

void proven_free(struct proven *proven)
{
	if (!proven)
		return;
	for (size_t i = 0; i < proven->n; i++)
		free(proven->pages[i]);
	free(proven);
}

/* The page at `page` and what follows, as t has it and as it was before anything in the page was patched. The bytes
 * of it that there are, or 0. */
static size_t page_read(const struct world *w, const struct thread *t, uint64_t page, uint8_t now[CODE_READ],
			uint8_t before[CODE_READ])
{
	ssize_t n = os_read(t->tid, page, now, CODE_READ);
	if (n < CODE_PAGE)
		return 0;
	memset(now + n, 0, CODE_READ - (size_t)n);
	memcpy(before, now, CODE_READ);
	slots_restore(w, t->process, page, before);
	return (size_t)n;
}

/* ---- Learning ---- */

static struct page *page_of(struct proven *proven, const struct os_mapping *mapping, uint64_t offset)
{
	struct page *page;
	for (size_t i = 0; i < proven->n; i++) {
		page = proven->pages[i];
		if (page->inode == mapping->inode && page->dev == mapping->dev && page->offset == offset)
			return page;
	}
	if (proven->n == PAGES_MAX || !(page = calloc(1, sizeof *page)))
		return NULL;
	page->dev = mapping->dev;
	page->inode = mapping->inode;
	page->offset = offset;
	return proven->pages[proven->n++] = page;
}

void proven_add(struct world *w, const struct thread *t, const struct os_mapping *mapping, uint64_t at)
{
	uint8_t now[CODE_READ], before[CODE_READ];
	uint64_t in_page = at % CODE_PAGE, start = at - in_page;
	/* Its `syscall` may lie in the next page. */
	if (mapping->inode == 0 || in_page > CODE_PAGE - ARCH_SITE_CHANGED || !page_read(w, t, start, now, before))
		return;
	struct page *page = page_of(w->proven, mapping, mapping->offset + (start - mapping->low));
	if (!page)
		return;
	if (page->n && memcmp(page->code, before, CODE_PAGE) != 0)
		page->n = 0; /* the file has changed */
	memcpy(page->code, before, CODE_PAGE);
	for (size_t i = 0; i < page->n; i++)
		if (page->at[i] == in_page)
			return;
	if (page->n < SITES_MAX) {
		page->at[page->n++] = (uint16_t)in_page;
		w->proven->changes++;
	}
}

/* ---- Using it ---- */

/* Whether anything may be known of ip's code that the process has not been told. */
static bool is_news(const struct world *w, const struct process *p, uint64_t ip)
{
	for (size_t i = 0; i < CODE_RANGES; i++)
		if (ip >= p->code[i].low && ip < p->code[i].high)
			return p->code[i].changes != w->proven->changes;
	return true;
}

static void told(struct world *w, struct process *p, uint64_t low, uint64_t high)
{
	size_t i = 0;
	while (i < CODE_RANGES - 1 && p->code[i].low != low && p->code[i].high != 0)
		i++;
	p->code[i].low = low;
	p->code[i].high = high;
	p->code[i].changes = w->proven->changes;
}

static void patch_page(struct world *w, const struct thread *t, const struct page *page, uint64_t start)
{
	uint8_t now[CODE_READ], before[CODE_READ];
	size_t n = page_read(w, t, start, now, before);
	if (!n || memcmp(before, page->code, CODE_PAGE) != 0)
		return;
	for (size_t i = 0; i < page->n; i++) {
		uint8_t *code = now + page->at[i];
		bool whole = page->at[i] + sizeof(uint64_t) <= n;
		if (whole && memcmp(code, page->code + page->at[i], ARCH_SITE_CHANGED) == 0 && arch_site_ends(code))
			patch_site(w, t, start + page->at[i], code); /* it is not yet */
	}
}

void proven_apply(struct world *w, const struct thread *t, uint64_t ip)
{
	struct os_mapping mapping;
	if (!is_news(w, t->process, ip) || !os_mapping(t->tid, ip, &mapping))
		return;
	told(w, t->process, mapping.low, mapping.high);
	bool allowed = false; /* asked only where anything is known */
	for (size_t i = 0; mapping.inode != 0 && i < w->proven->n; i++) {
		const struct page *page = w->proven->pages[i];
		uint64_t from = page->offset - mapping.offset;
		if (page->inode != mapping.inode || page->dev != mapping.dev || from >= mapping.high - mapping.low)
			continue;
		if (!allowed && !patch_allowed(t, &mapping))
			return;
		allowed = true;
		patch_page(w, t, page, mapping.low + from);
	}
}
