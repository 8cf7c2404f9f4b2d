// Package metrictest helps to test the metrics of a package: it numbers a snapshot and compares all
// that is shown of it with a golden file.
//
//	s := new(Snapshot)
//	metrictest.Number(s, "a")                            // each number within s is another one
//	c := metrictest.Collector{table.Describe, func(ch chan<- prometheus.Metric) { table.Send(ch, s, "a") }}
//	metrictest.Golden(t, "testdata/metrics.txt", c, *update)
package metrictest

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Number gives each int, uint64 and time.Duration within the value that a pointer points to a
// number of its own, as far as structs and arrays go. Its path decides which: a field that comes to
// stand beside others changes none of them. The name is the beginning of all paths.
func Number(pointer any, name string) { number(reflect.ValueOf(pointer).Elem(), name) }

func number(v reflect.Value, path string) {
	n := int64(crc32.ChecksumIEEE([]byte(path))%9000) + 1
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				number(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			number(v.Index(i), fmt.Sprint(path, ".", i))
		}
	case reflect.Int:
		v.SetInt(n)
	case reflect.Int64:
		v.SetInt(n * int64(time.Millisecond))
	case reflect.Uint64:
		v.SetUint(uint64(n))
	}
}

// Collector is a prometheus.Collector of two functions.
type Collector struct {
	Descs   func(chan<- *prometheus.Desc)
	Metrics func(chan<- prometheus.Metric)
}

// Describe implements prometheus.Collector.
func (c Collector) Describe(ch chan<- *prometheus.Desc) { c.Descs(ch) }

// Collect implements prometheus.Collector.
func (c Collector) Collect(ch chan<- prometheus.Metric) { c.Metrics(ch) }

// Scrape returns what /metrics shows of a collector, whose metrics are held against what it
// describes.
func Scrape(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(c); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// Golden compares what /metrics shows of a collector with a file, or writes the file. A metric that
// is described and has no line in the file is a fault.
func Golden(t *testing.T, file string, c prometheus.Collector, update bool) {
	t.Helper()
	got := Scrape(t, c)
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(text), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		var got, want string
		if i < len(gotLines) {
			got = gotLines[i]
		}
		if i < len(wantLines) {
			want = wantLines[i]
		}
		if got != want {
			t.Fatalf("%s:%d: got %q, want %q; go test -update writes what is got", file, i+1, got, want)
		}
	}
	descs := make(chan *prometheus.Desc, 1000) // closed below; room for all of a table
	c.Describe(descs)
	close(descs)
	described := 0
	for range descs {
		described++
	}
	if shown := strings.Count(got, "# TYPE "); shown != described {
		t.Errorf("%s has %d metrics, and %d are described", file, shown, described)
	}
}
