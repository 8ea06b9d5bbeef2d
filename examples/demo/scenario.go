package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// Names in config/samples.
const (
	application   = "kpi-dashboard"
	hostNamespace = "operator-co"
	noUID         = "00000000-0000-0000-0000-000000000000"
)

func (d *demo) scenario() []step {
	return []step{
		{"The platform operator names three tenants: operator-co, which hosts (Production), acme and globex.", d.tenants},
		{"operator-co registers kpi-dashboard and offers it to both: 1.0.0 with limited access, 1.1.0 with custom scopes.", d.register},
		{"An API of the platform starts. It knows the token server's public keys and nothing else of it.", d.platform},
		{"acme grants. globex has not answered.", d.grantAcme},
		{"kpi-dashboard 1.0.0 runs with its Secret as environment: it lists its tenants and computes a figure for each.", d.compute},
		{"It asks for globex all the same.", d.refusedForGlobex},
		{"It tries to write a time series of acme, which limited access does not allow.", d.refusedToWrite},
		{"globex grants, too.", d.grantGlobex},
		{"Version 1.0.0 is removed. Its pods still have their credentials.", d.removeVersion},
		{"Version 1.1.0 goes on.", d.goOn},
		{"The Application is deleted, while it asks for tokens as fast as it can.", d.revoke},
	}
}

func (d *demo) tenants(ctx context.Context) (string, error) {
	if err := d.apply(ctx, "tenants.yaml"); err != nil {
		return "", err
	}
	if err := d.wait(ctx, "condition=Ready", "tenant", "--all"); err != nil {
		return "", err
	}
	return "kubectl wait --for=condition=Ready tenant --all", nil
}

func (d *demo) register(ctx context.Context) (string, error) {
	if err := d.apply(ctx, "application.yaml"); err != nil {
		return "", err
	}
	if err := d.wait(ctx, "condition=Ready", "application", application, "-n", hostNamespace); err != nil {
		return "", err
	}
	var err error
	if d.old, err = d.environment(ctx, "1.0.0"); err != nil {
		return "", err
	}
	if _, err = d.environment(ctx, "1.1.0"); err != nil {
		return "", err
	}
	return "Ready: its credentials are in the Secrets kpi-dashboard.1.0.0 and kpi-dashboard.1.1.0", nil
}

func (d *demo) platform(ctx context.Context) (string, error) {
	if err := d.startAPI(ctx); err != nil {
		return "", err
	}
	return "it listens, and answers 401 to whoever has no token", nil
}

func (d *demo) grantAcme(ctx context.Context) (string, error) {
	if err := d.grant(ctx); err != nil {
		return "", err
	}
	return "TenantGrant operator-co.kpi-dashboard in namespace tenant-acme is Effective", nil
}

// grant applies the sample grant with the Application's UID, under other names where they are given.
func (d *demo) grant(ctx context.Context, rename ...string) error {
	app := &v1alpha1.Application{}
	if err := d.api.Get(ctx, client.ObjectKey{Namespace: hostNamespace, Name: application}, app); err != nil {
		return fmt.Errorf("reading the application's UID: %w", err)
	}
	if err := d.apply(ctx, "tenantgrant.yaml", append(rename, noUID, string(app.UID))...); err != nil {
		return err
	}
	return d.wait(ctx, "condition=Effective", "tenantgrant", "--all", "-A")
}

func (d *demo) compute(ctx context.Context) (string, error) {
	return soon(func() (string, error) { return d.served(ctx, d.old, "acme", "operator-co") })
}

func (d *demo) refusedForGlobex(ctx context.Context) (string, error) {
	return d.refused(ctx, d.old, "NotGranted", "--tenant", "globex")
}

func (d *demo) refusedToWrite(ctx context.Context) (string, error) {
	return d.refused(ctx, d.old, "403 Forbidden: insufficient_scope", "--tenant", "acme", "--write")
}

func (d *demo) grantGlobex(ctx context.Context) (string, error) {
	if err := d.grant(ctx, "tenant-acme", "tenant-globex", "tenant: acme", "tenant: globex"); err != nil {
		return "", err
	}
	return soon(func() (string, error) { return d.served(ctx, d.old, "acme", "globex", "operator-co") })
}

func (d *demo) removeVersion(ctx context.Context) (string, error) {
	const without = `[{"op":"test","path":"/spec/versions/0/version","value":"1.0.0"},{"op":"remove","path":"/spec/versions/0"}]`
	if err := d.kubectl(ctx, "", "patch", "application", application, "-n", hostNamespace, "--type=json", "-p", without); err != nil {
		return "", err
	}
	seen, err := soon(func() (string, error) { return d.refused(ctx, d.old, "invalid_client") })
	if err != nil {
		return "", err
	}
	if err := d.wait(ctx, "delete", "secret/"+application+".1.0.0", "-n", hostNamespace); err != nil {
		return "", err
	}
	return seen + "\nand the Secret kpi-dashboard.1.0.0 is gone", nil
}

func (d *demo) goOn(ctx context.Context) (string, error) {
	environment, err := d.environment(ctx, "1.1.0")
	if err != nil {
		return "", err
	}
	return d.served(ctx, environment, "acme", "globex", "operator-co")
}

func (d *demo) revoke(ctx context.Context) (string, error) {
	environment, err := d.environment(ctx, "1.1.0")
	if err != nil {
		return "", err
	}
	app := &v1alpha1.Application{}
	app.Namespace, app.Name = hostNamespace, application
	m, err := measureRevocation(ctx, environment, func() error { return d.api.Delete(ctx, app) })
	if err != nil {
		return "", err
	}
	if _, err := d.refused(ctx, environment, "invalid_client"); err != nil {
		return "", err
	}
	if err := d.api.Get(ctx, client.ObjectKeyFromObject(app), app); !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("the Application is still there: %w", err)
	}
	return strings.Join([]string{
		fmt.Sprintf("from the API server's answer to the delete to the first refusal: %s", rounded(m.firstRefusal)),
		fmt.Sprintf("(the last token came at %s; the delete itself took %s; times are those of answers to one client)",
			rounded(m.lastToken), rounded(m.deletion)),
		fmt.Sprintf("%d requests were served, and each of %d after them was refused", m.served, m.refused),
	}, "\n"), nil
}

// rounded prints a time that may be negative, where the token server was faster than the API server's answer.
func rounded(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
