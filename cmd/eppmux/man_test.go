package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
		for _, want := range []string{
			"eppmux-serve - Serve EPP clients", "eppmux serve --config /etc/eppmux/config.yaml", "$CREDENTIALS_DIRECTORY/", "eppmux(1)",
			"       -c, --config FILE (default \"config.yaml\")\n              config FILE to run\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("got\n%s\nwant %q in it", text, want)
			}
		}
	}
}

// overstruck is how a terminal of old shows bold and underlined letters.
var overstruck = regexp.MustCompile(".\x08")

// page makes the page of a command and returns it as a terminal of 200 columns shows it, in ASCII: a
// character that is not must have become something else.
func page(t *testing.T, c *cobra.Command) string {
	t.Helper()
	if _, err := exec.LookPath("groff"); err != nil {
		lacking(t, "groff", err)
	}
	prepareManual(c)
	roff, err := manualPage(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("groff", "-man", "-Tascii", "-ww", "-rLL=200n")
	cmd.Stdin, cmd.Env = bytes.NewReader(roff), append(os.Environ(), "GROFF_NO_SGR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\nfor\n%s", err, out, roff)
	}
	return overstruck.ReplaceAllString(string(out), "")
}

// TestManualText: what has a meaning in Markdown or in roff has none in our texts.
func TestManualText(t *testing.T) {
	c := &cobra.Command{
		Use:   "eppmux [FILE | NAME... | a_b_c]",
		Short: "A - b_c_d's <e> & `f` *g*",
		Long: strings.Join([]string{
			".SH no heading\n'quoted' \\n \\fBthick --flag `a` ^~ *x* _y_ __z__ [l](m) <n> &lt; #1 1. | !",
			"# no heading", "- no list", "1. no list", "a | b\n--|--\nc | d", "> no quote", "term\n: no definition",
			"kept:\n  .indented   -x 'y' `z` \\e *\n\ttab", "http://example.com/a_b_c", "===", "---", "$HOME %s {x}",
		}, "\n\n"),
		Example: "  eppmux 'a' `b` --c *d* \\\n    .e",
		Run:     func(*cobra.Command, []string) {},
	}
	c.Flags().String("odd", "d_e_f", "the `VALUE` of *it* --x <y> a_b_c 'z' \\n")
	got := page(t, c)
	for _, want := range []string{
		"\n       eppmux [FILE | NAME... | a_b_c] [flags]\n", "\n       --odd VALUE (default \"d_e_f\")\n",
		"eppmux - A - b_c_d's <e> & `f` *g*\n",
		".SH no heading 'quoted' \\n \\fBthick --flag `a` ^~ *x* _y_ __z__ [l](m) <n> &lt; #1 1. | !\n",
		"\n       # no heading\n", "\n       - no list\n", "\n       1. no list\n", "\n       a | b --|-- c | d\n", "\n       > no quote\n", "\n       term : no definition\n",
		"\n       kept:\n         .indented   -x 'y' `z` \\e *\n", "\n       http://example.com/a_b_c\n", "\n       ===\n", "\n       ---\n", "\n       $HOME %s {x}\n",
		"\n              the VALUE of *it* --x <y> a_b_c 'z' \\n\n",
		"\n         eppmux 'a' `b` --c *d* \\\n           .e\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
}

// TestManualShowsHelp: each page has all that --help says: its words, its flags with their defaults,
// and for a command that has others below it, what these are for.
func TestManualShowsHelp(t *testing.T) {
	root := newRootCommand()
	root.InitDefaultCompletionCmd()
	words := func(text string) string {
		return strings.Join(strings.Fields(strings.ReplaceAll(text, "`", "")), " ")
	}
	var all []*cobra.Command
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range shown(c) {
			walk(sub)
		}
	}
	walk(root)
	said := make(map[*cobra.Command][]string)
	for _, c := range all {
		texts := []string{pageName(c) + " - " + c.Short, c.Long, c.Example}
		for _, sub := range shown(c) {
			texts = append(texts, pageName(sub)+"(1) "+sub.Short)
		}
		c.InitDefaultHelpFlag()
		c.InheritedFlags() // merges them
		c.Flags().VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			text := "--" + f.Name + " " + value
			if !slices.Contains(noDefaults, f.DefValue) {
				text += " (default " + shownDefault(f) + ")"
			}
			text += " " + usage
			if f.Shorthand != "" {
				text = "-" + f.Shorthand + ", " + text
			}
			texts = append(texts, text)
		})
		said[c] = texts
	}
	dir := t.TempDir()
	if err := writeManual(root, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("groff"); err != nil {
		lacking(t, "groff", err)
	}
	for _, c := range all {
		cmd := exec.Command("groff", "-man", "-Tascii", "-rLL=2000n", filepath.Join(dir, pageName(c)+".1"))
		cmd.Env = append(os.Environ(), "GROFF_NO_SGR=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		shown := words(overstruck.ReplaceAllString(string(out), ""))
		for _, text := range said[c] {
			if !strings.Contains(shown, words(text)) {
				t.Errorf("%s lacks %q in\n%s", pageName(c), words(text), shown)
			}
		}
	}
}

// TestManualIsTheSame on any day, whatever the environment says of it.
func TestManualIsTheSame(t *testing.T) {
	var made []string
	for _, epoch := range []string{"", "1", "2000000000"} {
		t.Setenv("SOURCE_DATE_EPOCH", epoch)
		dir := t.TempDir()
		if got := eppmux(t, "man", "--out", dir); got != (result{}) {
			t.Fatalf("got %+v", got)
		}
		data, err := os.ReadFile(filepath.Join(dir, "eppmux.1"))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, string(data))
	}
	if made[0] != made[1] || made[0] != made[2] || !strings.Contains(made[0], `.TH "EPPMUX" "1" "" "eppmux `) {
		t.Errorf("got %q", made)
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

// TestManUnwritable: a page that cannot be written is an error, whichever it is.
func TestManUnwritable(t *testing.T) {
	for _, page := range []string{"eppmux.1", "eppmux-serve.1", "eppmux-ctl-kick.1"} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, page), 0o700); err != nil {
			t.Fatal(err)
		}
		if got := eppmux(t, "man", "--out", dir); got.code != cli.ExitFailed || !strings.Contains(got.errs, page+": is a directory") {
			t.Errorf("%s: got %+v", page, got)
		}
	}
}

// TestManFlags: a flag of a page has the name of its value, as in --help, and a default only where
// that says something.
func TestManFlags(t *testing.T) {
	dir := t.TempDir()
	if got := eppmux(t, "man", "--out", dir); got.code != cli.ExitDone {
		t.Fatal(got.errs)
	}
	page := string(clitest.ReadFile(t, filepath.Join(dir, "eppmux-send.1")))
	for _, want := range []string{
		"\n\\fB\\-\\-ca\\fP \\fIFILE\\fP\n", "\n\\fB\\-\\-repeat\\fP \\fIN\\fP\n", "\n\\fB\\-h\\fP, \\fB\\-\\-help\\fP\n",
		"\n\\fB\\-c\\fP, \\fB\\-\\-config\\fP \\fIFILE\\fP (default \"config.yaml\")\n", "\n.SH EXAMPLES\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("eppmux-send.1 has no %q", want)
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, path := range pages {
		if m := regexp.MustCompile(`fP(=|\[=).*`).Find(clitest.ReadFile(t, path)); m != nil {
			t.Errorf("%s: %s", filepath.Base(path), m)
		}
	}
}
