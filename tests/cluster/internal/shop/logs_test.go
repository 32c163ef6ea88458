package shop

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestEscapesOfALogFileBecomeBytes(t *testing.T) {
	for text, expected := range map[string]string{
		`plain "quoted"`:         `plain "quoted"`,
		`\e[31mred\e[0m`:         "\x1b[31mred\x1b[0m",
		`Ren\xe9`:                "Ren\xe9",
		`a\tb\\c`:                "a\tb\\c",
		`<{{repeat 3 "ab"}}>`:    "<ababab>",
		`{{ repeat 2 "x " }}end`: "x x end",
	} {
		got, err := expand(text)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != expected {
			t.Errorf("%s became %q, expected %q", text, got, expected)
		}
	}
}

func TestALineLongerThanAChunkIsWrittenInParts(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("", 19800))
	var out bytes.Buffer
	writeCRI(&out, at, "stdout", bytes.Repeat([]byte("x"), 2*chunk))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, expected 2", len(lines))
	}
	if want := "2026-11-23T09:00:00+05:30 stdout P "; !strings.HasPrefix(lines[0], want) {
		t.Errorf("first chunk begins with %q, expected %q", lines[0][:40], want)
	}
	if want := "2026-11-23T09:00:00.000001+05:30 stdout F "; !strings.HasPrefix(lines[1], want) {
		t.Errorf("last chunk begins with %q, expected %q", lines[1][:50], want)
	}
}
