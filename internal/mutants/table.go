package mutants

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed wechat.yaml alipay.yaml doors.yaml intro.md doors.md
var files embed.FS

// Channel is a payment channel and the groups of its misbehaviour, or the doors of the
// hub and what is tried at each.
type Channel struct {
	Name   string // as package channels calls it; "doors"
	Title  string
	Groups []Group
}

// Group is one kind of misbehaviour, by the number that it has among the
// behaviours of the channel's simulator in mocks/README.md.
type Group struct {
	No       int
	Name     string
	Defences []Defence
	// Beyond says what of the group the hub never meets, and why. A group without
	// defences must say so.
	Beyond string
}

// Defence is what guodu does about one misbehaviour, and the proof of it.
type Defence struct {
	ID     string `yaml:"-"` // "wechat-25a"
	Case   string // what comes
	Answer string // what guodu does
	Test   string // "channels/wechat TestQueryOutcomes/unsigned"
	Mutant Mutant
}

// Package is the folder of the test, from the root of the module.
func (d Defence) Package() string {
	folder, _, _ := strings.Cut(d.Test, " ")
	return folder
}

// Function is the test's name without that of its subtest.
func (d Defence) Function() string {
	name, _, _ := strings.Cut(d.name(), "/")
	return name
}

// Subtest is the name of the subtest, or nothing.
func (d Defence) Subtest() string {
	_, sub, _ := strings.Cut(d.name(), "/")
	return sub
}

func (d Defence) name() string {
	_, name, _ := strings.Cut(d.Test, " ")
	return name
}

// Read returns the channels with all that is known of them, and the doors last, or
// names an entry that is not complete.
func Read() ([]Channel, error) {
	var all []Channel
	for _, name := range []string{"wechat.yaml", "alipay.yaml", "doors.yaml"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		var c Channel
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		err = decoder.Decode(&c)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		err = c.number()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// number gives each defence its id, and complains about gaps.
func (c *Channel) number() error {
	for i, group := range c.Groups {
		switch {
		case group.No != i+1:
			return fmt.Errorf("group %d stands where %d belongs", group.No, i+1)
		case group.Name == "":
			return fmt.Errorf("group %d has no name", group.No)
		case len(group.Defences) == 0 && group.Beyond == "":
			return fmt.Errorf("group %d has no defence, and no word on why", group.No)
		}
		for n := range group.Defences {
			d := &group.Defences[n]
			d.ID = fmt.Sprintf("%s-%d", c.Name, group.No)
			if len(group.Defences) > 1 {
				d.ID += string(rune('a' + n))
			}
			err := d.complete()
			if err != nil {
				return fmt.Errorf("%s: %w", d.ID, err)
			}
		}
	}
	return nil
}

func (d Defence) complete() error {
	if d.Function() == "" || d.Case == "" || d.Answer == "" {
		return errors.New("want a case, an answer, and a test as package and name")
	}
	m := d.Mutant
	if m.Gone == "" || m.File == "" || m.Old == "" || m.Old == m.New {
		return errors.New("want a mutant: what is gone, file, old and new")
	}
	return nil
}
