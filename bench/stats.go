package main

import (
	"cmp"
	"math"
	"slices"
)

// percentile returns the least value that at least the part q of all values do not exceed. q is
// above 0 and at most 1. sorted is in rising order. The percentile of nothing is zero.
func percentile[T cmp.Ordered](sorted []T, q float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))-1e-9))-1)]
}

// figure is the median of several rounds, with the least and the most of them.
type figure struct {
	median, least, most float64
	n                   int // rounds; 0: there is no figure
}

// figureOf makes a figure of values. It leaves out NaN.
func figureOf(values []float64) figure {
	var v []float64
	for _, x := range values {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return figure{}
	}
	slices.Sort(v)
	m := v[len(v)/2]
	if len(v)%2 == 0 {
		m = (v[len(v)/2-1] + m) / 2
	}
	return figure{median: m, least: v[0], most: v[len(v)-1], n: len(v)}
}
