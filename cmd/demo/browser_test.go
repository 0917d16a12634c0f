package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a person with a real browser: what it does to a page, it does by
// mouse and keyboard. Looking is by script, doing is not.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// patience bounds each wait for something to be seen.
const patience = 30 * time.Second

// chromiums are the names that Debian, others and a Mac give it.
var chromiums = []string{"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"}

func openBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	program := ""
	for _, path := range chromiums {
		if _, err := os.Stat(path); err == nil && program == "" {
			program = path
		}
	}
	if program == "" {
		t.Fatal("no chromium here; .ci/setup installs it")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	allocator, end := chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox,
		chromedp.NoFirstRun, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "zh-CN"), chromedp.UserDataDir(t.TempDir()))
	t.Cleanup(end)
	tab, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	b := &browser{t, tab}
	b.do("open the browser", chromedp.EmulateViewport(int64(width), int64(height)))
	return b
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.do("open "+address, chromedp.Navigate(address))
}

// until waits until a script's expression is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("("+expression+") === true", chromedp.WithPollingTimeout(patience)))
	if err != nil {
		b.t.Fatalf("waited for %s: %v\nthe log on the page:\n%s", what, err, b.text("#log"))
	}
}

// text is what an element of the page says, "" if there is none.
func (b *browser) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q) || {innerText: ''}).innerText`, selector)))
	if err != nil {
		b.t.Fatalf("read %s: %v", selector, err)
	}
	return text
}

// place says where the middle of an element is, scrolled into view; frame is
// the id of the frame that it is in, or "". It is null as long as the element
// is not there, hidden or covered by another.
func place(frame, selector string) string {
	return fmt.Sprintf(`(function () {
		var frame = %q && document.getElementById(%q), doc = frame ? frame.contentDocument : document;
		var e = doc && doc.readyState === 'complete' && doc.querySelector(%q);
		if (!e || e.disabled) return null;
		e.scrollIntoView({block: 'center', behavior: 'instant'});
		if (frame) frame.scrollIntoView({block: 'nearest', behavior: 'instant'});
		var r = e.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2;
		var top = doc.elementFromPoint(x, y);
		if (!r.width || !top || !(top === e || e.contains(top))) return null;
		var f = frame ? frame.getBoundingClientRect() : {left: 0, top: 0};
		if (frame && document.elementFromPoint(f.left + x, f.top + y) !== frame) return null;
		return {x: f.left + x, y: f.top + y};
	})()`, frame, frame, selector)
}

// click presses the mouse on an element, in a frame or not, once it is there.
func (b *browser) click(frame, selector string) {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Poll[struct{ X, Y float64 }](place(frame, selector), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		b.t.Fatalf("click on %s %s: %v", frame, selector, err)
	}
	b.do("click on "+selector, chromedp.MouseClickXY(at.X, at.Y))
}

// fill clicks on a field and types.
func (b *browser) fill(frame, selector, text string) {
	b.t.Helper()
	b.click(frame, selector)
	b.do("type into "+selector, chromedp.KeyEvent(text))
}

// picture keeps what the window shows as docs/img/NAME.png if the pictures are
// to be made anew. In any case something must be in it.
func (b *browser) picture(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("picture %s: %v", name, err)
	}
	if len(png) < 10_000 {
		b.t.Errorf("picture %s has %d bytes: an empty window", name, len(png))
	}
	if !*update {
		return
	}
	path := filepath.Join("..", "..", "docs", "img", name+".png")
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
