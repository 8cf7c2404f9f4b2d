package main

import (
	"github.com/spf13/cobra"

	"eppmux/sandbox"
)

// complete adds to what "eppmux completion SHELL" knows of the command line: where files have no
// place none are offered, and words that are fixed are.
func complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && c.Args != nil && c.Args(c, []string{"any"}) != nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

// completeFlag offers words for the value of a flag, each with what it is about after a tab.
func completeFlag(c *cobra.Command, flag string, words []string) {
	if err := c.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("BUG: " + err.Error())
	}
}

// completeSend offers the words that send knows, or a file.
func completeSend(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"check", "hello", "info", "poll"}, cobra.ShellCompDirectiveDefault
}

// described are names with what they are about, as completeFlag takes them.
func described(all []sandbox.About) []string {
	var words []string
	for _, a := range all {
		words = append(words, a.Name+"\t"+a.About)
	}
	return words
}
