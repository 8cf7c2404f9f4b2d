package main

import (
	"math"
	"slices"
	"testing"
)

func TestPercentile(t *testing.T) {
	ten := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		sorted []int
		q      float64
		want   int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.999, 7},
		{[]int{1, 2}, 0.5, 1},
		{[]int{1, 2, 3}, 0.5, 2},
		{ten, 0.1, 1},
		{ten, 0.5, 5},
		{ten, 0.91, 10},
		{ten, 0.99, 10},
		{ten, 1, 10},
	} {
		if got := percentile(c.sorted, c.q); got != c.want {
			t.Errorf("percentile %v of %v: got %d, want %d", c.q, c.sorted, got, c.want)
		}
	}
	thousand := make([]int, 1000)
	for i := range thousand {
		thousand[i] = i + 1
	}
	for q, want := range map[float64]int{0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		if got := percentile(thousand, q); got != want {
			t.Errorf("percentile %v of 1 to 1000: got %d, want %d", q, got, want)
		}
	}
}

func TestFigure(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		values []float64
		want   figure
	}{
		{nil, figure{}},
		{[]float64{nan, inf}, figure{}},
		{[]float64{3}, figure{3, 3, 3, 1}},
		{[]float64{3, 1}, figure{2, 1, 3, 2}},
		{[]float64{9, nan, 1, 4}, figure{4, 1, 9, 3}},
		{[]float64{5, 1, 2, 9}, figure{3.5, 1, 9, 4}},
	} {
		given := slices.Clone(c.values)
		if got := figureOf(c.values); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.values, got, c.want)
		}
		if slices.Compare(given, c.values) != 0 && !math.IsNaN(given[0]) && !math.IsNaN(given[min(1, len(given)-1)]) {
			t.Errorf("%v: the values were changed to %v", given, c.values)
		}
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1234567: "1,234,567", 999.6: "1,000", 123.4: "123", 99.5: "99.5", 12: "12", 0.75: "0.75",
		1.005: "1", 0.0123456: "0.0123", -0.5: "-0.5", -1234: "-1,234", 0.00012: "0.00012"} {
		if got := short(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}
