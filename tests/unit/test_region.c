// SPDX-License-Identifier: MIT
// The region: its parts, its seals, the list of mappings.
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "region/region.h"
#include "rt.h"

static struct region region;
static struct err err;

static void setup(void)
{
	ck_assert_int_eq(region_create(&region, false, &err), 0);
}

static void teardown(void)
{
	region_destroy(&region);
}

START_TEST(base_is_in_the_window)
{
	ck_assert_uint_eq(region.base % 0x200000, 0);
	ck_assert(region.base >= RT_WINDOW_LOW && region.base < RT_WINDOW_HIGH);
	ck_assert_uint_eq(region.size, RT_REGION_SIZE);
	struct region other;
	ck_assert_int_eq(region_create(&other, true, &err), 0);
	ck_assert_uint_eq(other.base, RT_FIXED_BASE);
	region_destroy(&other);
	region_destroy(&other); // twice does no harm
}
END_TEST

START_TEST(fixed_maps_are_there)
{
	bool heap = false, table = false;
	for (size_t i = 0; i < region.n_maps; i++) {
		const struct region_map *m = &region.maps[i];
		ck_assert(m->part != REGION_SEALED || !(m->prot & PROT_WRITE));
		ck_assert(m->part != REGION_SHARED || !(m->prot & PROT_EXEC));
		heap |= m->addr == region.base + RT_OFF_HEAP && m->len == RT_HEAP_BYTES;
		table |= m->addr == region.base + RT_OFF_TABLE && m->private;
		ck_assert(m->private == (m->addr == region.base + RT_OFF_TABLE));
	}
	ck_assert(heap && table);
}
END_TEST

START_TEST(views_write_the_files)
{
	struct gaddr addr = {region.base + RT_OFF_HEADER};
	memcpy(region_at(&region, REGION_SEALED, addr, 8), "MICROCSM", 8);
	char text[9] = "";
	ck_assert_int_eq(pread(region.fds[REGION_SEALED], text, 8, 0), 8);
	ck_assert_str_eq(text, "MICROCSM");
	ck_assert_int_eq(pread(region.fds[REGION_SHARED], text, 8, 0), 8);
	ck_assert_int_eq(text[0], 0);
}
END_TEST

START_TEST(at_checks_bounds)
{
	uint64_t end = region.base + region.size;
	ck_assert_ptr_nonnull(region_at(&region, REGION_SHARED, (struct gaddr){end - 8}, 8));
	ck_assert_ptr_null(region_at(&region, REGION_SHARED, (struct gaddr){end - 8}, 9));
	ck_assert_ptr_null(region_at(&region, REGION_SHARED, (struct gaddr){region.base - 1}, 1));
	ck_assert_ptr_null(region_at(&region, REGION_SHARED, (struct gaddr){UINT64_MAX}, 2));
	ck_assert_ptr_null(region_at(&region, REGION_SHARED, (struct gaddr){region.base}, UINT64_MAX));
	ck_assert(region_contains(&region, region.base, region.size));
	ck_assert(!region_contains(&region, region.base, region.size + 1));
}
END_TEST

START_TEST(reserve_fills_the_zone)
{
	struct gaddr a, b;
	ck_assert_int_eq(region_reserve(&region, 1, 4096, &a, &err), 0);
	ck_assert_uint_eq(a.value, region.base + RT_OFF_MODULES);
	ck_assert_int_eq(region_reserve(&region, 5000, 0x10000, &b, &err), 0);
	ck_assert_uint_eq(b.value, a.value + 0x10000);
	ck_assert_int_eq(region_reserve(&region, UINT64_MAX, 4096, &a, &err), -ENOMEM);
	ck_assert_int_eq(region_reserve(&region, RT_OFF_HEAP, 4096, &a, &err), -ENOMEM);
	ck_assert_int_eq(region_reserve(&region, RT_OFF_HEAP - RT_OFF_MODULES - 0x12000, 4096, &a, &err),
			 0);
	ck_assert_int_eq(region_reserve(&region, 1, 4096, &a, &err), -ENOMEM);
}
END_TEST

START_TEST(map_refuses_overlaps)
{
	struct gaddr a;
	ck_assert_int_eq(region_reserve(&region, 0x4000, 4096, &a, &err), 0);
	ck_assert_int_eq(region_map(&region, a, 0x2000, PROT_READ, REGION_SEALED, &err), 0);
	struct gaddr second = {a.value + 0x1000}, third = {a.value + 0x2000};
	ck_assert_int_eq(region_map(&region, second, 1, PROT_READ, REGION_SHARED, &err), -EEXIST);
	ck_assert_int_eq(region_map(&region, third, 0x1001, PROT_READ, REGION_SHARED, &err), 0);
	ck_assert_uint_eq(region.maps[region.n_maps - 1].len, 0x2000);
	ck_assert_int_eq(region_map(&region, (struct gaddr){region.base + region.size}, 1, PROT_READ,
				    REGION_SHARED, &err), -EINVAL);
	ck_assert_int_eq(region_map(&region, (struct gaddr){a.value + 8}, 1, PROT_READ, REGION_SHARED,
				    &err), -EINVAL);
	for (size_t n = 0; region.n_maps < REGION_MAPS_MAX; n++) {
		ck_assert_int_eq(region_reserve(&region, 1, 4096, &a, &err), 0);
		ck_assert_int_eq(region_map(&region, a, 1, PROT_READ, REGION_SEALED, &err), 0);
	}
	ck_assert_int_eq(region_reserve(&region, 1, 4096, &a, &err), 0);
	ck_assert_int_eq(region_map(&region, a, 1, PROT_READ, REGION_SEALED, &err), -ENOMEM);
}
END_TEST

START_TEST(seals_hold)
{
	ck_assert_int_eq(region_seal(&region, &err), 0);
	int sealed = region.fds[REGION_SEALED], shared = region.fds[REGION_SHARED];
	ck_assert(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, sealed, 0) == MAP_FAILED);
	void *view = mmap(NULL, 4096, PROT_READ, MAP_SHARED, sealed, 0);
	ck_assert(view != MAP_FAILED);
	ck_assert_int_lt(mprotect(view, 4096, PROT_READ | PROT_WRITE), 0);
	munmap(view, 4096);
	view = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, sealed, 0);
	ck_assert(view != MAP_FAILED);
	munmap(view, 4096);
	ck_assert_int_lt(pwrite(sealed, "x", 1, 0), 0);
	ck_assert_int_lt(ftruncate(sealed, 0), 0);
	ck_assert_int_lt(ftruncate(shared, 0), 0);
	ck_assert_int_lt(ftruncate(shared, (off_t)region.size * 2), 0);
	ck_assert_int_lt(fcntl(shared, F_ADD_SEALS, F_SEAL_WRITE), 0);
	region.views[REGION_SEALED][0] = 'M'; // the tracer goes on writing
	view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
	ck_assert(view != MAP_FAILED);
	munmap(view, 4096);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("region");
	TCase *tc = tcase_create("region");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, base_is_in_the_window);
	tcase_add_test(tc, fixed_maps_are_there);
	tcase_add_test(tc, views_write_the_files);
	tcase_add_test(tc, at_checks_bounds);
	tcase_add_test(tc, reserve_fills_the_zone);
	tcase_add_test(tc, map_refuses_overlaps);
	tcase_add_test(tc, seals_hold);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
