# SPDX-License-Identifier: MIT
# Reads rounds.csv; prints each figure's median and spread, and the median over the rounds of its ratio
# to the first system of the measurement in the same round. With -v csv=1 the same as CSV; with
# -v markdown=1 a table of the medians, pinned and unpinned side by side.
BEGIN {
	FS = ","
	if (csv)
		print "measurement,where,system,unit,rounds,median,low,high,ratio"
}
FNR == 1 { next }
{
	group = $3 SUBSEP $2
	row = group SUBSEP $4
	if (!(group in known)) {
		known[group] = 1
		groups[++n_groups] = group
		first[group] = row
	}
	if (!(row in n)) {
		row_of[group, ++n_rows[group]] = row
		unit[row] = $6
	}
	value[row, ++n[row]] = $5
	in_round[row, $1] = $5
	if ($1 > n_rounds)
		n_rounds = $1
}

# Sorts list[1..count]; returns its median.
function median(list, count,    i, j, x) {
	for (i = 2; i <= count; i++) {
		x = list[i]
		for (j = i - 1; j > 0 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
	return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}

function shown(x, kind) {
	if (kind == "KiB")
		return sprintf("%.0f KiB", x)
	if (x >= 1e9)
		return sprintf("%.2f s", x / 1e9)
	if (x >= 1e6)
		return sprintf("%.2f ms", x / 1e6)
	if (x >= 1e3)
		return sprintf("%.2f us", x / 1e3)
	return sprintf("%.1f ns", x)
}

function ratio(row, base,    round, count, list) {
	count = 0
	for (round = 1; round <= n_rounds; round++)
		if ((row, round) in in_round && (base, round) in in_round && in_round[base, round] > 0)
			list[++count] = in_round[row, round] / in_round[base, round]
	return count ? sprintf("%.2f", median(list, count)) : "-"
}

function middle_of(row,    i, values) {
	if (!(row in n))
		return "-"
	for (i = 1; i <= n[row]; i++)
		values[i] = value[row, i]
	return shown(median(values, n[row]), unit[row])
}

function markdown_table(    g, r, part, name, row, pinned) {
	print "| | | unpinned | on one CPU |\n| --- | --- | --- | --- |"
	for (g = 1; g <= n_groups; g++) {
		split(groups[g], part, SUBSEP)
		if (part[2] == "on one CPU")
			continue
		for (r = 1; r <= n_rows[groups[g]]; r++) {
			row = row_of[groups[g], r]
			split(row, name, SUBSEP)
			pinned = middle_of(name[1] SUBSEP "on one CPU" SUBSEP name[3])
			printf "| %s | %s | %s | %s |\n",
				(r > 1 ? "" : part[1] (part[2] == "loaded" ? " (loaded machine)" : "")),
				name[3], middle_of(row), part[2] == "loaded" ? "-" : pinned
		}
	}
}

END {
	if (markdown) {
		markdown_table()
		exit
	}
	for (g = 1; g <= n_groups; g++) {
		split(groups[g], part, SUBSEP)
		if (!csv)
			printf "\n%s (%s)\n", part[1], part[2]
		for (r = 1; r <= n_rows[groups[g]]; r++) {
			row = row_of[groups[g], r]
			split(row, name, SUBSEP)
			for (i = 1; i <= n[row]; i++)
				values[i] = value[row, i]
			middle = median(values, n[row])
			if (csv)
				printf "%s,%s,%s,%s,%d,%s,%s,%s,%s\n", name[1], name[2], name[3], unit[row],
					n[row], middle, values[1], values[n[row]], ratio(row, first[groups[g]])
			else
				printf "  %-44s %12s  [%s .. %s]  x %s\n", name[3], shown(middle, unit[row]),
					shown(values[1], unit[row]), shown(values[n[row]], unit[row]),
					ratio(row, first[groups[g]])
		}
	}
}
