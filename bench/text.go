package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// short writes a number with three digits, or with all digits before the point if those are more.
func short(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a >= 100:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case a < 0.001:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(a)))
	text := strconv.FormatFloat(v, 'f', max(0, digits), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// thousands puts commas into a whole number.
func thousands(digits string) string {
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// octets writes a size in octets for people.
func octets(n float64) string {
	for _, u := range []string{"octets", "KiB", "MiB"} {
		if n < 1024 {
			return fmt.Sprintf("%.3g %s", n, u)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.3g GiB", n)
}

// String returns the median, with the spread if there are several rounds.
func (f figure) String() string {
	switch f.n {
	case 0:
		return "–"
	case 1:
		return short(f.median)
	}
	return fmt.Sprintf("%s (%s–%s)", short(f.median), short(f.least), short(f.most))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
