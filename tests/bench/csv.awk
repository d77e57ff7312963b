# SPDX-License-Identifier: MIT
# The figures as CSV: the ratio is the median over the rounds, to the first system of the measure.
END {
	print "measure,where,system,threads,unit,rounds,median,low,quartile1,quartile3,high,ratio"
	for (g = 1; g <= n_groups; g++)
		for (r = 1; r <= n_rows[groups[g]]; r++) {
			row = row_of[groups[g], r]
			split(row, name, SUBSEP)
			count = values_of(row, list)
			printf "%s,%s,%s,%s,%s,%d,%.6g,%.6g,%.6g,%.6g,%.6g,%.4g\n", name[1], name[2], name[3],
				name[4], unit[name[1]], count, quantile(list, count, 0.5), list[1],
				quantile(list, count, 0.25), quantile(list, count, 0.75), list[count],
				ratio(row, row_of[groups[g], 1])
		}
}
