package app

import "context"

// place is where a terminal stands, as the registry has it; "" if that cannot be
// read now.
func (h *Hub) place(ctx context.Context, terminal string) string {
	t, err := h.registry.Terminal(ctx, terminal)
	if err != nil {
		return ""
	}
	return t.Place
}
