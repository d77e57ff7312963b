# SPDX-License-Identifier: MIT
# Two builds that were measured in turn: medians, and the ratio of "Microcosm" to "other" in the same
# rounds with its quartiles. A star: every round has the same one ahead.
END {
	printf "%-46s %-10s %12s %12s   %s\n", "", "", "Microcosm", "other", "ratio [quartiles]"
	for (g = 1; g <= n_groups; g++) {
		split(groups[g], part, SUBSEP)
		for (r = 1; r <= n_rows[groups[g]]; r++) {
			row = row_of[groups[g], r]
			split(row, name, SUBSEP)
			base = groups[g] SUBSEP "other" SUBSEP name[4]
			if (name[3] != "Microcosm" || !(base in n))
				continue
			kind = unit[part[1]]
			count = ratios(row, base, list)
			printf "%-46s %-10s %12s %12s   %s [%s .. %s]%s\n",
				part[1] (kind == "/s" ? ", " threads_of(name[4]) : ""),
				part[2] == "on one CPU" ? "one CPU" : part[2],
				shown(median(row), kind), shown(median(base), kind),
				shown_ratio(quantile(list, count, 0.5)), shown_ratio(quantile(list, count, 0.25)),
				shown_ratio(quantile(list, count, 0.75)),
				(list[1] > 1 || list[count] < 1 ? " *" : "")
		}
	}
}
