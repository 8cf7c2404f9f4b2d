package audit_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"eppmux/audit"
)

// A transform is recorded before it is sent and when it has ended; then the file is read back.
func ExampleLog() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "audit.jsonl")
	l, err := audit.Open(audit.Config{File: path})
	if err != nil {
		fmt.Println(err)
		return
	}

	e := &audit.Entry{
		Time: time.Now(), Event: audit.Sending, Registry: "example", Client: "127.0.0.1:5000", Session: 1, Command: "create",
		MuxTRID: []byte("mux-0001"),
		Payload: []byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create>` +
			`<d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>a.example</d:name></d:create>` +
			`</create><clTRID>mux-0001</clTRID></command></epp>`),
	}
	written := make(chan bool, 1)
	l.Record(e, 1, func(_ uint64, ok bool) { written <- ok })
	l.Flush()
	if !<-written {
		fmt.Println("not recorded: do not send it")
	}

	// The connection is lost before an answer comes.
	e.Event, e.End, e.Cause = audit.End, "unknown", "registry_closed"
	l.Add(e)
	if err := l.Close(time.Second); err != nil {
		fmt.Println(err)
	}

	r, err := audit.OpenLog(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	var stories audit.Joiner
	for {
		raw, line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(line.Event)
		if s := stories.Add(raw, line); s != nil && s.Unknown() {
			fmt.Println("find out at the registry:", s.Command, s.Names)
		}
	}
	// Output:
	// start
	// sending
	// end
	// find out at the registry: create [a.example]
	// stop
}
