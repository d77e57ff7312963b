# SPDX-License-Identifier: MIT
# The medians as tables for README.md: what a thing costs, unpinned, with Microcosm on one CPU beside it;
# then what several threads do together.
function cell(measure, where, who, threads,    row) {
	row = measure SUBSEP where SUBSEP who SUBSEP threads
	return row in n ? shown(median(row), unit[measure]) : "-"
}

function costs(    m, measure, base, beside, part, group) {
	print "| | beside | Microcosm | ratio | on one CPU | bubblewrap | PRoot | strace | runsc |"
	print "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
	for (m = 1; m <= n_measures; m++) {
		measure = measures[m]
		group = measure SUBSEP "unpinned"
		if (unit[measure] == "/s" || !(group in n_rows))
			continue
		base = row_of[group, 1]
		split(base, part, SUBSEP)
		beside = part[3] == "Microcosm" ? "-" : shown(median(base), unit[measure])
		if (part[3] != "native" && part[3] != "Microcosm")
			beside = beside " (" part[3] ")"
		printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", measure, beside,
			cell(measure, "unpinned", "Microcosm", 1),
			part[3] == "Microcosm" ? "-" : shown_ratio(ratio(group SUBSEP "Microcosm" SUBSEP 1, base)),
			cell(measure, "on one CPU", "Microcosm", 1),
			cell(measure, "unpinned", "bubblewrap", 1), cell(measure, "unpinned", "PRoot", 1),
			cell(measure, "unpinned", "strace", 1), cell(measure, "unpinned", "runsc", 1)
	}
}

function rates(    m, measure, r, row, part, group) {
	print "\n| | | 1 thread, one CPU | 1 thread | 2 | 4 | 8 |\n| --- | --- | --- | --- | --- | --- | --- |"
	for (m = 1; m <= n_measures; m++) {
		measure = measures[m]
		group = measure SUBSEP "unpinned"
		for (r = 1; unit[measure] == "/s" && r <= n_rows[group]; r++) {
			split(row_of[group, r], part, SUBSEP)
			if (part[4] != 1)
				continue
			printf "| %s | %s | %s | %s | %s | %s | %s |\n", measure, part[3],
				cell(measure, "on one CPU", part[3], 1), cell(measure, "unpinned", part[3], 1),
				cell(measure, "unpinned", part[3], 2), cell(measure, "unpinned", part[3], 4),
				cell(measure, "unpinned", part[3], 8)
		}
	}
}

END {
	costs()
	rates()
}
