package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"eppmux/cmd/eppmux/internal/cli"
)

// newManCommand is for the makers of packages. Manual pages are made from the same definition as
// --help: there is no other text to keep.
func newManCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "man --out DIR",
		Short:   "Write the manual pages of all commands",
		Long:    "Writes a manual page of section 1 for the program and for each command into DIR, which is made.",
		Example: "  eppmux man --out man1 && man -l man1/eppmux-serve.1",
		Hidden:  true,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := writeManual(cmd.Root(), dir); err != nil {
				return cli.Failed(cmd, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "out", "", "`DIR` to write them to")
	_ = cmd.MarkFlagRequired("out") // the flag is there
	return cmd
}

// writeManual writes the pages of root and of all commands below it.
func writeManual(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	prepareManual(root)
	return writePages(root, dir)
}

func writePages(c *cobra.Command, dir string) error {
	page, err := manualPage(c)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), page, 0o644); err != nil {
		return err
	}
	for _, sub := range shown(c) {
		if err := writePages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// shown returns the commands below c that --help lists, without help itself.
func shown(c *cobra.Command) []*cobra.Command {
	var subs []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			subs = append(subs, sub)
		}
	}
	return subs
}

// pageName is a command's path with hyphens, as "eppmux-serve".
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// prepareManual makes Markdown of the texts of c and of all commands below it: package doc takes
// them for that. They are no texts of --help any more.
func prepareManual(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	c.DisableAutoGenTag = true
	c.Short, c.Long = escapeMarkdown(c.Short), markdown(c.Long)
	subs := shown(c)
	if len(subs) > 0 {
		c.Long += commandList(subs)
		if !c.Runnable() {
			c.Use += " COMMAND"
		}
	}
	for _, own := range []*pflag.FlagSet{c.PersistentFlags(), c.LocalNonPersistentFlags()} {
		own.VisitAll(func(f *pflag.Flag) { f.Usage = flagUsage(f.Usage) })
	}
	for _, sub := range subs {
		prepareManual(sub)
	}
}

// manualPage is in roff, with the macros of man(7).
func manualPage(c *cobra.Command) ([]byte, error) {
	var page bytes.Buffer
	err := doc.GenMan(c, &doc.GenManHeader{Section: "1", Date: new(time.Time), Source: "eppmux " + version(),
		Manual: "eppmux"}, &page)
	return []byte(mendRoff(mendFlags(page.String(), c))), err
}

// mendFlags writes the values of flags as --help does: by their names, and with a default where
// there is one. Package doc writes "--code=\"\"" and "--help[=false]".
func mendFlags(page string, c *cobra.Command) string {
	return flagHead.ReplaceAllStringFunc(page, func(head string) string {
		m := flagHead.FindStringSubmatch(head)
		f := c.Flag(m[2])
		if f == nil {
			return head
		}
		head = m[1]
		if name, _ := pflag.UnquoteUsage(f); name != "" {
			head += ` \fI` + name + `\fP`
		}
		if !slices.Contains(noDefaults, f.DefValue) {
			head += " (default " + shownDefault(f) + ")"
		}
		return head
	})
}

// shownDefault is the default of a flag as --help shows it.
func shownDefault(f *pflag.Flag) string {
	if f.Value.Type() == "string" {
		return strconv.Quote(f.DefValue)
	}
	return f.DefValue
}

// flagHead is a flag as package doc writes it: its names, and its default.
var flagHead = regexp.MustCompile(`(?m)^((?:\\fB-\w\\fP, )?\\fB--([\w-]+)\\fP)(?:=.*|\[=.*\])$`)

// noDefaults are the defaults that say nothing.
var noDefaults = []string{"", "false", "0", "0s", "[]"}

// commandList is a section of its own: package doc has the names of commands alone, in SEE ALSO.
func commandList(subs []*cobra.Command) string {
	var b strings.Builder
	b.WriteString("\n\n# COMMANDS\n")
	for _, sub := range subs {
		fmt.Fprintf(&b, "**%s**(1)\n:   %s\n\n", pageName(sub), escapeMarkdown(sub.Short))
	}
	return b.String()
}

// markdown is a text of --help. A paragraph with an indented line keeps its lines; any other may be
// filled anew.
func markdown(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if lines := "\n" + p; strings.Contains(lines, "\n ") || strings.Contains(lines, "\n\t") {
			paragraphs[i] = "```\n" + p + "\n```"
		} else {
			paragraphs[i] = escapeMarkdown(p)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// escapeMarkdown takes from a text what has a meaning in Markdown.
func escapeMarkdown(text string) string { return markdownSpecial.ReplaceAllString(text, `\$0`) }

var markdownSpecial = regexp.MustCompile("[\\\\`*_{}\\[\\]()#+.!:|&<>~-]")

// flagUsage is the text of a flag. The name of its value, in backquotes there, becomes bold.
func flagUsage(text string) string { return strings.ReplaceAll(escapeMarkdown(text), "\\`", "`") }

// mendRoff makes of a page that package doc has made one that reads and copies well.
func mendRoff(page string) string {
	page = strings.Replace(page, `"Jan 0001"`, `""`, 1) // the same input makes the same page on any day
	page = strings.Replace(page, ".SH EXAMPLE\n", ".SH EXAMPLES\n", 1)
	page = flagParagraph.ReplaceAllString(page, ".TP\n$1\n")
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, ".") {
			lines[i] = roff(line)
		}
	}
	return strings.Join(lines, "\n")
}

// flagParagraph is a flag with its text, which has a line of its own but no indentation.
var flagParagraph = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*)\n\t`)

// roff makes characters of a line print as they are. A hyphen must be copied as one, and quotes
// must not become typographic. What package doc has escaped stays.
var roff = strings.NewReplacer(`\-`, `\-`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace
