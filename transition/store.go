package transition

import (
	"context"
	"crypto/rand"
	_ "embed" // for the scripts
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/idempotency"
	"guodu/internal/fen"
	"guodu/internal/redisx"
)

// Sentinels that callers branch on.
var (
	// ErrUnavailable says that nothing was changed: the store refuses.
	ErrUnavailable = redisx.ErrUnavailable
	// ErrUnknownOutcome says that a change may or may not have been made.
	// Repeat the same call: every script answers a repeat with its first result.
	ErrUnknownOutcome = redisx.ErrUnknownOutcome
	// ErrNoAccount says that there is no such account.
	ErrNoAccount = errors.New("no such account")
	// ErrAccountClosed says that the account takes no money any more.
	ErrAccountClosed = errors.New("account is closed")
	// ErrNoOrder says that there is no such order.
	ErrNoOrder = errors.New("no such order")
	// ErrNoBooks says that a Redis holds no books.
	ErrNoBooks = errors.New("there are no books here")
	// ErrMoved says that keys kept changing while a call tried to name them.
	ErrMoved = errors.New("too many changes at once, try again")
)

// format is the version of the data in docs/keys.md.
const format = "1"

//go:embed ledger.lua
var ledgerLua string

//go:embed mark.lua
var markLua string

//go:embed stand.lua
var standLua string

//go:embed cash.lua
var cashLua string

//go:embed load.lua
var loadLua string

//go:embed suspense.lua
var suspenseLua string

//go:embed unpaid.lua
var unpaidLua string

//go:embed order_create.lua
var orderCreateLua string

//go:embed order_prepared.lua
var orderPreparedLua string

//go:embed order_credit.lua
var orderCreditLua string

//go:embed order_told.lua
var orderToldLua string

//go:embed order_close.lua
var orderCloseLua string

//go:embed due_claim.lua
var dueClaimLua string

//go:embed due_resched.lua
var dueReschedLua string

//go:embed case.lua
var caseLua string

//go:embed case_open.lua
var caseOpenLua string

//go:embed case_note.lua
var caseNoteLua string

//go:embed case_end.lua
var caseEndLua string

//go:embed case_reopen.lua
var caseReopenLua string

//go:embed case_retell.lua
var caseRetellLua string

//go:embed case_refund_hold.lua
var caseRefundHoldLua string

//go:embed case_refund_settle.lua
var caseRefundSettleLua string

//go:embed case_refund_return.lua
var caseRefundReturnLua string

//go:embed case_refund_ext.lua
var caseRefundExtLua string

//go:embed case_refund_late.lua
var caseRefundLateLua string

//go:embed order_rebuild.lua
var orderRebuildLua string

//go:embed order_restate.lua
var orderRestateLua string

//go:embed tap.lua
var tapLua string

//go:embed load_result.lua
var loadResultLua string

//go:embed load_drop.lua
var loadDropLua string

//go:embed load_doubt.lua
var loadDoubtLua string

//go:embed conflict.lua
var conflictLua string

//go:embed card_recheck.lua
var cardRecheckLua string

//go:embed load_decide.lua
var loadDecideLua string

//go:embed load_undo.lua
var loadUndoLua string

//go:embed card_adopt.lua
var cardAdoptLua string

//go:embed card_repair.lua
var cardRepairLua string

//go:embed card_report.lua
var cardReportLua string

//go:embed recovery.lua
var recoveryLua string

//go:embed refund.lua
var refundLua string

//go:embed refund_hold.lua
var refundHoldLua string

//go:embed refund_settle.lua
var refundSettleLua string

//go:embed refund_send.lua
var refundSendLua string

//go:embed refund_return.lua
var refundReturnLua string

//go:embed refund_ext.lua
var refundExtLua string

//go:embed refund_resched.lua
var refundReschedLua string

//go:embed import.lua
var importLua string

//go:embed feed.lua
var feedLua string

//go:embed feed_pending.lua
var feedPendingLua string

//go:embed block_set.lua
var blockSetLua string

//go:embed index.lua
var indexLua string

//go:embed meta.lua
var metaLua string

// scripts are the money scripts, by their files' names.
type scripts struct {
	orderCreate, orderPrepared, orderCredit, orderClose *redisx.Plain
	dueClaim, dueResched                                *redisx.Plain
	caseOpen, caseNote, caseEnd, caseReopen, caseRetell *redisx.Plain
	caseRefundHold, caseRefundSettle                    *redisx.Plain
	caseRefundReturn, caseRefundExt, caseRefundLate     *redisx.Plain
	orderRebuild, orderRestate                          *redisx.Plain
	tap, loadResult, loadDrop, loadDoubt                *redisx.Plain
	cardRecheck, cardAdopt, cardRepair, cardReport      *redisx.Plain
	loadDecide, loadUndo, recovery                      *redisx.Plain
	refundHold, refundSettle, refundReturn              *redisx.Plain
	refundSend, refundExt, refundResched, orderTold     *redisx.Plain
	imports, index, meta                                *redisx.Plain
	blockSet, feedPending                               *redisx.Plain
}

func newScripts() scripts {
	return scripts{
		orderCreate:      redisx.NewPlain("order_create", ledgerLua, unpaidLua, idempotency.Fragment, orderCreateLua),
		orderPrepared:    redisx.NewPlain("order_prepared", orderPreparedLua),
		orderCredit:      redisx.NewPlain("order_credit", ledgerLua, unpaidLua, caseLua, orderCreditLua),
		orderClose:       redisx.NewPlain("order_close", ledgerLua, unpaidLua, orderCloseLua),
		dueClaim:         redisx.NewPlain("due_claim", dueClaimLua),
		dueResched:       redisx.NewPlain("due_resched", dueReschedLua),
		caseOpen:         redisx.NewPlain("case_open", ledgerLua, caseOpenLua),
		caseNote:         redisx.NewPlain("case_note", caseNoteLua),
		caseEnd:          redisx.NewPlain("case_end", ledgerLua, caseLua, caseEndLua),
		caseReopen:       redisx.NewPlain("case_reopen", ledgerLua, caseLua, caseReopenLua),
		caseRetell:       redisx.NewPlain("case_retell", ledgerLua, caseLua, caseRetellLua),
		caseRefundHold:   redisx.NewPlain("case_refund_hold", ledgerLua, caseLua, caseRefundHoldLua),
		caseRefundSettle: redisx.NewPlain("case_refund_settle", ledgerLua, caseLua, caseRefundSettleLua),
		caseRefundReturn: redisx.NewPlain("case_refund_return", ledgerLua, caseLua, caseRefundReturnLua),
		caseRefundExt:    redisx.NewPlain("case_refund_ext", ledgerLua, caseLua, caseRefundExtLua),
		caseRefundLate:   redisx.NewPlain("case_refund_late", ledgerLua, refundLua, caseRefundLateLua),
		orderRebuild:     redisx.NewPlain("order_rebuild", orderRebuildLua),
		orderRestate:     redisx.NewPlain("order_restate", ledgerLua, unpaidLua, orderRestateLua),
		tap:              redisx.NewPlain("tap", ledgerLua, markLua, cashLua, loadLua, tapLua),
		loadResult:       redisx.NewPlain("load_result", ledgerLua, markLua, cashLua, loadLua, suspenseLua, loadResultLua),
		loadDrop:         redisx.NewPlain("load_drop", ledgerLua, markLua, loadLua, loadDropLua),
		loadDoubt:        redisx.NewPlain("load_doubt", loadDoubtLua),
		cardRecheck:      redisx.NewPlain("card_recheck", ledgerLua, markLua, cashLua, loadLua, conflictLua, cardRecheckLua),
		cardAdopt:        redisx.NewPlain("card_adopt", ledgerLua, markLua, standLua, loadLua, conflictLua, cardAdoptLua),
		cardRepair:       redisx.NewPlain("card_repair", ledgerLua, markLua, loadLua, conflictLua, cardRepairLua),
		cardReport:       redisx.NewPlain("card_report", ledgerLua, markLua, cashLua, loadLua, conflictLua, cardReportLua),
		loadDecide:       redisx.NewPlain("load_decide", ledgerLua, markLua, standLua, loadLua, suspenseLua, conflictLua, loadDecideLua),
		loadUndo:         redisx.NewPlain("load_undo", ledgerLua, markLua, standLua, cashLua, loadLua, loadUndoLua),
		recovery:         redisx.NewPlain("recovery", recoveryLua),
		refundHold:       redisx.NewPlain("refund_hold", ledgerLua, idempotency.Fragment, refundLua, refundHoldLua),
		refundSettle:     redisx.NewPlain("refund_settle", ledgerLua, refundLua, refundSettleLua),
		orderTold:        redisx.NewPlain("order_told", orderToldLua),
		refundSend:       redisx.NewPlain("refund_send", refundSendLua),
		refundReturn:     redisx.NewPlain("refund_return", ledgerLua, refundLua, refundReturnLua),
		refundExt:        redisx.NewPlain("refund_ext", ledgerLua, refundLua, refundExtLua),
		refundResched:    redisx.NewPlain("refund_resched", refundReschedLua),
		imports:          redisx.NewPlain("import", ledgerLua, markLua, importLua),
		blockSet:         redisx.NewPlain("block_set", feedLua, blockSetLua),
		feedPending:      redisx.NewPlain("feed_pending", feedLua, feedPendingLua),
		index:            redisx.NewPlain("index", indexLua),
		meta:             redisx.NewPlain("meta", ledgerLua, metaLua),
	}
}

// Store is the money of one campus. It is safe for concurrent use.
type Store struct {
	run     *redisx.Runner
	keys    keyring
	clock   func() time.Time
	scripts scripts
	loadNo  func(partition, time.Time) LoadNo
	token   func() string // a challenge
	id      string        // of the books
	log     *slog.Logger

	blockChanges int  // how many a partition remembers
	quiet        bool // the model's: hints to terminals decide nothing
}

// Options tune a Store; the zero value is right for one campus on one Redis.
type Options struct {
	Prefix string           // first part of every key; "h" if empty
	Clock  func() time.Time // time.Now if nil
	Log    *slog.Logger     // of what fails beside a call that went well; nowhere if nil
	// Existing refuses to make books where there are none.
	Existing bool
}

var prefixForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// Open returns a Store over the runner's Redis. At the first start it makes the
// books: it fixes their id and the number of partitions. Later it refuses data of
// another number.
// Errors: ErrNoBooks if Options.Existing says that there must be books.
func Open(ctx context.Context, run *redisx.Runner, o Options) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "h"
	}
	if !prefixForm.MatchString(o.Prefix) {
		return nil, fmt.Errorf("key prefix %.40q: %w (1 to 32 of 0-9 A-Z a-z _ -)", o.Prefix, ErrNumber)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		run: run, keys: keyring{o.Prefix}, clock: o.Clock, scripts: newScripts(), loadNo: newLoadNo, token: rand.Text, log: o.Log,
		blockChanges: blockChanges,
	}
	id := ""
	if !o.Existing {
		id = strings.ToLower(rand.Text()[:idLength])
	}
	reply, err := run.Run(ctx, s.scripts.meta, []string{s.keys.meta()}, format, strconv.Itoa(Partitions), id)
	switch {
	case err != nil:
		return nil, err
	case reply[0] == "NONE":
		return nil, ErrNoBooks
	case reply[0] != "OK":
		return nil, fmt.Errorf("this Redis holds %s; this hub is built for format %s, %d partitions", reply[1], format, Partitions)
	}
	s.id = reply[1]
	return s, nil
}

// enter runs a script that appends entries. Its last key counts those of the
// partition, which all its keys share.
func (s *Store) enter(ctx context.Context, script *redisx.Plain, keys []string, args ...string) ([]string, error) {
	slot, _, _ := strings.Cut(keys[0], "}:")
	return s.run.Run(ctx, script, append(slices.Clone(keys), slot+"}:"+countName), args...)
}

func (s *Store) client() redis.UniversalClient { return s.run.Client() }

// now is the time for scripts, in milliseconds.
func (s *Store) now() string { return millis(s.clock()) }

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// unexpected is what a reply that nobody documented becomes: an error, never a
// guess.
func unexpected(script string, reply []string) error {
	return fmt.Errorf("script %s: unexpected reply %q", script, reply)
}

// read turns a client's error into the package's own; redis.Nil never leaves.
func read(what string, err error) error {
	if err == nil || errors.Is(err, redis.Nil) {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, redisx.Classify(err))
}

// exec runs a pipeline of reads. A key that is absent must not hide that another one
// could not be read.
func exec(ctx context.Context, what string, pipe redis.Pipeliner) error {
	cmds, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		if err := read(what, cmd.Err()); err != nil {
			return err
		}
	}
	return read(what, err)
}

// number collects the first error of several conversions of stored text.
type number struct{ err error }

func (n *number) fen(text string) fen.Fen {
	f, err := fen.ParseInt(text)
	if err != nil && n.err == nil {
		n.err = err
	}
	return f
}

func (n *number) int(text string) int64 {
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("stored number %.24q: %w", text, err)
	}
	return i
}

func (n *number) time(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	return time.UnixMilli(n.int(text))
}
