package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"guodu/cmd/hub/app"
)

// unexpected begins what kong says of a word that it does not know.
const unexpected = "unexpected argument "

// understood is what a command line that was not understood is answered: kong's
// words, what may have been meant where kong has no idea, and where the rest stands.
func understood(err error) string {
	text := err.Error()
	var parsing *kong.ParseError
	if !errors.As(err, &parsing) || parsing.Context == nil {
		return text
	}
	if strings.Contains(text, "did you mean") {
		return text
	}
	selected := parsing.Context.Selected()
	if word, found := strings.CutPrefix(text, unexpected); found {
		if asked := meantCommand(word, groupOf(selected), parsing.Context.Model.Node); asked != "" {
			return text + ", " + asked
		}
	}
	help := "hub --help"
	if selected != nil && selected.Type == kong.CommandNode {
		help = "hub " + pathOf(selected) + " --help"
	}
	return fmt.Sprintf("%s (%s says what there is)", text, help)
}

// groupOf is the group in which a word is looked for: for a command that stands for
// its group when no name is given, such as the list of cases, that group.
func groupOf(selected *kong.Node) *kong.Node {
	if selected != nil && len(names(selected.Children)) == 0 {
		return selected.Parent
	}
	return selected
}

// meantCommand asks about the commands that a word may have meant: those of the
// group where it stands, then those of all groups.
func meantCommand(word string, group, all *kong.Node) string {
	if group != nil {
		if asked := app.DidYouMean(word, names(group.Children)); asked != "" {
			return asked
		}
	}
	var paths []string
	for _, leaf := range all.Leaves(true) {
		if leaf.Type == kong.CommandNode && len(app.Nearest(word, []string{leaf.Name})) > 0 {
			paths = append(paths, "hub "+pathOf(leaf))
		}
	}
	paths = paths[:min(len(paths), 3)]
	switch len(paths) {
	case 0:
		return ""
	case 1:
		return "did you mean " + paths[0] + "?"
	}
	return "did you mean " + strings.Join(paths[:len(paths)-1], ", ") + " or " + paths[len(paths)-1] + "?"
}

func names(nodes []*kong.Node) []string {
	var all []string
	for _, node := range nodes {
		if node.Type == kong.CommandNode && !node.Hidden {
			all = append(all, node.Name)
		}
	}
	return all
}

// pathOf is how a command is typed, without the program and its values.
func pathOf(node *kong.Node) string {
	var words []string
	for n := node; n != nil && n.Type == kong.CommandNode; n = n.Parent {
		words = append(words, n.Name)
	}
	slices.Reverse(words)
	return strings.Join(words, " ")
}
