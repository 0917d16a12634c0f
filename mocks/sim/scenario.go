package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// What can be wrong with scenarios.
var (
	ErrScenario        = errors.New("simulator: malformed scenario")
	ErrUnknownScenario = errors.New("simulator: unknown scenario")
)

// Scenario is a named set of faults, a data file: <name>.json.
type Scenario struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Merchant is what a merchant's server should do about it.
	Merchant string `json:"merchant"`
	// Default says that it is played at the start unless the gateway is calm.
	Default bool      `json:"default,omitempty"`
	Faults  []Waiting `json:"faults"`
}

// Scenarios are sorted by name.
type Scenarios []Scenario

// LoadScenarios reads every .json file at the top of a file system and holds it
// against the places and kinds of faults.
// Errors: ErrScenario.
func LoadScenarios(files fs.FS, faults *Faults) (Scenarios, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	var out Scenarios
	for _, name := range names {
		s, err := loadScenario(files, name, faults)
		if err != nil {
			return nil, fmt.Errorf("%w %s: %w", ErrScenario, name, err)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Scenario) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func loadScenario(files fs.FS, file string, faults *Faults) (Scenario, error) {
	raw, err := fs.ReadFile(files, file)
	if err != nil {
		return Scenario{}, err
	}
	var s Scenario
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	err = strict.Decode(&s)
	switch {
	case err != nil:
		return Scenario{}, err
	case s.Name+".json" != path.Base(file):
		return Scenario{}, fmt.Errorf("its name is %q", s.Name)
	case s.Title == "" || s.Merchant == "" || len(s.Faults) == 0:
		return Scenario{}, errors.New("title, merchant or faults missing")
	}
	for _, f := range s.Faults {
		err = faults.Check(f.Where, f.Fault)
		if err != nil {
			return Scenario{}, err
		}
	}
	return s, nil
}

// Find returns the scenario with that name.
// Errors: ErrUnknownScenario.
func (all Scenarios) Find(name string) (Scenario, error) {
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("scenario %q: %w", name, ErrUnknownScenario)
}

// Play queues a scenario's faults.
// Errors: ErrUnknownScenario.
func (all Scenarios) Play(name string, faults *Faults) error {
	s, err := all.Find(name)
	if err != nil {
		return err
	}
	for _, f := range s.Faults {
		err = faults.Add(f.Where, f.Fault)
		if err != nil {
			return err
		}
	}
	return nil
}
