package app

import (
	"slices"
	"strings"
)

// Nearest are the names that somebody may have meant who wrote word: those that a
// few letters make of it, nearest first, and those that begin with it.
func Nearest(word string, names []string) []string {
	far := func(name string) int { return distance(word, name) }
	// A short word is near to everything; a long one may have two mistakes.
	most := min(2, len(word)/2)
	var near []string
	for _, name := range names {
		begins := len(word) > 2 && strings.HasPrefix(name, word)
		if begins || far(name) <= most {
			near = append(near, name)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return far(a) - far(b) })
	return near
}

// distance is how many letters must be added, taken away, changed or exchanged with
// their neighbour to make b of a.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			changed := 1
			if from[i-1] == to[j-1] {
				changed = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+changed)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}

// DidYouMean asks about the nearest names; empty if nothing is near.
func DidYouMean(word string, names []string) string {
	near := Nearest(word, names)
	switch len(near) {
	case 0:
		return ""
	case 1:
		return "did you mean " + near[0] + "?"
	}
	near = near[:min(len(near), 3)]
	return "did you mean " + strings.Join(near[:len(near)-1], ", ") + " or " + near[len(near)-1] + "?"
}
