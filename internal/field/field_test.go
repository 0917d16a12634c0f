package field_test

import (
	"strings"
	"testing"

	"guodu/internal/field"
)

func TestOnlyTheNamedFieldsAreRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"others of any type":       `{"x":{"y":[1,{"z":null}]},"no":"A","n":7,"amount":{"total":5,"x":1.5e300},"e":1e400}`,
		"others twice":             `{"x":1,"x":2,"no":"A","n":7,"amount":{"total":5,"y":1,"y":2}}`,
		"others in other letters":  `{"NO":1,"No":2,"no":"A","n":7,"N":8,"amount":{"TOTAL":6,"total":5},"Amount":1}`,
		"an escaped name":          `{"\u006eo":"A","n":7,"amount":{"tot\u0061l":5}}`,
		"blanks and an odd string": "\n{ \"no\" : \"A\" ,\"x\":\"\xff\", \"n\":7 , \"amount\":{\"total\":5}}\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := field.Parse([]byte(text), "no", "n", "amount")
			if err != nil {
				t.Fatal(err)
			}
			no, noErr := o.Text("no")
			n, nErr := o.Int("n")
			amount, amountErr := o.Object("amount", "total")
			total, totalErr := amount.Int("total")
			if no != "A" || n != 7 || total != 5 || noErr != nil || nErr != nil || amountErr != nil || totalErr != nil {
				t.Errorf("read %q %d %d (%v %v %v %v)", no, n, total, noErr, nErr, amountErr, totalErr)
			}
		})
	}
}

func TestAContradictionIsNoObject(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "a text": `"no"`, "cut": `{"no":"A"`, "cut in a value": `{"no":"A","x":[1`,
		"more behind": `{"no":"A"}{`, "a second object": `{"no":"A"}{"no":"B"}`,
		"no quotes": `{no:"A"}`, "a comma too many": `{"no":"A",}`, "a bare value": `{"no":A}`, "deep": `{"x":` + strings.Repeat("[", 20_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o, err := field.Parse([]byte(text), "no"); err == nil {
				t.Errorf("read as %v", o)
			}
		})
	}
}

func TestAFieldOfAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	o, err := field.Parse([]byte(`{"text":"1","n":1,"null":null,"half":1.5,"e":1e3,"large":9223372036854775808,"o":{},"l":[],
		"twice":"A","twice":"A","escaped":1,"\u0065scaped":1,"both":{},"both":{}}`), "twice", "escaped", "both", "text", "n", "null", "half", "e", "large", "o", "l")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"n", "half", "o", "l", "twice", "escaped", "both"} {
		if text, err := o.Text(name); err == nil {
			t.Errorf("%s is the text %q", name, text)
		}
		if text := o.Hint(name); text != "" {
			t.Errorf("%s hints at %q", name, text)
		}
	}
	for _, name := range []string{"text", "null", "half", "e", "large", "o", "l", "missing", "twice", "escaped", "both"} {
		if n, err := o.Int(name); err == nil {
			t.Errorf("%s is the number %d", name, n)
		}
	}
	for _, name := range []string{"text", "n", "l", "twice", "escaped", "both"} {
		if inner, err := o.Object(name); err == nil {
			t.Errorf("%s is the object %v", name, inner)
		}
	}
	for _, name := range []string{"null", "missing"} {
		text, err := o.Text(name)
		inner, innerErr := o.Object(name)
		if text != "" || err != nil || inner.Has(name) || innerErr != nil || o.Has(name) || o.Raw(name) != "" {
			t.Errorf("%s: %q %v %v %v", name, text, err, inner, innerErr)
		}
	}
}
