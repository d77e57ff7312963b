/* SPDX-License-Identifier: MIT
 * build: @out@/order_b.so @out@/order_c.so
 */
#include "order.h"
ORDER_MODULE(a)
__attribute__((constructor)) static void second(void)
{
	order_step("init a again");
}
