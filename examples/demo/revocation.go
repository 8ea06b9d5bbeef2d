package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// warmUp is how many requests are served before the Application is deleted.
	warmUp = 50
	// afterwards is how many requests have to be refused after the first refusal.
	afterwards = 200
	// revocationLimit is far more than a revocation takes, on a machine that has other things to do.
	revocationLimit = 10 * time.Second
)

// measurement is what became of requests around a deletion. Times are relative to the API server's answer to the delete.
type measurement struct {
	deletion                time.Duration
	lastToken, firstRefusal time.Duration
	served, refused         int
}

// answer is what became of one request.
type answer struct {
	at     time.Time
	issued bool
}

// measureRevocation asks for tokens one after the other on one connection, deletes in the middle of it, and goes on until
// enough requests were refused. A token after the first refusal is an error.
func measureRevocation(ctx context.Context, environment []string, remove func() error) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, revocationLimit)
	defer cancel()
	var once sync.Once
	var deleting sync.WaitGroup
	var start, deleted time.Time
	var failed error
	var answers []answer
	for refusals := 0; refusals < afterwards; {
		if len(answers) == warmUp {
			once.Do(func() {
				deleting.Go(func() {
					start = time.Now()
					failed = remove()
					deleted = time.Now()
				})
			})
		}
		issued, err := ask(ctx, environment)
		if err != nil {
			return measurement{}, err
		}
		answers = append(answers, answer{time.Now(), issued})
		if !issued {
			refusals++
		} else if refusals > 0 {
			return measurement{}, errors.New("a token was issued after a request had been refused")
		}
	}
	deleting.Wait()
	if failed != nil {
		return measurement{}, fmt.Errorf("deleting the application: %w", failed)
	}
	return summary(answers, start, deleted), nil
}

func summary(answers []answer, start, deleted time.Time) measurement {
	m := measurement{deletion: deleted.Sub(start)}
	for _, a := range answers {
		switch {
		case a.issued:
			m.served++
			m.lastToken = a.at.Sub(deleted)
		case m.refused == 0:
			m.firstRefusal = a.at.Sub(deleted)
			fallthrough
		default:
			m.refused++
		}
	}
	return m
}

// ask asks for a token and reports whether there was one. Only a client that is not known any more counts as refused.
func ask(ctx context.Context, environment []string) (issued bool, err error) {
	variables := map[string]string{}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	form := strings.NewReader("grant_type=client_credentials&tenant=acme")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, variables["TOKEN_URL"], form)
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(variables["CLIENT_ID"]), url.QueryEscape(variables["CLIENT_SECRET"]))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, fmt.Errorf("asking for a token: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return false, fmt.Errorf("asking for a token: %w", err)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		return true, nil
	case response.StatusCode == http.StatusUnauthorized && strings.Contains(string(body), "invalid_client"):
		return false, nil
	}
	return false, fmt.Errorf("asking for a token: %s: %s", response.Status, body)
}
