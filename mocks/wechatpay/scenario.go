package wechatpay

import (
	"embed"
	"fmt"
	"io/fs"

	"guodu/mocks/sim"
)

//go:embed scenarios/*.json
var scenarioFiles embed.FS

func loadScenarios(faults *sim.Faults) (sim.Scenarios, error) {
	files, err := fs.Sub(scenarioFiles, "scenarios")
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	return sim.LoadScenarios(files, faults)
}

// Scenarios are the data files of this package, sorted by name.
func Scenarios() (sim.Scenarios, error) {
	return loadScenarios(sim.NewFaults(sim.NewDice(1, diceSalt), places()))
}
