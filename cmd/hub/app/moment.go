package app

import (
	"time"

	"guodu/transition"
)

// Moment is a time as every command prints it: in Beijing, and it says so.
func Moment(t time.Time) string {
	return t.In(transition.Beijing()).Format("2006-01-02 15:04:05 -07:00")
}

// MomentMillis is Moment for what is sorted by milliseconds.
func MomentMillis(t time.Time) string {
	return t.In(transition.Beijing()).Format("2006-01-02 15:04:05.000 -07:00")
}
