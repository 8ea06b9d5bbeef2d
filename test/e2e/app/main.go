// The program app is what runs in the pods of test/e2e: a tenant's application, as far as Countersign is concerned. It has its
// credentials from its environment, or from the file that CLIENT_ASSERTION_FILE names, and tells by HTTP what it gets for them:
//
//	/environment       its environment variables
//	/token?tenant=acme what the token server answers to a request for a token, made now: {"status": 200, "body": {…}}
//	/asked             how the requests went that it makes all the time, for the tenant ASK_FOR: {"granted": 7, "failures": […]}
//
// As "app pause" it waits: the sandbox of a pod. As "app have NAME…" it ends at once, with 0 if it has these variables.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch {
	case len(arguments) == 0:
		return serve(ctx)
	case arguments[0] == "pause":
		<-ctx.Done()
		return nil
	case arguments[0] == "have":
		return have(arguments[1:])
	default:
		return fmt.Errorf("%s is none of pause and have", arguments[0])
	}
}

func have(names []string) error {
	for _, name := range names {
		if os.Getenv(name) == "" {
			return fmt.Errorf("%s is not set", name)
		}
	}
	return nil
}

func serve(ctx context.Context) error {
	// One asks by connections that it keeps, the other by a new one each time: a rollout is another thing for each.
	kept := &asker{client: &http.Client{Timeout: 10 * time.Second}}
	fresh := &asker{client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	if tenant := os.Getenv("ASK_FOR"); tenant != "" {
		go kept.askOn(ctx, tenant)
		go fresh.askOn(ctx, tenant)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/environment", func(w http.ResponseWriter, _ *http.Request) {
		variables := map[string]string{}
		for _, variable := range os.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			variables[name] = value
		}
		write(w, variables)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		answer, err := fresh.ask(r.Context(), r.FormValue("tenant"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		write(w, answer)
	})
	mux.HandleFunc("/asked", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]report{"kept": kept.report(), "fresh": fresh.report()})
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		log.Printf("asked: kept %+v, fresh %+v", kept.report(), fresh.report())
		_ = server.Close() // it ends with the program
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func write(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}

// answer is the token server's.
type answer struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// report is how many requests got a token, and what the others got.
type report struct {
	Granted  int      `json:"granted"`
	Failures []string `json:"failures"`
}

type asker struct {
	client *http.Client

	mutex sync.Mutex
	so    report
}

// askOn asks until the context ends, five times a second: far below what a client may.
func (a *asker) askOn(ctx context.Context, tenant string) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answer, err := a.ask(ctx, tenant)
		if ctx.Err() != nil {
			return
		}
		a.mutex.Lock()
		switch {
		case err != nil:
			a.so.Failures = append(a.so.Failures, err.Error())
		case answer.Status != http.StatusOK:
			a.so.Failures = append(a.so.Failures, fmt.Sprintf("%d %s", answer.Status, answer.Body))
		default:
			a.so.Granted++
		}
		a.mutex.Unlock()
	}
}

func (a *asker) report() report {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return report{Granted: a.so.Granted, Failures: append([]string{}, a.so.Failures...)}
}

// ask asks for a token, as RFC 6749 section 4.4 has it.
func (a *asker) ask(ctx context.Context, tenant string) (*answer, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "tenant": {tenant}}
	assertion := os.Getenv("CLIENT_ASSERTION_FILE")
	if assertion != "" {
		token, err := os.ReadFile(assertion)
		if err != nil {
			return nil, err
		}
		form.Set("client_id", os.Getenv("CLIENT_ID"))
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", string(token))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("TOKEN_URL"), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if assertion == "" {
		request.SetBasicAuth(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &answer{Status: response.StatusCode, Body: body}, nil
}
