package pos

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
)

// Seq numbers a message or a journal record of a terminal.
type Seq struct {
	Epoch int64 `json:"epoch"` // rises when the terminal lost its memory
	N     int64 `json:"seq"`
}

func (s Seq) String() string { return fmt.Sprintf("%d.%d", s.Epoch, s.N) }

// numberMax is the largest number that every JSON reader and Lua hold exactly.
const numberMax = 1<<53 - 1

var seqForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,15})\.([1-9][0-9]{0,15})$`)

func parseSeq(text string) (Seq, error) {
	parts := seqForm.FindStringSubmatch(text)
	if parts == nil {
		return Seq{}, fmt.Errorf("%w: Terminal-Seq must be EPOCH.SEQ, SEQ from 1", errMalformed)
	}
	epoch, _ := strconv.ParseInt(parts[1], 10, 64) // the form leaves no other way
	n, _ := strconv.ParseInt(parts[2], 10, 64)
	if epoch > numberMax || n > numberMax {
		return Seq{}, fmt.Errorf("%w: Terminal-Seq is beyond 2^53", errMalformed)
	}
	return Seq{epoch, n}, nil
}

// Sentinels of message numbers.
var (
	// ErrSeq says that a message's number was another message's, or is over.
	ErrSeq = errors.New("message number is not this message's")
	// ErrAlarm says that two devices seem to share one key.
	ErrAlarm = errors.New("two devices may share a key")
)

// seqWindow is how many numbers back a message may come.
const seqWindow = 1000

// digestWidth is the length of a digest in Redis, in characters.
const digestWidth = 22

// digest is 128 bits of SHA-256 over parts, none of which holds a line feed but
// the last.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (r *Registry) windowKey(id string) string { return r.prefix + "s:" + id }

type seqCall struct {
	Terminal string `key:"terminal"`
	Window   string `key:"window"`
	Epoch    int64  `arg:"epoch"`
	Number   int64  `arg:"number"`
	Digest   string `arg:"digest"`
	Now      int64  `arg:"now"`
	Size     int    `arg:"size"`
}

type seqReply struct {
	Tag    string
	Epoch  string `reply:"epoch"`
	Newest string `reply:"newest"`
}

var terminalSeq = redisx.MustLoad[seqCall, seqReply](scripts, "terminal_seq")

// Take notes a message's number, before anything is done for the message. what
// is the message's digest: the same number with the same one is a repeat.
// Errors: ErrSeq, which wraps ErrAlarm if two devices seem to share the key;
// ErrNoTerminal.
func (r *Registry) Take(ctx context.Context, id string, s Seq, what string, now time.Time) error {
	reply, err := terminalSeq.Run(ctx, r.run, seqCall{
		Terminal: r.terminalKey(id), Window: r.windowKey(id), Epoch: s.Epoch, Number: s.N, Digest: what, Now: now.UnixMilli(), Size: seqWindow,
	})
	if err != nil {
		return err
	}
	switch reply.Tag {
	case "OTHER":
		return fmt.Errorf("%w: %w: %s was used for another message", ErrSeq, ErrAlarm, s)
	case "EPOCH":
		return fmt.Errorf("%w: %w: %s, and epoch %s has begun", ErrSeq, ErrAlarm, s, reply.Epoch)
	case "OLD":
		return fmt.Errorf("%w: %s is too old, the newest is %s", ErrSeq, s, reply.Newest)
	}
	return refused(id, reply.Tag, "")
}

// Hole is a range of numbers of which none has come.
type Hole struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// holesMax bounds a list of holes.
const holesMax = 100

// Holes are the message numbers within the window that have not come, oldest
// first, at most holesMax ranges.
func (r *Registry) Holes(ctx context.Context, id string) ([]Hole, error) {
	pipe := r.run.Client().TxPipeline()
	newest, window := pipe.HGet(ctx, r.terminalKey(id), "seq"), pipe.Get(ctx, r.windowKey(id))
	_, err := pipe.Exec(ctx)
	if errors.Is(err, redis.Nil) {
		return nil, nil // no message yet
	}
	if err != nil {
		return nil, fmt.Errorf("read message numbers: %w", redisx.Classify(err))
	}
	top, slots := count(newest.Val()), window.Val()
	var holes []Hole
	for n := max(1, top-seqWindow+1); n <= top; n++ {
		from := int(n%seqWindow) * digestWidth
		to := min(from+digestWidth, len(slots))
		if from < to && strings.Trim(slots[from:to], "\x00") != "" {
			continue
		}
		if last := len(holes) - 1; last >= 0 && holes[last].To == n-1 {
			holes[last].To = n
			continue
		}
		if len(holes) == holesMax {
			break
		}
		holes = append(holes, Hole{n, n})
	}
	return holes, nil
}
