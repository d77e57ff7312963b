/* SPDX-License-Identifier: MIT
 * The test modules order_a, order_b and order_c say when their initialisers and finalisers
 * run: a needs b and c, b needs c. */
#ifndef ORDER_H
#define ORDER_H

#include "check.h"

extern int order_steps; /* in order_c */
void order_step(const char *what);

#define ORDER_MODULE(name)                                                          \
	__attribute__((constructor)) static void start_##name(void)                 \
	{                                                                           \
		order_step("init " #name);                                          \
	}                                                                           \
	__attribute__((destructor)) static void end_##name(void)                    \
	{                                                                           \
		order_step("fini " #name);                                          \
	}

#endif
