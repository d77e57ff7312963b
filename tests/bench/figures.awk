# SPDX-License-Identifier: MIT
# Reads rounds.csv, for table.awk, csv.awk, markdown.awk, compare.awk and plot.awk. A group is a measure at
# a place; its rows are the systems with a number of threads, and the first row is what the others are
# compared with.
BEGIN { FS = "," }
FNR == 1 { next }
{
	group = $3 SUBSEP $2
	row = group SUBSEP $4 SUBSEP $5
	if (!(group in n_rows)) {
		groups[++n_groups] = group
		if (!($3 in unit))
			measures[++n_measures] = $3
		unit[$3] = $7
	}
	if (!(row in n))
		row_of[group, ++n_rows[group]] = row
	value[row, ++n[row]] = $6
	in_round[row, $1] = $6
	if ($1 > n_rounds)
		n_rounds = $1 + 0
}

function sort(list, count,    i, j, x) {
	for (i = 2; i <= count; i++) {
		x = list[i]
		for (j = i - 1; j > 0 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
}

# Of a sorted list, between its elements where it must.
function quantile(list, count, q,    at, low) {
	at = 1 + q * (count - 1)
	low = int(at)
	return low == count ? list[low] : list[low] + (at - low) * (list[low + 1] - list[low])
}

# Fills list with a row's sorted values, and says how many.
function values_of(row, list,    i) {
	for (i = 1; i <= n[row]; i++)
		list[i] = value[row, i] + 0
	sort(list, n[row])
	return n[row]
}

function median(row,    list) {
	return row in n ? quantile(list, values_of(row, list), 0.5) : -1
}

# Fills list with the sorted ratios of two rows within the same rounds, and says how many.
function ratios(row, base, list,    round, count) {
	count = 0
	for (round = 1; round <= n_rounds; round++)
		if ((row, round) in in_round && (base, round) in in_round && in_round[base, round] > 0)
			list[++count] = in_round[row, round] / in_round[base, round]
	sort(list, count)
	return count
}

function ratio(row, base,    list, count) {
	count = ratios(row, base, list)
	return count ? quantile(list, count, 0.5) : -1
}

function shown_ratio(x) {
	return x < 0 ? "-" : sprintf(x < 0.1 ? "%.3f" : x < 10 ? "%.2f" : "%.0f", x)
}

function shown(x, kind) {
	if (kind == "KiB")
		return sprintf(x < 100 ? "%.1f KiB" : "%.0f KiB", x)
	if (kind == "/s")
		return sprintf("%.0f k/s", x / 1e3)
	if (x >= 1e9)
		return sprintf("%.2f s", x / 1e9)
	if (x >= 1e6)
		return sprintf("%.2f ms", x / 1e6)
	if (x >= 1e3)
		return sprintf("%.2f us", x / 1e3)
	return sprintf("%.1f ns", x)
}

function threads_of(count) {
	return count == 1 ? "1 thread" : count " threads"
}
