package mutants

import (
	"fmt"
	"strings"
)

// Page is docs/money-path.md for the channels.
func Page(all []Channel) (string, error) {
	intro, err := files.ReadFile("intro.md")
	if err != nil {
		return "", fmt.Errorf("money path: %w", err)
	}
	var page strings.Builder
	page.Write(intro)
	for _, c := range all {
		fmt.Fprintf(&page, "\n## %s\n\n| | what comes | what guodu does | test | taken out, and the test fails |\n|---|---|---|---|---|\n", c.Title)
		for _, group := range c.Groups {
			for i, d := range group.Defences {
				what := cell(d.Case)
				if i == 0 {
					what = "**" + cell(group.Name) + ".** " + what
				}
				fmt.Fprintf(&page, "| %s | %s | %s | `%s` in `%s` | %s (`%s`) |\n", strings.TrimPrefix(d.ID, c.Name+"-"),
					what, cell(d.Answer), cell(d.name()), d.Package(), cell(d.Mutant.Gone), d.Mutant.File)
			}
		}
	}
	page.WriteString("\n## What does not reach the hub\n")
	for _, c := range all {
		fmt.Fprintf(&page, "\n| | %s | why |\n|---|---|---|\n", c.Title)
		for _, group := range c.Groups {
			if group.Beyond != "" {
				fmt.Fprintf(&page, "| %d | %s | %s |\n", group.No, cell(group.Name), cell(group.Beyond))
			}
		}
	}
	return page.String(), nil
}

// Doors is docs/security.md.
func Doors(doors Channel) (string, error) {
	intro, err := files.ReadFile("doors.md")
	if err != nil {
		return "", fmt.Errorf("security: %w", err)
	}
	var page strings.Builder
	page.Write(intro)
	for _, group := range doors.Groups {
		fmt.Fprintf(&page, "\n## %s\n\n| | what is tried | what guodu does | test | taken out, and the test fails |\n|---|---|---|---|---|\n", group.Name)
		for _, d := range group.Defences {
			fmt.Fprintf(&page, "| %s | %s | %s | `%s` in `%s` | %s (`%s`) |\n", strings.TrimPrefix(d.ID, doors.Name+"-"),
				cell(d.Case), cell(d.Answer), cell(d.name()), d.Package(), cell(d.Mutant.Gone), d.Mutant.File)
		}
	}
	return page.String(), nil
}

// cell keeps a text within its column.
func cell(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "|", `\|`) }
