package config

import (
	"math"
	"reflect"
	"time"
)

// The rules. They are checked on the values with their defaults, in the order of the fields, and
// reported at the key whose change would mend the file. The tags have the rules about one number;
// the method rule of a struct has the others.

// A ruler is a struct with rules that its tags cannot say.
type ruler interface {
	// rule checks a key of the mapping at path, before its tags and what it holds are checked. An
	// empty key comes last: it is the mapping as a whole.
	rule(c *checker, path, key string)
}

// rules checks a struct and what it holds.
func (c *checker) rules(path string, v reflect.Value) {
	own, _ := v.Addr().Interface().(ruler)
	for _, k := range keysOf(v.Type()) {
		if own != nil {
			own.rule(c, path, k.name)
		}
		at, f := join(path, k.name), v.FieldByIndex(k.index)
		c.bounds(at, k, f, v)
		switch f.Kind() {
		case reflect.Pointer: // a mapping that could not be read has its fault
			if !f.IsNil() && !c.hasFault(at) {
				c.rules(at, f.Elem())
			}
		case reflect.Struct:
			c.rules(at, f)
		case reflect.Slice:
			c.entries(at, f)
		}
	}
	if own != nil {
		own.rule(c, path, "")
	}
}

// entries checks the mappings of a list, but for those that are not in the file and those that
// could not be read.
func (c *checker) entries(path string, list reflect.Value) {
	if list.Type().Elem().Kind() != reflect.Struct {
		return
	}
	for i := range list.Len() {
		if at := index(path, i); c.has(at) && !c.hasFault(at) {
			c.rules(at, list.Index(i))
		}
	}
}

// bounds checks what the tags say of a number or duration. A key that is left out and has no
// default is right.
func (c *checker) bounds(path string, k key, v, mapping reflect.Value) {
	switch d := v.Interface().(type) {
	case time.Duration:
		if k.zero != "" {
			c.atLeastZero(path, d)
		} else {
			c.aboveZero(path, d)
		}
	case int:
		if k.min+k.max+k.zero != "" && (d != 0 || c.has(path)) {
			c.numberBounds(path, k, int64(d), mapping)
		}
	}
}

// numberBounds checks a number against min and max. A key that gives 0 a meaning admits 0 beside
// them, and has 0 for its min where it has no other.
func (c *checker) numberBounds(path string, k key, n int64, mapping reflect.Value) {
	low, high := int64(0), int64(math.MaxInt64)
	var least, most string
	if k.min != "" {
		low, least = amount(k.min, mapping)
	}
	if k.max != "" {
		high, most = amount(k.max, mapping)
	}
	if n >= low && n <= high || n == 0 && k.zero != "" {
		return
	}
	first, want := least, ""
	if k.zero != "" {
		first = "0 (" + k.zero + ")"
	}
	switch {
	case k.max != "":
		want = first + " to " + most
	case k.zero == "":
		want = "at least " + least
	case k.min == "":
		want = first + " or more"
	default:
		want = first + " or at least " + least
	}
	if k.unit != "" {
		want += " " + k.unit
	}
	c.add(path, "must be %s, got %d", want, n)
}

func (c *checker) aboveZero(path string, d time.Duration) {
	if d <= 0 {
		c.add(path, "must be above 0, got %v", d)
	}
}

func (c *checker) atLeastZero(path string, d time.Duration) {
	if d < 0 {
		c.add(path, "must not be below 0, got %v", d)
	}
}
