package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// startShop builds the sample shop and runs it before a gateway until the test ends. It returns its address.
func startShop(t *testing.T, gateway, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop")
	if out, err := exec.Command("go", "build", "-o", path, root+"/docs/examples/shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	cmd := exec.CommandContext(ctx, path, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "EPPMUX_URL="+gateway, "EPPMUX_TOKEN="+token, "EPPMUX_REGISTRY=a")
	log := clitest.NewTranscript()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if strings.Contains(log.Text(), token) {
			t.Error("the shop logs its token")
		}
		if t.Failed() {
			t.Logf("the shop printed:\n%s", log.Text())
		}
	})
	for timeout := time.After(programTimeout); ; {
		if m := regexp.MustCompile(`the shop is at http://(\S+)`).FindStringSubmatch(log.Text()); m != nil {
			return m[1]
		}
		select {
		case <-log.More:
		case <-timeout:
			t.Fatal("the shop does not start")
		}
	}
}

// TestShop is the sample shop in a real browser: three names are searched for, one is paid for with a double click and
// registered once, though the first answer of the gateway is lost, and renewed once in the same way.
func TestShop(t *testing.T) {
	b := startBrowser(t)
	st := newExampleStand(t)
	l := st.loser("/api/epp/")
	shop := startShop(t, l.url, st.gateway.token)
	st.gateway.create("sold.example", "before").want(t, "sold.example", 200, "answered", 1000, false)
	b.screen(1280, 900)
	b.visit("http://" + shop + "/")
	search := func(words string) {
		evaluate[any](b, fmt.Sprintf(`document.querySelector("#words").value = %q; document.querySelector("#search button").click()`, words))
	}
	click := func(name string) {
		t.Helper()
		evaluate[any](b, fmt.Sprintf(`document.querySelector("li[data-name='%s'] button").click()`, name))
		if !b.until(`document.querySelector("#checkout").open`) {
			t.Fatalf("%s: nothing to pay: %s", name, evaluate[string](b, `return document.body.innerText`))
		}
	}
	mine := func(state, words string) {
		t.Helper()
		if !b.until(fmt.Sprintf(`document.querySelector("#domains li[data-name='kiosk.example'][data-state='%s']")?.innerText.includes(%q)`, state, words)) {
			t.Fatalf("got %s", evaluate[string](b, `return document.body.innerText`))
		}
	}

	t.Run("three names are searched for", func(t *testing.T) {
		b.t = t
		search("kiosk.example, kiosk.net sold.example")
		if !b.until(`document.querySelectorAll("#found li").length === 3`) {
			t.Fatal("nothing is found")
		}
		got := evaluate[[]string](b, `return [...document.querySelectorAll("#found li")].map(e => e.dataset.name + " " + e.querySelector(".tag").innerText)`)
		if want := []string{"kiosk.example free", "kiosk.net free", "sold.example taken"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("a double click on pay registers once", func(t *testing.T) {
		b.t = t
		click("kiosk.example")
		if got := evaluate[string](b, `return document.querySelector("#checkout").innerText`); !strings.Contains(got, "Register kiosk.example") || !strings.Contains(got, "payment is pretended") {
			t.Errorf("got %q", got)
		}
		// The page guards its button; here two payments reach the shop beside it.
		evaluate[any](b, `for (const n of [1, 2]) fetch("orders/" + order.id + "/pay", {method: "POST"}); const pay = document.querySelector("#pay"); pay.click(); pay.click()`)
		mine("done", "Yours until 20")
		st.once(l, "create", 2, 1)
	})
	t.Run("it is renewed once", func(t *testing.T) {
		b.t = t
		l.lose()
		click("kiosk.example")
		evaluate[any](b, `document.querySelector("#pay").click()`)
		mine("done", "renewed")
		st.once(l, "renew", 1, 2)
	})
	t.Run("it shows all after a reload, and says what it cannot do", func(t *testing.T) {
		b.t = t
		b.visit("http://" + shop + "/")
		mine("done", "renewed")
		if *clitest.Update {
			search("kiosk, sold.example")
			b.until(`document.querySelectorAll("#found li").length === 4`)
			b.screen(720, 700)
			writePicture(b, "docs/examples/shop/shop.png", 900)
		}
		search("kiosk.example sold..example")
		if !b.until(`document.querySelectorAll("#found li").length === 2`) {
			t.Fatalf("got %s", evaluate[string](b, `return document.body.innerText`))
		}
		if got := evaluate[string](b, `return document.querySelector("#found li:last-child").innerText`); !strings.Contains(got, "cannot be asked for") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("it fits, in light and dark", func(t *testing.T) { b.t = t; b.fits() })
	t.Run("nothing fails, and the token stays with the server", func(t *testing.T) {
		b.t = t
		if got := b.messages("browser"); len(got) > 0 {
			t.Errorf("got in the console:\n%s", strings.Join(got, "\n"))
		}
		if got := b.hosts(); !slices.Equal(got, []string{shop}) {
			t.Errorf("got requests to %q, want to %s only", got, shop)
		}
		got := evaluate[string](b, `return document.documentElement.outerHTML`)
		if strings.Contains(got, st.gateway.token) || strings.Contains(got, strings.TrimPrefix(l.url, "http://")) {
			t.Error("the page has the token or the address of the gateway")
		}
	})
	b.t = t
}

// once wants that many commands at the registry and lost answers so far.
func (st *exampleStand) once(l *loser, command string, commands uint64, lost int) {
	st.t.Helper()
	c := st.registry.Counters()
	if c.Commands[command] != commands || c.Executed[command] != commands || l.lost() != lost {
		st.t.Errorf("the registry carried out %d of %d, and %d answers were lost, want %d of each and %d", c.Executed[command], c.Commands[command], l.lost(), commands, lost)
	}
}

// fits wants the page to fit screens of many widths, with enough contrast, in light and dark.
func (b *browser) fits() {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range []int{320, 360, 768, 1280} {
			b.screen(width, 800)
			if got := evaluate[int](b, "return document.documentElement.scrollWidth"); got > width {
				b.t.Errorf("%s, %d wide: got a page of %d: %v", scheme, width, got, evaluate[[]string](b, tooWide))
			}
		}
		if got := evaluate[[]string](b, lowContrast); len(got) > 0 {
			b.t.Errorf("%s: got text without enough contrast: %s", scheme, strings.Join(got, "\n"))
		}
	}
}

// writePicture writes a picture of the page, cut to a height, at a path from the root.
func writePicture(b *browser, path string, height int) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(root, path), fewColors(b.t, b.picture(), height), 0o644); err != nil {
		b.t.Fatal(err)
	}
}
