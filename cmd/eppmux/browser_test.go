package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// browser is a Chromium without a window, driven by the WebDriver protocol (W3C) through
// chromedriver.
type browser struct {
	t       *testing.T
	session string // its address at chromedriver
	http    http.Client
}

// browserFlags keep Chromium from windows, from sandboxes that containers do not give, and from the
// network.
var browserFlags = []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb"}

// startBrowser starts one that ends with the test. Where there is no chromedriver the test skips,
// and fails in CI.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromedriver")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromedriver is missing: install chromium-driver")
		}
		t.Skip("no chromedriver: the page is not tried in a browser")
	}
	at := freeAddress(t)
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	cmd := exec.CommandContext(ctx, path, "--port="+at[strings.LastIndex(at, ":")+1:])
	log := clitest.NewTranscript()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = 10 * time.Second // a browser that outlives it keeps its output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, session: "http://" + at}
	b.http = http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	t.Cleanup(func() {
		if b.session != "http://"+at {
			_, _ = b.try(http.MethodDelete, "", nil) // ends the browser
		}
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("chromedriver printed:\n%s", log.Text())
		}
	})
	b.ready()
	b.open()
	return b
}

// ready waits until chromedriver answers.
func (b *browser) ready() {
	b.t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, err = b.try(http.MethodGet, "/status", nil); err == nil {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	b.t.Fatalf("chromedriver does not answer: %v", err)
}

func (b *browser) open() {
	b.t.Helper()
	options := map[string]any{"args": append([]string{"--user-data-dir=" + b.t.TempDir()}, browserFlags...)}
	want := map[string]any{"browserName": "chrome", "goog:chromeOptions": options,
		"goog:loggingPrefs": map[string]string{"browser": "ALL", "performance": "ALL"}}
	var got struct {
		SessionID string `json:"sessionId"`
	}
	b.call(http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": want}}, &got)
	b.session += "/session/" + got.SessionID
}

// try makes one call and returns its value.
func (b *browser) try(method, path string, body any) (json.RawMessage, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, b.session+path, in)
	if err != nil {
		return nil, err
	}
	r, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var answer struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil || r.StatusCode != 200 {
		return nil, fmt.Errorf("%s %s: %s: %.500s", method, path, r.Status, text)
	}
	return answer.Value, nil
}

func (b *browser) call(method, path string, body, to any) {
	b.t.Helper()
	value, err := b.try(method, path, body)
	if err == nil && to != nil {
		err = json.Unmarshal(value, to)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// visit loads a page.
func (b *browser) visit(url string) {
	b.t.Helper()
	b.call(http.MethodPost, "/url", map[string]string{"url": url}, nil)
}

// evaluate runs the body of a function of JavaScript in the page.
func evaluate[T any](b *browser, script string) (value T) {
	b.t.Helper()
	b.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, &value)
	return value
}

// until waits until a condition in the page is true, for half a minute.
func (b *browser) until(condition string) bool {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		if evaluate[bool](b, "return !!("+condition+")") {
			return true
		}
	}
	return false
}

// devtools calls a method of the Chrome DevTools Protocol.
func (b *browser) devtools(method string, params map[string]any) {
	b.t.Helper()
	b.call(http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": method, "params": params}, nil)
}

// screen sets the size of the window, in CSS pixels.
func (b *browser) screen(width, height int) {
	b.t.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
}

// scheme sets prefers-color-scheme.
func (b *browser) scheme(name string) {
	b.t.Helper()
	b.devtools("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": name}}})
}

// messages are what a log of the browser has got since the last call.
func (b *browser) messages(log string) []string {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.call(http.MethodPost, "/se/log", map[string]string{"type": log}, &entries)
	var all []string
	for _, e := range entries {
		all = append(all, e.Level+": "+e.Message)
	}
	return all
}

// picture is the whole page as PNG.
func (b *browser) picture() []byte {
	b.t.Helper()
	height := evaluate[int](b, "return document.documentElement.scrollHeight")
	width := evaluate[int](b, "return window.innerWidth")
	b.screen(width, min(height, 4000))
	var text string
	b.call(http.MethodGet, "/screenshot", nil, &text)
	png, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}
