/* SPDX-License-Identifier: MIT
 * build: @out@/order_c.so
 */
#include "order.h"
ORDER_MODULE(b)
