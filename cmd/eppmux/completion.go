package main

import (
	"github.com/spf13/cobra"

	"eppmux/sandbox"
)

// complete makes "eppmux completion SHELL" offer no files for commands that take no arguments.
func complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && c.Args != nil && c.Args(c, []string{"any"}) != nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

// completeFlag makes completion offer words for the value of a flag, in place of files. After a tab
// a word may have its description.
func completeFlag(c *cobra.Command, flag string, words []string) {
	if err := c.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("BUG: " + err.Error())
	}
}

// completeSend offers the words that send knows, and files.
func completeSend(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"check", "hello", "info", "poll"}, cobra.ShellCompDirectiveDefault
}

// described returns names with their descriptions, as completeFlag takes them.
func described(all []sandbox.About) []string {
	var words []string
	for _, a := range all {
		words = append(words, a.Name+"\t"+a.About)
	}
	return words
}
