package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
)

// newManCommand is for those who make packages. Manual pages are made from the same definition as
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

// writeManual writes the pages of c and all commands below it.
func writeManual(c *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), []byte(manualPage(c)), 0o644); err != nil {
		return err
	}
	for _, sub := range shown(c) {
		if err := writeManual(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// shown are the commands below c that --help lists, but for help itself.
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

// manualColumns is the width of literal text: a page of 80 columns has that much beside its margin.
const manualColumns = 72

// manualPage is in roff, with the macros of man(7).
func manualPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"eppmux %s\" \"eppmux\"\n", strings.ToUpper(roff(pageName(c))), roff(version()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	b.WriteString(".SH SYNOPSIS\n")
	if c.Runnable() {
		fmt.Fprintf(&b, ".B %s\n", roff(c.UseLine()))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".B %s\n", roff(c.CommandPath()+" COMMAND [flags]"))
	}
	if c.Long != "" {
		b.WriteString(".SH DESCRIPTION\n")
		paragraphs(&b, c.Long)
	}
	if subs := shown(c); len(subs) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range subs {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(pageName(sub)), roff(sub.Short))
		}
	}
	if c.HasAvailableFlags() {
		b.WriteString(".SH OPTIONS\n")
		literal(&b, strings.TrimRight(c.Flags().FlagUsagesWrapped(manualColumns), "\n"))
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n")
		literal(&b, c.Example)
	}
	if c.HasParent() {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(pageName(c.Parent())))
	}
	return b.String()
}

// paragraphs writes text of --help. What has an indented line keeps its lines; anything else may be
// filled anew.
func paragraphs(b *strings.Builder, text string) {
	for _, p := range strings.Split(text, "\n\n") {
		b.WriteString(".PP\n")
		if lines := "\n" + p; strings.Contains(lines, "\n ") || strings.Contains(lines, "\n\t") {
			literal(b, p)
			continue
		}
		b.WriteString(roffLines(p))
	}
}

// literal writes text as it stands.
func literal(b *strings.Builder, text string) {
	b.WriteString(".nf\n" + roffLines(text) + ".fi\n")
}

func roffLines(text string) string {
	var b strings.Builder
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		b.WriteString(roffLine(lines.Text()) + "\n")
	}
	return b.String()
}

// roffLine is a line of text, which may begin with what would be a request.
func roffLine(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + roff(line)
	}
	return roff(line)
}

// roff is text without a meaning for roff. A hyphen is to be copied as one, and quotes must not
// become typographic.
var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace
