package show

import (
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"guodu/cmd/demo/stage"
	"guodu/cmd/demo/world"
)

//go:embed static
var files embed.FS

// phrase is a text in Chinese and in English.
type phrase struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Options say how a show goes.
type Options struct {
	Pace time.Duration // of the steps of a tap and of a callback, for eyes to follow
	Log  *slog.Logger
}

// Show is the page and what moves on it. All methods are safe for concurrent
// use.
type Show struct {
	options Options
	feed    *feed
	stage   *stage.Stage // set by Play, before anything is served
	pos     *pos
	courier *courier
	money   *money
	index   map[string]*template.Template // by language

	ctx    context.Context // ends at Close
	end    context.CancelFunc
	spawns sync.WaitGroup
}

// New makes a show without a stage: it can hear already.
func New(o Options) *Show {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Show{options: o, feed: newFeed()}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// Hear takes a line of the hub's log and tells it in words.
func (s *Show) Hear(l stage.Line) {
	if text, tone, ok := words(l); ok {
		s.say("hub", tone, text)
	}
}

// Play puts the show on a stage. The caller calls Close.
func (s *Show) Play(_ context.Context, st *stage.Stage) error {
	s.stage = st
	s.pos = newPos(s)
	if err := s.pos.on(); err != nil {
		return err
	}
	s.courier = &courier{show: s}
	s.money = newMoney(s)
	if err := s.parse(); err != nil {
		return err
	}
	st.Show(s.routes)
	s.spawns.Go(s.money.watch)
	return nil
}

// parse reads the page once for each language.
func (s *Show) parse() error {
	s.index = map[string]*template.Template{}
	for lang, english := range map[string]bool{"zh": false, "en": true} {
		say := func(zh, en string) string {
			if english {
				return en
			}
			return zh
		}
		var err error
		s.index[lang], err = template.New("index.html").Funcs(template.FuncMap{"say": say}).ParseFS(files, "static/index.html")
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends what moves. The stage stays.
func (s *Show) Close() {
	s.end()
	s.spawns.Wait()
	s.pos.off()
}

// say writes a line of the page's log: who, how it went, what.
func (s *Show) say(who, tone string, text phrase) {
	s.feed.send("said", map[string]any{"who": who, "tone": tone, "text": text, "at": time.Now().Format("15:04:05.0")})
}

// wait lets n steps of the pace pass, or the show end.
func (s *Show) wait(n float64) bool {
	timer := time.NewTimer(time.Duration(n * float64(s.options.Pace)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// routes shows the page and hands the rest to the hub.
func (s *Show) routes(hub http.Handler) http.Handler {
	static, err := fs.Sub(files, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.Handle("GET /demo/static/", http.StripPrefix("/demo/static/", http.FileServerFS(static)))
	mux.Handle("GET /demo/events", s.feed)
	mux.HandleFunc("GET /demo/sheet", s.sheet)
	mux.Handle("POST /demo/pay", fromHere(s.pay))
	mux.Handle("POST /demo/do/{what}", fromHere(s.act))
	mux.Handle("/h5/", inApp(hub))
	mux.Handle("/", hub)
	return mux
}

// page is the page itself, in Chinese or, asked for, in English.
func (s *Show) page(w http.ResponseWriter, r *http.Request) {
	lang := "zh"
	if r.URL.Query().Get("lang") == "en" {
		lang = "en"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "+
		"frame-src "+s.stage.URL+" "+s.stage.World.WeChatURL+" "+s.stage.World.AlipayURL+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	err := s.index[lang].Execute(w, map[string]any{
		"Lang": lang, "Memory": s.stage.Memory(), "Account": world.AccountNo,
		"Username": world.Username, "Password": world.Password, "Card": world.CardNo,
		"Apps": []app{{"wechat", "WeChat"}, {"alipay", "Alipay"}},
	})
	if err != nil {
		s.options.Log.Error("page", "error", err)
	}
}

// app is one of the phone's.
type app struct{ Channel, Title string }

// fromHere lets a POST through that this very page sent: another site in the
// same browser must not press buttons.
func fromHere(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, err := url.Parse(r.Header.Get("Origin"))
		if err != nil || origin.Host != r.Host {
			http.Error(w, "this is for the demo's own page", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		next(w, r)
	})
}
