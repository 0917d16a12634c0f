package app

import (
	"fmt"

	"guodu/binding"
)

// bindingRefs is what the key is for that makes the names of bindings.
const bindingRefs = "binding-refs"

// Bindings are the hub's links of payers and accounts, and the key of their names,
// which are those of the pages.
func (h *Hub) Bindings() (*binding.Store, []byte, error) {
	text, err := secret(h.config.Terminals.KeyFile)
	if err != nil {
		return nil, nil, err
	}
	key, err := parseHubKey(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: terminals.key_file: %w", ErrConfig, err)
	}
	return binding.NewStore(h.runner(nil), h.config.Redis.Prefix, nil), derived(key, bindingRefs), nil
}
