// SPDX-License-Identifier: MIT
// --surface: what a world can do to the host is exactly this list of gates and grants.
#include "world.h"

static void print_rule(FILE *to, const struct mc_rule *rule)
{
	static const char *const ops[] = {
		[MC_RULE_EQ] = "==", [MC_RULE_NE] = "!=", [MC_RULE_LT] = "<",
		[MC_RULE_LE] = "<=", [MC_RULE_GE] = ">=", [MC_RULE_GT] = ">",
	};
	if (rule->op == MC_RULE_MASKED)
		fprintf(to, " arg%u&%#llx==%#llx", rule->arg, (unsigned long long)rule->mask,
			(unsigned long long)rule->value);
	else
		fprintf(to, " arg%u%s%#llx", rule->arg, ops[rule->op],
			(unsigned long long)rule->value);
}

void surface_print(const struct world *w, FILE *to)
{
	net_print(&w->net, to);
	for (size_t i = 0; i < w->modules->n_imports; i++) {
		const struct module_import *import = &w->modules->imports[i];
		fprintf(to, "gate %s", import->symbol);
		for (size_t l = 0; l < import->n_libraries; l++)
			fprintf(to, "%s%s", l ? "," : " from ", import->libraries[l]);
		fprintf(to, " for %s%s\n", import->module, import->vector ? " vector" : "");
	}
	for (int32_t nr = 0; nr < (int32_t)RT_KERNEL_STUBS; nr++)
		for (size_t i = 0; i < w->n_grants; i++) {
			const struct os_rule *rule = &w->grants[i].rule;
			if ((int32_t)rule->nr != nr)
				continue;
			const char *name = trace_call_name(nr);
			fprintf(to, "grant %d %s%s", nr, name ? name : "?",
				call_is_mediated(nr) || rule_is_mediated(rule) ? " checked" : "");
			for (uint32_t c = 0; c < rule->n_conditions; c++)
				print_rule(to, &rule->conditions[c]);
			if (table_get(w, w->boot, nr) != table_kernel_stub(w, nr))
				fprintf(to, " interposed");
			fputc('\n', to);
		}
}
