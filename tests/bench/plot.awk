# SPDX-License-Identifier: MIT
# The unpinned figures as a drawing (SVG): for each measure that has a native figure, a dot for each system
# at how many times the native time it takes, on a logarithmic scale.
BEGIN {
	n_systems = split("Microcosm bubblewrap PRoot strace runsc", systems, " ")
	split("#d03030 #2a7de1 #2e9e5b #8a5fc8 #e08a1e", colours, " ")
	left = 320; width = 560; top = 58; step = 22
	low = -1; high = 3.4 # decimal logarithms
}

function log10(x) { return log(x) / log(10) }

function x_of(times,    x) {
	x = log10(times)
	x = x < low ? low : x > high ? high : x
	return left + (x - low) / (high - low) * width
}

function text(x, y, anchor, what) {
	gsub(/&/, "\\&amp;", what)
	gsub(/</, "\\&lt;", what)
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, what
}

function dot(x, y, colour, title) {
	printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"%s\" fill-opacity=\"0.85\"><title>%s</title></circle>\n",
		x, y, colour, title
}

function line(x1, y1, x2, y2, colour) {
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}

function choose_rows(    m, group, part) {
	for (m = 1; m <= n_measures; m++) {
		group = measures[m] SUBSEP "unpinned"
		if (unit[measures[m]] != "ns" || !(group in n_rows))
			continue
		split(row_of[group, 1], part, SUBSEP)
		if (part[3] == "native" && n_rows[group] > 1)
			drawn[++n_drawn] = group
	}
}

function draw_frame(bottom,    power, s, x) {
	for (power = low; power <= high; power++) {
		x = x_of(10 ^ power)
		line(x, top, x, bottom, power == 0 ? "#404040" : "#d8d8d8")
		text(x, bottom + 16, "middle", (power < 0 ? "1/" 10 ^ -power : 10 ^ power) "x")
	}
	text(left + width / 2, bottom + 34, "middle", "times the native cost; less is better")
	x = left
	for (s = 1; s <= n_systems; s++) {
		dot(x, 36, colours[s], systems[s])
		text(x + 10, 40, "start", systems[s])
		x += 110
	}
	text(12, 20, "start", "What things cost, medians")
}

END {
	choose_rows()
	bottom = top + step * n_drawn
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		left + width + 40, bottom + 48
	printf "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
	draw_frame(bottom)
	for (d = 1; d <= n_drawn; d++) {
		y = top + step * (d - 0.5)
		split(drawn[d], part, SUBSEP)
		text(left - 12, y + 4, "end", part[1])
		for (s = n_systems; s >= 1; s--) {
			row = drawn[d] SUBSEP systems[s] SUBSEP 1
			times = row in n ? ratio(row, row_of[drawn[d], 1]) : -1
			if (times > 0)
				dot(x_of(times), y, colours[s],
					sprintf("%s: %s, %s times native", systems[s], shown(median(row), "ns"), shown_ratio(times)))
		}
	}
	print "</svg>"
}
