/* SPDX-License-Identifier: MIT
 * The default module set, microcosm-modules.so: what it depends on is what counts. */
extern const char mc_module_set[];
const char mc_module_set[] = "microcosm";
