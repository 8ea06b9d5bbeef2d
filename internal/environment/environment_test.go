package environment_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/environment"
)

func TestEachEnvironmentHasItsNames(t *testing.T) {
	for name, c := range map[string]struct {
		of     v1alpha1.Environment
		want   []string
		secret string
	}{
		"Standard": {
			v1alpha1.Environment{Type: v1alpha1.EnvironmentStandard},
			[]string{"CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL", "ISSUER", "APP_NAME", "APP_VERSION", "HOST_TENANT"},
			"CLIENT_SECRET",
		},
		"InsightsHub": {
			v1alpha1.Environment{Type: v1alpha1.EnvironmentInsightsHub},
			[]string{
				"MDSP_KEY_STORE_CLIENT_ID", "MDSP_KEY_STORE_CLIENT_SECRET", "MDSP_OS_VM_APP_NAME", "MDSP_OS_VM_APP_VERSION",
				"MDSP_HOST_TENANT", "MDSP_USER_TENANT",
			},
			"MDSP_KEY_STORE_CLIENT_SECRET",
		},
		"Custom, with the names that are given": {
			v1alpha1.Environment{
				Type: v1alpha1.EnvironmentCustom,
				Keys: &v1alpha1.EnvironmentKeys{ClientID: "ID", ClientSecret: "PASSWORD", Issuer: "WHERE"},
			},
			[]string{"ID", "PASSWORD", "WHERE"},
			"PASSWORD",
		},
		"a type of a later version": {
			v1alpha1.Environment{Type: "Later"},
			[]string{"CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL", "ISSUER", "APP_NAME", "APP_VERSION", "HOST_TENANT"},
			"CLIENT_SECRET",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, variable := range environment.Of(c.of) {
				got = append(got, variable.Name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got := environment.ClientSecretOf(c.of); got != c.secret {
				t.Errorf("the secret is %q", got)
			}
		})
	}
}
