package main

import "guodu/transition/pos"

type api struct{}

// Run prints the description.
func (api) Run(r run) error {
	_, err := r.out.Write(pos.OpenAPI())
	return err
}
