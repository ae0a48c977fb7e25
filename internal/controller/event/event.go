// Package event records what happens to objects, for people who look at their events.
package event

import (
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// maxNote is the API server's limit for the text of an event, in bytes.
const maxNote = 1024

// Record makes an event about an object; a text that is too long is cut.
func Record(recorder events.EventRecorder, about runtime.Object, kind, reason, action, text string) {
	recorder.Eventf(about, nil, kind, reason, action, "%s", fitting(text))
}

func fitting(text string) string {
	const more = "…"
	if len(text) <= maxNote {
		return text
	}
	cut := maxNote - len(more)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
