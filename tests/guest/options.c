/* SPDX-License-Identifier: MIT
 * Modules find what the user says by --option, the last of a name; programs find it in the header, and
 * cannot change it.
 * modules: option
 * options: --option=greeting=hello --option=n=42 --option=empty= --option=greeting=b=ye --option=big=9223372036854775808
 */
#include "check.h"

int main(void)
{
	static const char expected[] = "greeting\0hello\0n\00042\0empty\0\0greeting\0b=ye\0big\0009223372036854775808\0";
	const char *options = (const char *)mc_header()->options;

	CHECK_IS(check_call(8300, 1, 0, 0, 0, 0, 0), 42);
	for (int i = 0; i < 5; i++)
		CHECK_IS(check_call(8301, i, 0, 0, 0, 0, 0), "b=ye"[i]);
	for (size_t i = 0; i < sizeof expected; i++)
		CHECK_IS(options[i], expected[i]);
	return 0;
}
