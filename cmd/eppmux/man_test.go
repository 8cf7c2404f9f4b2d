package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestManual: every command that --help lists has a page, which the formatter has nothing to say
// against and which shows the text of --help.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	if got := eppmux(t, "man", "--out", dir); got != (result{}) {
		t.Fatalf("got %+v", got)
	}
	for _, c := range newRootCommand().Commands() {
		page := filepath.Join(dir, "eppmux-"+c.Name()+".1")
		if _, err := os.Stat(page); (err == nil) == c.Hidden {
			t.Errorf("%s: got %v, hidden %v", page, err, c.Hidden)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 7 {
		t.Fatalf("got pages %q, %v", pages, err)
	}
	if _, err := exec.LookPath("groff"); err != nil {
		lacking(t, "groff", err)
	}
	for _, page := range pages {
		cmd := exec.Command("groff", "-man", "-Tutf8", "-ww", "-rLL=200n", page) // -ww: every warning
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Env = append(os.Environ(), "GROFF_NO_SGR=1")
		if err := cmd.Run(); err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v\n%s", page, err, errs.String())
		}
		if filepath.Base(page) != "eppmux-serve.1" {
			continue
		}
		text := overstruck.ReplaceAllString(out.String(), "")
		for _, want := range []string{"eppmux-serve - Serve EPP clients", "-c, --config FILE   config FILE to run (default \"config.yaml\")", "eppmux serve --config /etc/eppmux/config.yaml", "$CREDENTIALS_DIRECTORY/", "eppmux(1)"} {
			if !strings.Contains(text, want) {
				t.Errorf("got\n%s\nwant %q in it", text, want)
			}
		}
	}
}

// overstruck is how a terminal of old shows bold and underlined letters.
var overstruck = regexp.MustCompile(".\x08")

// TestRoff: text stays text.
func TestRoff(t *testing.T) {
	var b strings.Builder
	paragraphs(&b, ".SH no heading\n'quoted' \\n --flag `a` ^~\n\nplain\n  .indented")
	want := ".PP\n\\&.SH no heading\n\\&\\(aqquoted\\(aq \\en \\-\\-flag \\(gaa\\(ga \\(ha\\(ti\n.PP\n.nf\nplain\n  .indented\n.fi\n"
	if got := b.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestManNeedsPlace(t *testing.T) {
	if got := eppmux(t, "man"); got.code != cli.ExitUsage || !strings.Contains(got.errs, `required flag(s) "out" not set`) {
		t.Errorf("got %+v", got)
	}
	if got := eppmux(t, "man", "--out", clitest.WriteFile(t, t.TempDir(), "file", "", 0o600)); got.code != cli.ExitFailed {
		t.Errorf("got %+v", got)
	}
}
