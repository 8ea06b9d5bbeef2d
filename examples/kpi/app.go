package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// app is who the application is and where it asks.
type app struct {
	clientID, clientSecret   string
	tokenURL, issuer, apiURL string
}

// fromEnvironment reads the variables of the Secret, and IOT_API_URL.
func fromEnvironment(getenv func(string) string) (*app, error) {
	a := &app{}
	for name, value := range map[string]*string{
		"CLIENT_ID": &a.clientID, "CLIENT_SECRET": &a.clientSecret, "TOKEN_URL": &a.tokenURL, "ISSUER": &a.issuer,
		"IOT_API_URL": &a.apiURL,
	} {
		if *value = getenv(name); *value == "" {
			return nil, fmt.Errorf("the environment variable %s is not set: take it from the Secret of the application version by envFrom", name)
		}
	}
	return a, nil
}

// tenants asks the token server whom the application may act for, page by page.
func (a *app) tenants(ctx context.Context) ([]string, error) {
	var tenants []string
	cursor := ""
	for {
		page := struct {
			Tenants []struct {
				ID string `json:"id"`
			} `json:"tenants"`
			NextCursor string `json:"next_cursor"`
		}{}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet,
			a.issuer+"/v1/tenants?limit=100&cursor="+url.QueryEscape(cursor), nil)
		if err != nil {
			return nil, fmt.Errorf("listing tenants: %w", err)
		}
		request.SetBasicAuth(url.QueryEscape(a.clientID), url.QueryEscape(a.clientSecret))
		if err := call(http.DefaultClient, request, &page); err != nil {
			return nil, fmt.Errorf("listing tenants: %w", err)
		}
		for _, tenant := range page.Tenants {
			tenants = append(tenants, tenant.ID)
		}
		if cursor = page.NextCursor; cursor == "" {
			slices.Sort(tenants) // the server's order says nothing
			return tenants, nil
		}
	}
}

// work asks for a token for the tenant and uses it.
func (a *app) work(ctx context.Context, tenant string, write bool) (string, error) {
	config := clientcredentials.Config{
		ClientID: a.clientID, ClientSecret: a.clientSecret, TokenURL: a.tokenURL,
		EndpointParams: url.Values{"tenant": {tenant}},
	}
	client := oauth2.NewClient(ctx, config.TokenSource(ctx))
	if write {
		return a.write(ctx, client)
	}
	return a.availability(ctx, client)
}

// availability is the figure: the mean share of time that the tenant's machines ran.
func (a *app) availability(ctx context.Context, client *http.Client) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.apiURL+"/timeseries", nil)
	if err != nil {
		return "", fmt.Errorf("reading time series: %w", err)
	}
	var answer struct {
		Series []struct {
			Running []float64 `json:"running"`
		} `json:"timeseries"`
	}
	if err := call(client, request, &answer); err != nil {
		return "", fmt.Errorf("reading time series: %w", err)
	}
	sum, count := 0.0, 0
	for _, machine := range answer.Series {
		for _, share := range machine.Running {
			sum += share
			count++
		}
	}
	if count == 0 {
		return "", errors.New("the tenant has no time series")
	}
	return fmt.Sprintf("availability %.1f %% (%d machines, %d values)", 100*sum/float64(count), len(answer.Series), count), nil
}

func (a *app) write(ctx context.Context, client *http.Client) (string, error) {
	body := bytes.NewBufferString(`{"asset":"pump-1","running":[1]}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.apiURL+"/timeseries", body)
	if err != nil {
		return "", fmt.Errorf("writing a time series: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if err := call(client, request, nil); err != nil {
		return "", fmt.Errorf("writing a time series: %w", err)
	}
	return "time series written", nil
}

// call sends the request and reads the answer, or says why it was refused.
func call(client *http.Client, request *http.Request, into any) error {
	response, err := client.Do(request)
	if err != nil {
		return explained(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// explained takes what the token server said out of the library's error.
func explained(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return err
	}
	var answer struct {
		Code        string `json:"error"`
		Reason      string `json:"reason"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(refused.Body, &answer) != nil {
		return err
	}
	return fmt.Errorf("no token: %s", strings.Trim(strings.Join([]string{answer.Code, answer.Reason, answer.Description}, ": "), ": "))
}
