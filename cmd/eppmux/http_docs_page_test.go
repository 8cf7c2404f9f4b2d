package main

import (
	"slices"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestHTTPDocsPage is the gateway's page /docs in a real browser: it loads nothing from elsewhere, a call is tried
// from it, and its answer is shown.
func TestHTTPDocsPage(t *testing.T) {
	b := startBrowser(t)
	st := newExampleStand(t)
	b.screen(1280, 900)
	b.visit(st.url + "/docs")
	if !b.until(`document.querySelector("section#domain-create")`) {
		t.Fatalf("got %s", evaluate[string](b, `return document.body.innerText`))
	}
	t.Run("it has every call", func(t *testing.T) {
		b.t = t
		got := evaluate[[]string](b, `return [...document.querySelectorAll("#calls section")].map(e => e.id)`)
		for _, want := range []string{"connect", "login", "domain-check", "domain-renew", "check", "check-name", "raw", "registries"} {
			if !slices.Contains(got, want) {
				t.Errorf("got %q without %s", got, want)
			}
		}
	})
	t.Run("a call is tried", func(t *testing.T) {
		b.t = t
		evaluate[any](b, `const token = document.querySelector("#token"); token.value = `+"`"+st.gateway.token+"`"+`; token.dispatchEvent(new Event("input"));
			const form = document.querySelector("section#check details.try"); form.open = true;
			form.querySelector("textarea").value = '{"names": ["kiosk.example", "free.example"]}'; form.querySelector("button").click()`)
		if !b.until(`document.querySelector("section#check .status")?.innerText.startsWith("200")`) {
			t.Fatalf("got %s", evaluate[string](b, `return document.querySelector("section#check").innerText`))
		}
		if got := evaluate[string](b, `return document.querySelector("section#check details.try").innerText`); !strings.Contains(got, `"available": true`) || !strings.Contains(got, "x-request-id: ") {
			t.Errorf("got %s", got)
		}
		if *clitest.Update {
			evaluate[any](b, `const find = document.querySelector("#find"); find.value = "many names"; find.dispatchEvent(new Event("input"))`)
			b.screen(1240, 900)
			writePicture(b, "docs/http-docs.png", 1800)
		}
	})
	t.Run("it begins with bodies that are in order", func(t *testing.T) {
		b.t = t
		evaluate[any](b, `const form = document.querySelector("section#domain-info details.try"); form.open = true;
			const body = form.querySelector("textarea"); body.value = body.value.replace('"it"', '"a"'); form.querySelector("button").click()`)
		if !b.until(`document.querySelector("section#domain-info .status")?.innerText.startsWith("404")`) {
			t.Errorf("got %s", evaluate[string](b, `return document.querySelector("section#domain-info").innerText`))
		}
		if got := evaluate[string](b, `return document.querySelector("section#domain-info details.try").innerText`); !strings.Contains(got, "2303") {
			t.Errorf("got %s", got)
		}
	})
	t.Run("it finds calls", func(t *testing.T) {
		b.t = t
		evaluate[any](b, `const find = document.querySelector("#find"); find.value = "renew"; find.dispatchEvent(new Event("input"))`)
		if got := evaluate[[]string](b, `return [...document.querySelectorAll("#calls section")].filter(e => e.checkVisibility()).map(e => e.id)`); !slices.Equal(got, []string{"domain-renew"}) {
			t.Errorf("got %q", got)
		}
		evaluate[any](b, `const find = document.querySelector("#find"); find.value = ""; find.dispatchEvent(new Event("input"))`)
	})
	t.Run("it fits, in light and dark", func(t *testing.T) { b.t = t; b.fits() })
	t.Run("nothing fails, and nothing is asked elsewhere", func(t *testing.T) {
		b.t = t
		for _, m := range b.messages("browser") {
			if !strings.Contains(m, "status of 404") { // that of the domain that is not there
				t.Errorf("got in the console: %s", m)
			}
		}
		if got := b.hosts(); !slices.Equal(got, []string{strings.TrimPrefix(st.url, "http://")}) {
			t.Errorf("got requests to %q", got)
		}
	})
	b.t = t
}
