package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// busyStand is a program with registries in different states, under a little load.
func busyStand(t *testing.T) *statusStand {
	return startStatusStand(t,
		statusRegistry{name: "alpha", faults: "refuse-login=2200", more: []string{"sessions: {min: 1, max: 2}", "clients: {max: 500}"}, clients: 1, command: checkText, pause: time.Second},
		statusRegistry{name: "bravo", sandbox: sandbox.Config{Latency: 1400 * time.Millisecond}, faults: "close-after:cmd=create,first=2",
			more: []string{"sessions: {min: 1, max: 2}", "clients: {max: 500}"}, clients: 7, command: createText},
		statusRegistry{name: "charlie", more: []string{"sessions: {min: 1, max: 3}", "clients: {max: 500}",
			"rate_limits: [{limit: 1200, per: 1m}, {limit: 20, per: 1s, commands: [info]}]"}, clients: 14, command: infoText, pause: 50 * time.Millisecond},
		statusRegistry{name: "delta", sandbox: sandbox.Config{Latency: 40 * time.Millisecond}, faults: "slow=300ms:p=0.02", more: []string{"sessions: {min: 3, max: 3}", "clients: {max: 500}",
			"rate_limits: [{limit: 100, per: 1s, burst: 10}]"}, clients: 4, command: checkText, pause: 60 * time.Millisecond},
	)
}

// TestStatusPage is the page in a real browser, before a live program.
func TestStatusPage(t *testing.T) {
	if *clitest.Update {
		programTimeout = pictureAfter + 5*time.Minute
	}
	b := startBrowser(t)
	st := busyStand(t)
	home := "http://" + st.admin + "/"
	if !st.until(func(s *status.Status) bool {
		return s.Registries[3].Recent.Answered() > 0 && s.Registries[0].Gravity == status.Broken
	}) {
		t.Fatalf("got %s", st.get("/status.json"))
	}
	b.screen(1280, 900)
	b.visit(home)

	t.Run("it shows the registries, the broken one first", func(t *testing.T) {
		b.t = t
		if got := evaluate[string](b, `return document.querySelector("#overview tbody tr").innerText`); !strings.Contains(got, "alpha") || !strings.Contains(got, "registry refuses our login") {
			t.Errorf("got %q", got)
		}
		if !b.until(`document.querySelector("#p-delta path.line0")?.getAttribute("d").length > 4`) {
			t.Error("got no plots")
		}
		if got := evaluate[string](b, `return document.title`); !strings.Contains(got, "broken") {
			t.Errorf("got title %q", got)
		}
	})
	t.Run("the script renews it without a reload", func(t *testing.T) {
		b.t = t
		evaluate[any](b, `window.mark = document.querySelector("#a-delta td:last-child").innerText; window.kept = document.querySelector("#l-delta")`)
		if !b.until(`document.querySelector("#a-delta td:last-child").innerText !== window.mark`) {
			t.Error("the number of answers stays as it is")
		}
		if !evaluate[bool](b, `return window.mark !== undefined && document.querySelector("#silence").hidden`) {
			t.Error("the page was reloaded, or says that nobody answers")
		}
	})
	t.Run("it fits, in light and dark", func(t *testing.T) {
		b.t = t
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for _, width := range []int{320, 360, 768, 1280} {
				b.screen(width, 800)
				if got := evaluate[int](b, "return document.documentElement.scrollWidth"); got > width {
					t.Errorf("%s, %d wide: got a page of %d: %v", scheme, width, got, evaluate[[]string](b, tooWide))
				}
			}
			if got := evaluate[[]string](b, lowContrast); len(got) > 0 {
				t.Errorf("%s: got text without enough contrast: %s", scheme, strings.Join(got, "\n"))
			}
		}
	})
	t.Run("it works without the script", func(t *testing.T) {
		b.t = t
		b.devtools("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
		b.visit(home)
		var source string
		b.call("GET", "/source", nil, &source)
		b.devtools("Emulation.setScriptExecutionDisabled", map[string]any{"value": false})
		if !strings.Contains(source, "registry refuses our login") || !strings.Contains(source, `<meta http-equiv="refresh" content="10">`) {
			t.Errorf("got %s", source)
		}
	})
	t.Run("nothing fails, and nothing is asked elsewhere", func(t *testing.T) {
		b.t = t
		if got := b.messages("browser"); len(got) > 0 {
			t.Errorf("got in the console:\n%s", strings.Join(got, "\n"))
		}
		if got := b.hosts(); !slices.Equal(got, []string{st.admin}) {
			t.Errorf("got requests to %q, want to %s only", got, st.admin)
		}
	})
	b.t = t
	if *clitest.Update {
		takePictures(b, st, home)
	}
	t.Run("it says when nobody answers", func(t *testing.T) {
		b.t = t
		b.visit(home)
		st.program.end()
		if !b.until(`!document.querySelector("#silence").hidden`) {
			t.Fatal("it does not say so")
		}
		if got := evaluate[string](b, `return document.querySelector("#silence").innerText`); !strings.Contains(got, "no answer since ") || !strings.Contains(got, " UTC") {
			t.Errorf("got %q", got)
		}
	})
	b.t = t
}

// hosts are those to which requests were made, by the log of the DevTools.
func (b *browser) hosts() []string {
	b.t.Helper()
	var hosts []string
	for _, line := range b.messages("performance") {
		var m struct {
			Message struct {
				Method string
				Params struct{ Request struct{ URL string } }
			}
		}
		_, text, _ := strings.Cut(line, ": ")
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			b.t.Fatal(err)
		}
		if u, err := url.Parse(m.Message.Params.Request.URL); m.Message.Method == "Network.requestWillBeSent" && err == nil && strings.HasPrefix(u.Scheme, "http") && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

// pictureAfter is how long the program runs before its picture is taken: its plots show ten
// minutes.
const pictureAfter = 11 * time.Minute

// takePictures writes the pictures in docs. It takes long: run it with -timeout 30m.
func takePictures(b *browser, st *statusStand, home string) {
	b.visit("about:blank")
	st.rest(pictureAfter)
	for _, p := range []struct {
		file, scheme string
		width        int
		height       int // of what is kept
	}{
		{"status.png", "light", 1240, 1900}, {"status-dark.png", "dark", 1240, 1000}, {"status-phone.png", "light", 360, 1300},
	} {
		b.scheme(p.scheme)
		b.screen(p.width, 800)
		b.visit(home)
		if err := os.WriteFile(filepath.Join(root, "docs", p.file), fewColors(b.t, b.picture(), p.height), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// tooWide lists the elements that stand out of the page.
const tooWide = `return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
	.map(e => e.tagName + "." + e.className + "#" + e.id + " " + e.innerText?.slice(0, 40)).slice(0, 5)`

// lowContrast lists texts whose contrast is below 4.5 (WCAG 2.2, level AA).
var lowContrast = fmt.Sprintf(`
	const rgb = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest("svg")) continue;
		const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(back(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < %v) bad.push(ratio.toFixed(2) + " " + e.innerText.slice(0, 60));
	}
	return bad`, 4.5)

// far reports whether two colours can be told apart.
func far(a, b color.Color) bool {
	r, g, h, _ := a.RGBA()
	s, i, k, _ := b.RGBA()
	d := func(x, y uint32) int { return int(x>>8) - int(y>>8) }
	return d(r, s)*d(r, s)+d(g, i)*d(g, i)+d(h, k)*d(h, k) > 60
}

// fewColors is the upper part of a picture with the 256 colours that it uses most, which is a third
// of the octets.
func fewColors(t *testing.T, picture []byte, height int) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	box := img.Bounds()
	box.Max.Y = min(box.Max.Y, box.Min.Y+height)
	used := map[color.Color]int{}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			used[img.At(x, y)]++
		}
	}
	var palette color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(used), func(a, b color.Color) int { return used[b] - used[a] }) {
		if len(palette) < 256 && (len(palette) == 0 || far(c, palette[palette.Index(c)])) {
			palette = append(palette, c)
		}
	}
	to := image.NewPaletted(box, palette)
	draw.Draw(to, box, img, box.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
