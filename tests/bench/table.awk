# SPDX-License-Identifier: MIT
# The figures as text: median, quartiles, and the median over the rounds of the ratio to the first system.
END {
	print "Each line: median [lower .. upper quartile] x ratio to the first of its group"
	for (g = 1; g <= n_groups; g++) {
		split(groups[g], part, SUBSEP)
		printf "\n%s (%s)\n", part[1], part[2]
		kind = unit[part[1]]
		for (r = 1; r <= n_rows[groups[g]]; r++) {
			row = row_of[groups[g], r]
			split(row, name, SUBSEP)
			count = values_of(row, list)
			printf "  %-28s %12s  [%s .. %s]  x %s\n",
				name[3] (kind == "/s" ? ", " threads_of(name[4]) : ""),
				shown(quantile(list, count, 0.5), kind), shown(quantile(list, count, 0.25), kind),
				shown(quantile(list, count, 0.75), kind),
				shown_ratio(ratio(row, row_of[groups[g], 1]))
		}
	}
}
