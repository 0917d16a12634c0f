package fleet

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrRoster says that a fleet's terminals cannot be read or made.
var ErrRoster = errors.New("fleet: roster")

// Member is a terminal of the fleet.
type Member struct {
	ID  string
	Key ed25519.PrivateKey
}

// The files of a roster: the one that the hub imports, and the private keys.
const (
	RosterFile = "roster.csv"
	keysFile   = "keys.csv"
)

// NewRoster makes n terminals with keys of their own: RosterFile in dir with
// id, public key and place for the hub, and the private keys beside it. A roster
// that is there is never replaced. Errors: ErrRoster.
func NewRoster(dir, prefix string, n int) ([]Member, error) {
	members := make([]Member, n)
	public, private := [][]string{{"id", "key", "place"}}, [][]string{{"id", "key"}}
	for i := range members {
		key, secret, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRoster, err)
		}
		id := fmt.Sprintf("%s%04d", prefix, i+1)
		members[i] = Member{ID: id, Key: secret}
		place := fmt.Sprintf("%d 食堂 %d 号窗口", i/20+1, i%20+1)
		public = append(public, []string{id, base64.StdEncoding.EncodeToString(key), place})
		private = append(private, []string{id, base64.StdEncoding.EncodeToString(secret.Seed())})
	}
	err := writeCSV(filepath.Join(dir, keysFile), private)
	if err == nil {
		err = writeCSV(filepath.Join(dir, RosterFile), public)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoster, err)
	}
	return members, nil
}

// ReadRoster reads the terminals that NewRoster made. Errors: ErrRoster, with
// os.ErrNotExist if there are none.
func ReadRoster(dir string) ([]Member, error) {
	rows, err := readCSV(filepath.Join(dir, keysFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRoster, err)
	}
	var members []Member
	for i, row := range rows[1:] {
		seed, err := base64.StdEncoding.DecodeString(row[len(row)-1])
		if err != nil || len(row) != 2 || len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("%w: line %d of %s holds no key", ErrRoster, i+2, keysFile)
		}
		members = append(members, Member{ID: row[0], Key: ed25519.NewKeyFromSeed(seed)})
	}
	return members, nil
}

func writeCSV(path string, rows [][]string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	err = w.WriteAll(rows)
	closed := f.Close()
	if err != nil {
		return err
	}
	return closed
}

// readCSV reads a file with a heading.
func readCSV(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return rows, nil
}
