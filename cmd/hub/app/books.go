package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/internal/redisx"
	"guodu/transition"
)

var (
	// ErrNoBooks says that the money Redis holds no books, and none were to be made.
	ErrNoBooks = transition.ErrNoBooks
	// ErrOtherBooks says that it does not hold the books that this hub has kept.
	ErrOtherBooks = errors.New("these are not the books of this hub")
)

// markEvery is the least time between two marks.
const markEvery = time.Second

// intent is what a program wants of the books.
type intent struct {
	begin  bool   // make them where there are none
	giveUp string // the id of books that people give up; empty gives up none
}

// judge compares what a money Redis holds with the mark. lost says why writes are
// missing: the books go into recovery. Errors refuse the books: ErrNoBooks,
// ErrOtherBooks.
func judge(m mark, where string, e transition.Extent, f redisx.Folder, may intent) (lost string, err error) {
	kept := fmt.Sprintf("%s says that there were books %s with %d entries at %s", where, m.Books, m.extent().Sum(), Moment(m.At))
	switch {
	case m.Books == "" && e.ID == "" && !may.begin:
		return "", fmt.Errorf("%w; hub serve makes them", ErrNoBooks)
	case m.Books == "":
		return "", nil
	case e.ID == "":
		return "", fmt.Errorf("%w: the money Redis is empty, and %s. Put its data back, or give those books up for new ones: hub serve --new-books %s",
			ErrNoBooks, kept, m.Books)
	case e.ID != m.Books:
		return "", fmt.Errorf("%w: the money Redis holds books %s, and %s. Put the right data back, or give those books up: hub serve --new-books %s",
			ErrOtherBooks, e.ID, kept, m.Books)
	}
	if partitions, entries := e.Fewer(m.extent()); partitions > 0 {
		return fmt.Sprintf("%d entries of %d are missing in %d partitions, since %s", entries, m.extent().Sum(), partitions, Moment(m.At)), nil
	}
	if shorter := f.Shorter(m.File); f != nil && shorter != "" {
		return shorter + " at " + Moment(m.At), nil
	}
	return "", nil
}

// bookkeeper knows which books the money Redis holds, and lets nobody use a server
// before it was compared with the mark.
type bookkeeper struct {
	config Config
	marks  marks
	may    intent
	log    *slog.Logger

	probe redis.UniversalClient // looks at servers that nobody may use yet
	own   bool                  // the money Redis is a child of this process
	found redisx.Folder         // what the child was started on

	told string // the last trouble that was logged

	mu       sync.Mutex // one look at a time
	mark     mark       // the last one
	where    string     // it stands
	earlier  mark       // what was seen at the last look, with replicas
	admitted []string   // servers, by their processes
}

// admit is what new connections ask. A server that has started since the last look is
// looked at first.
func (b *bookkeeper) admit(ctx context.Context, runID string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.admitted, runID) {
		return nil
	}
	_, err := b.look(ctx, nil)
	if err == nil && !slices.Contains(b.admitted, runID) {
		err = errors.New("the server is none that holds the books")
	}
	return err
}

func (b *bookkeeper) dir() string { return filepath.Join(b.config.DataDir, "money") }

// before looks at the folder of the hub's own Redis before it is started, and makes
// nothing.
func (b *bookkeeper) before(dir string) error {
	var err error
	b.found, err = redisx.ReadFolder(dir)
	if err != nil || len(b.found) > 0 {
		return err
	}
	kept := b.mark
	if b.may.giveUp != "" {
		kept = mark{}
	}
	_, err = judge(kept, b.where, transition.Extent{}, nil, b.may)
	if err != nil {
		return fmt.Errorf("%w (%s holds no data)", err, dir)
	}
	return nil
}

// open reads the mark, before any Redis is started.
func (b *bookkeeper) open(ctx context.Context) (err error) {
	b.mark, b.where, err = b.marks.read(ctx)
	if err != nil || b.may.giveUp == "" {
		return err
	}
	if b.may.giveUp != b.mark.Books {
		return fmt.Errorf("--new-books %s: no mark names such books (the mark names %s)", b.may.giveUp, orNone(b.mark.Books))
	}
	return nil
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// look compares the servers with the mark, and admits them. The caller holds mu.
func (b *bookkeeper) look(ctx context.Context, f redisx.Folder) (transition.Extent, error) {
	b.admitted = nil
	servers, err := redisx.RunIDs(ctx, b.probe)
	if err != nil {
		return transition.Extent{}, err
	}
	e, err := transition.ReadExtent(ctx, b.probe, b.config.Redis.Prefix)
	if err != nil {
		return e, err
	}
	again, err := redisx.RunIDs(ctx, b.probe)
	if err != nil {
		return e, err
	}
	if !slices.Equal(servers, again) {
		return e, fmt.Errorf("%w: servers change", redisx.ErrUnavailable)
	}
	lost, err := judge(b.mark, b.where, e, f, b.may)
	if lost != "" {
		err = b.recover(ctx, lost)
		if err == nil { // what is missing is known now
			b.mark = markOf(e, f)
			b.unkept(b.marks.write(ctx, b.mark))
		}
	}
	if err == nil {
		b.admitted = servers
	}
	return e, err
}

// recover takes the books into recovery before anybody uses them.
func (b *bookkeeper) recover(ctx context.Context, lost string) error {
	run := redisx.NewRunner(b.probe, redisx.RunnerOptions{Replicas: b.config.Redis.Replicas})
	books, err := transition.Open(ctx, run, transition.Options{Prefix: b.config.Redis.Prefix, Log: b.log, Existing: true})
	if err == nil {
		err = books.BeginRecovery(ctx, "hub", lost)
	}
	if err != nil {
		return fmt.Errorf("begin recovery (%s): %w", lost, err)
	}
	b.log.Error("recovery begins: acknowledged writes are missing; no new holds, refunds and first sights, see hub recovery", "why", lost)
	return nil
}

// start is the first look, before anything else of the program.
func (b *bookkeeper) start(ctx context.Context) error {
	if b.may.giveUp != "" {
		e, err := transition.ReadExtent(ctx, b.probe, b.config.Redis.Prefix)
		if err != nil {
			return err
		}
		if e.ID == b.may.giveUp {
			return fmt.Errorf("--new-books %s: these very books are in the money Redis; nothing is given up", e.ID)
		}
		if err := b.marks.giveUp(ctx, b.may.giveUp); err != nil {
			return err
		}
		b.log.Warn("books are given up", "books", b.may.giveUp, "found", orNone(e.ID), "mark", b.marks.path()+"."+b.may.giveUp)
		b.mark = mark{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.look(ctx, b.found)
	return err
}

// begin writes the first mark, before anything is kept in the books.
func (b *bookkeeper) begin(ctx context.Context) error {
	e, err := transition.ReadExtent(ctx, b.probe, b.config.Redis.Prefix)
	if err != nil || b.mark.Books == e.ID {
		return err
	}
	if b.mark.Books == "" && !b.may.begin {
		return nil // a command leaves marks to hubs that serve
	}
	b.log.Info("books", "books", e.ID, "entries", e.Sum())
	return b.note(ctx)
}

// note compares again, and writes a new mark if there is something new to say.
func (b *bookkeeper) note(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var f redisx.Folder
	if b.own {
		// Sizes first: what was on the disk then, whoever answers later has synced.
		f, _ = redisx.ReadFolder(b.dir()) // nothing while a rewrite changes the names
	}
	e, err := b.look(ctx, f)
	if err != nil {
		return err
	}
	if f == nil {
		f = b.mark.File
	}
	now := markOf(e, f)
	if b.config.Redis.Replicas > 0 {
		// What replicas have not confirmed may go with a failover, and is no loss: the
		// mark is what there was a second ago, confirmed by now or given up.
		now, b.earlier = b.earlier, now
	}
	if now.same(b.mark) || now.Books == "" {
		return nil
	}
	b.mark, b.where = now, b.marks.path()
	return b.marks.write(ctx, now)
}

// watch notes again and again until ctx ends, and tells whether the books are those
// of this hub.
func (b *bookkeeper) watch(ctx context.Context, ours func(bool)) {
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := b.note(ctx)
		if ctx.Err() != nil {
			return
		}
		// One that does not answer refuses by itself.
		ours(!errors.Is(err, ErrNoBooks) && !errors.Is(err, ErrOtherBooks) && !errors.Is(err, transition.ErrBooks))
		b.tell(err)
	}
}

// unkept logs that a mark could not be written; the next one will say as much.
func (b *bookkeeper) unkept(err error) {
	if err != nil {
		b.log.Warn("the mark of the books is not kept", "error", err)
	}
}

// tell logs a trouble once.
func (b *bookkeeper) tell(err error) {
	text := ""
	if err != nil && !errors.Is(err, redisx.ErrUnavailable) && !errors.Is(err, redisx.ErrUnknownOutcome) {
		text = err.Error()
	}
	switch text {
	case b.told:
	case "":
		b.log.Info("the books are those of this hub again", "books", b.mark.Books)
	default:
		b.log.Error("books", "error", text)
	}
	b.told = text
}

// noteRest writes the mark once more, if the books are this program's alone.
func (h *Hub) noteRest() {
	if h.keeper == nil || !h.keeper.own || h.books == nil || h.keeper.mark.Books == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), markEvery)
	defer cancel()
	if err := h.keeper.note(ctx); !errors.Is(err, redisx.ErrUnavailable) { // its Redis may be what has ended
		h.keeper.unkept(err)
	}
}

// Where names the books that a hub has opened, for the first line of a command.
func (h *Hub) Where() string {
	at := strings.Join(h.config.Redis.Addrs, ", ")
	if at == "" {
		at = h.keeper.dir()
	}
	return fmt.Sprintf("books %s in %s (prefix %s)", h.books.ID(), at, h.config.Redis.Prefix)
}
