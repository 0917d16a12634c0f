package redisx_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"guodu/internal/redistest"
	"guodu/internal/redisx"
)

func lua(texts ...string) fs.FS {
	all := fstest.MapFS{}
	for i := 0; i < len(texts); i += 2 {
		all[texts[i]+".lua"] = &fstest.MapFile{Data: []byte(texts[i+1])}
	}
	return all
}

const ledgerInclude = `-- ledger: sums.
-- include text

-- CAP bounds a sum.
ledger.CAP = 100

-- add adds, and counts in the key that the script names.
function ledger.add(a, b)
  redis.call('INCR', KEYS.count)
  return '' .. text.of(math.min(ledger.CAP, a + b))
end

function ledger.unused() return redis.call('FLUSHALL') end
`

const textInclude = `-- text: numbers as text.

function text.of(n) return string.format('%.0f', n) end
`

type sumCall struct {
	Key  string `key:"total"`
	more        // a struct without a tag is taken for its fields
	A    int64  `arg:"a"`
	Flag bool   `arg:"flag"`
	List []struct {
		No   string `arg:"no"`
		Many int64  `arg:"many"`
	} `group:"arg"`
}

type more struct {
	Count string `key:"count"`
}

type sumReply struct {
	Tag    string
	Sum    string   `reply:"sum"`
	Parts  []string `reply:"parts"`
	Reason string   `reply:"reason"`
}

const sumScript = `-- sum: adds up.
-- include ledger
-- KEYS total count
-- ARGV a flag
--      {no many}...
-- REPLY SUM sum parts... | NONE | OTHER reason
local sum, parts = tonumber(ARGV.a), {}
for i = 1, #ARGV.no do
  sum = tonumber(ledger.add(sum, tonumber(ARGV.many[i])))
  parts[#parts + 1] = ARGV.no[i] .. '=' .. ARGV.many[i]
end
if #parts == 0 then return { 'NONE' } end
if ARGV.flag == '1' then return { 'OTHER' } end
redis.call('SET', KEYS.total, sum)
return { 'SUM', string.format('%.0f', sum), unpack(parts) }
`

func TestAScriptIsCalledByNames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	client := redistest.Start(t).Client()
	library, err := redisx.NewLibrary(lua("sum", sumScript), lua("ledger", ledgerInclude), lua("text", textInclude))
	if err != nil {
		t.Fatal(err)
	}
	script, err := redisx.Load[sumCall, sumReply](library, "sum")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(script.Source(), "FLUSHALL") {
		t.Error("the script has an item that it does not use")
	}
	for _, run := range []*redisx.Runner{
		redisx.NewRunner(client, redisx.RunnerOptions{}),
		redisx.NewRunner(client, redisx.RunnerOptions{Rewrite: redistest.Strict}),
	} {
		call := sumCall{Key: "total", more: more{"count"}, A: 5}
		if got, err := script.Run(ctx, run, call); err != nil || got.Tag != "NONE" {
			t.Errorf("without a list: %+v, %v", got, err)
		}
		call.List = append(call.List, struct {
			No   string `arg:"no"`
			Many int64  `arg:"many"`
		}{"x", 7}, struct {
			No   string `arg:"no"`
			Many int64  `arg:"many"`
		}{"y", 9})
		got, err := script.Run(ctx, run, call)
		if err != nil || got.Tag != "SUM" || got.Sum != "21" || strings.Join(got.Parts, " ") != "x=7 y=9" {
			t.Errorf("with a list: %+v, %v", got, err)
		}
		call.Flag = true
		if got, err := script.Run(ctx, run, call); !errors.Is(err, redisx.ErrUnknownOutcome) || !strings.Contains(err.Error(), "script sum: a reply OTHER of 1 parts") {
			t.Errorf("a reply of another length: %+v, %v", got, err)
		}
	}
	if n := client.Get(ctx, "count").Val(); n != "8" {
		t.Errorf("the include counted %s in the key that the script names", n)
	}
	if names := library.Scripts(); len(names) != 1 || names[0].Name() != "sum" {
		t.Errorf("the library lists %v", names)
	}
}

func TestAnErrorOfAScriptNamesFileAndLine(t *testing.T) {
	t.Parallel()
	library, err := redisx.NewLibrary(lua("sum", sumScript), lua("ledger", ledgerInclude, "text", textInclude))
	if err != nil {
		t.Fatal(err)
	}
	script, err := redisx.Load[sumCall, sumReply](library, "sum")
	if err != nil {
		t.Fatal(err)
	}
	client := redistest.Start(t).Client()
	client.RPush(context.Background(), "count", "no number")
	call := sumCall{Key: "total", more: more{"count"}, List: make([]struct {
		No   string `arg:"no"`
		Many int64  `arg:"many"`
	}, 1)}
	_, err = script.Run(context.Background(), redisx.NewRunner(client, redisx.RunnerOptions{}), call)
	if err == nil || !strings.Contains(err.Error(), "script sum at ledger.lua:9: ") {
		t.Errorf("got %v, want the line of the include", err)
	}
}

func TestAScriptThatIsNotAsItSaysIsRefused(t *testing.T) {
	t.Parallel()
	change := func(old, now string) string {
		if !strings.Contains(sumScript, old) {
			t.Fatalf("the script does not have %q", old)
		}
		return strings.Replace(sumScript, old, now, 1)
	}
	for name, c := range map[string]struct{ script, want string }{
		"no head":                 {"return {}", `sum.lua:1: it does not begin with "-- sum: "`},
		"another name":            {change("-- sum:", "-- product:"), "sum.lua:1"},
		"an unknown key":          {change("KEYS.total", "KEYS.sum"), "sum.lua:14: KEYS.sum is not declared"},
		"an unknown argument":     {change("ARGV.flag", "ARGV.flags"), "sum.lua:13: ARGV.flags is not declared"},
		"an unused key":           {change("total count", "total count other"), "sum.lua: KEYS.other is declared and not used"},
		"an unused argument":      {change("ARGV a flag", "ARGV a flag rest"), "sum.lua: ARGV.rest is declared and not used"},
		"a number":                {change("ARGV.flag", "ARGV[2]"), "sum.lua:13: ARGV without a name"},
		"a group without a place": {change("tonumber(ARGV.many[i])", "tonumber(ARGV.many, 1)"), "sum.lua:9: ARGV.many is of a group"},
		"a key of an include":     {change("total count", "total"), "ledger.lua:9: KEYS.count is not declared"},
		"a name twice":            {change("ARGV a flag", "ARGV a a"), "sum.lua: ARGV: a stands twice"},
		"a line twice":            {change("-- KEYS total count\n", "-- KEYS total\n-- KEYS count\n"), "sum.lua:4: a second line KEYS"},
		"an unknown include":      {change("include ledger", "include ledger books"), "sum.lua: include books: there is none"},
		"an unused include":       {change("include ledger", "include ledger text"), "sum.lua: include text is not used"},
		"no include":              {change("-- include ledger\n", ""), "sum.lua:8: ledger is not included"},
		"an include of another":   {change("ledger.add(", "text.of("), "sum.lua:9: text is not included"},
		"an unknown item":         {change("ledger.add(", "ledger.sum("), "sum.lua:9: include ledger has no sum"},
		"a local that hides":      {change("local sum, parts", "local sum, ledger, parts"), "sum.lua: include ledger is not used"},
		"a local in one place":    {change("return { 'NONE' }", "local text = 1 return { 'NONE', text }"), "sum.lua: a local has the name of the include text"},
		"an undeclared reply":     {change("return { 'NONE' }", "return { 'EMPTY' }"), "sum.lua:12: script sum declares no reply EMPTY"},
		"a missing field":         {change("ARGV a flag", "ARGV a flag b") + "-- " + "\nlocal _ = ARGV.b", "no field for the arg b"},
		"an extra field":          {strings.ReplaceAll(change("ARGV a flag", "ARGV a"), "ARGV.flag == '1'", "sum < 0"), "a field for the arg flag, which the head does not have"},
		"a missing reply field":   {change("| NONE", "| NONE why"), "no field for why of the reply NONE why"},
		"an extra reply field":    {change(" | OTHER reason", " | OTHER"), "a field for reason, which no reply has"},
		"a reply without a tag":   {change("| NONE", "| none"), `REPLY: "none" has no tag`},
	} {
		library, err := redisx.NewLibrary(lua("sum", c.script), lua("ledger", ledgerInclude, "text", textInclude))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := redisx.Load[sumCall, sumReply](library, "sum"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestALibraryThatIsNotAsItSaysIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"a circle":           {[]string{"a", "-- a: x.\n-- include b\n\nfunction a.f() return b.f() end\n", "b", "-- b: x.\n-- include a\n\nfunction b.f() return a.f() end\n"}, "is in a circle"},
		"an unknown include": {[]string{"a", "-- a: x.\n-- include b\n\nfunction a.f() return b.f() end\n"}, "include b: there is none"},
		"another's item":     {[]string{"a", "-- a: x.\nfunction b.f() end\n"}, "a.lua:2: b.f is of another include"},
		"no end of a head":   {[]string{"a", "-- a: x.\na.B = 1\n"}, "a.lua:2: an empty line ends the head"},
		"no item":            {[]string{"a", "-- a: x.\n\nlocal b = 1\n"}, "a.lua:3: it belongs to no item"},
		"keys of its own":    {[]string{"a", "-- a: x.\n-- KEYS b\nfunction a.f() end\n"}, "a.lua: KEYS and ARGV are declared by the scripts"},
	} {
		if _, err := redisx.NewLibrary(nil, lua(c.files...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
