package sandbox

import (
	"maps"
	"testing"
)

func TestRecord(t *testing.T) {
	r := start(t, Config{Empty: true, Record: true})
	c := enter(t, r, "demo")
	c.do("create", "D:<name>One.com</name>"+pw).want(1000)
	c.do("create", "D:<name>one.com</name>"+pw).want(2302)
	c.do("check", "D:<name>one.com</name><name>two.com</name>").want(1000)
	c.do("create", "C:<id>NEW-1</id>"+aliceClone).want(1000)
	c.do("delete", "D:<name>two.com</name>").want(2303)
	c.command(`<poll op="req"/>`).want(1300) // of no object
	want := map[string]Times{
		"create one.com": {2, 1}, "check one.com": {1, 1}, "check two.com": {1, 1}, "create new-1": {1, 1}, "delete two.com": {1, 0},
	}
	if got := r.Record(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := r.Executions("create", "ONE.com"); got != (Times{2, 1}) {
		t.Errorf("got %v", got)
	}
	if got := r.Executions("create", "three.com"); got != (Times{}) {
		t.Errorf("got %v", got)
	}
	n := r.Counters()
	if want := map[string]uint64{"login": 1, "create": 2, "check": 1, "poll": 1}; !maps.Equal(n.Executed, want) {
		t.Errorf("executed %v, want %v", n.Executed, want)
	}
}

// TestRecordOff: without Config.Record nothing is kept.
func TestRecordOff(t *testing.T) {
	r := start(t, Config{})
	enter(t, r, "demo").checks()
	if r.Record() != nil || r.Executions("check", "a.com") != (Times{}) {
		t.Errorf("got %v", r.Record())
	}
}
