package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
)

func TestAnOperatorThatDoesNotSeeTheKindsIsNotReady(t *testing.T) {
	for _, synced := range []bool{true, false} {
		view := &informertest.FakeInformers{Synced: &synced}
		if err := viewed(view)(httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody)); (err == nil) != synced {
			t.Errorf("synced %t: got %v", synced, err)
		}
	}
}
