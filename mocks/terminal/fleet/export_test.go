package fleet

// Plan is a run as it is drawn.
func Plan(o Options) any { return plan(o) }
